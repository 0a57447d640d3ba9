"""The rows of Parquet to a cube: typed values first, the row validator for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import polars as pl

from medical_charges.aggregates.cube import merge_cubes
from medical_charges.contract import Column, Contract
from medical_charges.contract.parts.source import (
    DateColumn,
    DoubleColumn,
    IntegerColumn,
    StringColumn,
)
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.columns import dtype_of, empty_flag
from medical_charges.kernel.header import Header
from medical_charges.kernel.lines import RECORD_LIMIT
from medical_charges.kernel.parquet.texts import day_format, is_dated, record_of, texts_of
from medical_charges.kernel.row_validator import FieldValue, Rejection
from medical_charges.kernel.scan import Aggregated, RejectedLine, Scanned, Scanner, fits

_ROW = " row"
_SIZE = " size"
_AT_ONCE = 1 << 14
_GROUPS_AT_ONCE = 1 << 20
"""Number of groups by all columns that wait to be rolled up."""
_BYTES_AT_ONCE = 8 * 1024 * 1024
_NO_DIGITS = frozenset({"nan", "inf", "-inf"})
"""The texts of doubles that have no digits."""
_COMPARED = 4
"""Number of allowed texts up to which these are compared one by one."""
_EXACT = 2**53
"""Whole numbers up to this are exact as doubles, and their quotient by a power of ten is rounded
once, as its text is."""
_EXACT_POWER = 22
_PLAIN_WHOLE = 1e15
"""Doubles up to this are written without an exponent."""


class FrameScanner(Scanner):
    """Scans frames of typed values of objects that have the same columns."""

    def __init__(self, contract: Contract, header: Header) -> None:
        super().__init__(contract, header)
        # A word for nothing may be the text of a number.
        words = contract.source.null_values
        self._by_text = any(word in _NO_DIGITS or any(map(str.isdigit, word)) for word in words)

    def scan_frames(self, frames: Iterable[tuple[int, pl.DataFrame]]) -> Iterator[Scanned]:
        """Scan rows, given with the number of the first one, part by part.

        Raises:
            InputRefusedError: as `scan` does.
        """
        waiting: list[Aggregated] = []
        for first, frame in frames:
            found = self._sum_frame(frame)
            rows = sum(part.rows for part in found)
            waiting += found
            if sum(part.sums.height for part in waiting) > _GROUPS_AT_ONCE:
                yield self._rolled_up(waiting)
                waiting = []
            if rows < frame.height:
                yield from self._validate_others(frame, first)
        yield self._rolled_up(waiting)

    def _validate_others(self, frame: pl.DataFrame, first: int) -> Iterator[Scanned]:
        """Validate the rows that are not surely right one by one."""
        others = self._typed(frame.lazy().with_row_index(_ROW)).filter(~self._kept).select(_ROW)
        places = others.collect(engine="streaming").get_column(_ROW).sort()
        doubtful = pl.DataFrame(
            texts_of(frame[name].gather(places), day_format(self._columns[name]))
            for name in self._names
        )
        for part, numbers in _parts(doubtful, places.cast(pl.Int64) + first):
            yield self._validate_rows(part, numbers)

    def _sum_frame(self, frame: pl.DataFrame) -> list[Aggregated]:
        """Sum the rows that keep every rule, in as many parts as keep their sums exact."""
        found = self._aggregate(self._typed(frame.lazy()).filter(self._kept))
        if fits(found.sums):
            return [found]
        middle = frame.height // 2
        return self._sum_frame(frame[:middle]) + self._sum_frame(frame[middle:])

    def _rolled_up(self, parts: Sequence[Aggregated]) -> Scanned:
        """Roll up sums together, as this takes longer than to sum some thousand rows."""
        if not parts:
            return Scanned()
        together = Aggregated.together(parts)
        each = [together] if fits(together.sums) else parts
        return Scanned(merge_cubes(map(self._roll_up, each)), sum(part.rows for part in parts))

    def _validate_rows(self, texts: pl.DataFrame, numbers: pl.Series) -> Scanned:
        """Validate rows, given as texts, one by one."""
        accepted: list[dict[str, FieldValue]] = []
        rejected: list[RejectedLine] = []
        for number, fields in zip(numbers, texts.iter_rows(), strict=True):
            line = record_of(fields).encode()
            verdict = self._validator.validate(line)
            if isinstance(verdict, Rejection):
                rejected.append(RejectedLine(number, line, verdict))
            else:
                accepted.append(verdict)
        return Scanned(self._sum_validated(accepted), texts.height, rejected)

    def _typed(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return rows with the contract's types; what is not surely a value of them is null."""
        types = rows.collect_schema()
        direct = {
            name: value
            for name, column in self._columns.items()
            if (value := self._direct(name, column, types[name])) is not None
        }
        as_text = {name: it for name, it in self._columns.items() if name not in direct}
        rows = rows.with_columns(_text(n, types[n], day_format(c)) for n, c in as_text.items())
        rows = rows.with_columns(self._fields[name] for name in as_text if name in self._fields)
        return rows.with_columns(
            *(value.alias(name) for name, value in direct.items()),
            *(pl.col(n).cast(dtype_of(c), strict=False) for n, c in as_text.items()),
            *(
                pl.col(n).is_null().alias(empty_flag(n))
                for n, c in self._columns.items()
                if c.nullable
            ),
        )

    def _direct(self, name: str, column: Column, kind: pl.DataType) -> pl.Expr | None:
        """Express a column's values without texts, or return None if these are needed."""
        value = pl.col(name)
        if isinstance(column, StringColumn):
            few = column.allowed is not None and len(column.allowed) <= _COMPARED
            compared = few and kind == pl.String and name not in self._fields
            return _one_of(value, column) if compared else None
        if self._by_text:
            return None
        if isinstance(column, DateColumn):
            return _day_number(value) if kind == pl.Date else None
        if kind.is_integer():
            return value.cast(dtype_of(column), strict=False)
        if kind == pl.Float64:
            return value if isinstance(column, DoubleColumn) else _whole(value, column)
        if isinstance(kind, pl.Decimal) and isinstance(column, DoubleColumn):
            return _quotient(value, kind.scale)
        return None


