"""Published statistics from exact sums, each rounded once.

Everything is computed in integers or fractions up to the last step; numbers are rounded half to
even to PLACES decimals and written without trailing zeros.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import isqrt

import mpmath
from scipy.special import stdtrit

from medical_charges.aggregates.cube import Sums

PLACES = 6
_UNIT = 10**PLACES
_EXTRA = 10**20
CONFIDENCE = Fraction(95, 100)
_DIGITS = 40


def mean(sums: Sums, decimals: int) -> Fraction:
    """Return the mean of the measure, in its own unit."""
    return Fraction(sums.total, sums.n * 10**decimals)


def sample_variance(sums: Sums, decimals: int) -> Fraction | None:
    """Return the sample variance (divisor n - 1) in squared units; None for one row."""
    if sums.n < 2:
        return None
    spread = sums.n * sums.squares - sums.total**2
    return Fraction(spread, sums.n * (sums.n - 1) * 10 ** (2 * decimals))


def squares(sums: Sums, decimals: int) -> str:
    """Return the sum of the squared deviations from the mean, rounded."""
    spread = sums.n * sums.squares - sums.total**2
    return decimal(Fraction(spread, sums.n * 10 ** (2 * decimals)))


def sample_deviation(sums: Sums, decimals: int) -> str:
    """Return the sample standard deviation, rounded; empty for one row."""
    variance = sample_variance(sums, decimals)
    return "" if variance is None else _plain(_rounded_root(variance * _UNIT**2))


def standard_error(sums: Sums, decimals: int) -> str:
    """Return the standard error of the mean, s / sqrt(n), rounded; empty for one row."""
    variance = sample_variance(sums, decimals)
    return "" if variance is None else _plain(_rounded_root(variance / sums.n * _UNIT**2))


def interval(sums: Sums, decimals: int) -> tuple[str, str]:
    """The 95 % t interval of the mean, mean -/+ t(0.975, n - 1) s / sqrt(n); empty for one row.

    Source of the formula: Student's t interval, as in NIST/SEMATECH e-Handbook 7.2.2.1.
    """
    variance = sample_variance(sums, decimals)
    if variance is None:
        return "", ""
    margin = critical(Fraction(sums.n - 1)) * root(variance / sums.n)
    center = mean(sums, decimals)
    return decimal(center - margin), decimal(center + margin)


def measured(scaled: int, decimals: int) -> str:
    """Return a scaled measure, such as a minimum, in its own unit."""
    return decimal(Fraction(scaled, 10**decimals))


def median(counts: Mapping[int, int], least: int, decimals: int) -> str:
    """Return the least value that half of the people have at most, rounded as it was counted.

    Args:
        counts: people by the rounded measure.
        least: how many people must come before it, and how many after it, or it is empty. The order
            is that of the measure, so that this follows from the number of people alone.
        decimals: of the measure.
    """
    n = sum(counts.values())
    rank = (n + 1) // 2
    # After it come as many as before it, or one more.
    if rank - 1 < least:
        return ""
    values = sorted(counts)
    reached = accumulate(counts[value] for value in values)
    return measured(values[bisect_left(list(reached), rank)], decimals)


def share(part: int, whole: int) -> str:
    """Return a part of a whole, from 0 to 1."""
    return decimal(Fraction(part, whole))


def decimal(value: Fraction) -> str:
    """Return a number rounded half to even to PLACES decimals, without trailing zeros."""
    return _plain(round(value * _UNIT))


def _plain(units: int) -> str:
    whole, fraction = divmod(abs(units), _UNIT)
    text = f"{whole}.{fraction:0{PLACES}d}".rstrip("0").rstrip(".")
    return f"-{text}" if units < 0 else text


def _rounded_root(value: Fraction) -> int:
    """Return the square root of a fraction, rounded to an integer, halves to even."""
    floor = isqrt(value.numerator // value.denominator)
    middle = Fraction(2 * floor + 1, 2) ** 2
    return floor + (value > middle or (value == middle and floor % 2 == 1))


def root(value: Fraction) -> Fraction:
    """Return the square root of a fraction to 20 decimals, far below what is published."""
    return Fraction(isqrt(value.numerator * _EXTRA**2 // value.denominator), _EXTRA)


@lru_cache(maxsize=4096)
def critical(freedom: Fraction) -> Fraction:
    """Return the two-sided critical value of Student's t at CONFIDENCE, to 25 digits or more.

    A double has too few for amounts of sixteen digits. One step of Newton's method doubles them.
    Source of the distribution: DLMF 8.17, the regularized incomplete beta function at t^2 / (t^2 +
    df).
    """
    with mpmath.workdps(_DIGITS):
        start = mpmath.mpf(float(stdtrit(float(freedom), float(1 + CONFIDENCE) / 2)))
        df, confidence = (mpmath.mpf(it.numerator) / it.denominator for it in (freedom, CONFIDENCE))
        half, square = df / 2, start**2
        within = mpmath.betainc(0.5, half, 0, square / (square + df), regularized=True)
        density = (1 + square / df) ** (-half - 0.5) / (mpmath.sqrt(df) * mpmath.beta(0.5, half))
        better = start - (within - confidence) / (2 * density)
        return Fraction(mpmath.nstr(better, _DIGITS))


COMPUTED: Mapping[str, Callable[[Sums, int, int], tuple[str, ...]]] = {
    "patients": lambda sums, _, __: (str(sums.n),),
    "share": lambda sums, whole, _: (share(sums.n, whole),),
    "mean": lambda sums, _, decimals: (decimal(mean(sums, decimals)),),
    "total": lambda sums, _, decimals: (measured(sums.total, decimals),),
    "minimum": lambda sums, _, decimals: (measured(sums.minimum, decimals),),
    "maximum": lambda sums, _, decimals: (measured(sums.maximum, decimals),),
    "stddev": lambda sums, _, decimals: (sample_deviation(sums, decimals),),
    "standard_error": lambda sums, _, decimals: (standard_error(sums, decimals),),
    "ci95": lambda sums, _, decimals: interval(sums, decimals),
}
"""The figures of each statistic of `contract.outputs`: of a group's sums, of the people of whom its
share is taken, and of the decimals of the measure. A median is not of sums."""
