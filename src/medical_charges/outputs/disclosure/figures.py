"""Which rows show counts alone, so that no sum of the measure confines a count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set

import numpy as np

from medical_charges.aggregates.cube import Key, Sums
from medical_charges.contract import Contract
from medical_charges.outputs.disclosure.lattice import Level
from medical_charges.outputs.disclosure.moments import LARGEST, SMALL, Confined, Moments
from medical_charges.outputs.disclosure.published import Cell, Published, Row
from medical_charges.outputs.disclosure.system import Mask, System

Limits = tuple[int, int]


class Figures:
    """The search for the rows that give up their sums; each step takes more than the one before."""

    def __init__(self, published: Published, contract: Contract, system: System) -> None:
        self._published, self._contract, self._system = published, contract, system
        self._places = [
            [place for cell in row.counts if (place := system.place(cell)) is not None]
            for row in published.rows
        ]
        self._breakdowns: dict[tuple[object, ...], set[int]] = defaultdict(set)
        for number, row in enumerate(published.rows):
            self._breakdowns[self._breakdown(row)].add(number)
        self._having: dict[int, set[int]] = defaultdict(set)
        for number, places in enumerate(self._places):
            for place in places:
                self._having[place].add(number)

    def counted(
        self, suppressed: frozenset[int], known: Mask, targets: list[int], sticky: Set[int]
    ) -> frozenset[int]:
        """The rows that show counts alone, if the suppressed ones show nothing.

        The sticky ones are among them, unless suppressed.
        """
        measured = {
            number for number, row in enumerate(self._published.rows) if row.measured
        } - suppressed
        moments = Moments(self._system, self._sums(), self._limits())
        counted = sticky & measured
        for members in moments.larger(self._cells_of(measured), SMALL):
            counted |= self._alike(set(members.tolist()), suppressed) & measured
        while large := moments.larger(self._cells_of(measured - counted), LARGEST):
            around = self._around(self._sums_with(set(large[0].tolist()))) & (measured - counted)
            cubes = {n for n in around if self._published.rows[n].output in self._contract.cubes}
            # Sums of another part may reach this one: then no row around it is left to take from.
            counted |= cubes or around or measured - counted
        while confined := moments.confined(known, self._cells_of(measured - counted), targets):
            steps = self._steps(confined, suppressed)
            counted |= next(more for step in steps if (more := step & (measured - counted)))
        return frozenset(counted)

    def _steps(self, confined: Confined, suppressed: Set[int]) -> Iterator[set[int]]:
        """Rows to take sums from: those of the same breakdown, around it, then all."""
        rows, cubes = self._published.rows, set(self._contract.cubes)
        members = set(confined.members.tolist())
        alike = self._alike({confined.target}, suppressed)
        all_alike = self._alike(members, suppressed)
        single = [self._around([number]) for number in self._sums_with({confined.target})]
        around = self._around(self._sums_with(members))
        steps = [alike, all_alike, *sorted(single, key=len), around]
        own = {rows[n].output for n in self._having[confined.target] & suppressed}
        # What a filter shows goes before the tables that all look at first.
        for outputs in (own & cubes, cubes, {row.output for row in rows}):
            for found in steps:
                yield {number for number in found if rows[number].output in outputs}
        yield set(range(len(rows)))

    def _alike(self, places: Set[int], suppressed: Set[int]) -> set[int]:
        """The rows of the breakdowns that suppressed rows of some cells are in."""
        rows = set[int]().union(*(self._having[place] for place in places)) & suppressed
        breakdowns = {self._breakdown(self._published.rows[number]) for number in rows}
        return set[int]().union(*(self._breakdowns[breakdown] for breakdown in breakdowns))

    def _sums_with(self, places: Set[int]) -> list[int]:
        """The sums that have any of some cells in them."""
        inside = np.zeros(self._system.size, dtype=np.int64)
        inside[list(places)] = 1
        found: list[int] = np.flatnonzero(abs(self._system.sums) @ inside).tolist()
        return found

    def _around(self, sums: Sequence[int]) -> set[int]:
        """The rows of cells that are in any of some sums."""
        near = np.unique(self._system.sums[sums].indices).tolist()
        return set[int]().union(*(self._having[place] for place in near))

    def _breakdown(self, row: Row) -> tuple[object, ...]:
        """What the rows have in common that divide one group by what their output shows last."""
        filters = self._contract.dashboard.filters
        analysis = self._contract.analyses.get(row.output)
        cell = row.counts[0]
        common = filters if analysis is None else analysis.group_by[:-1]
        pairs = zip(cell.names, cell.key, strict=True)
        return row.output, tuple(pair for pair in pairs if pair[0] in common)

    def _cells_of(self, rows: Set[int]) -> Mask:
        found = np.zeros(self._system.size, dtype=np.bool_)
        found[[place for number in rows for place in self._places[number]]] = True
        return found

    def _sums(self) -> dict[int, Sums]:
        """The sums of every cell by its place, and of everybody."""
        everybody = self._published.everybody
        found = {self._system.fixed: everybody} if everybody else {}
        for names, cells in self._published.cells.items():
            for key, sums in cells.items():
                if (place := self._system.place(Cell(names, key))) is not None:
                    found[place] = sums
        return found

    def _limits(self) -> list[Limits]:
        """By place, between what measures somebody may lie for all that extremes say."""
        everybody = self._published.everybody
        least, most = (everybody.minimum, everybody.maximum) if everybody else (0, 0)
        shown = [self._extremes(names) for names in self._with_extremes()]
        limits = []
        for level, group in self._system.groups:
            ends = [(least, most), *(of(level, group) for of in shown)]
            limits.append((max(low for low, _ in ends), min(high for _, high in ends)))
        return limits

    def _with_extremes(self) -> list[tuple[str, ...]]:
        """What analyses group by that publish extremes."""
        if self._contract.disclosure.extremes == "suppress":
            return []
        return [
            tuple(sorted(analysis.group_by))
            for name, analysis in self._contract.analyses.items()
            if {"minimum", "maximum"} & set(analysis.statistics)
            and any(row.output == name for row in self._published.rows)
        ]

    def _extremes(self, names: tuple[str, ...]) -> Callable[[Level, Key], Limits]:
        """The extremes of the group that another lies in, or those that all groups share."""
        cells = self._published.cells[names]
        common = max(s.minimum for s in cells.values()), min(s.maximum for s in cells.values())

        def of(level: Level, group: Key) -> Limits:
            if not set(names) <= set(level):
                return common
            sums = cells[tuple(group[level.index(name)] for name in names)]
            return sums.minimum, sums.maximum

        return of