def _text(name: str, kind: pl.DataType, day: str) -> pl.Expr:
    """Express a column as texts, of which empty ones are null."""
    value = pl.col(name)
    if kind == pl.String:
        return pl.when(value != "").then(value).alias(name)
    return value.map_batches(partial(texts_of, day=day), pl.String, is_elementwise=True)


def _one_of(value: pl.Expr, column: StringColumn) -> pl.Expr:
    """Express texts as allowed values by comparing them, which is faster than a cast."""
    place = pl.lit(None, pl.UInt8)
    for number, text in reversed(list(enumerate(column.allowed or ()))):
        place = pl.when(value == text).then(pl.lit(number, pl.UInt8)).otherwise(place)
    return place.cat.to(dtype_of(column))


def _day_number(value: pl.Expr) -> pl.Expr:
    year, month, day = value.dt.year(), value.dt.month(), value.dt.day()
    number = year.cast(pl.Int64) * 10_000 + month.cast(pl.Int64) * 100 + day.cast(pl.Int64)
    return pl.when(is_dated(value)).then(number)


def _whole(value: pl.Expr, column: IntegerColumn) -> pl.Expr:
    """Express doubles as whole numbers, if the contract reads 19.0 as one."""
    if not column.decimal_zeros:
        return pl.lit(None, pl.Int64)
    is_whole = (value.abs() < _PLAIN_WHOLE) & (value == value.floor())
    return pl.when(is_whole).then(value.cast(pl.Int64, strict=False))


def _quotient(value: pl.Expr, scale: int) -> pl.Expr | None:
    """Express decimal numbers as doubles, each rounded once."""
    if scale > _EXACT_POWER:
        return None
    units = value.to_physical().cast(pl.Int64, strict=False)
    exact = pl.when(units.is_between(-_EXACT, _EXACT)).then(units).cast(pl.Float64)

    def divided(values: pl.Series) -> pl.Series:
        # Polars would multiply by the reciprocal of a constant, which is rounded itself.
        return pl.Series(values.to_numpy() / 10.0**scale, nan_to_null=True)

    return exact.map_batches(divided, pl.Float64, is_elementwise=True)


def _parts(texts: pl.DataFrame, numbers: pl.Series) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Cut rows into parts of so many rows and bytes at most, or of one row.

    Raises:
        InputRefusedError: a row is longer than RECORD_LIMIT.
    """
    sizes = texts.select(
        pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0).cast(pl.Int64)).alias(_SIZE)
    )[_SIZE]
    if (longest := sizes.arg_max()) is not None and sizes[longest] > RECORD_LIMIT:
        raise InputRefusedError(
            f"the row {numbers[longest]:,} is longer than {RECORD_LIMIT:,} bytes"
        )
    low = 0
    while low < texts.height:
        within = int((sizes[low : low + _AT_ONCE].cum_sum() <= _BYTES_AT_ONCE).sum())
        high = low + max(1, within)
        yield texts[low:high], numbers[low:high]
        low = high
