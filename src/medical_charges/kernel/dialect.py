"""Odd dialects: blocks are translated to plain CSV byte by byte, so that all offsets stay.

The delimiter, the quote and the decimal sign become a comma, a quotation mark and a point. What
stood for these becomes one of the characters that are free, so the translation can be reversed, and
a point is no decimal sign where the contract says a comma. It never becomes a space or a tab, which
may stand around numbers.
"""

from __future__ import annotations

import csv
import re
import sys

from medical_charges.contract.parts import days
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.parts.source import DateColumn, DoubleColumn, IntegerColumn

csv.field_size_limit(sys.maxsize)

_PLAIN = Dialect()

_PADDING = " \t"

SPACES = " \t\u00a0\u202f"
"""Spaces between a number and its unit; some are kept together with it at the end of a line."""

_WITH_ZEROS = re.compile(r"\A([ \t]*[+-]?[0-9]+)\.0*(?=[ \t]*\Z)")

NO_DAY = "no day"
"""What stands for a field that is no day where numbers are read."""

STAND_IN = b"\x1f"
"""Stands for a delimiter within a field once its quotes are removed, as between thousands."""

_INSTEAD_OF_SPACES = "\x1c\x1d"


class Translator:
    """Translates blocks and texts of a dialect to plain ones and back, and reads its fields."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        odd = [dialect.delimiter, dialect.quote, dialect.decimal]
        plain = [_PLAIN.delimiter, _PLAIN.quote, _PLAIN.decimal]
        spaces = [sign for sign in odd if sign in _PADDING]
        others = [sign for sign in _INSTEAD_OF_SPACES if sign not in odd][: len(spaces)]
        before = odd + others + [sign for sign in plain if sign not in odd]
        free = [sign for sign in odd if sign not in plain + spaces]
        after = plain + spaces + others + free
        self._to_plain = dict(zip(map(ord, before), after, strict=True)) if odd != plain else {}
        self._to_odd = {ord(plain): chr(odd) for odd, plain in self._to_plain.items()}
        self._forward = bytes.maketrans("".join(before).encode(), "".join(after).encode())
        self._backward = bytes.maketrans("".join(after).encode(), "".join(before).encode())
        self._decimals = {ord("."): ",", ord(","): "."} if dialect.decimal == "," else {}
        self.uses_stand_in = dialect.thousands == dialect.delimiter
        self.doubtful = "".join(spaces).encode() + STAND_IN * self.uses_stand_in
        """Bytes that a plain line has only by a byte that stands for something else in it."""
        self.padding = self.plain_text(_PADDING)
        self.thousands = dialect.thousands and self.plain_text(dialect.thousands)
        if self.uses_stand_in:
            self.thousands = STAND_IN.decode()
        self.nulls = [*map(self.plain_text, dialect.null_values)]
        comment = dialect.comment
        self.comment = b"" if comment is None else self.plain_text(comment).encode()
        self._comments = re.compile(rb"\n(?:" + re.escape(self.comment) + rb"[^\n]*\n)+")
        self.skips_blank_rows = dialect.skip_blank_rows
        self.trims, self.cleans = dialect.trim, dialect.trim or bool(dialect.null_values)
        """True if a field may differ from its text."""
        self._grouped = re.compile(grouped_number(dialect.thousands or "", dialect.decimal))

    def plain(self, block: bytes) -> bytes:
        """Translate a block to plain CSV of the same length, in the same encoding."""
        return block.translate(self._forward) if self._to_plain else block

    def original(self, block: bytes) -> bytes:
        """Translate a plain block back."""
        return block.translate(self._backward) if self._to_plain else block

    def plain_text(self, text: str) -> str:
        """Translate a text to the form that it has in a plain block."""
        return text.translate(self._to_plain) if self._to_plain else text

    def original_text(self, text: str) -> str:
        """Translate a text of a plain block back."""
        return text.translate(self._to_odd) if self._to_plain else text

    def without_comments(self, block: bytes) -> bytes:
        """Return a plain block that ends with a newline without its comments."""
        return self._comments.sub(b"\n", b"\n" + block)[1:] if self.comment else block

    def recoded(self, block: bytes) -> bytes:
        """Return a block in UTF-8; bytes that the encoding does not know stay wrong."""
        encoding = self._dialect.encoding
        if encoding == _PLAIN.encoding or block.isascii():
            return block
        # Written back as they are, two of them could be a letter of UTF-8.
        return block.decode(encoding, "surrogateescape").encode(errors="surrogatepass")

    def text_of(self, line: bytes) -> str:
        """Decode a line as it was read; a byte that the encoding does not know is a surrogate."""
        return line.decode(self._dialect.encoding, "surrogateescape").removesuffix("\r")

    def split(self, text: str) -> list[str]:
        """Split a record at its delimiters.

        Raises:
            csv.Error: its quotes are wrong.
        """
        signs = {"delimiter": self._dialect.delimiter, "quotechar": self._dialect.quote}
        return next(csv.reader([text], strict=True, **signs), [])  # type: ignore[arg-type]

    def cleaned(self, fields: list[str]) -> list[str]:
        """Return fields without spaces around them and without words for nothing."""
        if not self.cleans:
            return fields
        if self._dialect.trim:
            fields = [field.strip(_PADDING) for field in fields]
        return ["" if field in self._dialect.null_values else field for field in fields]

    def number(self, field: str, column: DateColumn | DoubleColumn | IntegerColumn) -> str:
        """Return a number in its plain form; a field that is no number is none in that form."""
        if isinstance(column, DateColumn):
            day = days.read(field, column.format)
            return NO_DAY if day is None else str(day)
        if column.unit:
            field = _without_unit(field, column.unit)
        thousands = self._dialect.thousands
        if thousands and thousands in field and self._grouped.fullmatch(field):
            field = field.replace(thousands, "")
        field = field.translate(self._decimals) if self._decimals else field
        if isinstance(column, IntegerColumn) and column.decimal_zeros:
            field = _WITH_ZEROS.sub(r"\1", field)
        return field


def _without_unit(field: str, unit: str) -> str:
    """Remove a unit behind a number, or before it or its sign."""
    text = field.strip(SPACES)
    if text.endswith(unit):
        return text.removesuffix(unit).rstrip(SPACES)
    sign = text[:1] if text[:1] in {"+", "-"} else ""
    if text.startswith(unit, len(sign)):
        return sign + text[len(sign) + len(unit) :].lstrip(SPACES)
    return text


def grouped_number(thousands: str, decimal: str) -> str:
    """Return a pattern of the numbers in which all thousands are separated."""
    groups = f"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+"
    return rf"[ \t]*[+-]?{groups}(?:{re.escape(decimal)}[0-9]*)?[ \t]*"
