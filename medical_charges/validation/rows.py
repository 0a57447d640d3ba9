"""What the contract says of a record, in plain Python and without a line of the kernel's.

Each distinct text of a column is judged once; the measure, whose texts seldom repeat, each time.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from medical_charges.contract import Column, Contract
from medical_charges.contract.model import MEASURE_LIMIT, IntegerColumn, StringColumn

csv.field_size_limit(sys.maxsize)

Value = str | int | float | None

_INTEGER = re.compile(r"[ \t]*[+-]?0*[0-9]{1,19}[ \t]*")
_DOUBLE = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_REMEMBERED = 1 << 18


class _Bad:
    """What a text is that breaks a rule."""


BAD = _Bad()


def fields_of(record: str) -> list[str] | None:
    """The fields of a record, or None where its quotes make no sense."""
    if '"' not in record and "\r" not in record:
        return record.split(",")
    if record.count('"') % 2:
        return None
    try:
        return next(csv.reader([record], strict=True))
    except (csv.Error, StopIteration):
        return None


def value_of(column: Column, text: str) -> Value | _Bad:
    """The value of a field, or BAD."""
    if not text:
        return None if column.nullable else BAD
    if isinstance(column, StringColumn):
        known = column.allowed is None or text in column.allowed
        return text if known and not _NOT_UTF8.search(text) else BAD
    whole = isinstance(column, IntegerColumn)
    if not (_INTEGER if whole else _DOUBLE).fullmatch(text):
        return BAD
    value = int(text) if whole else float(text)
    if (not -(2**63) <= value < 2**63) if whole else math.isinf(value):
        return BAD
    if column.minimum is not None and value < column.minimum:
        return BAD
    return BAD if column.maximum is not None and value > column.maximum else value


def measure_of(contract: Contract) -> Callable[[str], tuple[float, int] | None]:
    """What reads the measure off a field: the value, and the same in units of its last decimal.

    That is rounded half to even. None is a field that breaks a rule.
    """
    column = contract.source.columns[contract.measure]
    unit = 1 if isinstance(column, IntegerColumn) else 10.0**contract.decimals

    def read(text: str) -> tuple[float, int] | None:
        value = value_of(column, text)
        if not isinstance(value, int | float):
            return None
        units = value * unit
        return (value, round(units)) if abs(units) <= MEASURE_LIMIT else None

    return read


class _Remembered(dict[str, object]):
    """A function of texts that is called once for each."""

    def __init__(self, function: Callable[[str], object]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> object:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[text] = self._function(text)
        return found


def as_it_is(name: str, value: Value) -> object:  # noqa: ARG001
    """What is kept of a value where all of it is."""
    return value


class Rows:
    """Judges the records under one header.

    Args:
        contract: says what a row is.
        header: the names of the fields.
        keep: what is kept of a column's value.
    """

    def __init__(
        self,
        contract: Contract,
        header: Sequence[str],
        keep: Callable[[str, Value], object] = as_it_is,
    ) -> None:
        self._contract = contract
        self._width = len(header)
        self._measure_at = header.index(contract.measure)
        self.others = tuple(name for name in contract.source.columns if name != contract.measure)
        self._judged = [(header.index(name), self._judge(name, keep)) for name in self.others]

    def _judge(self, name: str, keep: Callable[[str, Value], object]) -> _Remembered:
        def judge(text: str) -> object:
            value = value_of(self._contract.source.columns[name], text)
            return value if isinstance(value, _Bad) else keep(name, value)

        return _Remembered(judge)

    def accepted(
        self, records: Iterable[str], refuse: Callable[[str], object]
    ) -> Iterator[tuple[tuple[object, ...], float, int]]:
        """The records that keep every rule; those that do not go to `refuse`.

        Yields what is kept of the other columns, in their order, and the measure, as it was and
        as a whole number of its last decimal.
        """
        judged, place, width = self._judged, self._measure_at, self._width
        measure_of_field = measure_of(self._contract)
        for record in records:
            fields = fields_of(record)
            if fields is not None and len(fields) == width:
                kept = tuple([known[fields[at]] for at, known in judged])
                measure = measure_of_field(fields[place])
                if measure is not None and BAD not in kept:
                    yield kept, *measure
                    continue
            refuse(record)
