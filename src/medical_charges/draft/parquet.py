"""Rows of Parquet files for a draft, as texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from medical_charges.errors import InputRefusedError
from medical_charges.kernel.parquet.footer import KINDS, MAGIC, Footer, read_footer
from medical_charges.kernel.parquet.reading import ParquetReader
from medical_charges.kernel.parquet.texts import texts_of
from medical_charges.storage import LocalStore, ObjectRef

SAMPLE_ROWS = 100_000
"""Number of rows that are read of all files together."""

_PLACES = 16
"""Number of row groups of a file that are looked at, from its start to its end."""


@dataclass(frozen=True)
class ParquetSample:
    """Rows of a file."""

    fields: list[str]
    """All columns."""
    frame: pl.DataFrame
    """The rows by column, without columns that cannot be read."""
    rows: int
    """Number of rows of the file."""
    unreadable: dict[str, str]
    """Columns that no contract reads, with the reason."""


def is_parquet(path: Path) -> bool:
    """Return True if a file starts as Parquet."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def parquet_fields(name: str, path: Path) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        InputRefusedError: the file is damaged.
    """
    with _linked(name, path) as (store, ref):
        return _fields(read_footer(store, ref, schema_alone=True))


def sample_parquet(name: str, path: Path, rows: int) -> ParquetSample:
    """Read up to so many rows of a file, from its start to its end.

    Raises:
        InputRefusedError: the file is damaged, or has no row.
    """
    with _linked(name, path) as (store, ref):
        footer = read_footer(store, ref)
        fields = _fields(footer)
        # Of columns with the same name none can be read.
        columns = [
            (column, field)
            for column, field in zip(footer.columns, fields, strict=True)
            if column.kind in KINDS and fields.count(field) == 1
        ]
        if not footer.rows:
            raise InputRefusedError(f"{name} has a header and no row")
        reader = ParquetReader(store, ref, footer, columns)
        try:
            whole = footer.rows <= rows
            places = len(footer.groups) if whole else min(_PLACES, len(footer.groups))
            found = reader.samples(places, footer.rows if whole else max(1, rows // places))
        except InputRefusedError as error:
            raise InputRefusedError(f"{name}: {error}") from error
    names = [field for _, field in columns]
    frames = [pl.DataFrame([texts_of(it[n]).alias(n) for n in names]) for it in found]
    unreadable = {
        field: f"{column.kind}, which no contract reads"
        for column, field in zip(footer.columns, fields, strict=True)
        if column.kind not in KINDS
    }
    return ParquetSample(fields, pl.concat(frames), footer.rows, unreadable)


def _fields(footer: Footer) -> list[str]:
    return [column.name.strip() for column in footer.columns]


@contextmanager
def _linked(name: str, path: Path) -> Iterator[tuple[LocalStore, ObjectRef]]:
    """Make a store of one file, in which it has this name."""
    with TemporaryDirectory(prefix="medical_charges_") as folder:
        link = Path(folder, name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
        store = LocalStore(folder)
        yield store, next(store.list(""))
