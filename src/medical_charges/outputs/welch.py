"""Welch's test of two groups' means, from their sums alone.

Everything up to the quantiles of Student's t is an exact fraction, so the figures depend neither on
how the rows were split nor on the distance of the measure from zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gamma, sqrt

from scipy.special import stdtr

from medical_charges.aggregates.cube import Cells, Key, Sums
from medical_charges.contract import Comparison, Contract
from medical_charges.contract.outputs import COMPARISON_COLUMNS, NULL
from medical_charges.outputs.statistics import critical, decimal, mean, root, sample_variance

LEAST_P = 1e-300
"""A smaller p is published as 0: it is near the end of what a double can hold."""


@dataclass(frozen=True)
class Welch:
    """Welch's test of two means, with the size of the effect."""

    low: Fraction
    """Lower end of the 95 % interval of the difference of the means."""
    high: Fraction
    t: Fraction
    df: Fraction
    """By Welch and Satterthwaite."""
    p: float
    """Two-sided."""
    g: Fraction
    """Hedges' g: the difference in pooled deviations, freed from the bias of small samples."""


def welch(a: Sums, b: Sums, decimals: int) -> Welch | None:
    """Return the test, or None if there is none: for a group of one, or without variance.

    Sources of the formulas: Welch, Biometrika 34 (1947); Hedges, Journal of Educational
    Statistics 6 (1981).
    """
    variance_a, variance_b = sample_variance(a, decimals), sample_variance(b, decimals)
    if variance_a is None or variance_b is None or not (variance_a or variance_b):
        return None
    error_a, error_b = variance_a / a.n, variance_b / b.n
    squared_error = error_a + error_b
    df = squared_error**2 / (error_a**2 / (a.n - 1) + error_b**2 / (b.n - 1))
    gap = mean(a, decimals) - mean(b, decimals)
    sign = -1 if gap < 0 else 1
    t = sign * root(gap**2 / squared_error)
    margin = critical(df) * root(squared_error)
    freedom = a.n + b.n - 2
    pooled = ((a.n - 1) * variance_a + (b.n - 1) * variance_b) / freedom
    g = sign * root(gap**2 / pooled) * Fraction(small_sample_factor(freedom))
    p = 2 * float(stdtr(float(df), -abs(float(t))))
    return Welch(gap - margin, gap + margin, t, df, p, g)


def small_sample_factor(freedom: int) -> float:
    """Return Hedges' exact correction, gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2))."""
    if freedom <= 300:
        return gamma(freedom / 2) / (sqrt(freedom / 2) * gamma((freedom - 1) / 2))
    # Gammas overflow, and the difference of their logarithms loses digits: from here on the
    # asymptotic series of their ratio is right to the last one.
    z = (freedom - 1) / 2
    terms = (1, -1 / 8, 1 / 128, 5 / 1024, -21 / 32768, -399 / 262144)
    return sqrt(z / (freedom / 2)) * sum(term / z**i for i, term in enumerate(terms))


@dataclass(frozen=True)
class Pair:
    """A comparison in one stratum, with the keys of its two groups."""

    comparison: str
    names: tuple[str, ...]
    """The names by which the groups are grouped, the compared column last."""
    stratum: Key
    groups: tuple[str | int, str | int]

    @property
    def keys(self) -> tuple[Key, Key]:
        """The two groups' keys, in the order of `names`."""
        return (*self.stratum, self.groups[0]), (*self.stratum, self.groups[1])

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns before the figures."""
        within = zip(self.names, self.stratum, strict=False)
        stratum = "; ".join(f"{name}={value}" for name, value in within) or "all"
        return (self.comparison, stratum, *map(str, self.groups))


def pairs(name: str, comparison: Comparison, cells: Cells, contract: Contract) -> list[Pair]:
    """Return the strata of a comparison that are not empty, in the order of their groups.

    The cells' keys are in the order of the comparison's names.
    """
    found = {key[:-1] for key in cells if key[-1] in comparison.groups}
    return [
        Pair(name, comparison.names, stratum, comparison.groups)
        for stratum in sorted(found, key=lambda key: contract.sort_key(comparison.within, key))
    ]


def figures(a: Sums | None, b: Sums | None, decimals: int) -> tuple[str, ...]:
    """Return the published figures of two groups; None is an empty group."""
    shown = {column.name: NULL for column in COMPARISON_COLUMNS if column.role != "label"}
    shown["n_a"], shown["n_b"] = str(a.n if a else 0), str(b.n if b else 0)
    if a and b:
        shown["difference"] = decimal(mean(a, decimals) - mean(b, decimals))
        if (test := welch(a, b, decimals)) is not None:
            shown["ci95_low"], shown["ci95_high"] = decimal(test.low), decimal(test.high)
            shown["t"], shown["df"] = decimal(test.t), decimal(test.df)
            shown["p"] = f"{test.p:.6g}" if test.p >= LEAST_P else "0"
            shown["hedges_g"] = decimal(test.g)
    return tuple(shown.values())
