"""The rows that a run read and staged, as Spark data frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.contract.model import StringColumn, WholeColumn
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.lines import Piece, records
from medical_charges.validation.recount.rows import Rows, Value
from medical_charges.validation.recount.sums import all_pieces, weight

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FEW_BYTES = 1024 * 1024
"""Number of bytes of input up to which no worker of Python is started for its rows."""

_CONVERT: Mapping[str, Callable[[str], Value]] = {"bigint": int, "double": float, "string": str}


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
        types = {name: _type(column) for name, column in self.contract.source.columns.items()}
        if weight(parts) <= _FEW_BYTES:
            rows = [dict(zip(types, row, strict=True)) for p in parts for row in reading.rows(p)]
            return _frame(self.session(), types, rows)
        schema = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
        spread = self.session().sparkContext.parallelize(parts, len(parts)).flatMap(reading.rows)
        return self.session().createDataFrame(spread, schema, verifySchema=False)

    def rows(self, name: str) -> list[dict[str, Value]]:
        """Return the rows of a staged output with the Catalog's types, without empty fields."""
        columns = self.contract.outputs[name].columns
        _, *rows = csv.reader(io.StringIO(self.staged[name].decode()))
        return [
            {
                column.name: _CONVERT[column.type](text)
                for column, text in zip(columns, row, strict=True)
                if text
            }
            for row in rows
        ]

    def output(self, name: str, session: SparkSession) -> DataFrame:
        """Return a staged output as a frame; an empty field is null."""
        columns = self.contract.outputs[name].columns
        return _frame(session, {column.name: column.type for column in columns}, self.rows(name))

    def stacked(self, names: Sequence[str], output: str, session: SparkSession) -> DataFrame:
        """Return staged outputs below one another, with a column `output` that tells their names.

        Columns of the same name must have the same type. What an output does not have is null.
        """
        columns = {c.name: c.type for name in names for c in self.contract.outputs[name].columns}
        rows = [row | {output: name} for name in names for row in self.rows(name)]
        return _frame(session, columns | {output: "string"}, rows)


def _frame(
    session: SparkSession, types: Mapping[str, str], rows: Sequence[Mapping[str, object]]
) -> DataFrame:
    """Return a frame of a few rows that Spark reads itself, without workers of Python."""
    schema = ", ".join(f"{_quoted(name)}: {kind}" for name, kind in types.items())
    query = "SELECT inline(from_json(:rows, :type, map('mode', 'FAILFAST')))"
    text = json.dumps(rows, ensure_ascii=False)
    return session.sql(query, args={"rows": text, "type": f"array<struct<{schema}>>"})


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
    return "bigint" if isinstance(column, WholeColumn) else "double"


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
