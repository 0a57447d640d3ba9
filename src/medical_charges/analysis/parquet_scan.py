"""Scan of the first rows of new Parquet objects, which PlanRun cannot decompress."""

from __future__ import annotations

from collections.abc import Iterable

from medical_charges.analysis.nesting_scan import refuse_undeclared_nesting
from medical_charges.analysis.pii_scan import (
    ROWS_LOOKED_AT,
    SAMPLED_OBJECTS,
    Rows,
    is_open,
    refuse_person_data,
)
from medical_charges.analysis.snapshot import NewObject
from medical_charges.contract import Contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.parquet.reading import ParquetReader
from medical_charges.kernel.parquet.texts import day_format, texts_of
from medical_charges.storage import Store


def refuse_by_first_rows(store: Store, contract: Contract, new: Iterable[NewObject]) -> None:
    """Check the first rows of new objects of Parquet; those of a CSV are checked by PlanRun.

    Raises:
        InputRefusedError: an object is damaged; or a column identifies people, or determines
            another and the contract does not say so.
    """
    if not contract.source.is_parquet:
        return
    chosen = sorted(new, key=lambda item: item.ref)[:SAMPLED_OBJECTS]
    samples = [(it.ref.key, it.header, _first_rows(store, contract, it)) for it in chosen]
    refuse_person_data(samples, contract)
    refuse_undeclared_nesting(samples, contract)


def _first_rows(store: Store, contract: Contract, item: NewObject) -> Rows:
    """Return the first rows, of which the columns that nothing is asked of are empty."""
    grouped = set(map(contract.column_of, contract.grouping_columns))
    columns = contract.source.columns
    names = [name for name in columns if name in grouped or is_open(contract, name)]
    try:
        reader = ParquetReader.by(contract, store, item.ref)
        frame = reader.first_rows(ROWS_LOOKED_AT, names)
    except InputRefusedError as error:
        raise InputRefusedError(f"{item.ref.key}: {error}") from error
    texts = {
        name: texts_of(frame[name], day_format(columns[name])).fill_null("").to_list()
        for name in names
    }
    nothing, cleaned = [""] * frame.height, Translator(contract.source).cleaned
    fields = (texts.get(name or "", nothing) for name in item.header.columns)
    return [cleaned(list(row)) for row in zip(*fields, strict=True)]
