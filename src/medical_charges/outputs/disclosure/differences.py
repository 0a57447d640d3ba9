"""Differencing: what two publications show by subtraction, and which groups may be shown again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from medical_charges.aggregates.cube import Cells, Key
from medical_charges.aggregates.difference import Difference, differences, respread
from medical_charges.contract import Contract
from medical_charges.contract.model import BUCKET
from medical_charges.outputs.disclosure.published import Cell, Row

By = Callable[[Sequence[str]], Cells]
"""The groups of a snapshot by names, their keys in the order of these."""

Labels = tuple[str, ...]
"""What names a row within its output."""


@dataclass(frozen=True)
class Version:
    """An output as readers have it: of which snapshot it is, and what its rows show."""

    output: str
    by: By
    """The snapshot's groups. Versions of one snapshot share it."""
    suppressed: frozenset[Labels]
    counted: frozenset[Labels]
    """Rows that show counts alone."""
    shown: frozenset[Labels]


@dataclass(frozen=True)
class Sticky:
    """What earlier publications leave of the choice."""

    hidden: frozenset[Cell] = frozenset()
    """Groups that readers do not know, and that have not changed enough to be shown."""
    shown: frozenset[Cell] = frozenset()
    """Groups that readers know as they are: not showing them again hides nothing."""
    counted: frozenset[Row] = frozenset()
    """Rows that show counts alone, and have not changed enough to show more."""
    snapshots: Sequence[Snapshot] = ()
    """Those of which readers have outputs."""


