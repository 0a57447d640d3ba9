"""A drafted contract for a file or a folder: asked for, shown and written."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from medical_charges.analysis.snapshot import list_input
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.draft import Draft, draft_contract, is_unchanged
from medical_charges.errors import ContractError
from medical_charges.local.analysis import analyze
from medical_charges.local.ends import wrong_ends
from medical_charges.local.files import data_files, store_of
from medical_charges.local.show import rows_lines

_ROWS = 10

Ask = Callable[[Sequence[str]], str]
"""Chooses the measure among the columns that could be it, the likeliest first."""


def write_contract(
    source: Path,
    target: Path | None,
    *,
    measure: str | None = None,
    force: bool = False,
    ask: Ask | None = None,
) -> Iterator[str]:
    """Draft a contract for a file or a folder and write it; yield lines that show it.

    Args:
        source: a CSV, a gzipped CSV, Parquet, or a folder of them.
        target: the file to write; named after the source, in the working directory, if None.
        measure: the column to average; chosen if it is None.
        force: replace a file that is no draft, or a draft that was edited.
        ask: asked for the measure if several columns could be it.

    Raises:
        InputRefusedError: there is no data, or none that a contract could describe.
        ContractError: the target is there and was edited.
    """
    name = source.resolve().name.split(".")[0]
    target = target or Path(f"{name}.yaml")
    _refuse_edited(target, force=force)
    files = data_files(source)
    draft = draft_contract(files, name, measure)
    if ask is not None and measure is None and len(draft.measures) > 1:
        asked = ask(draft.measures)
        draft = draft if asked == draft.measures[0] else draft_contract(files, name, asked)
    target.write_text(draft.text, encoding="utf-8")
    yield from _preview(draft)
    with store_of(files, draft.contract) as store:
        snapshot = list_input(store, draft.contract)
        yield from (f"warning: {it}" for it in wrong_ends(store, draft.contract, snapshot))
    doubts = draft.text.count("check:") - 1
    yield f"wrote {target}, with {doubts} choices to check (marked `check:`)"


def _refuse_edited(target: Path, *, force: bool) -> None:
    if force or not target.exists():
        return
    if not target.is_file() or not is_unchanged(target.read_text("utf-8", errors="replace")):
        raise ContractError(
            f"{target} is there already and is no unedited draft: name another file, or replace it "
            f"with FORCE=1 or --force"
        )


def _preview(draft: Draft) -> Iterator[str]:
    """Show the first rows as the contract reads them, and what it would reject of the sample."""
    columns = draft.contract.source.columns
    shown = draft.sample.frame.select(list(columns)).head(_ROWS).fill_null("")
    types = [column.type for column in columns.values()]
    yield from rows_lines([list(columns), types, *map(list, shown.rows())])
    yield ""
    yield f"measure: {draft.contract.measure}"
    file = io.BytesIO()
    draft.sample.frame.write_csv(file)
    with TemporaryDirectory(prefix="medical_charges_") as folder:
        path = Path(folder, "sample.csv")
        path.write_bytes(file.getvalue())
        quality = draft.contract.quality.model_copy(update={"maximum_rejected_share": 1.0})
        # The sample is in the plain dialect, and texts of Parquet may hold line breaks.
        lines = draft.sample.dialect.multiline or draft.sample.format == "parquet"
        plain = Dialect(multiline=lines).model_dump()
        source = draft.contract.source.model_copy(update=plain | {"format": "csv"})
        tolerant = draft.contract.model_copy(update={"quality": quality, "source": source})
        summary = analyze(path, tolerant).summary
    rules = ", ".join(f"{rule} {count}" for rule, count in summary.rules.items())
    yield f"of {summary.rows} sampled rows {summary.rejected} would be rejected" + (
        f": {rules}" if rules else ""
    )
