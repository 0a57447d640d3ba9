"""Counts, sums of the measure and sums of its squares together, which obey the same equations.

A count that the counts alone leave room can still be confined by the sums: people of whom each
costs little cannot come to a sum that is large. What numbers of people can be is a cone, of which
the inside is searched: every cell is made of some share of the people it has in truth, and of
people with measures on a grid. What is found so is a table of people that fits all that is
published, whatever an attacker reckons with besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from medical_charges.aggregates.cube import Sums
from medical_charges.outputs.disclosure.system import SPAN, Ints, Mask, System

Floats = npt.NDArray[np.float64]

GRID = 12
"""How many measures, from the least to the most, people are made with."""

SMALL = 60
"""Up to so many unknown cells, sums are taken away one breakdown at a time."""

LARGEST = 400
"""The most unknown cells that are solved for together; of more, no sum around them is told."""

ROUNDS = 6
"""How often all counts are moved at once before each is moved alone."""

NEAR = 1e-6
"""By how much the solver may miss a whole number."""


class Confined(NamedTuple):
    """A count that the sums confine too closely, with the unknown cells that it is bound to."""

    target: int
    members: Ints


class _Part(NamedTuple):
    """Unknown cells that hang together, and the sums that they are in."""

    members: Ints
    rows: Ints


@dataclass(frozen=True)
class _Program:
    """A linear program: every column is some people in one of the members."""

    equal: csr_array
    to: Floats
    counts: csr_array
    """How many people each member has."""
    least: Floats


class Moments:
    """What counts can be, where some cells tell their sums."""

    def __init__(
        self, system: System, sums: Mapping[int, Sums], limits: Sequence[tuple[int, int]]
    ) -> None:
        self._system = system
        self._abs = abs(system.sums)
        ends = [abs(end) for pair in limits for end in pair]
        self._unit = max(ends, default=0) / 10 or 1
        self._truth = np.full((system.size, 3), np.nan)
        for place, of in sums.items():
            self._truth[place] = of.n, of.total / self._unit, of.squares / self._unit**2
        self._limits = limits
        # Between what the counts were found to be. It stays right as long as less and less is told.
        self._low, self._high = self._truth[:, 0].copy(), self._truth[:, 0].copy()

    def confined(self, known: Mask, told: Mask, targets: Sequence[int]) -> Confined | None:
        """The first count that has too little room, if there is one.

        Args:
            known: the cells whose count is published.
            told: those whose sums are as well.
            targets: the counts that were taken away.
        """
        told, values = self._follow(told)
        for target in targets:
            if told[target]:
                return Confined(target, np.array([target]))
        for part in self._parts(told):
            inside = [target for target in targets if target in part.members]
            if not inside or self._is_free(part, told, known):
                continue
            program = self._program(part, known, told, values)
            if (found := self._narrow(program, part.members, inside)) is not None:
                return Confined(found, part.members)
        return None

    def larger(self, told: Mask, size: int) -> list[Ints]:
        """Unknown cells, more than a size, of which the sums can say something of the counts."""
        told, _ = self._follow(told)
        return [
            part.members
            for part in self._parts(told)
            if len(part.members) > size and len(part.rows) > 1 and self._tells(part.rows, told)
        ]

    def _tells(self, rows: Ints, told: Mask) -> bool:
        return bool(told[self._system.sums[rows].indices].any())

    def _follow(self, told: Mask) -> tuple[Mask, Floats]:
        """The cells whose sums follow as all that a sum leaves open."""
        told, values, sums = told.copy(), self._truth.copy(), self._system.sums
        while True:
            alone = np.flatnonzero(self._abs @ (~told).astype(np.int64) == 1)
            if not len(alone):
                return told, values
            for row in alone.tolist():
                span = slice(*sums.indptr[row : row + 2])
                parts, signs = sums.indices[span], sums.data[span]
                # Another sum of this round may have told it already.
                for place in np.flatnonzero(~told[parts]):
                    told[parts[place]] = True
                    if np.isnan(values[parts[place]]).any():
                        values[parts[place]] = 0
                        values[parts[place]] = -(signs @ values[parts]) / signs[place]

    def _parts(self, told: Mask) -> list[_Part]:
        system = self._system
        rows = np.repeat(np.arange(system.sums.shape[0]), np.diff(system.sums.indptr))
        kept = ~told[system.sums.indices]
        rows, columns = rows[kept], system.sums.indices[kept].astype(np.int64)
        nodes = system.size + system.sums.shape[0]
        graph = coo_array((np.ones(len(rows)), (columns, system.size + rows)), shape=(nodes, nodes))
        _, labels = connected_components(graph, directed=False)
        found: dict[int, tuple[set[int], set[int]]] = {}
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            members, inside = found.setdefault(int(labels[column]), (set(), set()))
            members.add(column)
            inside.add(row)
        return [_Part(np.array(sorted(m)), np.array(sorted(r))) for m, r in found.values()]

    def _is_free(self, part: _Part, told: Mask, known: Mask) -> bool:
        """Whether the sums say nothing of the counts.

        Either none is told, or one sum alone binds the cells: any of them can then be any share
        of what they are together.
        """
        alone = len(part.rows) == 1 and not known[part.members].any()
        return alone or not self._tells(part.rows, told)

    def _narrow(self, program: _Program, members: Ints, targets: Sequence[int]) -> int | None:
        """The first target that cannot be moved far enough."""
        place = {member: i for i, member in enumerate(members.tolist())}
        left = [target for target in targets if not self._has_room(target)]
        for number in range(ROUNDS):
            chosen = [place[t] for i, t in enumerate(left) if not number or i >> (number - 1) & 1]
            for sign in (-1.0, 1.0):
                if chosen:
                    self._move(program, members, chosen, sign)
            left = [target for target in left if not self._has_room(target)]
        for target in left:
            for sign in (-1.0, 1.0):
                if not self._has_room(target):
                    self._move(program, members, [place[target]], sign)
            if not self._has_room(target):
                return target
        return None

    def _has_room(self, target: int) -> bool:
        low, high = self._low[target], self._high[target]
        return bool(high >= low) and floor(high + NEAR) - ceil(low - NEAR) >= SPAN

    def _move(self, program: _Program, members: Ints, places: Sequence[int], sign: float) -> None:
        """Find people who fit, with as many or as few as can be at some places."""
        chosen = np.zeros(len(members))
        chosen[list(places)] = -sign
        solved = milp(
            chosen @ program.counts,
            constraints=[
                LinearConstraint(program.equal, program.to, program.to),
                LinearConstraint(program.counts, program.least, np.inf),
            ],
        )
        if solved.x is None:
            return
        counts = program.counts @ solved.x
        self._low[members] = np.fmin(self._low[members], counts)
        self._high[members] = np.fmax(self._high[members], counts)

    def _program(self, part: _Part, known: Mask, told: Mask, values: Floats) -> _Program:
        """What the members can be made of, and what they must come to."""
        system, (members, rows) = self._system, part
        inside = system.sums[rows]
        rays, owners = self._rays(members, inside)
        count = len(owners)
        mixes = [
            csr_array((rays[:, k], (owners, np.arange(count))), shape=(len(members), count))
            for k in range(3)
        ]
        rest = np.where(told[:, None], values, 0.0)
        settled = np.flatnonzero(known[members])
        return _Program(
            equal=vstack([*(inside[:, members] @ mix for mix in mixes), mixes[0][settled]]).tocsr(),
            to=np.concatenate(
                [*(-(inside @ rest[:, k]) for k in range(3)), system.truth[members[settled]]]
            ),
            counts=mixes[0],
            least=system.least[members].astype(np.float64),
        )

    def _rays(self, members: Ints, inside: csr_array) -> tuple[Floats, Ints]:
        """People as count, sum and sum of squares, and which member they are in."""
        rays: list[tuple[float, float, float]] = []
        owners: list[int] = []
        near = (abs(inside[:, members]).T @ abs(inside[:, members])).tocsr()
        for i, member in enumerate(members.tolist()):
            low, high = (end / self._unit for end in self._limits[member])
            grid = np.linspace(np.sqrt(max(low, 0)), np.sqrt(max(high, 0)), GRID) ** 2
            if low < 0:
                grid = np.linspace(low, high, GRID)
            own = [(1.0, x, x * x) for x in grid.tolist()] if low <= high else []
            sources = [member]
            if np.isnan(self._truth[member, 0]):
                sources = members[near.indices[slice(*near.indptr[i : i + 2])]].tolist()
            own += [
                tuple(self._truth[s] / self._truth[s, 0]) for s in sources if self._truth[s, 0] > 0
            ]
            rays += own
            owners += [i] * len(own)
        return np.array(rays), np.array(owners)
