"""The header of a Parquet object, from its footer."""

from __future__ import annotations

from medical_charges.contract import Contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.header import Header, matched
from medical_charges.kernel.parquet.footer import (
    KINDS,
    MAGIC,
    ColumnOfFile,
    Footer,
    read_footer,
)
from medical_charges.storage import ObjectRef, Store

_WAYS = {
    "boolean": "write it as text or as whole numbers",
    "timestamp": "write its days as dates, without a time",
    "time": "write it as a number",
    "binary": "write it as text (the logical type STRING)",
    "nested": "write what is in it as columns of their own",
}
"""By the kind of a column that cannot be read, what can be."""


def read_parquet_header(store: Store, ref: ObjectRef, contract: Contract) -> Header:
    """Read the header of a Parquet object: the contract's columns, in its order.

    An object without rows has no byte after its header.

    Raises:
        InputRefusedError: the object is no Parquet, lacks a column, or has one whose values the
            contract cannot mean.
    """
    footer = read_footer(store, ref, schema_alone=True)
    columns, ignored = columns_of(footer, contract)
    start = len(MAGIC) if footer.rows else ref.size
    return Header(tuple(name for _, name in columns), ignored, start, gzip=False)


def columns_of(
    footer: Footer, contract: Contract
) -> tuple[list[tuple[ColumnOfFile, str]], tuple[str, ...]]:
    """Return the columns that the contract reads, with its names, and the names of the others.

    Raises:
        InputRefusedError: as above.
    """
    fields = [column.name.strip() for column in footer.columns]
    names, ignored = matched(footer.name, fields, contract)
    found = [
        (column, name)
        for column, name in zip(footer.columns, names, strict=True)
        if name is not None
    ]
    wrong = [
        f"{footer.name} has the column {name!r} as {column.kind}, which no contract reads: "
        f"{_WAYS.get(column.kind, 'write it as numbers, days or text')}, or leave it out of the "
        f"contract"
        for column, name in found
        if column.kind not in KINDS
    ]
    if wrong:
        raise InputRefusedError("\n".join(wrong))
    return found, ignored
