"""This project, on a Spark session that is reused."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.contract import contract_text
from benchmarks.session import local_session
from benchmarks.subjects import Run
from medical_charges.analysis.engine import executor_settings, on_spark
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import take_snapshot
from medical_charges.contract import parse_contract
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from ops.folders import SPARK_SETTINGS

RUN = "bench"


def start(cores: int) -> Run:
    """Analyze the new objects in a folder that is laid out as the bucket."""
    contract = parse_contract(contract_text())
    session = local_session(cores, SPARK_SETTINGS | executor_settings())

    def run(source: Path, out: Path) -> None:
        store = LocalStore(source)
        analyze(store, contract, RUN, take_snapshot(store, contract), on_spark(lambda: session))
        keep_answers(source, contract.prefix, out)

    return run


def keep_answers(store: Path, prefix: str, out: Path) -> None:
    """Copy the staged outputs of a run."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(store / Layout(prefix).run(RUN) / "outputs", out)
