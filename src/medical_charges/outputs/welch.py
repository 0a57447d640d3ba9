"""Welch's test of two groups' means, from their sums alone, standardized or not.

A standardized mean is the mean of a group if its people were distributed over some layers, such as
smokers and non-smokers, as everybody is. A comparison that is not standardized has one layer.

Everything up to the quantiles of Student's t is an exact fraction, so the figures depend neither on
how the rows were split nor on the distance of the measure from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gamma, sqrt
from typing import NamedTuple

from scipy.special import stdtr

from medical_charges.aggregates.cube import Cells, Key, Sums
from medical_charges.contract import Comparison, Contract
from medical_charges.contract.model import MARGIN
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


class Layer(NamedTuple):
    """Two groups in one layer; None is an empty group."""

    people: int
    """How many of everybody are in the layer: its weight."""
    a: Sums | None
    b: Sums | None


def difference(layers: Sequence[Layer], decimals: int) -> Fraction | None:
    """Return the difference of the two groups' means, or None if a group of a layer is empty.

    Source of the formula: Breslow and Day, Statistical Methods in Cancer Research II (1987), 2.3.
    """
    found = Fraction(0)
    for people, a, b in layers:
        if a is None or b is None:
            return None
        found += people * (mean(a, decimals) - mean(b, decimals))
    return found / sum(people for people, _, _ in layers)


def welch(layers: Sequence[Layer], gap: Fraction, decimals: int) -> Welch | None:
    """Return the test of a difference, or None if there is none: for one person, or no variance.

    Each mean in each layer has an error of its own, and a standardized difference is a linear
    combination of these means. The size of the effect is in deviations of the groups as they are.

    Sources of the formulas: Welch, Biometrika 34 (1947); Satterthwaite, Biometrics Bulletin 2
    (1946); Hedges, Journal of Educational Statistics 6 (1981).
    """
    everybody = sum(people for people, _, _ in layers)
    # Of each mean: its squared error, with its degrees of freedom.
    errors: list[tuple[Fraction, int]] = []
    for people, *groups in layers:
        for sums in groups:
            variance = sample_variance(sums, decimals) if sums else None
            if sums is None or variance is None:
                return None
            errors.append((Fraction(people, everybody) ** 2 * variance / sums.n, sums.n - 1))
    squared_error = sum((error for error, _ in errors), Fraction(0))
    if not squared_error:
        return None
    df = squared_error**2 / sum(error**2 / own for error, own in errors)
    sign = -1 if gap < 0 else 1
    t = sign * root(gap**2 / squared_error)
    margin = critical(df) * root(squared_error)
    pooled, freedom = _pooled(layers, decimals)
    g = sign * root(gap**2 / pooled) * Fraction(small_sample_factor(freedom))
    p = 2 * float(stdtr(float(df), -abs(float(t))))
    return Welch(gap - margin, gap + margin, t, df, p, g)


def _pooled(layers: Sequence[Layer], decimals: int) -> tuple[Fraction, int]:
    """Return the pooled variance of the two groups, and its degrees of freedom."""
    sides = [[it.a for it in layers if it.a], [it.b for it in layers if it.b]]
    wholes = [reduce(Sums.merge, side) for side in sides]
    freedom = sum(whole.n - 1 for whole in wholes)
    spreads = [(whole.n - 1) * (sample_variance(whole, decimals) or 0) for whole in wholes]
    return Fraction(sum(spreads)) / freedom, freedom


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
    suffix: str
    """What the contract says of the standard after the stratum."""
    standard: Mapping[Key, int]
    """The people of each group that is standardized over; everybody if there are none."""

    @property
    def keys(self) -> list[tuple[Key, Key]]:
        """The two groups' keys in each layer, in the order of `names`."""
        first, second = self.groups
        return [((*self.stratum, *it, first), (*self.stratum, *it, second)) for it in self.standard]

    def layers(self, cells: Cells) -> list[Layer]:
        """Return the two groups in each layer, out of the cells by `names`."""
        people = self.standard.values()
        return [
            Layer(n, cells.get(a), cells.get(b))
            for n, (a, b) in zip(people, self.keys, strict=True)
        ]

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns before the figures."""
        within = zip(self.names, self.stratum, strict=False)
        stratum = "; ".join(f"{name}={value}" for name, value in within) or MARGIN
        return (self.comparison, stratum + self.suffix, *map(str, self.groups))


def pairs(
    name: str, comparison: Comparison, by: Callable[[Sequence[str]], Cells], contract: Contract
) -> list[Pair]:
    """Return the strata of a comparison that are not empty, in the order of their groups.

    Args:
        name: the comparison's name.
        comparison: the comparison.
        by: the cells by some names, their keys in the order of these.
        contract: the contract.
    """
    names, within = comparison.names, comparison.within
    found = {key[: len(within)] for key in by(names) if key[-1] in comparison.groups}
    standard = {key: sums.n for key, sums in sorted(by(comparison.standardized_over).items())}
    return [
        Pair(name, names, stratum, comparison.groups, comparison.suffix, standard)
        for stratum in sorted(found, key=lambda key: contract.sort_key(within, key))
    ]


def figures(layers: Sequence[Layer], decimals: int) -> tuple[str, ...]:
    """Return the published figures of two groups."""
    shown = {column.name: NULL for column in COMPARISON_COLUMNS if column.role != "label"}
    shown["n_a"] = str(sum(it.a.n for it in layers if it.a))
    shown["n_b"] = str(sum(it.b.n for it in layers if it.b))
    if (gap := difference(layers, decimals)) is not None:
        shown["difference"] = decimal(gap)
        if (test := welch(layers, gap, decimals)) is not None:
            shown["ci95_low"], shown["ci95_high"] = decimal(test.low), decimal(test.high)
            shown["t"], shown["df"] = decimal(test.t), decimal(test.df)
            shown["p"] = f"{test.p:.6g}" if test.p >= LEAST_P else "0"
            shown["hedges_g"] = decimal(test.g)
    return tuple(shown.values())
