"""Validation of records with Arrow and plain Python, without code of the kernel.

Plain records are parsed by Arrow, the others by Python's csv module. Both become columns of texts,
and each distinct text of a column is validated once, in Python. Texts of the measure seldom repeat:
Arrow reads those that are plainly numbers, and the others are validated one by one.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from medical_charges.contract import Column, Contract
from medical_charges.contract.model import MEASURE_LIMIT
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.parts.source import IntegerColumn, StringColumn, WholeColumn
from medical_charges.validation.recount.lines import SURROGATES, Block, csv_reader
from medical_charges.validation.recount.parquet import Batch
from medical_charges.validation.recount.texts import columns_of, plain_texts

Value = str | int | float | None

Given = TypeVar("Given")
Found = TypeVar("Found")

_INTEGER = re.compile(r"[ \t]*[+-]?0*[0-9]{1,19}[ \t]*")
_DOUBLE = re.compile(r"[ \t]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_PLAIN_INTEGER = r"^-?[0-9]{1,15}$"
_PLAIN_DOUBLE = r"^-?[0-9]{1,15}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$"
"""Texts that Arrow reads as the contract does."""
_REMEMBERED = 1 << 18
_OTHERS_AT_ONCE = 1 << 13
"""Number of records that are lists of fields at once: Python looks through many again and again."""


class Bad:
    """The result for a text that breaks a rule."""


BAD = Bad()


PLAIN = Dialect()


def fields_of(record: str, dialect: Dialect = PLAIN) -> list[str] | None:
    """Return the fields of a record, or None if its quotes are wrong.

    With `multiline` a record is whole, and a quote in the middle of a field is a character.
    """
    if dialect.quote not in record and "\r" not in record:
        return record.split(dialect.delimiter)
    if record.count(dialect.quote) % 2 and not dialect.multiline:
        return None
    try:
        return next(csv_reader([record], dialect, strict=True))
    except (csv.Error, StopIteration):
        return None


def many_fields_of(records: Sequence[str], dialect: Dialect) -> list[list[str] | None]:
    """Return the fields of each record as `fields_of` does, faster if no quotes are wrong."""
    with suppress(csv.Error):
        if dialect.multiline or not any(record.count(dialect.quote) % 2 for record in records):
            rows: list[list[str] | None] = list(csv_reader(records, dialect, strict=True))
            # A quote that is not closed goes on in the next record.
            if len(rows) == len(records):
                return rows
    return [fields_of(record, dialect) for record in records]


def value_of(column: Column, text: str) -> Value | Bad:
    """Return the value of a field, or BAD."""
    if not text:
        return None if column.nullable else BAD
    if isinstance(column, StringColumn):
        known = column.allowed is None or text in column.allowed
        return text if known and not SURROGATES.search(text) else BAD
    whole = isinstance(column, WholeColumn)
    if not (_INTEGER if whole else _DOUBLE).fullmatch(text):
        return BAD
    value = _whole_number(text) if whole else float(text)
    if (not -(2**63) <= value < 2**63) if whole else math.isinf(value):
        return BAD
    if column.minimum is not None and value < column.minimum:
        return BAD
    return BAD if column.maximum is not None and value > column.maximum else value


def _whole_number(text: str) -> int:
    # Python reads no more than some thousands of digits, zeros included.
    sign, digits = text.strip(" \t")[:1], text.strip(" \t+-").lstrip("0")
    return -int(digits or "0") if sign == "-" else int(digits or "0")


_SURE = 2**51 - 1
"""Doubles up to this, in units, are nearer to the right whole number than to any other."""


class Numbers(NamedTuple):
    """A column of the measure."""

    values: npt.NDArray[np.float64] | npt.NDArray[np.int64]
    """The measure as it was."""
    wholes: npt.NDArray[np.int64]
    """The measure as a whole number of units of its last decimal."""

    def only(self, good: npt.NDArray[np.bool_]) -> Numbers:
        """Return the numbers of some rows."""
        return Numbers(self.values[good], self.wholes[good])


class Measure:
    """Reads the measure from texts: as it is, and as a whole number of units of its last decimal.

    The unit is rounded to half to even: as a product of doubles where that is sure to be right, and
    as a fraction where it is not.
    """

    def __init__(self, contract: Contract) -> None:
        column = contract.source.columns[contract.measure]
        if isinstance(column, StringColumn):
            raise TypeError(f"{contract.measure} is no number")
        self._column = column
        self._plain = plain_texts(column, contract.source)
        self._is_integer = isinstance(column, IntegerColumn)
        self._unit = 1 if self._is_integer else 10.0**contract.decimals

    def of(self, texts: pa.StringArray) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Return the numbers, and which texts break no rule."""
        if self._plain:
            texts = pa.array(map(self._plain, texts.to_pylist()), pa.string())
        pattern = _PLAIN_INTEGER if self._is_integer else _PLAIN_DOUBLE
        plain = pc.match_substring_regex(texts, pattern)
        if not pc.all(plain).as_py():
            bare = pc.utf8_trim(texts, " \t")
            texts = pc.replace_substring_regex(bare, r"^\+([0-9])", r"\1")
            plain = pc.match_substring_regex(texts, pattern)
        kind = pa.int64() if self._is_integer else pa.float64()
        # A copy, because the values of other texts are put in.
        values = np.array(pc.cast(pc.if_else(plain, texts, "0"), kind))
        units = values * self._unit
        sure = np.asarray(plain) & (np.abs(units) <= _SURE)
        wholes = np.rint(np.where(sure, units, 0)).astype(np.int64)
        good = sure & ~self._is_out(values)
        others = np.flatnonzero(~sure)
        for at, text in zip(others, texts.take(pa.array(others)).to_pylist(), strict=True):
            found = self._judged(text)
            if found is not None:
                values[at], wholes[at] = found
                good[at] = True
        return Numbers(values, wholes), good

    def _is_out(self, values: npt.NDArray[np.float64 | np.int64]) -> npt.NDArray[np.bool_]:
        low, high = self._column.minimum, self._column.maximum
        under = values < low if low is not None else np.zeros(len(values), bool)
        return under | (values > high) if high is not None else under

    def _judged(self, text: str) -> tuple[float, int] | None:
        """Return a text's value and its whole number, or None if it breaks a rule."""
        value = value_of(self._column, text)
        if not isinstance(value, int | float):
            return None
        whole = self._whole(value, text)
        return (value, whole) if abs(whole) <= MEASURE_LIMIT else None

    def _whole(self, value: float, text: str) -> int:
        units = value * self._unit
        if self._is_integer or abs(units) <= _SURE:
            return round(units)
        # Of far larger ones the fraction would be as long as their exponent says.
        return (
            round(Fraction(Decimal(text.strip())) * int(self._unit))
            if abs(units) < 2**60
            else 2**60
        )


