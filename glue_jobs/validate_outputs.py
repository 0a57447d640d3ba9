"""ValidateOutputs: compares a run's staged outputs with its input before they are published.

A Glue job with the arguments --bucket, --contract, --run_id and --recheck (`yes` reads every object
again, not only new ones). It fails with a sentence for each disagreement, and nothing is published.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from medical_charges.contract.uri import read_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.logs import log
from medical_charges.report import write_report
from medical_charges.storage import open_store
from medical_charges.validation import FrameCheck, validate_outputs
from medical_charges.validation.dqdl import rule_checks
from medical_charges.validation.glue_arguments import glue_arguments

FRAME_CHECKS: Sequence[FrameCheck] = (rule_checks,)
"""Checks on data frames: of the accepted rows of new objects, and of each output."""


def main(argv: list[str]) -> None:
    """Run the job."""
    options = glue_arguments(argv, "bucket", "contract", "run_id", "recheck")
    store, run_id = open_store(f"s3://{options['bucket']}"), options["run_id"]
    contract = read_contract(options["contract"])
    recheck = options["recheck"] == "yes"
    result = validate_outputs(
        _session, store, contract, run_id, frame_checks=FRAME_CHECKS, recheck=recheck
    )
    result.write(store, contract)
    write_report(store, Layout(contract.prefix).run(run_id))
    log(
        "ValidateOutputs",
        run_id=run_id,
        decision="failed" if result.stopping else "done",
        seconds=round(sum(result.seconds.values()), 3),
        checks=len(result.checks),
        failed=len(result.stopping),
        warned=sum(check.warns for check in result.checks),
    )
    if result.problems:
        raise OutputsRefusedError("\n".join(result.problems))


def _session() -> SparkSession:
    return SparkSession.builder.appName("medical-charges validate-outputs").getOrCreate()


if __name__ == "__main__":
    main(sys.argv)
