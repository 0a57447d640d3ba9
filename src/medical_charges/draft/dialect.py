"""The dialect of files that nobody has described: what a sample of their rows looks like."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import get_args

import polars as pl

from medical_charges.contract.parts.dialect import Dialect, Encoding, Thousands
from medical_charges.draft.profile import is_text

_DELIMITERS = ",;\t|"
_ENCODINGS: tuple[Encoding, ...] = ("utf-8", "cp1252", "latin-1")
"""The likeliest first; the last one has a character for every byte."""

NULLS = (
    "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "-", "--", ".", "?",
    "\\N", "missing", "n.a.", "k.A.", "k. A.",
)  # fmt: skip
"""Texts that stand for nothing where all others are numbers."""

ENOUGH = 0.97
"""Share of a column's values that must be numbers."""

NUMBER_SIGNS = r"^\s*[+-]?[0-9][0-9.,' \u00a0\u202f\u2019]*$"
"""A pattern of numbers, in whatever way they are written."""

_LEAST_NUMBERS = 3
"""The least different numbers next to words for nothing."""


def dialect_of(head: bytes) -> Dialect:
    """Return the dialect of a file's first line: its delimiter, a comma if in doubt, its encoding.

    Binary data is in no dialect, and is refused in the plain one.
    """
    if b"\0" in head:
        return Dialect()
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").partition(b"\n")[0]
    text = line.decode("latin-1").strip("\r")
    delimiter = max(_DELIMITERS, key=lambda sign: _width(text, sign))
    return Dialect(delimiter=delimiter, encoding=encoding_of([line]))


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0


def encoding_of(texts: Iterable[bytes]) -> Encoding:
    """Return the first encoding that all texts may have; they end where lines end."""
    found = 0
    for text in texts:
        while not _may_be(text, _ENCODINGS[found]):
            found += 1
    return _ENCODINGS[found]


def _may_be(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def with_numbers(dialect: Dialect, frame: pl.DataFrame) -> Dialect:
    """Add to a dialect how the numbers of a sample are written, and words for nothing."""
    values = [series.drop_nulls().filter(series.drop_nulls() != "") for series in frame]
    nulls = [word for word in NULLS if any(_stands_for_nothing(word, it) for it in values)]
    values = [it.filter(~it.is_in(nulls)) for it in values]
    best = max(_ways(dialect), key=lambda way: _numeric(values, *way))
    return dialect.model_copy(
        update={"decimal": best[0], "thousands": best[1], "null_values": tuple(nulls)}
    )


def _stands_for_nothing(word: str, values: pl.Series) -> bool:
    others = values.filter(~values.is_in(NULLS))
    if others.len() == values.len() or others.n_unique() < _LEAST_NUMBERS:
        return False
    return bool((values == word).any()) and share_of(others, NUMBER_SIGNS) >= ENOUGH


def _ways(dialect: Dialect) -> Iterator[tuple[str, str | None]]:
    """Yield the ways to write numbers, the likeliest first: 1,234 has a separator of thousands."""
    yield from ((".", sign) for sign in (None, *get_args(Thousands)) if sign != ".")
    if dialect.delimiter != ",":
        yield from ((",", sign) for sign in (None, *get_args(Thousands)) if sign != ",")


def _numeric(values: Iterable[pl.Series], decimal: str, thousands: str | None) -> int:
    """Return the number of columns that are numbers, if they are written in a way."""
    pattern = number_pattern(decimal, thousands)
    return sum(it.len() > 0 and share_of(it, pattern) >= ENOUGH for it in values)


def share_of(values: pl.Series, pattern: str) -> float:
    """Return the share of the values that match a pattern."""
    return float(values.str.contains(pattern).mean() or 0.0)  # type: ignore[arg-type]


def number_pattern(decimal: str, thousands: str | None) -> str:
    """Return a pattern of the numbers that are written in a way."""
    point = re.escape(decimal)
    whole = "[0-9]+"
    if thousands:
        whole = f"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    number = rf"(?:{whole}{point}?[0-9]*|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return rf"^[ \t]*[+-]?{number}[ \t]*$"


def plain_frame(frame: pl.DataFrame, dialect: Dialect) -> pl.DataFrame:
    """Return a sample as the plain dialect has it."""
    nulls = list(dialect.null_values)
    if nulls:
        nothing = pl.when(pl.all().is_in(nulls)).then(pl.lit("")).otherwise(pl.all())
        frame = frame.select(nothing.name.keep())
    if (dialect.decimal, dialect.thousands) == (".", None):
        return frame
    pattern = number_pattern(dialect.decimal, dialect.thousands)
    return frame.with_columns(_plain_numbers(series, pattern, dialect) for series in frame)


def _plain_numbers(series: pl.Series, pattern: str, dialect: Dialect) -> pl.Series:
    present = series.drop_nulls()
    present = present.filter(present != "")
    if not present.len() or share_of(present, pattern) < ENOUGH:
        return series
    plain = pl.col(series.name)
    if dialect.thousands:
        plain = plain.str.replace_all(dialect.thousands, "", literal=True)
    plain = plain.str.replace(dialect.decimal, ".", literal=True)
    # What is no number in this dialect may look like one in the plain one.
    wrong = pl.concat_str(pl.lit("no number: "), pl.col(series.name))
    value = pl.col(series.name)
    kept = pl.when(value.str.contains(pattern)).then(plain).otherwise(wrong)
    kept = pl.when(value.is_null() | (value == "")).then(value).otherwise(kept)
    found = series.to_frame().select(kept.alias(series.name)).to_series()
    # Codes and flags are read as text, as they stand.
    return series if is_text(found) else found
