"""Ranges and bands of a column's numbers, with round edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10
from typing import get_args

import polars as pl

from medical_charges.contract.model import MEASURE_LIMIT
from medical_charges.contract.parts import days
from medical_charges.draft.profile import Profile, words_of

_AGES = [20.0, 30.0, 40.0, 50.0, 60.0]
_BMI = {"underweight": 18.5, "normal": 25, "overweight": 30}
"""CDC's categories for adults."""

_PERIODS = 5

OLDEST = 90
"""The age from which on all ages are one group, as HIPAA's safe harbor has it."""


@dataclass(frozen=True)
class Banding:
    """Intervals of a column."""

    column: str
    below: Mapping[str, float]
    otherwise: str
    by: days.Period | None = None


def is_age(profile: Profile) -> bool:
    """Return True if a column's name and range are those of ages in years."""
    return "age" in words_of(profile.name) and profile.low >= 0 and profile.high <= 120


def banding_of(profile: Profile, values: pl.Series) -> Banding | None:
    """Return bands of about as many rows each, with round edges."""
    if "bmi" in words_of(profile.name) and profile.low < 18.5 and profile.high >= 30:
        return Banding(profile.name, _BMI, "obese")
    edges = [edge for edge in _AGES if profile.low < edge <= profile.high]
    if not is_age(profile) or len(edges) < 2:
        edges = list(_round_edges(profile, values))
    if is_age(profile):
        edges = [edge for edge in edges if edge <= OLDEST]
    if not edges:
        return None
    return Banding(profile.name, below_of(edges, profile), f"from_{label_of(edges[-1])}")


def periods_of(profile: Profile) -> Banding | None:
    """Return the coarsest periods of which a column's days have five, or the finest of two."""
    first, last = int(profile.low), int(profile.high)
    found = {by: days.periods(by, first, last) for by in get_args(days.Period)}
    known = [(by, *it) for by, it in found.items() if it is not None]
    enough = [it for it in known if len(it[1]) >= _PERIODS - 1] or known[-1:]
    return Banding(profile.name, enough[0][1], enough[0][2], enough[0][0]) if enough else None


def below_of(edges: list[float], profile: Profile) -> dict[str, float]:
    """Return labels with their upper edges."""
    labels = [f"under_{label_of(edges[0])}"]
    labels += [f"from_{label_of(low)}_to_{label_of(high)}" for low, high in pairwise(edges)]
    whole = profile.kind == "integer"
    return dict(zip(labels, (int(it) if whole else it for it in edges), strict=True))


def number_in(column: str) -> pl.Expr:
    """Return the numbers of a column of text; null where there is none."""
    return pl.col(column).str.strip_chars(" \t").cast(pl.Float64, strict=False)


def _round_edges(profile: Profile, values: pl.Series) -> Iterator[float]:
    quantiles = [values.quantile(share) or 0.0 for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)]
    step = _rounded_up((quantiles[-1] - quantiles[0]) / 20 or abs(profile.high) / 20 or 1)
    if profile.kind == "integer":
        step = max(1.0, float(round(step)))
    last = profile.low
    for quantile in quantiles[1:-1]:
        edge = float(f"{round(quantile / step) * step:.12g}")
        if last < edge <= profile.high:
            yield edge
            last = edge


def _rounded_up(value: float) -> float:
    """Return the least of 1, 2, 2.5, 5 or 10 times a power of ten that is not under a value."""
    power = 10.0 ** floor(log10(value))
    return next(float(f"{f * power:.12g}") for f in (1, 2, 2.5, 5, 10) if f * power >= value)


def limits(profile: Profile, *, whole: bool) -> tuple[float, float]:
    """Return a range with round ends around a column's numbers, wider if not all were seen."""
    if is_age(profile):
        return 0, 120
    if profile.kind == "date":
        # To the end of the year after the last: what comes next is no other range.
        return profile.low // 10_000 * 10_000 + 101, profile.high // 10_000 * 10_000 + 11_231
    if profile.counts and whole:
        return profile.low, profile.high
    factor = 1 if whole else 2
    high = _rounded_up(profile.high * factor) if profile.high > 0 else 0.0
    low = -_rounded_up(-profile.low * factor) if profile.low < 0 else 0.0
    return low, high


def decimals_of(profile: Profile, high: float) -> int:
    """Return the decimals to which a measure is rounded: its own, if sums stay exact."""
    able = [d for d in range(10) if max(abs(profile.low), high) * 10**d <= MEASURE_LIMIT]
    return min(profile.decimals, max(able, default=0))


def label_of(edge: float) -> str:
    """Return an edge as a part of a label."""
    text = f"{edge:.12g}".replace("e+", "e")
    return text.replace("-", "minus_").replace(".", "_")
