"""What the figures of a publication say, as intervals of counts, sums and sums of squares."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, inf, sqrt
from typing import NamedTuple

from scipy.stats import t as student

from medical_charges.contract import Contract
from medical_charges.contract.parts.source import WholeColumn

Group = frozenset[tuple[str, str]]
"""Names with their values, as they are published; nobody is left out of the empty one."""

Publication = Mapping[str, bytes]
"""The CSV of every output."""

HALF = 0.5000001e-6
"""Half of the last decimal that is published, and what a double adds to it."""


class Range(NamedTuple):
    """From where to where a number lies."""

    low: float
    high: float


FREE = Range(-inf, inf)


@dataclass(frozen=True)
class Fact:
    """What one row says of a group."""

    group: Group
    count: Range = FREE
    total: Range = FREE
    squares: Range = FREE
    values: Range = FREE
    """Between what everybody's measure lies."""
    hidden: bool = False
    """Whether the row has lost its figures."""
    among: Range = FREE
    """The range of the measure of those who are counted."""


class Known(NamedTuple):
    """All that a publication says."""

    facts: list[Fact]
    listed: dict[tuple[str, ...], set[tuple[str, ...]]]
    """By names, the groups that hold somebody: an output has a row for each."""


def known_from(publication: Publication, contract: Contract) -> Known:
    """Read a publication."""
    known = Known([], {})
    for name, data in publication.items():
        header, *lines = data.decode().splitlines()
        rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
        if not rows:
            continue
        if name in contract.analyses:
            names = contract.analyses[name].group_by
            known.facts.extend(fact for row in rows for fact in _analysis(row, names, contract))
            _list(known, [{n: row[n] for n in names} for row in rows])
        elif name in contract.cubes:
            names = contract.cubes[name]
            groups = [_cube_group(row, names, contract) for row in rows]
            known.facts.extend(map(_cube_row, rows, groups, [contract.measure] * len(rows)))
            _list(known, groups)
        else:
            for row in rows:
                _comparison(row, contract, known)
    return known


def with_nesting(known: Known, people: Sequence[Mapping[str, object]], contract: Contract) -> Known:
    """Add which groups lie in which, where the contract says that they do: everybody knows that."""
    for name in contract.grouping_columns:
        for whole in contract.wholes_of(name):
            _list(known, [{it: str(one[it]) for it in (name, whole)} for one in people])
    return known


def _list(known: Known, groups: Sequence[Mapping[str, str]]) -> None:
    for group in groups:
        names = tuple(sorted(group))
        known.listed.setdefault(names, set()).add(tuple(group[name] for name in names))


def _around(value: float, by: float = HALF) -> Range:
    return Range(value - by, value + by)


def _spread(n: int, mean: float, deviation: Range) -> Range:
    """The sum of squares by the mean and the deviation."""
    about = 2 * n * abs(mean) * HALF + n * HALF**2
    low, high = (
        (n - 1) * max(d, 0) ** 2 + n * mean**2 + sign * about
        for d, sign in zip(deviation, (-1, 1), strict=True)
    )
    return Range(low, high)


def _analysis(row: Mapping[str, str], names: Sequence[str], contract: Contract) -> Iterator[Fact]:
    group = frozenset((name, row[name]) for name in names)
    figures = {column: text for column, text in row.items() if column not in names and text}
    if not figures:
        yield Fact(group, Range(1, inf), hidden=True)
        return
    measure = contract.measure
    values = Range(
        float(figures.get(f"minimum_{measure}", -inf)) - HALF,
        float(figures.get(f"maximum_{measure}", inf)) + HALF,
    )
    if "patients" not in figures:
        yield Fact(group, Range(1, inf), values=values)
        return
    n = int(figures["patients"])
    total = squares = FREE
    if f"mean_{measure}" in figures:
        mean = float(figures[f"mean_{measure}"])
        total = _around(n * mean, n * HALF)
        if f"stddev_{measure}" in figures:
            squares = _spread(n, mean, _around(float(figures[f"stddev_{measure}"])))
        elif "ci95_low" in figures:
            half = (float(figures["ci95_high"]) - float(figures["ci95_low"])) / 2
            factor = sqrt(n) / float(student.ppf(0.975, n - 1))
            squares = _spread(n, mean, _around(half * factor, 2 * HALF * factor))
    yield Fact(group, Range(n, n), total, squares, values)
    if (column := f"median_{measure}") in figures:
        rank, bucket = ceil(n / 2), _bucket(float(figures[column]))
        yield Fact(group, Range(rank, n), among=Range(-inf, bucket.high))
        yield Fact(group, Range(n - rank + 1, n), among=Range(bucket.low, inf))
    if "share" in figures and len(names) > 1:
        share = float(figures["share"])
        whole = frozenset((name, row[name]) for name in names[:-1])
        yield Fact(whole, Range(n / (share + HALF), n / max(share - HALF, 1e-12)))


