"""The analysis of a file or a folder, and its result as Polars frames."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from medical_charges.aggregates.state import read_stored_state
from medical_charges.analysis.engine import in_this_process
from medical_charges.analysis.run import analyze as analyze_snapshot
from medical_charges.analysis.snapshot import Snapshot
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract, load_contract
from medical_charges.contract.outputs import DELIMITER, Output
from medical_charges.errors import MedicalChargesError
from medical_charges.kernel.work import QUARANTINE_SCHEMA
from medical_charges.layout import Layout
from medical_charges.local.advice import advise
from medical_charges.local.files import data_files, snapshot_of, store_of, unread_files
from medical_charges.logs import quiet
from medical_charges.storage import Store

_RUN = "local"
_TYPES = {"bigint": pl.Int64, "double": pl.Float64, "string": pl.String}


@dataclass(frozen=True)
class Result:
    """The outputs of an analysis, its summary, and the rows that it rejected.

    The outputs are protected together: share them as a whole or in part, but neither next to
    those of another call nor next to what a run has published of the same people.
    """

    contract: Contract
    """The contract that was applied; without filters if the filter cubes were left out."""
    files: Mapping[str, bytes]
    """Each output as the CSV that a run publishes, by its name."""
    rejected: pl.DataFrame
    """The rows that broke a rule, one a row: `object` (the file's name, String), `offset` (in
    bytes of the decompressed file; of Parquet the row's number, from 0 on; Int64), `line` (Binary),
    `rule` and `reason` (String). They are raw data: nothing in them is protected."""
    summary: Summary
    """Counts of rows read, counted, rejected and suppressed, and warnings."""
    advice: tuple[str, ...]
    """Sentences on outputs of which rows are withheld: how many groups are small, and what would
    spare them. They are for those who have the data: readers must not know them."""

    @cached_property
    def outputs(self) -> Mapping[str, pl.DataFrame]:
        """Each output as a frame, by its name: one row for each group.

        Labels of text are String, labels of whole numbers and counts Int64, other figures Float64.
        A figure that is suppressed, or does not exist, is null.
        """
        described = self.contract.outputs
        return {name: _frame(described[name], data) for name, data in self.files.items()}

    def page(self, made: datetime | None = None) -> str:
        """Return the dashboard of the outputs: HTML that makes no request.

        It has filters if the filter cubes were made.

        Args:
            made: when the figures are as of, in UTC; now, if it is None.

        Raises:
            MedicalChargesError: the package that draws the charts is not installed.
        """
        # Imported here, as it takes a tenth of a second, and few want a page.
        from medical_charges.dashboard.definition.define import define  # noqa: PLC0415
        from medical_charges.dashboard.page import render  # noqa: PLC0415

        tables = {name: data.decode() for name, data in self.files.items()}
        counts = {"rows": self.summary.rows, "rejected": self.summary.rejected}
        run_id = f"{made or datetime.now(UTC):%Y%m%dT%H%M%S}Z"
        return render(define(self.contract), tables, counts | {"run_id": run_id})

    def write(self, folder: str | Path) -> list[Path]:
        """Write the outputs to a folder that is empty or missing, as `NAME.csv`; return the paths.

        Raises:
            MedicalChargesError: the folder holds something; outputs of two analyses do not mix.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise MedicalChargesError(f"{folder} is not empty: name a folder that is, or a new one")
        paths = {folder / f"{name}.csv": data for name, data in self.files.items()}
        for path, data in paths.items():
            path.write_bytes(data)
        return list(paths)


def analyze(source: str | Path, contract: str | Path | Contract, *, cubes: bool = False) -> Result:
    """Analyze a file or a folder in this process.

    The figures, their types and their rounding are those of a run, and so are rejection, scan for
    personal data and disclosure control. The independent recount of a run is left out.

    Args:
        source: a CSV, a gzipped CSV, Parquet, or a folder of files of one of these formats.
        contract: the contract, or the path of its YAML.
        cubes: also make the filter cubes of the dashboard. They are protected together with the
            other outputs, as in a run. This can take much longer, and more rows may be suppressed.

    Returns:
        The outputs, the rejected rows, and a summary.

    Raises:
        ContractError: the contract cannot be read, or contradicts itself.
        InputRefusedError: there is no data, a file cannot be analyzed, or a column identifies
            people. The message names every such file.
        TooManyRejectedError: more rows of a file break the rules than the contract allows. Its
            `account` counts them by rule, its `examples` are of the most frequent rules.
    """
    contract = contract if isinstance(contract, Contract) else load_contract(contract)
    contract = contract if cubes else contract.without_filters
    source = Path(source)
    files = data_files(source)
    with store_of(files, contract) as store, quiet():
        snapshot = snapshot_of(store, files, contract)
        summary = analyze_snapshot(store, contract, _RUN, snapshot, in_this_process)
        summary.warnings += filter(None, [unread_files(source)])
        layout = Layout(contract.prefix)
        outputs = {name: store.read(layout.staged(_RUN, name)) for name in summary.staged}
        cube = read_stored_state(store, summary.state).state.cube
        rejected = _rejected(store, layout, snapshot)
        return Result(contract, outputs, rejected, summary, tuple(advise(cube, contract, summary)))


def _frame(output: Output, data: bytes) -> pl.DataFrame:
    """Read a published CSV: exactly, as nothing in it is quoted and an empty field is null."""
    types = {column.name: _TYPES[column.type] for column in output.columns}
    return pl.read_csv(io.BytesIO(data), separator=DELIMITER, quote_char=None, schema=types)


def _rejected(store: Store, layout: Layout, snapshot: Snapshot) -> pl.DataFrame:
    """Read the quarantine of a snapshot's objects, in the order of files and lines."""
    folders = map(layout.quarantine_of, snapshot.objects)
    refs = [ref for folder in folders for ref in store.list(folder)]
    found = [pl.read_parquet(io.BytesIO(store.read(ref.key))) for ref in refs]
    rows = pl.concat([pl.DataFrame(schema=QUARANTINE_SCHEMA), *found])
    name = pl.col("object").str.strip_prefix(f"{layout.input}/")
    return rows.with_columns(name).sort("object", "offset")
