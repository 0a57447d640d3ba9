"""Somebody who holds everything that a run publishes, and a solver of another maker.

The attacker writes down one whole number for every combination of the values seen, however large
that table is, and lets the solver find between what each count that was taken away can lie.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import product
from math import ceil, floor

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from medical_charges.contract import Contract
from medical_charges.contract.parts.source import IntegerColumn
from medical_charges.outputs.tables import Table

Group = dict[str, str]
"""Values by name, as they are published."""

OTHER = "other"
"""A value that no comparison names: only analyses list all that there are."""

Sum = tuple[list[int], int, int]
"""Places whose numbers add up to something between two ends."""


@dataclass
class Attacker:
    """An attacker who knows a run's tables and the number of people in it."""

    contract: Contract
    tables: Sequence[Table]
    people: int
    cells: list[Group] = field(init=False)
    """Every combination that somebody can be in."""
    known: list[Sum] = field(default_factory=list)
    targets: dict[tuple[tuple[str, str], ...], list[int]] = field(default_factory=dict)
    """The groups whose counts were taken away, with the cells that add up to them."""

    def __post_init__(self) -> None:
        self._listed = {row[:2] for table in self.tables for row in table.rows}
        self.cells = [cell for cell in self._combinations() if not self._absent(cell)]
        self.known.append((list(range(len(self.cells))), self.people, self.people))
        for table in self.tables:
            for row in table.rows:
                if table.name == "comparisons":
                    self._compare(dict(zip(table.columns, row, strict=True)))
                else:
                    self._analyze(table, row)
        shown = {tuple(places) for places, low, high in self.known if low == high}
        self.targets = {k: v for k, v in self.targets.items() if tuple(v) not in shown}

    def _names(self, table: Table) -> tuple[str, ...]:
        if table.name in self.contract.analyses:
            return self.contract.analyses[table.name].group_by
        return table.columns[:-3]  # a filter cube, before its patients, sum and m2

    def _group(self, table: Table, row: Sequence[str]) -> Group:
        """The group that a row is of; `all` in a filter is no value but everybody."""
        filters = () if table.name in self.contract.analyses else self.contract.dashboard.filters
        named = zip(self._names(table), row, strict=False)
        return {name: value for name, value in named if name not in filters or value != "all"}

    def _combinations(self) -> Iterator[Group]:
        """All values seen of the columns, with the bands that they are in."""
        seen: dict[str, dict[str, None]] = {}
        for table in self.tables:
            if table.name == "comparisons":
                for row in table.rows:
                    record = dict(zip(table.columns, row, strict=True))
                    for group in self._pair(record):
                        for name, value in group.items():
                            seen.setdefault(name, {})[value] = None
            else:
                for row in table.rows:
                    for name, value in self._group(table, row).items():
                        seen.setdefault(name, {})[value] = None
        bands = self.contract.bands
        listed = [t for t in self.tables if t.name != "comparisons" and t.rows]
        analyzed = {name for table in listed for name in self._names(table)}
        for name in seen.keys() - analyzed - bands.keys():
            seen[name].update(dict.fromkeys(self._others(name)))
        raw = [name for name in seen if name not in bands]
        free = [name for name in seen if name in bands and bands[name].column not in raw]
        for values in product(*(seen[name] for name in raw + free)):
            group = dict(zip(raw + free, values, strict=True))
            yield from self._banded(group, sorted(seen.keys() - group.keys()))

    def _others(self, name: str) -> list[str]:
        """The values of a column that need not be listed anywhere."""
        column = self.contract.source.columns[name]
        if not isinstance(column, IntegerColumn):
            return [OTHER]
        assert column.minimum is not None
        assert column.maximum is not None
        last = self.contract.disclosure.top_code.get(name, column.maximum)
        return [str(value) for value in range(column.minimum, last + 1)]

    def _banded(self, group: Group, names: Sequence[str]) -> Iterator[Group]:
        """The group in its bands; a top-coded value may be in several."""
        options = []
        for name in names:
            band = self.contract.bands[name]
            top = self.contract.disclosure.top_code.get(band.column)
            column = self.contract.source.columns[band.column]
            assert isinstance(column, IntegerColumn)
            first = int(group[band.column])
            last = first if first != top or column.maximum is None else column.maximum
            edges = list(band.below.values())
            options.append([band.labels[bisect_right(edges, v)] for v in range(first, last + 1)])
        # One value is in all its bands at once.
        for labels in dict.fromkeys(zip(*options, strict=True)) if names else [()]:
            yield group | dict(zip(names, labels, strict=True))

    def _absent(self, cell: Group) -> bool:
        """Return True if a table would have a row for the cell if anybody were in it."""
        if any(table.name == "comparisons" and table.rows for table in self.tables):
            for name, comparison in self.contract.comparisons.items():
                stratum = "; ".join(f"{name}={cell[name]}" for name in comparison.within) or "all"
                stratum += comparison.suffix
                listed = (name, stratum) in self._listed
                if cell[comparison.column] in comparison.groups and not listed:
                    return True
        return any(
            tuple(cell[name] for name in self._names(table))
            not in {row[: len(self._names(table))] for row in table.rows}
            for table in self.tables
            if table.rows and table.name != "comparisons"
        )

    def _within(self, group: Mapping[str, str]) -> list[int]:
        return [
            place
            for place, cell in enumerate(self.cells)
            if all(cell[name] == value for name, value in group.items())
        ]

    def _analyze(self, table: Table, row: tuple[str, ...]) -> None:
        names = self._names(table)
        group = self._group(table, row)
        figures = dict(zip(table.columns[len(names) :], row[len(names) :], strict=True))
        places = self._within(group)
        if not figures["patients"]:
            assert not any(figures.values())
            self._hidden(group, least=1)
            return
        n = int(figures["patients"])
        self.known.append((places, n, n))
        if "share" in figures:
            share, half = Fraction(figures["share"]), Fraction(1, 2 * 10**6)
            low, high = ceil(n / (share + half)), floor(n / (share - half))
            whole = {name: group[name] for name in names[:-1]}
            self.known.append((self._within(whole), low, high))

    def _pair(self, record: Mapping[str, str]) -> list[Group]:
        comparison = self.contract.comparisons[record["comparison"]]
        parts = record["stratum"].split("; ")
        stratum = dict(part.split("=") for part in parts if "=" in part)
        return [stratum | {comparison.column: record[f"group_{side}"]} for side in "ab"]

    def _compare(self, record: Mapping[str, str]) -> None:
        for side, group in zip("ab", self._pair(record), strict=True):
            if record[f"n_{side}"]:
                n = int(record[f"n_{side}"])
                self.known.append((self._within(group), n, n))
            else:
                self._hidden(group, least=0)  # nobody may be in it

    def _hidden(self, group: Group, least: int) -> None:
        places = self._within(group)
        self.known.append((places, least, self.people))
        self.targets[tuple(sorted(group.items()))] = places

    def unions(self) -> Iterator[list[Group]]:
        """For each group that is known, one table's rows in it that have no figures.

        How many people they are together is known by subtraction.
        """
        known = {tuple(places) for places, low, high in self.known if low == high}
        for table in self.tables:
            rows: dict[tuple[str, ...], list[tuple[Group, set[int]]]] = {}
            for row in table.rows if table.name != "comparisons" else ():
                group = self._group(table, row)
                rows.setdefault(tuple(group), []).append((group, set(self._within(group))))
            for groups in rows.values():
                for whole in map(set, known):
                    # Or the table says nothing of this whole by itself.
                    if all(cells <= whole or not cells & whole for _, cells in groups):
                        yield [
                            group
                            for group, cells in groups
                            if cells <= whole and tuple(sorted(cells)) not in known
                        ]

    def spans(self) -> dict[tuple[tuple[str, str], ...], int]:
        """Return the distance between the bounds of every suppressed count."""
        if not self.targets:
            return {}
        ends = _highs(self)
        found = {}
        for target, places in self.targets.items():
            low, high = ends(places, -1), ends(places, 1)
            found[target] = high - low
        return found


Ends = Callable[[list[int], int], int]


def _highs(attacker: Attacker) -> Ends:
    matrix = np.zeros((len(attacker.known), len(attacker.cells)))
    for row, (members, _, _) in enumerate(attacker.known):
        matrix[row, members] = 1
    sums = LinearConstraint(
        matrix, [low for _, low, _ in attacker.known], [high for _, _, high in attacker.known]
    )
    whole = np.ones(len(attacker.cells), dtype=np.int64)
    solve = partial(
        milp,
        constraints=sums,
        integrality=whole,
        bounds=Bounds(0, attacker.people),
        options={"mip_rel_gap": 0.0},
    )

    def end(places: list[int], sign: int) -> int:
        objective = np.zeros(len(attacker.cells))
        objective[places] = -sign
        solved = solve(objective)
        assert solved.success
        return -sign * round(solved.fun) if sign > 0 else round(solved.fun)

    return end