class Remembered(dict[Given, Found]):
    """A function that is called once for each distinct value."""

    def __init__(self, function: Callable[[Given], Found]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, given: Given) -> Found:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[given] = self._function(given)
        return found


class Coded(NamedTuple):
    """A column, by its distinct values."""

    distinct: list[Value | Bad]
    """Values, and BAD for texts of rows that are left out."""
    places: npt.NDArray[np.int32]
    """Where each row's value is among the distinct ones."""

    def only(self, good: npt.NDArray[np.bool_]) -> Coded:
        """Return the column of some rows."""
        return Coded(self.distinct, self.places[good])


class Accepted(NamedTuple):
    """Accepted records, column by column."""

    others: dict[str, Coded]
    """The columns other than the measure, by their names."""
    measure: Numbers


class Rows:
    """Validates the records under one header.

    Args:
        contract: the contract of the rows.
        header: the names of the fields.
    """

    def __init__(self, contract: Contract, header: Sequence[str]) -> None:
        self._dialect = contract.source
        header = columns_of(header, contract.source)
        self._width = len(header)
        self._measure, self._measure_at = Measure(contract), header.index(contract.measure)
        columns = contract.source.columns
        self._known = {
            name: (header.index(name), self._judge(column))
            for name, column in columns.items()
            if name != contract.measure
        }
        self._read = sorted([self._measure_at, *(at for at, _ in self._known.values())])

    def _judge(self, column: Column) -> Remembered[str, Value | Bad]:
        plain = plain_texts(column, self._dialect) or str
        return Remembered[str, Value | Bad](lambda text: value_of(column, plain(text)))

    def accepted(self, block: Block, refuse: Callable[[str], object]) -> Iterator[Accepted]:
        """Yield the accepted records of a block; pass the others to `refuse`."""
        if block.plain:
            between = self._width - 1

            def records() -> list[str]:
                lines, sign = block.plain.split("\n"), self._dialect.delimiter
                return [line for line in lines if line and line.count(sign) == between]

            yield self._judged(self._parsed(block.plain, refuse), records, refuse)
        for start in range(0, len(block.others), _OTHERS_AT_ONCE):
            some = block.others[start : start + _OTHERS_AT_ONCE]
            if found := list(self._whole(some, refuse)):
                columns = list(zip(*(fields for _, fields in found), strict=True))
                table = {at: pa.array(columns[at], pa.string()) for at in self._read}
                yield self._judged(table, [record for record, _ in found].copy, refuse)

    def judged(self, batch: Batch, refuse: Callable[[str], object]) -> Accepted:
        """Return the accepted rows of a batch of Parquet; pass the others to `refuse`."""
        return self._judged(batch.columns, batch.records, refuse)

    def _parsed(self, text: str, refuse: Callable[[str], object]) -> dict[int, pa.Array]:
        """Return the columns of plain records that have as many fields as the header."""

        def skip(row: pa_csv.InvalidRow) -> str:
            refuse(row.text)
            return "skip"

        names = [str(at) for at in range(self._width)]
        # Behind a line end no character is taken for a byte order mark.
        data = f"\n{text}".encode()
        distinct = pa.dictionary(pa.int32(), pa.string())
        table = pa_csv.read_csv(
            pa.py_buffer(data),
            pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            pa_csv.ParseOptions(
                delimiter=self._dialect.delimiter, quote_char=False, invalid_row_handler=skip
            ),
            pa_csv.ConvertOptions(
                include_columns=[names[at] for at in self._read],
                column_types={
                    name: pa.string() if at == self._measure_at else distinct
                    for at, name in enumerate(names)
                },
            ),
        )
        return {at: table[names[at]].combine_chunks() for at in self._read}

    def _whole(
        self, records: Sequence[str], refuse: Callable[[str], object]
    ) -> Iterator[tuple[str, list[str]]]:
        """Yield records with their fields, and refuse those that cannot be read."""
        for record, fields in zip(records, many_fields_of(records, self._dialect), strict=True):
            if fields is None or len(fields) != self._width or self._is_unread(record, fields):
                refuse(record)
            else:
                yield record, fields

    def _is_unread(self, record: str, fields: Sequence[str]) -> bool:
        """Return True if a column of the contract has a byte that the encoding does not know."""
        if record.isascii() or not SURROGATES.search(record):
            return False
        return any(SURROGATES.search(fields[at]) for at in self._read)

    def _judged(
        self,
        columns: Mapping[int, pa.Array],
        records: Callable[[], list[str]],
        refuse: Callable[[str], object],
    ) -> Accepted:
        numbers, good = self._measure.of(columns[self._measure_at])
        others = dict[str, Coded]()
        for name, (at, known) in self._known.items():
            column = columns[at].dictionary_encode()
            judged = [known[text] for text in column.dictionary.to_pylist()]
            others[name] = Coded(judged, column.indices.to_numpy())
            if BAD in judged:
                good &= np.array([value is not BAD for value in judged])[others[name].places]
        if not good.all():
            for record, is_good in zip(records(), good, strict=True):
                if not is_good:
                    refuse(record)
            others = {name: coded.only(good) for name, coded in others.items()}
            numbers = numbers.only(good)
        return Accepted(others, numbers)
