"""The rows that a run read and staged, as Spark data frames."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from medical_charges.checks import Check
from medical_charges.contract import Column, Contract
from medical_charges.contract.parts.source import StringColumn, WholeColumn
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.lines import Piece
from medical_charges.validation.recount.rows import BAD, Coded, Value
from medical_charges.validation.recount.sums import accepted_rows, all_pieces, weight

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FEW_BYTES = 1024 * 1024
"""Number of bytes of input up to which no worker of Python is started for its rows."""

_ROWS_AT_ONCE = 1 << 16

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
            rows = [
                row
                for part in parts
                for batch in reading.batches(part)
                for row in batch.to_pylist()
            ]
            return _frame(self.session(), types, rows)
        session = self.session()
        pickled = [(pickle.dumps(part),) for part in parts]
        spread = session.sparkContext.parallelize(pickled, len(parts))
        frame = session.createDataFrame(spread, "piece binary", verifySchema=False)
        schema = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
        return frame.mapInArrow(reading, schema)

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

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for piece in batch.column("piece").to_pylist():
                yield from self.batches(pickle.loads(piece))  # noqa: S301 - pickled above

    def batches(self, piece: Piece) -> Iterator[pa.RecordBatch]:
        """Yield the accepted rows of a piece, with the contract's columns in their order."""
        columns = self.contract.source.columns
        for others, measure in accepted_rows(self.store, self.contract, piece, lambda _: None):
            table = pa.table(
                {
                    name: _column(others[name], column) if name in others else measure.values
                    for name, column in columns.items()
                }
            )
            yield from table.to_batches(_ROWS_AT_ONCE)


def _column(coded: Coded, column: Column) -> pa.Array:
    kind = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}[_type(column)]
    # What is BAD is no row's value.
    distinct = pa.array([None if value is BAD else value for value in coded.distinct], kind)
    return distinct.take(pa.array(coded.places))


def _type(column: Column) -> str:
    if isinstance(column, StringColumn):
        return "string"
    return "bigint" if isinstance(column, WholeColumn) else "double"


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
