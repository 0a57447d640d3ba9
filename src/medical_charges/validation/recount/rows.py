"""Validation of records in plain Python, without code of the kernel.

Records are validated in batches, column by column, which is faster than one by one. Each distinct
text of a column is validated once. Texts of the measure seldom repeat: they are read as numbers all
together, and one by one only if some of them may break a rule.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import compress
from operator import not_
from typing import NamedTuple

from medical_charges.contract import Column, Contract
from medical_charges.contract.dialect import Dialect
from medical_charges.contract.model import MEASURE_LIMIT, IntegerColumn, StringColumn, WholeColumn
from medical_charges.validation.recount.lines import csv_reader
from medical_charges.validation.recount.texts import columns_of, plain_texts

Value = str | int | float | None

_INTEGER = re.compile(r"[ \t]*[+-]?0*[0-9]{1,19}[ \t]*")
_DOUBLE = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_NUMBERS = re.compile(r"[0-9.eE+\- \t]*")
"""Characters of texts that Python and the contract read as the same numbers."""
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_REMEMBERED = 1 << 18
_AT_ONCE = 1 << 11
"""Number of records in a batch: their texts fit into a processor's cache."""


class _Bad:
    """The result for a text that breaks a rule."""


BAD = _Bad()


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


def value_of(column: Column, text: str) -> Value | _Bad:
    """Return the value of a field, or BAD."""
    if not text:
        return None if column.nullable else BAD
    if isinstance(column, StringColumn):
        known = column.allowed is None or text in column.allowed
        return text if known and not _NOT_UTF8.search(text) else BAD
    whole = isinstance(column, WholeColumn)
    if not (_INTEGER if whole else _DOUBLE).fullmatch(text):
        return BAD
    value = int(text) if whole else float(text)
    if (not -(2**63) <= value < 2**63) if whole else math.isinf(value):
        return BAD
    if column.minimum is not None and value < column.minimum:
        return BAD
    return BAD if column.maximum is not None and value > column.maximum else value


_SURE = 2**51
"""Doubles under this, in units, are nearer to the right whole number than to any other."""


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
        self.holds_bad = False
        """True if any text was BAD."""
        self._number = int if isinstance(self._column, IntegerColumn) else float
        self._unit = 1 if self._number is int else 10.0**contract.decimals

    def of(self, texts: Sequence[str]) -> tuple[list[object], list[object]]:
        """Return the values and the whole numbers, both BAD where a text breaks a rule."""
        if self._plain:
            texts = list(map(self._plain, texts))
        values = self._all_good(texts)
        if values is not None:
            return [*values], [round(value * self._unit) for value in values]
        judged = [self._judged(text) for text in texts]
        return [value for value, _ in judged], [whole for _, whole in judged]

    def _all_good(self, texts: Sequence[str]) -> list[float] | None:
        """Return the values if certainly none of them breaks a rule."""
        if not _NUMBERS.fullmatch("".join(texts)):
            return None
        try:
            values = list(map(self._number, texts))
        except ValueError:
            return None
        least, most = min(values), max(values)
        if self._number is float and max(-least, most) * self._unit >= _SURE:
            return None
        ends = ((end, round(end * self._unit)) for end in (least, most))
        return None if any(self._is_out(*end) for end in ends) else values

    def _judged(self, text: str) -> tuple[object, object]:
        value = value_of(self._column, text)
        if isinstance(value, int | float):
            whole = self._whole(value, text)
            if not self._is_out(value, whole):
                return value, whole
        self.holds_bad = True
        return BAD, BAD

    def _whole(self, value: float, text: str) -> int:
        units = value * self._unit
        if self._number is int or abs(units) < _SURE:
            return round(units)
        # Of far larger ones the fraction would be as long as their exponent says.
        return round(Fraction(text.strip()) * int(self._unit)) if abs(units) < 2**60 else 2**60

    def _is_out(self, value: float, whole: int) -> bool:
        low, high = self._column.minimum, self._column.maximum
        return (
            abs(whole) > MEASURE_LIMIT
            or (low is not None and value < low)
            or (high is not None and value > high)
        )


