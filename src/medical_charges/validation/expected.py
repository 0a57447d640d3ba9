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
        case "minimum" | "maximum":
            if contract.disclosure.extremes == "suppress":
                return [NOTHING]
            return [_written((group.least if statistic == "minimum" else group.most) / unit)]
        case "stddev":
            return [_written(_variance(group, unit).sqrt()) if group.n > 1 else NOTHING]
        case "standard_error":
            variance = _variance(group, unit) / group.n if group.n > 1 else None
            return [NOTHING if variance is None else _written(variance.sqrt())]
        case "ci95":
            if group.n < 2:
                return [NOTHING, NOTHING]
            margin = _critical(group.n - 1) * (_variance(group, unit) / group.n).sqrt()
            mean = _mean(group, unit)
            return [_near(mean - margin, margin), _near(mean + margin, margin)]
    raise ValueError(statistic)


def _comparisons(contract: Contract, _: str, cells: GroupedMoments) -> Iterator[Expected]:
    for name, comparison in contract.comparisons.items():
        yield from _comparison(contract, name, comparison, cells)


def _comparison(
    contract: Contract, name: str, comparison: Comparison, cells: GroupedMoments
) -> Iterator[Expected]:
    names = (*comparison.within, comparison.column)
    groups = groups_by(contract, names, cells)
    first, second = comparison.groups
    strata: Groups = {key[:-1]: m for key, m in groups.items() if key[-1] in comparison.groups}
    for stratum in in_order(contract, comparison.within, strata):
        where = "; ".join(
            f"{column}={value}" for column, value in zip(comparison.within, stratum, strict=True)
        )
        keys = (*stratum, first), (*stratum, second)
        a, b = (groups.get(key) for key in keys)
        yield Expected(
            (name, where or "all", str(first), str(second)),
            tuple(_welch(contract, a, b)),
            tuple((group_of(names, key), groups[key].n if key in groups else 0) for key in keys),
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


def _welch(contract: Contract, a: Moments | None, b: Moments | None) -> list[Figure]:
    """Welch, Biometrika 34 (1947); Hedges, Journal of Educational Statistics 6 (1981)."""
    counts = [Figure(str(a.n if a else 0)), Figure(str(b.n if b else 0))]
    if a is None or b is None:
        return counts + [NOTHING] * 7
    unit = Decimal(10) ** contract.decimals
    gap = _mean(a, unit) - _mean(b, unit)
    counts.append(_written(gap))
    if a.n < 2 or b.n < 2:
        return counts + [NOTHING] * 6
    spread_a, spread_b = _variance(a, unit), _variance(b, unit)
    if not spread_a and not spread_b:
        return counts + [NOTHING] * 6
    error = (spread_a / a.n + spread_b / b.n).sqrt()
    # Degrees of freedom, from the share of one mean in the squared error.
    part = spread_a / a.n / error**2
    df = 1 / (part**2 / (a.n - 1) + (1 - part) ** 2 / (b.n - 1))
    margin = _critical(float(df)) * error
    t = gap / error
    pooled = ((spread_a * (a.n - 1) + spread_b * (b.n - 1)) / (a.n + b.n - 2)).sqrt()
    g = gap / pooled * Decimal(_correction(a.n + b.n - 2))
    return [
        *counts,
        _near(gap - margin, margin),
        _near(gap + margin, margin),
        _near(t, t),
        _near(df, df),
        _probability(_p(float(t), float(df))),
        _near(g, g),
    ]


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
