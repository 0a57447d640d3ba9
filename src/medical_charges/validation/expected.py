"""The expected content of every output, computed from sums by other methods than the library's.

Numbers are decimals of 100 digits, rounded once. Figures that need a quantile of Student's t use
the incomplete beta function, and may differ in the last decimal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from itertools import accumulate
from typing import NamedTuple

from scipy.special import betainc, betaincinv

from medical_charges.contract import Comparison, Contract
from medical_charges.contract.model import BUCKET, MARGIN
from medical_charges.validation.recount.sums import GroupedMoments, Groups, Key, Moments, add

_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
_LAST_PLACE = Decimal("0.000001")
_NEAR = Decimal("1e-9")
_LEAST_P = 1e-300


class Figure(NamedTuple):
    """One field as it must be written, or a number that it must be close to."""

    text: str
    value: Decimal | None = None
    slack: Decimal = Decimal(0)

    def agrees(self, shown: str) -> bool:
        """Return True if a published field agrees."""
        if self.value is None or not shown:
            return shown == self.text
        return abs(Decimal(shown) - self.value) <= self.slack


NOTHING = Figure("")


@dataclass(frozen=True)
class GroupKey:
    """A group of people, independent of the order of an output's grouping columns."""

    names: tuple[str, ...]
    """The names, sorted."""
    key: Key


@dataclass(frozen=True)
class Expected:
    """A row of an output, before suppression."""

    labels: tuple[str, ...]
    figures: tuple[Figure, ...]
    groups: tuple[tuple[GroupKey, int], ...]
    """The groups that the figures describe, with their number of people."""
    wholes: tuple[tuple[GroupKey, int], ...] = ()
    """The groups whose number of people follows from the figures."""

    @property
    def empty(self) -> bool:
        """True if the row has no figures at all."""
        return not any(figure.text for figure in self.figures)


def expected_outputs(contract: Contract, cells: GroupedMoments) -> dict[str, list[Expected]]:
    """Return every row of every output, in order."""
    rows = {"analysis": _analysis, "comparisons": _comparisons, "cube": _filter_cube}
    with localcontext(_EXACT):
        return {
            name: list(rows[output.kind](contract, name, cells))
            for name, output in contract.outputs.items()
        }


def groups_by(contract: Contract, names: Sequence[str], cells: GroupedMoments) -> Groups:
    """Return the groups by some names, top-coded, summed from a grouping set that contains them."""
    held = min((held for held in cells if set(names) <= set(held)), key=len)
    places, tops = [held.index(name) for name in names], contract.disclosure.top_code
    groups: Groups = {}
    for key, moments in cells[held].items():
        values = (key[place] for place in places)
        coded = tuple(
            min(int(value), tops[name]) if name in tops else value
            for name, value in zip(names, values, strict=True)
        )
        add(groups, {coded: moments})
    return groups


def in_order(contract: Contract, names: Sequence[str], groups: Groups) -> list[Key]:
    """Return the keys in the order of publication."""
    return sorted(groups, key=lambda key: _place(contract, names, key))


def _place(contract: Contract, names: Sequence[str], key: Key) -> list[str | int]:
    """Return the sort key of a group: bands from low to high, everything else by value."""
    return [
        [*contract.bands[name].below, contract.bands[name].otherwise].index(str(value))
        if name in contract.bands
        else value
        for name, value in zip(names, key, strict=True)
    ]


def group_of(names: Sequence[str], key: Key) -> GroupKey:
    """Return a group by its names and values."""
    pairs = sorted(zip(names, key, strict=True), key=lambda pair: pair[0])
    return GroupKey(tuple(name for name, _ in pairs), tuple(value for _, value in pairs))


def _analysis(contract: Contract, name: str, cells: GroupedMoments) -> Iterator[Expected]:
    analysis = contract.analyses[name]
    names = analysis.group_by
    groups = groups_by(contract, names, cells)
    wholes: dict[Key, int] = {}
    for key, moments in groups.items():
        wholes[key[:-1]] = wholes.get(key[:-1], 0) + moments.n
    share = "share" in analysis.statistics and len(names) > 1
    buckets = _buckets(contract, names, cells)
    for key in in_order(contract, names, groups):
        moments, whole = groups[key], wholes[key[:-1]]
        yield Expected(
            tuple(map(str, key)),
            tuple(
                figure
                for statistic in analysis.statistics
                for figure in (
                    [_median(contract, buckets[key])]
                    if statistic == "median"
                    else _figures(contract, statistic, moments, whole)
                )
            ),
            ((group_of(names, key), moments.n),),
            ((group_of(names[:-1], key[:-1]), whole),) if share else (),
        )


