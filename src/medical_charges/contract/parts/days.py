"""Days as numbers of eight digits, which sort as days do: 2026-01-31 is 20260131.

periods("quarter", 20251001, 20260331)     # {"2025-Q4": 20260101}, "2026-Q1"
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import (
    PlainValidator,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

Format = Literal[
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%m/%d/%Y", "%m-%d-%Y",
]  # fmt: skip
"""How days are written, as Python's `strptime` has it. A year has four digits from 1000 on; a day
and a month have one or two, and two where nothing separates them."""

Period = Literal["year", "quarter", "month"]

MOST_PERIODS = 120
"""Maximum number of periods of a band: ten years of months."""

_PARTS = {"%Y": "(?P<Y>[1-9][0-9]{3})", "%m": "(?P<m>[0-9]{1,2})", "%d": "(?P<d>[0-9]{1,2})"}


def number_of(day: date) -> int:
    """Return a day as a number."""
    return day.year * 10_000 + day.month * 100 + day.day


def text_of(number: int) -> str:
    """Return a number of a day as text, as ISO 8601 has it."""
    return f"{number // 10_000:04}-{number // 100 % 100:02}-{number % 100:02}"


def separator_of(form: Format) -> str:
    """Return the sign between the parts of a day, or nothing."""
    return form.translate({ord(sign): None for sign in "%Ymd"})[:1]


def pattern_of(form: Format, separator: str) -> str:
    """Return a regular expression of days in a format, valid ones and others."""
    if not separator:
        return "(?P<Y>[1-9][0-9]{3})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
    parts = (_PARTS[part] for part in form.split(separator_of(form)))
    return re.escape(separator).join(parts)


@cache
def _compiled(form: Format) -> re.Pattern[str]:
    return re.compile(rf"[ \t]*{pattern_of(form, separator_of(form))}[ \t]*")


def read(text: str, form: Format) -> int | None:
    """Return the number of the day that a text says in a format, or None."""
    match = _compiled(form).fullmatch(text)
    if match is None:
        return None
    try:
        return number_of(date(*(int(match[part]) for part in "Ymd")))
    except ValueError:
        return None


def is_day(number: float) -> bool:
    """Return True if a number of eight digits is a day."""
    return number == int(number) and read(str(int(number)), "%Y%m%d") is not None


class DayNumber(int):
    """A day that a contract gives as a day, as a number."""


def _day(value: Any) -> DayNumber | None:
    """Return a day as YAML has it, or as ISO 8601 has it in text."""
    if type(value) is date:
        return DayNumber(number_of(value))
    found = read(value, "%Y-%m-%d") if isinstance(value, str) else None
    return None if found is None else DayNumber(found)


def _only_a_day(value: Any) -> DayNumber:
    if (found := _day(value)) is None:
        raise PydanticCustomError("no_day", "a day such as 2026-01-31")
    return found


def _perhaps_a_day(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    found = _day(value)
    return handler(value) if found is None else found


or_day = WrapValidator(_perhaps_a_day)
"""Lets a number be given as a day."""
JSON_DAY = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
Day = Annotated[int, PlainValidator(_only_a_day), WithJsonSchema(JSON_DAY)]


def periods(by: Period, first: int, last: int) -> tuple[dict[str, int], str] | None:
    """Return the labels of the periods from a day to another, with their ends excluded.

    The last period has no end. None if there are too many periods, or fewer than two.
    """
    months = {"year": 12, "quarter": 3, "month": 1}[by]
    start, end = (_months(number) // months for number in (first, last))
    if not 0 < end - start < MOST_PERIODS:
        return None
    labels = [_label(by, place * months) for place in range(start, end + 1)]
    edges = [_first_day((place + 1) * months) for place in range(start, end)]
    return dict(zip(labels, edges, strict=False)), labels[-1]


def _months(number: int) -> int:
    """Return the months before a day, counted from the year 0."""
    return number // 10_000 * 12 + number // 100 % 100 - 1


def _first_day(months: int) -> int:
    return months // 12 * 10_000 + (months % 12 + 1) * 100 + 1


def _label(by: Period, months: int) -> str:
    year, month = divmod(months, 12)
    if by == "year":
        return f"{year}"
    return f"{year}-Q{month // 3 + 1}" if by == "quarter" else f"{year}-{month + 1:02}"
