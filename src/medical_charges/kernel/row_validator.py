"""One line judged by the contract, field by field: the definition of what is accepted.

The vectorised scan may only accept what this accepts, with the same values; every line that it
is not sure of comes here.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from typing import NamedTuple

from medical_charges.contract import Column, Contract
from medical_charges.contract.model import (
    MEASURE_LIMIT,
    DoubleColumn,
    IntegerColumn,
    StringColumn,
)
from medical_charges.kernel.header import Header

csv.field_size_limit(sys.maxsize)

_INTEGER = re.compile(r"[ \t]*([+-]?[0-9]+)[ \t]*")
_DOUBLE = re.compile(r"[ \t]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t]*")
_NOT_FINITE = re.compile(r"[ \t]*[+-]?(?:nan|inf|infinity)[ \t]*", re.IGNORECASE)

FieldValue = str | int | float | None


class Rejection(NamedTuple):
    """Why a line was not counted."""

    rule: str
    """The rule that it breaks, such as `age.maximum` or `fields`."""
    reason: str
    """A sentence about the rule, free of the line's values."""
    field: str | None
    """The offending field, or None where there is none or it might be the measure's."""


@dataclass(frozen=True)
class _BrokenRuleError(Exception):
    rule: str
    reason: str


class RowValidator:
    """Judges lines of objects that have one header."""

    def __init__(self, contract: Contract, header: Header) -> None:
        self._contract = contract
        self._width = len(header.columns)
        self._multiline = contract.source.multiline
        self._columns = [
            (position, name, contract.source.columns[name])
            for position, name in enumerate(header.columns)
            if name is not None
        ]

    def validate(self, line: bytes) -> dict[str, FieldValue] | Rejection:
        """The line's values by column, or why it is rejected. `line` has no line end."""
        text = line.decode("utf-8", errors="surrogateescape").removesuffix("\r")
        # Where a record is one line, an odd quote may be half of a field that goes on in the next.
        if text.count('"') % 2 and not self._multiline:
            return Rejection(
                "quotes",
                "an odd number of quotes; a quoted line break needs `multiline: true`",
                None,
            )
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error as error:
            return Rejection("quotes", f"not a line of CSV: {error}", None)
        if len(fields) != self._width:
            few = "few" if len(fields) < self._width else "many"
            return Rejection("fields", f"too {few} fields: {len(fields)} of {self._width}", None)
        values: dict[str, FieldValue] = {}
        for position, name, column in self._columns:
            try:
                values[name] = self._value(name, column, fields[position])
            except _BrokenRuleError as broken:
                shown = _shown(fields[position]) if self._may_show(name, fields[position]) else None
                return Rejection(f"{name}.{broken.rule}", f"{name} {broken.reason}", shown)
        return values

    def _may_show(self, name: str, field: str) -> bool:
        """Whether a field is no value of the measure, not even one that strayed into its column.

        A whole number in a column of such is taken for that column's own, if the measure has
        decimals.
        """
        if name == self._contract.measure or not field:
            return False
        if _DOUBLE.fullmatch(field) is None:
            return True
        columns = self._contract.source.columns
        whole = isinstance(columns[name], IntegerColumn) and _INTEGER.fullmatch(field)
        return bool(whole) and not isinstance(columns[self._contract.measure], IntegerColumn)

    def _value(self, name: str, column: Column, field: str) -> FieldValue:
        if not field:
            if column.nullable:
                return None
            raise _BrokenRuleError("required", "is empty")
        if isinstance(column, StringColumn):
            return _text(column, field)
        value = _integer(field) if isinstance(column, IntegerColumn) else _double(field)
        if column.minimum is not None and value < column.minimum:
            raise _BrokenRuleError("minimum", f"is under {column.minimum}")
        if column.maximum is not None and value > column.maximum:
            raise _BrokenRuleError("maximum", f"is over {column.maximum}")
        if name == self._contract.measure and abs(scale(column, value)) > MEASURE_LIMIT:
            raise _BrokenRuleError("magnitude", "is too large to be summed exactly at its decimals")
        return value


def scale(column: IntegerColumn | DoubleColumn, value: float) -> int:
    """The measure as an integer: times 10 to its decimals, in doubles, rounded half to even.

    For values of up to 15 significant digits this is the decimal rounding of the text, except
    that a text which lies in the middle, its further digits a lone 5, may go either way.
    """
    if isinstance(column, IntegerColumn):
        return int(value)
    scaled = value * 10.0**column.decimals
    return round(scaled) if abs(scaled) <= MEASURE_LIMIT else MEASURE_LIMIT + 1


def _text(column: StringColumn, field: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in field):
        raise _BrokenRuleError("encoding", "is not UTF-8")
    if column.allowed is not None and field not in column.allowed:
        raise _BrokenRuleError("allowed", f"is none of {', '.join(column.allowed)}")
    return field


def _integer(field: str) -> int:
    match = _INTEGER.fullmatch(field)
    if match is None:
        raise _BrokenRuleError("type", "is not an integer")
    # Longer texts than any 64-bit integer's are not parsed: that takes quadratic time.
    digits = match.group(1).lstrip("+-").lstrip("0")
    value = int(match.group(1)) if len(digits) <= 19 else 1 << 63
    if not -(1 << 63) <= value < 1 << 63:
        raise _BrokenRuleError("type", "is not an integer of 64 bits")
    return value


def _double(field: str) -> float:
    match = _DOUBLE.fullmatch(field)
    if match is None:
        if _NOT_FINITE.fullmatch(field):
            raise _BrokenRuleError("finite", "is not a finite number")
        raise _BrokenRuleError("type", "is not a number")
    value = float(match.group(1))
    if abs(value) == float("inf"):
        raise _BrokenRuleError("finite", "is not a finite number")
    return value


def _shown(field: str) -> str:
    """A field as an example: short, and text whatever bytes it had."""
    text = field.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
    return text if len(text) <= 60 else text[:57] + "..."
