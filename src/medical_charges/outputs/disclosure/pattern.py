"""Which rows lose their figures, and which outputs are not published at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from medical_charges.aggregates.cube import Cells
from medical_charges.aggregates.difference import together
from medical_charges.contract import Contract
from medical_charges.outputs.disclosure.differences import Sticky
from medical_charges.outputs.disclosure.figures import Figures
from medical_charges.outputs.disclosure.lattice import TooLargeError
from medical_charges.outputs.disclosure.published import Published, Row
from medical_charges.outputs.disclosure.system import (
    CANDIDATE_LIMIT,
    Ints,
    Mask,
    System,
)

NO_PATTERN = "even without any figure its counts could be confined too closely"
TOO_LARGE = "its groups are too many to be protected together with those of the other outputs"

TIDY_LIMIT = 200
"""The most rows that are tried, one by one, for whether they can be shown after all."""


@dataclass(frozen=True)
class Protection:
    """What must not be shown."""

    suppressed: frozenset[int]
    """Rows without any figure, by their place among the rows that were given."""
    counted: frozenset[int]
    """Rows of which counts and shares are shown, and nothing that tells the measure."""
    withheld: Mapping[str, str]
    """Outputs that are not published at all, with the reason."""
    differing: frozenset[int]
    """Rows with which readers could see that too few people in suppressed groups have changed."""


def protect(
    rows: Sequence[Row],
    cells: Mapping[tuple[str, ...], Cells],
    contract: Contract,
    sticky: Sticky | None = None,
) -> Protection:
    """Find what to take away so that no count of too few people can be worked out.

    Args:
        rows: every row of every output of a run.
        cells: what is behind them: by the sorted names of their cells, everybody by group.
        contract: says what too few are, and how bands lie in their columns.
        sticky: what earlier publications leave of the choice.
    """
    sticky = sticky or Sticky()
    everything, withheld = Published(tuple(rows), cells), dict[str, str]()
    places = {id(row): place for place, row in enumerate(rows)}
    while True:
        published = everything.without(withheld)
        search = _Search(published, contract, sticky)
        outcome = search.run()
        if isinstance(outcome, frozenset):
            suppressed, counted, differing = (
                frozenset(places[id(published.rows[i])] for i in found)
                for found in (outcome, search.counted(outcome), search.differing(outcome))
            )
            return Protection(suppressed, counted, withheld, differing)
        withheld[outcome.output] = outcome.reason


@dataclass(frozen=True)
class _Hopeless:
    """An output that no pattern makes safe."""

    output: str
    reason: str


class _Search:
    """The search for the rows to suppress among what is published."""

    def __init__(self, published: Published, contract: Contract, sticky: Sticky) -> None:
        self._published, self._contract, self._sticky = published, contract, sticky
        self._minimum = contract.disclosure.minimum_rows
        cubes, dear = contract.cubes, published.total
        self._lost = np.array(
            [
                # The tables that all look at first cost more than what a filter shows.
                published.lost(row) + 1 + (0 if row.output in cubes else dear)
                for row in published.rows
            ],
            dtype=np.int64,
        )

    def run(self) -> frozenset[int] | _Hopeless:
        """The rows to suppress, or the output to withhold because there is no such pattern."""
        published, minimum = self._published, self._minimum
        primary = {
            number
            for number, row in enumerate(published.rows)
            if any(
                0 < published.count(cell) < minimum or cell in self._sticky.hidden
                for cell in row.counts
            )
        }
        if not primary:
            return frozenset()
        try:
            self._read(System(published, self._contract))
            suppressed = self._complete(primary)
            if isinstance(suppressed, set):
                suppressed = self._tidied(primary, suppressed)
        except TooLargeError:
            outputs = {published.rows[number].output for number in primary}
            return _Hopeless(self._longest(outputs), TOO_LARGE)
        return suppressed if isinstance(suppressed, _Hopeless) else frozenset(suppressed)

    def counted(self, suppressed: frozenset[int]) -> frozenset[int]:
        """The rows that lose what tells the measure, so that it confines no count."""
        if not suppressed:
            return frozenset()
        targets = self._gone(suppressed)
        figures = Figures(self._published, self._contract, self._system)
        counted = {
            number for number, row in enumerate(self._published.rows) if row in self._sticky.counted
        }
        return figures.counted(suppressed, self._known(suppressed), targets, counted)

    def differing(self, suppressed: frozenset[int]) -> set[int]:
        """The rows that suppressed groups which changed too little, taken together, follow from."""
        if not suppressed:
            return set()
        known, found = self._known(suppressed), set[int]()
        for union in self._system.divided(known) if self._sticky.snapshots else ():
            cells = self._system.cells(union.hidden)
            for snapshot in self._sticky.snapshots:
                # Only of what it shows can the rest be subtracted.
                known_then = cells if snapshot.reaches(cells[0].names) else ()
                if 0 < together(map(snapshot.changed, known_then)).fewest < self._minimum:
                    found |= self._showing({*union.hidden.tolist(), union.whole})
        return found

    def _read(self, system: System) -> None:
        """Lay out which row reveals which of the system's numbers."""
        self._system = system
        revealed = [
            (number, place)
            for number, row in enumerate(self._published.rows)
            for cell in row.reveals
            if (place := system.place(cell)) is not None
        ]
        self._rows, self._places = np.array(revealed, dtype=np.int64).T
        placed = map(system.place, self._sticky.shown)
        self._settled = [place for place in placed if place is not None]
        counted = [
            (number, place)
            for number, row in enumerate(self._published.rows)
            for cell in row.counts
            if (place := system.place(cell)) is not None
        ]
        self._counters, self._counted = np.array(counted, dtype=np.int64).T

    def _complete(self, primary: set[int]) -> set[int] | _Hopeless:
        """Add rows until every count that was taken away has room."""
        system, suppressed = self._system, set(primary)
        small = system.size <= CANDIDATE_LIMIT
        while True:
            known, costs = self._known(suppressed), self._costs(suppressed)
            unions = system.divided(known, self._minimum)
            filling = (system.filling(union, costs, self._minimum) for union in unions)
            if (part := next((part for part in filling if part is not None), None)) is not None:
                suppressed |= self._showing({part})
                continue
            if not (unsafe := self._unsafe(suppressed)):
                if unions:
                    return self._hopeless(unions[0].hidden.tolist(), suppressed)
                return suppressed
            chosen = set(system.cheapest(known, unsafe[0], costs)) if small else set[int]()
            if not chosen:
                near = system.nearest(known, unsafe, costs)
                if alone := [target for target in unsafe if target not in near]:
                    return self._hopeless(alone[:1], suppressed)
                chosen = {near[unsafe[0]]} if small else set(near.values())
            suppressed |= self._showing(chosen)

    def _showing(self, places: set[int]) -> set[int]:
        """The rows that show any of these numbers."""
        return set(self._rows[np.isin(self._places, list(places))].tolist())

    def _tidied(self, primary: set[int], suppressed: set[int]) -> set[int]:
        """Show again what need not have been taken away, the largest first."""
        extra = sorted(suppressed - primary, key=lambda row: (-self._lost[row], row))
        for row in extra[:TIDY_LIMIT] if self._system.size <= CANDIDATE_LIMIT else ():
            less = suppressed - {row}
            exposed = self._system.divided(self._known(less), self._minimum)
            if not exposed and not self._unsafe(less):
                suppressed = suppressed - {row}
        return suppressed

    def _shown(self, suppressed: Set[int]) -> Mask:
        shown = np.ones(len(self._published.rows), dtype=np.bool_)
        shown[list(suppressed)] = False
        return shown

    def _known(self, suppressed: Set[int]) -> Mask:
        return self._system.known(self._places[self._shown(suppressed)[self._rows]])

    def _costs(self, suppressed: set[int]) -> Ints:
        """What it takes to hide each number: the people in the rows that show it."""
        shown = self._shown(suppressed)[self._rows]
        costs = np.zeros(self._system.size, dtype=np.int64)
        np.add.at(costs, self._places[shown], self._lost[self._rows[shown]])
        costs[self._settled] = 0
        return costs

    def _unsafe(self, suppressed: set[int]) -> list[int]:
        """Counts that were taken away and have too little room, the smallest first."""
        return self._system.unsafe(self._known(suppressed), self._gone(suppressed))

    def _gone(self, suppressed: Set[int]) -> list[int]:
        """The counts that were taken away, the smallest first."""
        known = self._known(suppressed)
        gone = ~self._shown(suppressed)[self._counters]
        targets = np.unique(self._counted[gone])
        targets = targets[~known[targets]]
        order = np.lexsort((targets, self._system.truth[targets]))
        found: list[int] = targets[order].tolist()
        return found

    def _hopeless(self, targets: list[int], suppressed: set[int]) -> _Hopeless:
        rows = set(self._rows[np.isin(self._places, targets)].tolist()) & suppressed
        # A group that no row names is known by what the others leave of a whole.
        outputs = {self._published.rows[row].output for row in rows or suppressed}
        return _Hopeless(self._longest(outputs), NO_PATTERN)

    def _longest(self, outputs: set[str]) -> str:
        """The output with the most rows."""
        sizes = Counter(row.output for row in self._published.rows)
        return max(sorted(outputs), key=lambda output: sizes[output])
