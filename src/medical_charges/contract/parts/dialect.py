"""The dialect of an input: how its CSV differs from comma-separated UTF-8 with a decimal point."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr

from medical_charges.contract.parts.part import Part

_Text = Annotated[StrictStr, Field(min_length=1)]
Thousands = Literal[".", ",", " ", "'", "_", "\u00a0", "\u2009", "\u202f", "\u2019"]
Encoding = Literal[
    "utf-8", "cp1252", "latin-1", "iso-8859-15", "cp1250", "iso-8859-2", "cp1251", "cp1253",
    "cp1254", "cp1257", "cp437", "cp850", "mac-roman",
]  # fmt: skip
"""All of these have ASCII in common, so lines and fields end where their bytes end."""

OF_VALUES = ("null_values", "trim")
"""The keys of a dialect that are about values, however these are stored."""

_NO_CHARACTER = "\0\n\r.+-"


class Dialect(Part):
    """How records, fields and numbers are written. Without any key it is the plain dialect."""

    delimiter: StrictStr = Field(",", description="The character between two fields.")
    quote: StrictStr = Field(
        '"', description="The character around a field that holds a delimiter; doubled within it."
    )
    decimal: Literal[".", ","] = Field(".", description="The decimal sign of numbers.")
    thousands: Thousands | None = Field(
        None, description="The separator that numbers may have between groups of three digits."
    )
    encoding: Encoding = Field("utf-8", description="How characters are stored as bytes.")
    null_values: tuple[_Text, ...] = Field(
        (), description="Texts that stand for an empty field, such as NA."
    )
    trim: bool = Field(
        False, description="Whether spaces and tabs around a field are left out, of texts too."
    )
    comment: StrictStr | None = Field(
        None, description="The character with which lines begin that are no rows."
    )
    skip_lines: Annotated[StrictInt, Field(ge=0, le=1000)] = Field(
        0, description="The number of lines above the header."
    )
    skip_blank_rows: bool = Field(
        False, description="Whether lines of delimiters alone are no rows, as of a worksheet's end."
    )
    multiline: bool = Field(
        False,
        description="Whether quoted fields may hold line breaks; such objects are read slower.",
    )

    def plain_keys(self) -> Iterator[str]:
        """Yield the keys of a dialect that say what holds without them.

        `multiline` is older than the others, and always said.
        """
        for key, field in Dialect.model_fields.items():
            if key != "multiline" and getattr(self, key) == field.default:
                yield key

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """Yield what cannot be: the key, what was found, and what is allowed."""
        signs = {
            key: getattr(self, key)
            for key in ("delimiter", "quote", "decimal", "comment")
            if getattr(self, key) is not None
        }
        for key, sign in signs.items():
            if key != "decimal" and not _is_sign(sign):
                allowed = "one ASCII character that is no letter, digit, sign, point or line end"
                yield key, repr(sign), allowed
        for one, other in combinations(signs, 2):
            if signs[one] == signs[other]:
                yield other, repr(signs[one]), f"another character than that of `{one}`"
        if self.thousands in {self.decimal, self.quote}:
            yield "thousands", repr(self.thousands), "no decimal sign and no quote"
        if self.comment is not None and self.multiline:
            yield "comment", repr(self.comment), "no comments where `multiline: true` joins lines"


def _is_sign(text: str) -> bool:
    return len(text) == 1 and text.isascii() and not (text.isalnum() or text in _NO_CHARACTER)
