"""The analysis as a Spark job: the step that EMR runs, and what runs on a laptop.

    spark-submit analyze.py --store s3://BUCKET --contract s3://BUCKET/contract.yaml --run-id ID
        --snapshot s3://BUCKET/PREFIX/Run_data/ID/snapshot.json

Reads the new objects of the snapshot, stages the outputs under Run_data/ID/ and leaves the reason
of a failure there too. Spark starts only for more than 128 MiB of new
bytes; less is scanned before it would have started. Exit codes: 0 done, 2 wrong contract,
3 input refused, 4 too many rows rejected, 5 input changed while it was read, 1 anything else.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from medical_charges.analysis.engine import (
    HERE_BYTES,
    RANGE_BYTES,
    executor_settings,
    on_spark,
    small_here,
)
from medical_charges.analysis.run import analyze, write_error
from medical_charges.analysis.snapshot import read_snapshot
from medical_charges.contract.uri import read_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.report.printable import printable
from medical_charges.storage import open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main(argv: list[str] | None = None) -> int:
    """Run the job and return its exit code."""
    options = _parse(argv)
    store = open_store(options.store)
    try:
        contract = read_contract(options.contract)
    except MedicalChargesError as error:
        return _failed(error)
    try:
        engine = small_here(on_spark(_session), options.here_bytes)
        snapshot = read_snapshot(options.snapshot, contract)
        size = options.range_bytes
        analyze(store, contract, options.run_id, snapshot, engine, range_size=size)
    except MedicalChargesError as error:
        write_error(store, contract, options.run_id, error)
        return _failed(error)
    except Exception as error:
        write_error(store, contract, options.run_id, error)
        raise
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", required=True, help="s3://bucket or file:///folder")
    parser.add_argument("--contract", required=True, help="the contract's URI or path")
    parser.add_argument("--run-id", required=True, help="names the run's folder")
    parser.add_argument("--snapshot", required=True, help="the URI of the run's snapshot")
    parser.add_argument("--range-bytes", type=_size, default=RANGE_BYTES, help=argparse.SUPPRESS)
    parser.add_argument("--here-bytes", type=_size, default=HERE_BYTES, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _size(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes")
    return int(text)


def _session() -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - not needed if nothing is new

    builder = SparkSession.builder.appName("medical-charges")
    for key, value in executor_settings().items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _failed(error: MedicalChargesError) -> int:
    print(printable(f"error: {error}"), file=sys.stderr)  # noqa: T201 - for the step's log
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