def _bucket(value: float) -> Range:
    """The range of the values that are published as this one: 0.5 % around it at most."""
    return Range(value / 1.005, value * 1.005)


def _cube_group(row: Mapping[str, str], names: Sequence[str], contract: Contract) -> dict[str, str]:
    filters = contract.dashboard.filters
    return {n: row[n] for n in names if n not in filters or row[n] != "all"}


def _cube_row(row: Mapping[str, str], group: Mapping[str, str], measure: str) -> Fact:
    named = frozenset(group.items())
    if not row["patients"]:
        return Fact(named, Range(1, inf), hidden=True)
    n = int(row["patients"])
    total = squares = FREE
    if row[f"sum_{measure}"]:
        total = _around(float(row[f"sum_{measure}"]))
    if row[f"m2_{measure}"]:
        spread, mean = float(row[f"m2_{measure}"]), float(row[f"sum_{measure}"]) / n
        slack = HALF + 2 * abs(mean) * HALF
        squares = _around(spread + n * mean**2, slack)
    return Fact(named, Range(n, n), total, squares)


def _comparison(row: Mapping[str, str], contract: Contract, known: Known) -> None:
    comparison = contract.comparisons[row["comparison"]]
    stratum = dict(part.split("=", 1) for part in row["stratum"].split("; ") if "=" in part)
    groups = [
        frozenset({*stratum.items(), (comparison.column, row[f"group_{side}"])}) for side in "ab"
    ]
    for side, group in zip("ab", groups, strict=True):
        count = row[f"n_{side}"]
        if count:
            known.facts.append(Fact(group, Range(int(count), int(count))))
        else:
            known.facts.append(Fact(group, Range(0, inf), hidden=True))


def cells_of(
    known: Sequence[Known], contract: Contract, names: frozenset[str]
) -> list[dict[str, str]]:
    """Every combination of values that somebody can be in, of columns that outputs group by.

    Bands follow from their columns. A combination that every publication would list if anybody
    were in it, and none does, is left out.
    """
    bands = contract.bands
    seen: dict[str, dict[str, None]] = {}
    pairs = [pair for one in known for fact in one.facts for pair in sorted(fact.group)]
    for name, value in pairs:
        if name in names:
            seen.setdefault(name, {})[value] = None
    raw = [name for name in seen if name not in bands]
    free = [name for name in seen if name in bands and bands[name].column not in raw]
    listed: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for level in set.intersection(*(set(one.listed) for one in known)):
        listed[level] = set().union(*(one.listed[level] for one in known))
    cells = []
    for values in product(*(seen[name] for name in raw + free)):
        group = dict(zip(raw + free, values, strict=True))
        for name in sorted(seen.keys() - group.keys()):
            group[name] = _label(int(group[bands[name].column]), name, contract)
        if all(
            tuple(group[n] for n in level) in groups
            for level, groups in listed.items()
            if set(level) <= seen.keys()
        ):
            cells.append(group)
    return cells


def _label(value: int, band: str, contract: Contract) -> str:
    spec = contract.bands[band]
    column = contract.source.columns[spec.column]
    assert isinstance(column, WholeColumn)
    return spec.labels[bisect_right(list(spec.below.values()), value)]
