"""The rows that a run read and staged, as Spark data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.contract.model import IntegerColumn, StringColumn
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.lines import Piece, records
from medical_charges.validation.recount.rows import Rows
from medical_charges.validation.recount.sums import DRIVER_BYTES, all_pieces, weight

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Frames:
    """The data frames of a run. Each is made only when it is used."""

    session: Callable[[], SparkSession]
    store: Store
    contract: Contract
    objects: Mapping[str, ObjectRef]
    """The objects whose rows are read: new ones, or all if there are custom rules."""
    staged: Mapping[str, bytes]

    @cached_property
    def accepted(self) -> DataFrame:
        """Return the objects' accepted rows, with the contract's columns and types."""
        parts = all_pieces(self.store, self.contract, self.objects)
        reading = _Reading(self.store, self.contract)
        schema = ", ".join(
            f"{_quoted(name)} {_type(column)}"
            for name, column in self.contract.source.columns.items()
        )
        if weight(parts) <= DRIVER_BYTES:
            rows = [row for part in parts for row in reading.rows(part)]
            return self.session().createDataFrame(rows, schema, verifySchema=False)
        spread = self.session().sparkContext.parallelize(parts, len(parts)).flatMap(reading.rows)
        return self.session().createDataFrame(spread, schema, verifySchema=False)

    def output(self, name: str, session: SparkSession) -> DataFrame:
        """Return a staged output, with the Catalog's types; an empty field is null."""
        columns = self.contract.outputs[name].columns
        convert = {"bigint": int, "double": float, "string": str}
        kinds = [convert[column.type] for column in columns]
        schema = ", ".join(f"{_quoted(column.name)} {column.type}" for column in columns)
        _, *rows = csv.reader(io.StringIO(self.staged[name].decode()))
        typed = [
            tuple(kind(text) if text else None for kind, text in zip(kinds, row, strict=True))
            for row in rows
        ]
        return session.createDataFrame(typed, schema)


FrameCheck = Callable[[Frames], Iterable[Check]]
"""A function that makes checks on frames."""


@dataclass(frozen=True)
class _Reading:
    """Reads pieces as rows. It is pickled for Spark's workers."""

    store: Store
    contract: Contract

    def rows(self, piece: Piece) -> Iterator[tuple[object, ...]]:
        measure = self.contract.measure
        rows = Rows(self.contract, piece.header)
        place = list(self.contract.source.columns).index(measure)
        for some in records(self.store, piece, self.contract.source):
            for kept, values, _ in rows.accepted(some, lambda _: None):
                for others, value in zip(kept, values, strict=True):
                    yield (*others[:place], value, *others[place:])


def _type(column: object) -> str:
    if isinstance(column, StringColumn):
        return "string"
    return "bigint" if isinstance(column, IntegerColumn) else "double"


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
