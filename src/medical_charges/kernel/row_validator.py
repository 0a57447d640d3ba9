"""Validation of one line by the contract, field by field: the definition of an accepted row.

The vectorized scan may only accept what this module accepts, with the same values. Every line that
the scan cannot decide is validated here.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from medical_charges.contract import Column, Contract
from medical_charges.contract.model import EXACT_LIMIT, MEASURE_LIMIT
from medical_charges.contract.parts.source import (
    DateColumn,
    DoubleColumn,
    IntegerColumn,
    StringColumn,
    WholeColumn,
)
from medical_charges.kernel.dialect import NO_DAY, Translator
from medical_charges.kernel.header import Header

_INTEGER = re.compile(r"[ \t]*([+-]?[0-9]+)[ \t]*")
# Each digit has one place in it: a long text of digits takes no quadratic time.
_DOUBLE = re.compile(r"[ \t]*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[ \t]*")
_NOT_FINITE = re.compile(r"[ \t]*[+-]?(?:nan|inf|infinity)[ \t]*", re.IGNORECASE)

FieldValue = str | int | float | None

SCALED = " scaled"
"""The key of the scaled measure in a row. No column's name begins with a space."""


class Rejection(NamedTuple):
    """The reason why a line was rejected."""

    rule: str
    """The broken rule, such as `age.maximum` or `fields`."""
    reason: str
    """A sentence about the rule, without values of the line."""
    field: str | None
    """The offending field, or None if there is none or it might be a value of the measure."""


@dataclass(frozen=True)
class _BrokenRuleError(Exception):
    rule: str
    reason: str


class RowValidator:
    """Validates lines of objects that have the same header."""

    def __init__(self, contract: Contract, header: Header) -> None:
        self._contract = contract
        self._width = len(header.columns)
        self._source = contract.source
        self._translator = Translator(contract.source)
        self._columns = [
            (position, name, contract.source.columns[name])
            for position, name in enumerate(header.columns)
            if name is not None
        ]

    def validate(self, line: bytes) -> dict[str, FieldValue] | Rejection:
        """Return the line's values by column and the scaled measure, or the rejection.

        `line` has no line end.
        """
        text = self._translator.text_of(line)
        # Where a record is one line, an odd quote may open a field that ends in the next line.
        if text.count(self._source.quote) % 2 and not self._source.multiline:
            return Rejection(
                "quotes",
                "an odd number of quotes; a quoted line break needs `multiline: true`",
                None,
            )
        try:
            fields = self._translator.split(text)
        except csv.Error as error:
            return Rejection("quotes", f"not a line of CSV: {error}", None)
        if len(fields) != self._width:
            few = "few" if len(fields) < self._width else "many"
            reason = f"too {few} fields: {len(fields)} under a header of {self._width}"
            return Rejection("fields", reason, None)
        fields = self._translator.cleaned(fields)
        values: dict[str, FieldValue] = {}
        for position, name, column in self._columns:
            try:
                values[name] = self._value(column, fields[position])
                if name == self._contract.measure and isinstance(
                    column, DoubleColumn | IntegerColumn
                ):
                    values[SCALED] = self._scaled(column, fields[position])
            except _BrokenRuleError as broken:
                field, shown = fields[position], None
                if self._may_show(name, field):
                    shown = _shown(field, self._source.encoding)
                reason = broken.reason
                if not any(fields):
                    reason += ", as is every field; `source.skip_blank_rows` leaves such rows out"
                return Rejection(f"{name}.{broken.rule}", f"{name} {reason}", shown)
        return values

    def _may_show(self, name: str, field: str) -> bool:
        """Return True if a field cannot be a value of the measure, even one in the wrong column.

        If the measure has decimals, a whole number in an integer column is taken for that column's
        own.
        """
        if name == self._contract.measure or not field:
            return False
        columns = self._contract.source.columns
        either = (columns[self._contract.measure], columns[name])
        numeric = [column for column in either if not isinstance(column, StringColumn)]
        read = [self._translator.number(field, column) for column in numeric]
        if not any(map(_DOUBLE.fullmatch, (field, *read))):
            return True
        whole = isinstance(columns[name], IntegerColumn) and _INTEGER.fullmatch(field)
        return bool(whole) and not isinstance(columns[self._contract.measure], IntegerColumn)

    def _value(self, column: Column, field: str) -> FieldValue:
        if isinstance(column, StringColumn):
            field = column.meanings.get(field, field)
        if not field:
            if column.nullable:
                return None
            raise _BrokenRuleError("required", "is empty")
        if isinstance(column, StringColumn):
            return _text(column, field, self._source.encoding)
        number = self._translator.number(field, column)
        if number == NO_DAY and isinstance(column, DateColumn):
            raise _BrokenRuleError("type", f"is no day as its format has it, {column.format}")
        try:
            value = _integer(number) if isinstance(column, WholeColumn) else _double(number)
        except ValueError as error:
            raise _BrokenRuleError("type", f"{error}{_why(field)}") from error
        if column.minimum is not None and value < column.minimum:
            raise _BrokenRuleError("minimum", f"is under {_end(column, column.minimum)}")
        if column.maximum is not None and value > column.maximum:
            raise _BrokenRuleError("maximum", f"is over {_end(column, column.maximum)}")
        return value

    def _scaled(self, column: IntegerColumn | DoubleColumn, field: str) -> int:
        scaled = scale(column, self._translator.number(field, column))
        if abs(scaled) > MEASURE_LIMIT:
            raise _BrokenRuleError("magnitude", "is too large to be summed exactly at its decimals")
        return scaled


