"""Small steps that many tests take."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from medical_charges.analysis.engine import RANGE_BYTES, Engine, Results, in_this_process
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import Snapshot, take_snapshot, write_snapshot
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract
from medical_charges.kernel.range import Range
from medical_charges.kernel.work import Worker
from medical_charges.layout import Layout
from medical_charges.storage import Store
from medical_charges.validation.golden import Analyze

ROOT = Path(__file__).resolve().parent.parent
CONTRACT_FILE = ROOT / "datasets" / "medical_charges" / "contract.yaml"
CHARGES_FILE = ROOT / "datasets" / "medical_charges" / "Charges.csv"
VISITS_CONTRACT_FILE = ROOT / "tests" / "data" / "visits.yaml"

WITHOUT_CUBES = CONTRACT_FILE.read_text().partition("dashboard:")[0]
"""The contract of the real file, without the filter cubes.

To protect these takes a second for every run, and most runs of the tests are about other things.
"""


_BEFORE, _, _REST = WITHOUT_CUBES.partition("analyses:\n")
TWO_OUTPUTS = f"""\
{_BEFORE}analyses:
  charges_by_age: {{ group_by: [age], statistics: [patients, mean, ci95] }}
  charges_by_region: {{ group_by: [region], statistics: [patients, mean, ci95] }}
quality:{_REST.partition("quality:")[2]}"""
"""A contract of the real file for what happens to outputs, whatever they are, one by one."""


def upload(store: Store, contract: Contract, files: Mapping[str, bytes]) -> None:
    """Put files into the input, by name."""
    for name, data in files.items():
        store.write(f"{Layout(contract.prefix).input}/{name}", data)


def remove(store: Store, contract: Contract, name: str) -> None:
    """Take a file out of the input."""
    store.delete(f"{Layout(contract.prefix).input}/{name}")


def plan(store: Store, contract: Contract, run_id: str = "run") -> Snapshot:
    """Take and store the snapshot of a run."""
    snapshot = take_snapshot(store, contract)
    write_snapshot(store, contract, run_id, snapshot)
    return snapshot


def run(
    store: Store,
    contract: Contract,
    run_id: str = "run",
    engine: Engine = in_this_process,
    range_size: int = RANGE_BYTES,
) -> Summary:
    """Take a snapshot of the input and analyze it."""
    snapshot = plan(store, contract, run_id)
    return analyze(store, contract, run_id, snapshot, engine, range_size=range_size)


def analyze_golden(engine: Engine = in_this_process) -> Analyze:
    """The analysis as the golden sample's check calls it."""
    return lambda store, contract, run_id: analyze(
        store, contract, run_id, take_snapshot(store, contract), engine
    )


def staged(store: Store, contract: Contract, run_id: str = "run") -> dict[str, bytes]:
    """The outputs of a run by analysis."""
    layout = Layout(contract.prefix)
    return {name: store.read(layout.staged(run_id, name)) for name in contract.outputs}


def outputs_of(
    store: Store, contract: Contract, files: Mapping[str, bytes], **options: object
) -> dict[str, bytes]:
    """The outputs of a run over these files."""
    upload(store, contract, files)
    run(store, contract, **options)  # type: ignore[arg-type]
    return staged(store, contract)


def rows(data: bytes) -> list[dict[str, str]]:
    """A CSV's rows by column."""
    header, *lines = data.decode().removesuffix("\n").split("\n")
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


def csv_of(header: Sequence[str], values: Iterable[Sequence[object]]) -> bytes:
    """A CSV with a header."""
    lines = [",".join(header), *(",".join(map(str, row)) for row in values)]
    return ("\n".join(lines) + "\n").encode()


class CountingEngine:
    """Scans in this process, and remembers which objects were read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
        self.read += sorted({part.ref.key.split("/")[-1] for task in tasks for part in task})
        return in_this_process(worker, tasks)


_PLACEHOLDERS = {
    "dashboard_data_sets": "[]",
    "analysis": "{}",
    "emr_cluster_parameters": "{}",
    "partition": "aws",
    "timeout_seconds": "1",
}


def state_machine(**known: str) -> dict[str, Any]:
    """The definition, with a variable's name in place of each value that only Terraform knows."""
    text = (ROOT / "state_machine" / "pipeline.asl.yaml").read_text()
    values = _PLACEHOLDERS | known
    filled = re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], match[1]), text)
    definition: dict[str, Any] = yaml.safe_load(filled)
    return definition


def page_data(page: str) -> bytes:
    """The JSON that a page draws its charts from."""
    packed = re.search(r'<script id="data"[^>]*>([^<]+)</script>', page)
    assert packed
    return gzip.decompress(base64.b64decode(packed[1]))