def _buckets(
    contract: Contract, names: Sequence[str], cells: GroupedMoments
) -> dict[Key, list[tuple[int, int]]]:
    """Return each group's buckets of the measure from the highest to the lowest, with people."""
    found: dict[Key, list[tuple[int, int]]] = {}
    if any({*names, BUCKET} <= set(held) for held in cells):
        for (*key, bucket), moments in groups_by(contract, (*names, BUCKET), cells).items():
            found.setdefault(tuple(key), []).append((int(bucket), moments.n))
    return {key: sorted(counts, reverse=True) for key, counts in found.items()}


def _median(contract: Contract, buckets: Sequence[tuple[int, int]]) -> Figure:
    """Return the median, counted from the highest bucket down.

    Half of the people, rounded down, are above it.
    """
    n, least = sum(count for _, count in buckets), contract.disclosure.minimum_rows
    above = n // 2
    if n - 1 - above < least:
        return NOTHING
    passed = accumulate(count for _, count in buckets)
    bucket = next(it for (it, _), many in zip(buckets, passed, strict=True) if many > above)
    return _written(Decimal(bucket) / Decimal(10) ** contract.decimals)


def _figures(contract: Contract, statistic: str, group: Moments, whole: int) -> list[Figure]:
    unit = Decimal(10) ** contract.decimals
    match statistic:
        case "patients":
            return [Figure(str(group.n))]
        case "share":
            return [_written(Decimal(group.n) / whole)]
        case "mean":
            return [_written(_mean(group, unit))]
        case "total":
            return [_written(group.total / unit)]
        case "minimum" | "maximum":
            if contract.disclosure.extremes == "suppress":
                return [NOTHING]
            return [_written((group.least if statistic == "minimum" else group.most) / unit)]
        case "stddev" | "standard_error" | "ci95":
            return _of_variance(statistic, group, unit)
    raise ValueError(statistic)


def _of_variance(statistic: str, group: Moments, unit: Decimal) -> list[Figure]:
    if group.n < 2:
        return [NOTHING] * (2 if statistic == "ci95" else 1)
    variance = _variance(group, unit)
    if statistic == "stddev":
        return [_written(variance.sqrt())]
    error = (variance / group.n).sqrt()
    if statistic == "standard_error":
        return [_written(error)]
    margin, mean = _critical(group.n - 1) * error, _mean(group, unit)
    return [_near(mean - margin, margin), _near(mean + margin, margin)]


def _comparisons(contract: Contract, _: str, cells: GroupedMoments) -> Iterator[Expected]:
    for name, comparison in contract.comparisons.items():
        yield from _comparison(contract, name, comparison, cells)


def _comparison(
    contract: Contract, name: str, comparison: Comparison, cells: GroupedMoments
) -> Iterator[Expected]:
    within, over = comparison.within, comparison.standardized_over
    names = (*within, *over, comparison.column)
    groups = groups_by(contract, names, cells)
    standard = groups_by(contract, over, cells)
    how = f"; standardized over {' and '.join(over)}" if over else ""
    strata: Groups = {}
    for key, moments in groups.items():
        if key[-1] in comparison.groups:
            add(strata, {key[: len(within)]: moments})
    for stratum in in_order(contract, within, strata):
        where = "; ".join(
            f"{column}={value}" for column, value in zip(within, stratum, strict=True)
        )
        keys = [(*stratum, *layer, side) for side in comparison.groups for layer in standard]
        found = [groups.get(key) for key in keys]
        people = [(group_of(names, key), groups[key].n if key in groups else 0) for key in keys]
        layers = [(group_of(over, layer), standard[layer].n) for layer in standard if over]
        weights = [moments.n for moments in standard.values()]
        yield Expected(
            (name, (where or "all") + how, *map(str, comparison.groups)),
            tuple(_welch(contract, weights, found[: len(weights)], found[len(weights) :])),
            tuple(people),
            tuple(layers),
        )


def _filter_cube(contract: Contract, output: str, cells: GroupedMoments) -> Iterator[Expected]:
    """Yield every group of the columns, and every group of some filters over all others."""
    unit = Decimal(10) ** contract.decimals
    columns, filters = contract.cubes[output], contract.dashboard.filters
    found = []
    for number in range(2 ** len(filters)):
        left_out = {name for place, name in enumerate(filters) if number >> place & 1}
        names = [name for name in columns if name not in left_out]
        for key, moments in groups_by(contract, names, cells).items():
            label = dict(zip(names, map(str, key), strict=True))
            order = dict(zip(names, _place(contract, names, key), strict=True))
            spread = moments.squares - Decimal(moments.total) ** 2 / moments.n
            row = Expected(
                tuple(label.get(name, MARGIN) for name in columns),
                (
                    Figure(str(moments.n)),
                    _written(moments.total / unit),
                    _written(spread / unit**2),
                ),
                ((group_of(names, key), moments.n),),
            )
            # A filter's margin comes before its values.
            found.append(([[order[name]] if name in order else [] for name in columns], row))
    yield from (row for _, row in sorted(found, key=lambda pair: pair[0]))