def scale(column: IntegerColumn | DoubleColumn, number: str) -> int:
    """Return the measure as an integer: times 10 to its decimals, rounded half to even.

    Up to EXACT_LIMIT the product is computed in doubles, as for many rows at once. It is the
    decimal rounding of the text, except that a text in the middle between two integers, or closer
    to it than doubles tell, may be rounded either way. Beyond, the text itself is rounded.
    """
    if isinstance(column, IntegerColumn):
        return int(number)
    scaled = float(number) * 10.0**column.decimals
    if abs(scaled) <= EXACT_LIMIT:
        return round(scaled)
    if abs(scaled) > 2 * MEASURE_LIMIT:
        return MEASURE_LIMIT + 1
    # With as many digits as the text, so that it is rounded once.
    context = Context(prec=max(40, len(number)), rounding=ROUND_HALF_EVEN)
    exact = Decimal(number.strip()).scaleb(column.decimals, context)
    return int(exact.to_integral_value(context=context))


def _end(column: DoubleColumn | WholeColumn, value: float) -> str:
    return column.shown(int(value)) if isinstance(column, WholeColumn) else str(value)


def _text(column: StringColumn, field: str, encoding: str) -> str:
    if any("\udc80" <= character <= "\udcff" for character in field):
        known = "UTF-8" if encoding == "utf-8" else encoding
        raise _BrokenRuleError("encoding", f"is not {known}")
    if column.allowed is not None and field not in column.allowed:
        raise _BrokenRuleError("allowed", f"is none of {', '.join(column.allowed)}")
    return field


def _integer(field: str) -> int:
    match = _INTEGER.fullmatch(field)
    if match is None:
        raise ValueError("is not a whole number")
    # Texts longer than any 64-bit integer are not parsed, which would take quadratic time.
    sign, digits = match.group(1)[0], match.group(1).lstrip("+-").lstrip("0")
    value = int(digits or "0") if len(digits) <= 19 else 1 << 64
    value = -value if sign == "-" else value
    if not -(1 << 63) <= value < 1 << 63:
        raise _BrokenRuleError("type", "is not a whole number of 64 bits")
    return value


def _double(field: str) -> float:
    match = _DOUBLE.fullmatch(field)
    if match is None:
        if _NOT_FINITE.fullmatch(field):
            raise _BrokenRuleError("finite", "is not a finite number")
        raise ValueError("is not a number")
    value = float(match.group(1))
    if abs(value) == float("inf"):
        raise _BrokenRuleError("finite", "is not a finite number")
    return value


_CAUSES = {
    "it ends with .0, which `decimal_zeros: true` reads": re.compile(r"[+-]?[0-9]+\.0+"),
    "it has a decimal point": re.compile(r"[+-]?[0-9]*\.[0-9]*"),
    "it has an exponent": re.compile(r"[+-]?[0-9]*(\.[0-9]*)?[eE][+-]?[0-9]+"),
    "it has a decimal comma": re.compile(r"[+-]?[0-9.]*,[0-9]{1,2}"),
    "it has a thousands separator": re.compile(r"[+-]?[0-9]{1,3}(?:[., '\u00a0\u202f][0-9]{3})+.*"),
    "it has a currency sign": re.compile(r".*[$\u00a3\u00a5\u20ac].*"),
    "it has a percent sign": re.compile(r".*[0-9] ?%"),
    "it stands for a missing value": re.compile(
        r"-|\.|\?|n\.?/?a\.?|null|none|nil|missing|unknown|#n/a|\\n", re.IGNORECASE
    ),
}
"""Causes for which a field is no number, in words without its value."""


def _why(field: str) -> str:
    """Return the cause for which a field is no number, if it is a usual one."""
    text = field.strip()
    if not text:
        return ": it holds only spaces"
    found = (f": {cause}" for cause, pattern in _CAUSES.items() if pattern.fullmatch(text))
    return next(found, "")


def _shown(field: str, encoding: str) -> str:
    """Return a field as an example: shortened, with bytes that are no characters replaced."""
    text = field.encode(encoding, errors="surrogateescape").decode(encoding, errors="replace")
    return text if len(text) <= 60 else text[:57] + "..."
