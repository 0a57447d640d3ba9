"""Names and texts that a contract may have, and headings that people read in their place."""

from __future__ import annotations

import re

COLUMN_LIMIT = 100
"""Maximum length of a column's name: with a statistic's prefix, QuickSight allows 128."""

PLAIN_TEXT = (
    "text that a CSV holds without quotes: no comma, quote, line break or control character"
)
NO_FORMULA = (
    "text that no spreadsheet computes: without `=`, `@` or a sign at its start or behind a "
    "semicolon"
)

FOUND_IN_VALUES = {
    PLAIN_TEXT: "a comma, a quote or a control character, which a CSV could hold only in quotes",
    NO_FORMULA: "the start of a formula (`=`, `@` or a sign), which a spreadsheet would run",
}
"""What a value has that is not the text that is allowed."""

_FORMULA = re.compile(r"\s*[=@\uff1d\uff20+\-\uff0b\uff0d]")
_NUMBER = r"[+-]? ?[0-9]+(?:\.[0-9]+)? ?%?"
_SIGNED = re.compile(
    rf"\s*[+-]+|\s*[+-](?:[^\W\d_]| )*|\s*(?=[+-]){_NUMBER}(?:(?: +[^\W\d_]+)+(?: +{_NUMBER})?)?"
)
"""Signs alone, or one before words, or before a number and what it is of or goes to, as `-5 to 0`.

It holds nothing that could call a function or name a cell.
"""
_LIST_SEPARATOR = ";"
"""What separates fields where the comma is the decimal sign; tabs are control characters."""


def not_a_label(value: str) -> str | None:
    """Return what a label of a published CSV must be, if it is not valid.

    Catalog tables do not read quotes, and spreadsheets run what looks like a formula.
    """
    if any(c in ',"' or ord(c) < 32 or ord(c) == 127 for c in value):
        return PLAIN_TEXT
    return NO_FORMULA if any(map(_is_formula, value.split(_LIST_SEPARATOR))) else None


def _is_formula(field: str) -> bool:
    return _FORMULA.match(field) is not None and _SIGNED.fullmatch(field) is None


def not_a_name(name: str) -> str | None:
    """Return what a column's name must be, if it is not valid."""
    if name != name.strip() or not name:
        return "a column's name without spaces around it"
    if (wanted := not_a_label(name)) is not None:
        return wanted
    if len(name) > COLUMN_LIMIT:
        return f"a name of {COLUMN_LIMIT} characters at most"
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        return "a name, not a pattern of names"
    return None


def words(name: str) -> str:
    """Return a name of the contract as words, the first with a capital."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def in_sentence(text: str) -> str:
    """Return a heading for use within a sentence; an abbreviation keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def plural(noun: str) -> str:
    """Return the plural of a regular noun, and of `person`."""
    if noun == "person":
        return "people"
    if noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")
