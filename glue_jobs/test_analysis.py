"""TestAnalysis: the uploaded analysis code on Spark, against a sample whose figures are known.

A Glue job with the arguments --bucket, --contract (next to the golden folder) and
--run_id. Fails with a sentence that names the first wrong line of each output.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict

from pyspark.sql import SparkSession

from medical_charges.analysis.engine import on_spark
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import take_snapshot
from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.contract.uri import read_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.logs import log
from medical_charges.storage import PrefixStore, Store, open_store
from medical_charges.validation.glue_arguments import glue_arguments
from medical_charges.validation.golden import check_golden


def main(argv: list[str]) -> None:
    """Run the job."""
    start = time.perf_counter()
    options = glue_arguments(argv, "bucket", "contract", "run_id")
    store = open_store(f"s3://{options['bucket']}")
    layout, run_id = Layout(read_contract(options["contract"]).prefix), options["run_id"]
    artifacts, _, _ = options["contract"].rpartition("/")
    golden = open_store_below(f"{artifacts}/golden")
    cases, found = dict[str, list[str]](), ""
    try:
        work = PrefixStore(store, layout.golden(run_id))
        cases = check_golden(golden, work, _analyze)
    except OutputsRefusedError as error:
        found = str(error)
        raise
    except Exception:
        found = "the sample could not be analyzed"
        raise
    finally:
        check = Check(
            "golden sample: outputs are those that were computed by other means",
            "conformance",
            "fail",
            "every line of every output equal",
            "fail" if found else "pass",
            found,
        )
        result = {"passed": not found, "cases": cases, "checks": [asdict(check)]}
        text = json.dumps({"check": "golden sample"} | result, indent=2)
        store.write(layout.validation(run_id, "golden"), text.encode() + b"\n")
        log(
            "TestAnalysis",
            run_id=run_id,
            decision="failed" if found else "done",
            seconds=round(time.perf_counter() - start, 3),
            checks=1,
            failed=int(check.stops),
            warned=0,
        )


def _analyze(store: Store, contract: Contract, run_id: str) -> None:
    snapshot = take_snapshot(store, contract)
    analyze(store, contract, run_id, snapshot, on_spark(_session))


def open_store_below(uri: str) -> PrefixStore:
    """Return the folder of a bucket at `uri` as a store."""
    bucket, _, folder = uri.removeprefix("s3://").partition("/")
    return PrefixStore(open_store(f"s3://{bucket}"), folder)


def _session() -> SparkSession:
    return SparkSession.builder.appName("medical-charges test-analysis").getOrCreate()


if __name__ == "__main__":
    main(sys.argv)
