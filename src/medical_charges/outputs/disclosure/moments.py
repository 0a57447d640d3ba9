"""Counts, sums of the measure and sums of its squares together, which obey the same equations.

A count that the counts alone leave room can still be confined by the sums: people of whom each
costs little cannot come to a sum that is large. What numbers of people can be is a cone, of which
the inside is searched: every cell is made of some share of the people it has in truth, and of
people with measures on a grid. What is found so is a table of people that fits all that is
published, whatever else an attacker knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its optimize and csgraph take long to import, and few analyses need them
from scipy.sparse import coo_array, csr_array, eye_array, hstack, vstack

from medical_charges.aggregates.cube import Sums
from medical_charges.outputs.disclosure.system import SPAN, Ints, Mask, System

Floats = npt.NDArray[np.float64]

GRID = 12
"""How many measures, from the least to the most, people are made with."""

SMALL = 60
"""Up to so many unknown cells, sums are taken away one breakdown at a time."""

LARGEST = 400
"""The most unknown cells that are solved for together; of more, no sum around them is shown."""

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

    def constraints(self, further: int = 0) -> list[scipy.optimize.LinearConstraint]:
        """What all people come to, and how many there are at least; further columns say nothing."""
        equal, counts = (
            csr_array((of.data, of.indices, of.indptr), shape=(of.shape[0], of.shape[1] + further))
            for of in (self.equal, self.counts)
        )
        return [
            scipy.optimize.LinearConstraint(equal, self.to, self.to),
            scipy.optimize.LinearConstraint(counts, self.least, np.inf),
        ]


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
        # Between what the counts were found to be. It stays right while less and less is shown.
        self._low, self._high = self._truth[:, 0].copy(), self._truth[:, 0].copy()
        self._last: int | None = None
        """The count that was found confined last, which most likely still is."""

    def confined(self, known: Mask, measured: Mask, targets: Sequence[int]) -> Confined | None:
        """The first count that has too little room, if there is one.

        Args:
            known: the cells whose count is published.
            measured: those whose sums are as well.
            targets: the counts that were taken away.
        """
        measured, values = self._follow(measured)
        for target in targets:
            if measured[target]:
                return Confined(target, np.array([target]))
        for part in sorted(self._parts(measured), key=lambda part: self._last not in part.members):
            inside = [target for target in targets if target in part.members]
            if not inside or self._is_free(part, measured, known):
                continue
            program = self._program(part, known, measured, values)
            if (found := self._narrow(program, part.members, inside)) is not None:
                return Confined(found, part.members)
        return None

    def larger(self, measured: Mask, size: int) -> list[Ints]:
        """Unknown cells, more than a size, of which the sums can say something of the counts."""
        measured, _ = self._follow(measured)
        return [
            part.members
            for part in self._parts(measured)
            if len(part.members) > size and len(part.rows) > 1 and self._tells(part.rows, measured)
        ]

    def _tells(self, rows: Ints, measured: Mask) -> bool:
        return bool(measured[self._system.sums[rows].indices].any())

    def _follow(self, measured: Mask) -> tuple[Mask, Floats]:
        """The cells whose sums follow as all that a sum leaves open."""
        measured, values, sums = measured.copy(), self._truth.copy(), self._system.sums
        while True:
            alone = np.flatnonzero(self._abs @ (~measured).astype(np.int64) == 1)
            if not len(alone):
                return measured, values
            for row in alone.tolist():
                span = slice(*sums.indptr[row : row + 2])
                parts, signs = sums.indices[span], sums.data[span]
                # Another sum of this round may have settled it already.
                for place in np.flatnonzero(~measured[parts]):
                    measured[parts[place]] = True
                    if np.isnan(values[parts[place]]).any():
                        values[parts[place]] = 0
                        values[parts[place]] = -(signs @ values[parts]) / signs[place]

    def _parts(self, measured: Mask) -> list[_Part]:
        system = self._system
        rows = np.repeat(np.arange(system.sums.shape[0]), np.diff(system.sums.indptr))
        kept = ~measured[system.sums.indices]
        rows, columns = rows[kept], system.sums.indices[kept].astype(np.int64)
        nodes = system.size + system.sums.shape[0]
        graph = coo_array((np.ones(len(rows)), (columns, system.size + rows)), shape=(nodes, nodes))
        _, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
        found: dict[int, tuple[set[int], set[int]]] = {}
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            members, inside = found.setdefault(int(labels[column]), (set(), set()))
            members.add(column)
            inside.add(row)
        return [_Part(np.array(sorted(m)), np.array(sorted(r))) for m, r in found.values()]

    def _is_free(self, part: _Part, measured: Mask, known: Mask) -> bool:
        """Whether the sums say nothing of the counts.

        Either none is shown, or one sum alone binds the cells: any of them can then be any share
        of what they are together.
        """
        alone = len(part.rows) == 1 and not known[part.members].any()
        return alone or not self._tells(part.rows, measured)

    def _narrow(self, program: _Program, members: Ints, targets: Sequence[int]) -> int | None:
        """The first target that cannot be moved far enough.

        One is moved alone, then all that are left at once, half of them up and half down.
        """
        left, number = sorted(targets, key=lambda target: target != self._last), 0
        while left := self._without_room(left):
            if not self._can_move(program, members, left[0]):
                self._last = left[0]
                return left[0]
            if left := self._without_room(left):
                up = np.arange(len(left)) >> number // 2 & 1 == number % 2
                self._spread(program, members, left, np.where(up, 1.0, -1.0))
                number += 1
        return None

    def _without_room(self, targets: Sequence[int]) -> list[int]:
        return [target for target in targets if not self._has_room(target)]

    def _can_move(self, program: _Program, members: Ints, target: int) -> bool:
        """Whether a target has room, which is looked for on both sides of what was seen."""
        for sign in (1.0, -1.0):
            if not self._has_room(target):
                self._move(program, members, program.counts[[members.tolist().index(target)]], sign)
        return self._has_room(target)

    def _has_room(self, target: int) -> bool:
        low, high = self._low[target], self._high[target]
        return bool(high >= low) and floor(high + NEAR) - ceil(low - NEAR) >= SPAN

    def _move(self, program: _Program, members: Ints, wanted: csr_array, sign: float) -> None:
        """Find people who fit, with as many or as few as can be of some."""
        solved = scipy.optimize.milp(-sign * wanted.toarray()[0], constraints=program.constraints())
        self._see(program, members, solved.x)

    def _spread(
        self, program: _Program, members: Ints, targets: Sequence[int], signs: Floats
    ) -> None:
        """Find people who fit, with SPAN more, or less, of as many targets as can be.

        A target is not followed beyond, so that it leaves room for the others.
        """
        place = {member: i for i, member in enumerate(members.tolist())}
        counts = program.counts[[place[target] for target in targets]]
        many, size = len(targets), counts.shape[1]
        beyond = scipy.optimize.LinearConstraint(
            hstack([counts * signs[:, None], -eye_array(many)]),
            signs * self._truth[targets, 0],
            np.inf,
        )
        solved = scipy.optimize.milp(
            np.repeat([0.0, -1.0], [size, many]),
            bounds=scipy.optimize.Bounds(
                np.repeat([0.0, -np.inf], [size, many]), np.repeat([np.inf, SPAN], [size, many])
            ),
            constraints=[*program.constraints(many), beyond],
        )
        self._see(program, members, None if solved.x is None else solved.x[:size])

    def _see(self, program: _Program, members: Ints, people: Floats | None) -> None:
        if people is not None:
            counts = program.counts @ people
            self._low[members] = np.fmin(self._low[members], counts)
            self._high[members] = np.fmax(self._high[members], counts)

    def _program(self, part: _Part, known: Mask, measured: Mask, values: Floats) -> _Program:
        """What the members can be made of, and what they must come to."""
        system, (members, rows) = self._system, part
        inside = system.sums[rows]
        rays, owners = self._rays(members, inside)
        count = len(owners)
        mixes = [
            csr_array((rays[:, k], (owners, np.arange(count))), shape=(len(members), count))
            for k in range(3)
        ]
        rest = np.where(measured[:, None], values, 0.0)
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