class _Remembered(dict[str, object]):
    """A function of texts that is called once for each distinct text."""

    def __init__(self, function: Callable[[str], object]) -> None:
        super().__init__()
        self._function = function
        self.holds_bad = False
        """True if any text was BAD."""

    def __missing__(self, text: str) -> object:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[text] = self._function(text)
        self.holds_bad |= found is BAD
        return found


def as_it_is(name: str, value: Value) -> object:  # noqa: ARG001
    """Keep a value unchanged."""
    return value


class Accepted(NamedTuple):
    """Accepted records, column by column."""

    kept: list[tuple[object, ...]]
    """The kept values of the other columns, in their order, for each record."""
    values: list[float]
    """The measure as it was."""
    wholes: list[int]
    """The measure as a whole number of its last decimal."""


class Rows:
    """Validates the records under one header.

    Args:
        contract: the contract of the rows.
        header: the names of the fields.
        keep: returns what to keep of a column's value.
    """

    def __init__(
        self,
        contract: Contract,
        header: Sequence[str],
        keep: Callable[[str, Value], object] = as_it_is,
    ) -> None:
        self._contract, self._dialect = contract, contract.source
        header = columns_of(header, contract.source)
        self._width = len(header)
        self._measure, self._measure_at = Measure(contract), header.index(contract.measure)
        self.others = tuple(name for name in contract.source.columns if name != contract.measure)
        self._known = [(header.index(name), self._judge(name, keep)) for name in self.others]

    def _judge(self, name: str, keep: Callable[[str, Value], object]) -> _Remembered:
        column = self._contract.source.columns[name]
        plain = plain_texts(column, self._dialect) or str

        def judge(text: str) -> object:
            value = value_of(column, plain(text))
            return value if isinstance(value, _Bad) else keep(name, value)

        return _Remembered(judge)

    def accepted(
        self, records: Sequence[str], refuse: Callable[[str], object]
    ) -> Iterator[Accepted]:
        """Yield the accepted records in batches; pass the others to `refuse`."""
        for start in range(0, len(records), _AT_ONCE):
            yield from self._batch(records[start : start + _AT_ONCE], refuse)

    def _batch(self, records: Sequence[str], refuse: Callable[[str], object]) -> Iterator[Accepted]:
        delimiter, quote = self._dialect.delimiter, self._dialect.quote
        between, width = self._width - 1, self._width
        text = delimiter.join(records)
        if quote in text or "\r" in text:
            plain = [
                record.count(delimiter) == between and quote not in record and "\r" not in record
                for record in records
            ]
        else:
            plain = [record.count(delimiter) == between for record in records]
        if simple := list(compress(records, plain)):
            fields = delimiter.join(simple).split(delimiter)
            yield self._judged(simple, [fields[at::width] for at in range(width)], refuse)
        whole, rows = list[str](), list[list[str]]()
        for record in compress(records, map(not_, plain)):
            found = fields_of(record, self._dialect)
            if found is None or len(found) != width:
                refuse(record)
            else:
                whole.append(record)
                rows.append(found)
        if whole:
            yield self._judged(whole, list(zip(*rows, strict=True)), refuse)

    def _judged(
        self,
        records: Sequence[str],
        columns: Sequence[Sequence[str]],
        refuse: Callable[[str], object],
    ) -> Accepted:
        values, wholes = self._measure.of(columns[self._measure_at])
        judged = [list(map(known.__getitem__, columns[at])) for at, known in self._known]
        judged += [values, wholes]
        if self._measure.holds_bad or any(known.holds_bad for _, known in self._known):
            good = [BAD not in row for row in zip(*judged, strict=True)]
            for record in compress(records, map(not_, good)):
                refuse(record)
            judged = [list(compress(column, good)) for column in judged]
        *others, values, wholes = judged
        kept = list(zip(*others, strict=True)) or [()] * len(values)
        return Accepted(kept, values, wholes)  # type: ignore[arg-type] # none is BAD any more