def _welch(
    contract: Contract,
    weights: Sequence[int],
    first: Sequence[Moments | None],
    second: Sequence[Moments | None],
) -> list[Figure]:
    """Welch, Biometrika 34 (1947); Hedges, Journal of Educational Statistics 6 (1981).

    A standardized mean is that of the groups in each layer, by people of the layer.
    """
    counts = [Figure(str(sum(it.n for it in side if it))) for side in (first, second)]
    a, b = ([it for it in side if it] for side in (first, second))
    if len(a) < len(weights) or len(b) < len(weights):
        return counts + [NOTHING] * 7
    unit = Decimal(10) ** contract.decimals
    gap = _standardized(weights, a, unit) - _standardized(weights, b, unit)
    counts.append(_written(gap))
    means = [*zip(weights, a, strict=True), *zip(weights, b, strict=True)]
    if any(it.n < 2 for _, it in means):
        return counts + [NOTHING] * 6
    everybody = sum(weights)
    errors = [
        (_variance(it, unit) * people**2 / everybody**2 / it.n, it.n - 1) for people, it in means
    ]
    squared = Decimal(sum(error for error, _ in errors))
    if not squared:
        return counts + [NOTHING] * 6
    error = squared.sqrt()
    # Degrees of freedom, from the share of each mean in the squared error.
    df = 1 / Decimal(sum((own / squared) ** 2 / freedom for own, freedom in errors))
    margin = _critical(float(df)) * error
    t = gap / error
    pooled, freedom = _pooled([a, b], unit)
    g = gap / pooled * Decimal(_correction(freedom))
    return [
        *counts,
        _near(gap - margin, margin),
        _near(gap + margin, margin),
        _near(t, t),
        _near(df, df),
        _probability(_p(float(t), float(df))),
        _near(g, g),
    ]


def _pooled(sides: Sequence[Sequence[Moments]], unit: Decimal) -> tuple[Decimal, int]:
    """Return the pooled deviation within two groups, each of several parts, and its freedom."""
    spread, freedom = Decimal(0), 0
    for parts in sides:
        n = sum(it.n for it in parts)
        total, squares = sum(it.total for it in parts), sum(it.squares for it in parts)
        spread += squares - Decimal(total) ** 2 / n
        freedom += n - 1
    return (spread / freedom / unit**2).sqrt(), freedom


def _standardized(weights: Sequence[int], groups: Sequence[Moments], unit: Decimal) -> Decimal:
    means = [_mean(group, unit) for group in groups]
    return sum(map(Decimal.__mul__, map(Decimal, weights), means), Decimal(0)) / sum(weights)


def _mean(group: Moments, unit: Decimal) -> Decimal:
    return Decimal(group.total) / group.n / unit


def _variance(group: Moments, unit: Decimal) -> Decimal:
    spread = group.n * group.squares - group.total**2
    return Decimal(spread) / (group.n * (group.n - 1)) / unit**2


def _critical(freedom: float) -> Decimal:
    """Return Student's t at 97.5 %: t squared to t squared plus df is a beta variable."""
    inside = float(betaincinv(0.5, freedom / 2, 0.95))
    return Decimal(math.sqrt(freedom * inside / (1 - inside)))


def _p(t: float, freedom: float) -> float:
    return float(betainc(freedom / 2, 0.5, freedom / (freedom + t * t)))


def _correction(freedom: int) -> float:
    """Return gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2))."""
    half = freedom / 2
    if half > 1000:
        # Logarithms of gammas lose digits. The error of this series is under 1e-11.
        return 1 - 3 / (8 * half) - 7 / (128 * half**2)
    return math.exp(math.lgamma(half) - math.lgamma(half - 0.5)) / math.sqrt(half)


def _written(value: Decimal) -> Figure:
    """Return a number with 6 decimals, rounded half to even, without trailing zeros."""
    text = f"{value.quantize(_LAST_PLACE):f}".rstrip("0").rstrip(".")
    return Figure("0" if text == "-0" else text)


def _near(value: Decimal, scale: Decimal) -> Figure:
    return Figure(_written(value).text, value, _LAST_PLACE + abs(scale) * _NEAR)


def _probability(p: float) -> Figure:
    if p < _LEAST_P:
        return Figure("0", Decimal(0), Decimal(_LEAST_P))
    # Half a unit of the sixth digit, whose relative weight is largest after a leading 1.
    return Figure(f"{p:.6g}", Decimal(p), Decimal(p) * Decimal("5.01e-6"))
