"""The texts of fields in a dialect, as the plain dialect has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medical_charges.contract import Column
from medical_charges.contract.dialect import Dialect
from medical_charges.contract.model import StringColumn


def plain_texts(column: Column, dialect: Dialect) -> Callable[[str], str] | None:
    """Return a function that makes plain texts of a column's, or None if they are plain."""
    steps = list(_steps(column, dialect))
    if not steps:
        return None

    def plain(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return plain


def _steps(column: Column, dialect: Dialect) -> Iterator[Callable[[str], str]]:
    if dialect.trim:
        yield lambda text: text.strip(" \t")
    if nulls := set(dialect.null_values):
        yield lambda text: "" if text in nulls else text
    if isinstance(column, StringColumn):
        return
    if sign := dialect.thousands:
        yield lambda text: _without_thousands(text, sign, dialect.decimal)
    if dialect.decimal != ".":
        # A point is no decimal sign then.
        yield lambda text: "no number" if "." in text else text.replace(dialect.decimal, ".")


def _without_thousands(text: str, sign: str, decimal: str) -> str:
    """Remove separators of thousands if they part all digits before the decimal sign by three."""
    number = text.strip(" \t")
    whole, _, fraction = number.partition(decimal)
    first, *others = whole.removeprefix("-" if whole.startswith("-") else "+").split(sign)
    right = len(first) <= 3 and all(len(group) == 3 for group in others)
    digits = [first, *others, fraction or "0"]
    if not others or not right or not all(it.isascii() and it.isdigit() for it in digits):
        return text
    return number.replace(sign, "")