class Earlier:
    """The latest versions of outputs that readers have, against the groups as they are now."""

    def __init__(
        self,
        versions: Sequence[Version],
        rows: Mapping[str, Mapping[Labels, Row]],
        now: By,
        contract: Contract,
    ) -> None:
        self._rows, self._contract = rows, contract
        self._minimum = contract.disclosure.minimum_rows
        known = [version for version in versions if version.output in rows]
        self._last = {version.output: version for version in known}
        self._snapshots = [
            Snapshot(by, [v for v in known if v.by is by], rows, now, contract)
            for by in dict.fromkeys(version.by for version in known)
        ]

    @property
    def outputs(self) -> frozenset[str]:
        """The outputs that readers have a version of."""
        return frozenset(self._last)

    def waiting(self) -> set[str]:
        """Return the outputs that would show too small a change, whatever they suppress."""
        return {output for output in self._rows if any(self._tells(output))}

    def _tells(self, output: str) -> Iterable[bool]:
        for snapshot in self._snapshots:
            for other in snapshot.outputs:
                for names in self._common(output, other):
                    yield bool(snapshot.small(names))

    def _common(self, one: str, other: str) -> set[tuple[str, ...]]:
        """Return the names by which both outputs can be summed."""
        pairs = product(self._levels(one), self._levels(other))
        return {self._meet(ours, theirs) for ours, theirs in pairs}

    def _levels(self, output: str) -> set[tuple[str, ...]]:
        """Return the names by which an output groups, or by what its groups lie in."""
        wholes = self._contract.wholes_of
        return {
            tuple(dict.fromkeys(level))
            for names in _grouped_by(self._rows[output])
            for level in product(*((name, *wholes(name)) for name in names))
        }

    def _meet(self, ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
        finer = self._contract.is_finer
        both = {
            name
            for names, others in ((ours, theirs), (theirs, ours))
            for name in names
            if any(other == name or finer(other, name) for other in others)
        }
        return tuple(sorted(n for n in both if not any(finer(other, n) for other in both)))

    def kept(self, waiting: Iterable[str]) -> list[Row]:
        """Return the rows of waiting outputs that say of the present what they have said."""
        return [
            row
            for output in sorted(self.outputs.intersection(waiting))
            for row in self._rows[output].values()
            if not any(map(self._snapshot_of(output).changed, row.reveals))
        ]

    def _snapshot_of(self, output: str) -> Snapshot:
        by = self._last[output].by
        return next(snapshot for snapshot in self._snapshots if snapshot.by is by)

    def sticky(self) -> Sticky:
        """Return what cannot be chosen any more."""
        counted = {
            row
            for output, version in self._last.items()
            for labels, row in self._rows[output].items()
            if labels in version.counted and self._is_as_it_was(row, self._minimum)
        }
        return Sticky(
            frozenset().union(*(snapshot.still_hidden for snapshot in self._snapshots)),
            frozenset().union(*(snapshot.still_known for snapshot in self._snapshots)),
            frozenset(counted),
            self._snapshots,
        )

    def _is_as_it_was(self, row: Row, minimum: int = 1) -> bool:
        changed = map(self._snapshot_of(row.output).changed, row.counts)
        return all(difference is None or difference.fewest < minimum for difference in changed)

    def shows(self, output: str, labels: Labels, *, counts_alone: bool) -> bool:
        """Return True if readers have a row's figures, or its counts, as they still are."""
        version = self._last.get(output)
        shown = version.shown | (version.counted if counts_alone else set()) if version else ()
        return labels in shown and self._is_as_it_was(self._rows[output][labels])


def _grouped_by(rows: Mapping[Labels, Row]) -> set[tuple[str, ...]]:
    return {(), *(cell.names for row in rows.values() for cell in row.reveals)}


class Snapshot:
    """An earlier snapshot, what readers know of it, and how it differs from the present one."""

    def __init__(
        self,
        by: By,
        versions: Sequence[Version],
        rows: Mapping[str, Mapping[Labels, Row]],
        now: By,
        contract: Contract,
    ) -> None:
        self.by, self._versions, self._rows, self._now = by, versions, rows, now
        self._minimum, self._contract = contract.disclosure.minimum_rows, contract
        self._found: dict[tuple[str, ...], dict[Key, Difference]] = {}

    @property
    def outputs(self) -> list[str]:
        """The outputs that show this snapshot."""
        return [version.output for version in self._versions]

    @cached_property
    def _known(self) -> set[Cell]:
        return {
            cell
            for version in self._versions
            for labels, row in self._rows[version.output].items()
            if labels in version.shown or labels in version.counted
            for cell in row.reveals
        }

    @cached_property
    def _hidden(self) -> set[Cell]:
        found = {
            cell
            for version in self._versions
            for labels, row in self._rows[version.output].items()
            if labels in version.suppressed
            for cell in row.counts
        }
        return found - self._known

    @property
    def still_known(self) -> frozenset[Cell]:
        """The groups that readers know, and that are as they were."""
        return frozenset(cell for cell in self._known if self.changed(cell) is None)

    @property
    def still_hidden(self) -> frozenset[Cell]:
        """The groups that were hidden, and have not changed enough to be shown."""
        changed = ((cell, self.changed(cell)) for cell in self._hidden)
        return frozenset(cell for cell, by in changed if by is None or by.fewest < self._minimum)

    def reaches(self, names: Sequence[str]) -> bool:
        """Return True if an output shows the snapshot by these names, or by finer ones."""
        finer, wholes = self._contract.is_finer, self._contract.wholes_of
        return any(
            all(
                any(one == name or finer(one, name) or name in wholes(one) for one in level)
                for name in names
            )
            for output in self.outputs
            for level in _grouped_by(self._rows[output])
        )

    def changed(self, cell: Cell) -> Difference | None:
        """Return how a group has changed, or None if it has not."""
        return self._differences(cell.names).get(cell.key)

    def _differences(self, names: tuple[str, ...]) -> dict[Key, Difference]:
        if names not in self._found:
            found = differences(self.by(names), self._now(names))
            if any(set(names) <= set(held) for held in self._contract.bucketed_sets):
                bucketed = (*names, BUCKET)
                found |= respread(found, self.by(bucketed), self._now(bucketed))
            self._found[names] = found
        return self._found[names]

    def small(self, names: tuple[str, ...]) -> list[Cell]:
        """Return the groups that changed too little, those aside that stay hidden."""
        found = (
            Cell(names, key)
            for key, difference in self._differences(names).items()
            if difference.fewest < self._minimum
        )
        return [cell for cell in found if cell not in self._hidden]
