"""ValidateOutputs: a run's staged outputs on Spark, against its own account and its input.

A Glue job with the arguments --bucket, --contract and --run_id. Fails with a sentence for each
thing that does not agree, and nothing is published.
"""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession

from medical_charges.contract_uri import read_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.glue_arguments import glue_arguments
from medical_charges.layout import Layout
from medical_charges.storage import open_store
from medical_charges.validation import Validation


def main(argv: list[str]) -> None:
    """Run the job."""
    options = glue_arguments(argv, "bucket", "contract", "run_id")
    store, run_id = open_store(f"s3://{options['bucket']}"), options["run_id"]
    contract = read_contract(options["contract"])
    spark = SparkSession.builder.appName("medical-charges validate-outputs").getOrCreate()
    report = Validation(spark, store, contract, run_id).run()
    key = Layout(contract.prefix).validation(run_id, "outputs")
    store.write(key, json.dumps(report.to_json(), indent=2).encode() + b"\n")
    if report.problems:
        raise OutputsRefusedError("\n".join(report.problems))


if __name__ == "__main__":
    main(sys.argv)
