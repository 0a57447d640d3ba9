"""The definition of a row's record: each value as the text that it would be in a plain CSV.

Nulls are empty fields. A number has the shortest text that is it, as Python writes doubles; a
decimal number has all its decimals, a day is written as the contract's `format` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from medical_charges.contract import Column
from medical_charges.contract.parts.source import DateColumn

ISO_DAY = "%Y-%m-%d"
_QUOTED = re.compile('[,"\r\n]')
_YEARS = (1000, 9999)
"""The first and the last year of which days are written as days."""
_LEAST, _MOST, _MOST_OF_SINGLE = 1e-4, 1e15, 1e6
"""Between these Polars writes numbers as Python does."""


def day_format(column: Column) -> str:
    """Return how the days of a column are written."""
    return column.format if isinstance(column, DateColumn) else ISO_DAY


def texts_of(values: pl.Series, day: str = ISO_DAY) -> pl.Series:
    """Return values as texts; nulls stay nulls."""
    if values.dtype.is_float():
        return _of_floats(values)
    if values.dtype == pl.Date:
        return _of_days(values, day)
    return values.cast(pl.String)


def _of_floats(values: pl.Series) -> pl.Series:
    most = _MOST if values.dtype == pl.Float64 else _MOST_OF_SINGLE
    texts, sizes = values.cast(pl.String), values.abs()
    others = ((sizes != 0) & ~sizes.is_between(_LEAST, most, closed="left")).arg_true()
    if others.is_empty():
        return texts
    # A float of 32 bits has a shorter text than the double that it is.
    shortest = values.gather(others).cast(pl.String).to_list()
    return texts.scatter(others, [repr(float(text)) for text in shortest])


def is_dated(day: pl.Expr) -> pl.Expr:
    """Return whether a day is written as a day."""
    return day.dt.year().is_between(*_YEARS)


def _of_days(values: pl.Series, day: str) -> pl.Series:
    name = pl.col(values.name)
    number = pl.format("day {}", name.cast(pl.Int32))
    text = pl.when(is_dated(name)).then(name.dt.to_string(day)).when(name.is_not_null())
    return values.to_frame().select(text.then(number)).to_series()


def record_of(fields: Iterable[str | None]) -> str:
    """Return the record of texts."""
    written = [_field(text or "") for text in fields]
    # An empty line would be no record.
    return ",".join(written) if written != [""] else '""'


def _field(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text
