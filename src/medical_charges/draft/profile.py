"""What the values of a column are, in a sample."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from medical_charges.contract.parts import days
from medical_charges.contract.pii.names import kind_of_person_data
from medical_charges.contract.pii.values import kind_of_values

THRESHOLD = 11
"""The least people of a group that drafted contracts publish."""
GROUPS_LISTED = 50
"""The most different texts that a contract lists."""

_ENOUGH = 0.97
"""Share of the values that must be numbers for a column of numbers."""

_INTEGER = r"^[ \t]*[+-]?[0-9]+[ \t]*$"
_DOUBLE = r"^[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*$"
_PADDED = r"^[+-]?0[0-9]"
_ZEROS = r"\.0+[ \t]*$"

_SCANNED = 500

Kind = Literal["integer", "double", "date", "string"]

_SEPARATED: tuple[days.Format, ...] = tuple(
    form for form in get_args(days.Format) if days.separator_of(form)
)
"""The formats that only days have: eight digits may be any number."""


@dataclass(frozen=True)
class Profile:
    """A column of a sample."""

    name: str
    kind: Kind
    rows: int
    empty: int
    wrong: int
    """Number of values that a column of this kind may not have."""
    distinct: int
    counts: dict[str, int]
    """The values by how often they occur, if there are up to GROUPS_LISTED; those most often
    first."""
    low: float
    high: float
    """The range of the numbers."""
    decimals: int
    forms: tuple[days.Format, ...]
    """The formats in which all days can be read; those of the European order first."""
    zeros: bool
    """True if the column holds whole numbers, some of which are written as 19.0."""
    running: bool
    """True if each row has a number of its own, in rising order."""
    person: str
    """The kind of person data that the name or the values indicate, or nothing."""
    amount: bool
    """True if the values resemble identifiers only because of their digits."""

    @property
    def flaws(self) -> int:
        """Number of rows that are rejected if every row must have a value."""
        return self.empty + self.wrong

    @property
    def numeric(self) -> bool:
        """True if the column holds numbers."""
        return self.kind in {"integer", "double"}


def profile_of(name: str, values: pl.Series, heads: Iterable[pl.Series]) -> Profile:
    """Describe a column; `heads` are the first values of each file."""
    present = values.fill_null("")
    present = present.filter(present != "")
    kind, wrong, numbers = _kind(present)
    forms = _forms(present) if kind == "string" else ()
    if forms:
        numbers = days_in(present, forms[0]).drop_nulls().cast(pl.Float64)
        kind, wrong = "date", present.len() - numbers.len()
    counts = _counts(present if kind == "string" else numbers.cast(pl.Int64, strict=False), kind)
    heads = [head.head(_SCANNED).fill_null("") for head in heads]
    if len(heads) > 1:
        heads.append(pl.concat(heads))  # files of a few rows show nothing by themselves
    person = kind_of_person_data(name) or _person(heads, kind, quantity=False)
    return Profile(
        name=name,
        kind=kind,
        rows=values.len(),
        empty=values.len() - present.len(),
        wrong=wrong,
        distinct=(present if kind == "string" else numbers).n_unique(),
        counts=counts,
        low=_number(numbers.min()),
        high=_number(numbers.max()),
        decimals=_decimals(present) if kind == "double" else 0,
        forms=forms,
        zeros=kind == "integer" and present.str.contains(_ZEROS).any(),
        running=kind == "integer" and _is_running(numbers),
        person=person or "",
        amount=person is not None
        and kind == "integer"
        and not kind_of_person_data(name)
        and not _person(heads, kind, quantity=True),
    )


def is_text(values: pl.Series) -> bool:
    """Return True if the values that are there are read as text."""
    present = values.drop_nulls()
    return _kind(present.filter(present != ""))[0] == "string"


def _kind(present: pl.Series) -> tuple[Kind, int, pl.Series]:
    """Return what the values are, how many are not, and the numbers among them."""
    total = present.len()
    doubles = present.filter(present.str.contains(_DOUBLE)).str.strip_chars(" \t")
    numbers = doubles.cast(pl.Float64, strict=False)
    numbers = numbers.filter(numbers.is_finite())
    integers = doubles.filter(doubles.str.contains(_INTEGER)).cast(pl.Int64, strict=False)
    integers = integers.drop_nulls()
    different = present.n_unique()
    whole = doubles.str.replace(_ZEROS, "").cast(pl.Int64, strict=False).drop_nulls()
    # Of many numbers that are whole, the next one may not be.
    if different <= GROUPS_LISTED and whole.len() == doubles.len():
        integers = whole
    codes = different <= GROUPS_LISTED and doubles.str.contains(_PADDED).any()
    if not total or codes or numbers.len() < _ENOUGH * total:
        return "string", 0, pl.Series(dtype=pl.Float64)
    if integers.len() >= _ENOUGH * total:
        return "integer", total - integers.len(), integers.cast(pl.Float64)
    return "double", total - numbers.len(), numbers


def days_in(texts: pl.Series, form: days.Format) -> pl.Series:
    """Return days as numbers of eight digits; null where a text is no day in a format."""
    texts = texts.str.strip_chars(" \t")
    pattern = days.pattern_of(form, days.separator_of(form))
    found = texts.str.to_date(form, strict=False)
    numbers = found.dt.strftime("%Y%m%d").cast(pl.Int64)
    return numbers.set(~texts.str.contains(f"^(?:{pattern})$"), None)


def _forms(present: pl.Series) -> tuple[days.Format, ...]:
    """Return the formats in which nearly all texts are days."""
    most = _ENOUGH * present.len()
    read = {form: present.len() - days_in(present, form).null_count() for form in _SEPARATED}
    best = max(read.values())
    return tuple(form for form, count in read.items() if count == best and count >= most > 0)


def _counts(values: pl.Series, kind: Kind) -> dict[str, int]:
    if kind in {"double", "date"} or values.n_unique() > GROUPS_LISTED:
        return {}
    table = values.alias("value").value_counts().sort("count", "value", descending=[True, False])
    return {str(value): count for value, count in table.iter_rows()}


def _person(heads: Iterable[pl.Series], kind: Kind, *, quantity: bool) -> str | None:
    """Return the kind of person data in the first values of any file, as a run looks for it."""
    if kind in {"double", "date"}:
        return None
    for head in heads:
        # Each value once as well: a name that occurs often is a name.
        for values in (head, head.unique(maintain_order=True) if kind == "string" else head):
            found = kind_of_values(values.to_list(), quantity=quantity)
            if found is not None:
                return found
    return None


def _is_running(numbers: pl.Series) -> bool:
    return numbers.len() > 1 and numbers.n_unique() == numbers.len() and numbers.is_sorted()


def _decimals(present: pl.Series) -> int:
    """Return the largest number of decimals that a value has."""
    fractions = present.str.extract(r"\.([0-9]+)").drop_nulls().str.strip_chars_end("0")
    return int(fractions.str.len_chars().max() or 0)  # type: ignore[arg-type]


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def words_of(name: str) -> set[str]:
    """Return the words of a column's name, in lower case."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", name)
    return set(parted.lower().split())
