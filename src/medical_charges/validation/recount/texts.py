"""The texts of fields in a dialect, as the plain dialect has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from string import digits

from medical_charges.contract import Column
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.parts.source import DateColumn, IntegerColumn, Source, StringColumn

_NO_NUMBER, _FIRST_YEAR = "no number", 1000
_SPACES = " \t\u00a0\u202f"


def columns_of(header: Sequence[str], source: Source) -> list[str]:
    """Return the header with the contract's names in the place of other spellings."""
    fold = str.casefold if source.fold_names else str
    names = {
        fold(spelling): name
        for name, column in source.columns.items()
        for spelling in ([column.name] if isinstance(column.name, str) else column.name or [name])
    }
    # What the contract does not know must not be taken for one of its names.
    return [names.get(fold(field), f"unknown: {field}") for field in header]


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
        if column.spellings:
            yield partial(_allowed_value, spellings=column.spellings)
        return
    if isinstance(column, DateColumn):
        yield partial(_without_separators, form=column.format)
        return
    if unit := column.unit:
        # Where nothing is left, nothing was written but a unit, or spaces.
        yield lambda text: text and (_without_unit(text, unit) or _NO_NUMBER)
    if sign := dialect.thousands:
        yield lambda text: _without_thousands(text, sign, dialect.decimal)
    if dialect.decimal != ".":
        # A point is no decimal sign then.
        yield lambda text: _NO_NUMBER if "." in text else text.replace(dialect.decimal, ".")
    if isinstance(column, IntegerColumn) and column.decimal_zeros:
        yield _without_zeros


def _allowed_value(text: str, spellings: Mapping[str, str | tuple[str, ...]]) -> str:
    """Return the value that a text is another spelling of, or the text."""
    for value, others in spellings.items():
        if text == others or (not isinstance(others, str) and text in others):
            return value
    return text


def _without_separators(text: str, form: str) -> str:
    """Return a day as eight digits, nothing as it is, and all else as no number."""
    if not text:
        return text
    day, signs = text.strip(" \t"), set(form) - set("%Ymd")
    try:
        moment = datetime.strptime(day, form)
    except ValueError:
        return _NO_NUMBER
    # It also takes spaces, other scripts' digits, and less than two digits between no signs.
    plain = set(day) <= signs | set(digits)
    whole = bool(signs) or len(day) == len("20260131")
    return f"{moment:%Y%m%d}" if plain and whole and moment.year >= _FIRST_YEAR else _NO_NUMBER


def _without_unit(text: str, unit: str) -> str:
    number = text.strip(_SPACES)
    if number[-len(unit) :] == unit:
        return number[: -len(unit)].rstrip(_SPACES)
    for sign in ("-", "+", ""):
        if number.startswith(sign + unit):
            return sign + number[len(sign + unit) :].lstrip(_SPACES)
    return number


def _without_zeros(text: str) -> str:
    whole, _, zeros = text.strip(" \t").partition(".")
    return whole if whole[-1:].isdigit() and not zeros.strip("0") else text


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
