"""Checks of outputs against the versions of them that readers have, by subtraction.

They follow single rows; the library also follows sums of rows, and rows of other outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.contract.outputs import DELIMITER
from medical_charges.validation.checks.files import StagedFile
from medical_charges.validation.expected import Expected, GroupKey, groups_by
from medical_charges.validation.recount.sums import GroupedMoments, Groups, Moments
from medical_charges.validation.result import run_check

_Row = tuple[str, ...]
_NOBODY = Moments(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class PublishedVersion:
    """An output as readers have it, and the groups of its snapshot."""

    data: bytes
    cells: GroupedMoments


def sequence_checks(
    contract: Contract,
    files: Mapping[str, StagedFile],
    expected: Mapping[str, Sequence[Expected]],
    cells: GroupedMoments,
    versions: Mapping[str, Sequence[PublishedVersion]],
) -> list[Check]:
    """Check what the outputs that a run replaces show together with their earlier versions."""
    least = contract.disclosure.minimum_rows
    pairs = [
        _Pair(contract, files[name], expected[name], cells, version)
        for name, found in versions.items()
        if name in files and files[name].readable
        for version in found
    ]
    unless = "" if pairs else "nothing of these outputs was published before"
    return [
        run_check(
            "disclosure: no small change is shown",
            "conformance",
            f"a row's people changed by none or by {least} or more since it was published",
            lambda: (sentence for pair in pairs for sentence in pair.small_changes(least)),
            unless=unless,
        ),
        run_check(
            "disclosure: what was hidden stays hidden",
            "conformance",
            f"a row that was published without figures has none, until {least} or more of its "
            f"people changed; and the other way round",
            lambda: (sentence for pair in pairs for sentence in pair.flips(least)),
            unless=unless,
        ),
    ]


def waiting_check(
    staged: Mapping[str, bytes], live: Mapping[str, bytes | None], waiting: Mapping[str, str]
) -> Check:
    """Check that outputs which wait are those that are published."""
    return run_check(
        "disclosure: outputs that wait stay as they are",
        "conformance",
        "the bytes of the live run",
        lambda: (
            f"{name} waits, and is not what is published"
            for name in waiting
            if live[name] is None or staged.get(name) != live[name]
        ),
        unless="" if waiting else "no output waits",
    )


class _Pair:
    """An output, and one of its earlier versions."""

    def __init__(
        self,
        contract: Contract,
        file: StagedFile,
        expected: Sequence[Expected],
        cells: GroupedMoments,
        version: PublishedVersion,
    ) -> None:
        self._contract, self._file = contract, file
        self._now, self._before = cells, version.cells
        self._by: dict[tuple[str, ...], list[Groups]] = {}
        self._groups = {row.labels: [group for group, _ in row.groups] for row in expected}
        header, *lines = version.data.decode().removesuffix("\n").split("\n")
        self._same = tuple(header.split(DELIMITER)) == file.columns
        rows = [tuple(line.split(DELIMITER)) for line in lines]
        self._old = {row[: file.groups]: row for row in rows} if self._same else {}
        self._new = {row[: file.groups]: row for row in file.rows}

    def small_changes(self, least: int) -> Iterator[str]:
        """Find rows with figures in both, of which too few people changed."""
        for labels in self._old.keys() & self._new.keys():
            both = self._shows(self._old, labels) and self._shows(self._new, labels)
            changed = [self._changed(group) for group in self._groups[labels]] if both else []
            if any(0 < fewest < least for fewest in changed):
                yield f"{self._file.name}: a row shows a change of too few people"

    def flips(self, least: int) -> Iterator[str]:
        """Find rows that show what was hidden, or hide what was shown, of the same people."""
        for labels in self._old.keys() & self._new.keys():
            before, now = self._shows(self._old, labels), self._shows(self._new, labels)
            changed = [self._changed(group) for group in self._groups[labels]]
            if not before and now and all(fewest < least for fewest in changed):
                yield f"{self._file.name}: a row shows figures that were hidden"
            if before and not now and not any(changed):
                yield f"{self._file.name}: a row hides figures that are known"

    def _shows(self, rows: Mapping[_Row, _Row], labels: _Row) -> bool:
        return any(rows[labels][self._file.groups :])

    def _changed(self, group: GroupKey) -> int:
        """Return the fewest people of a group who can have come or gone."""
        if group.names not in self._by:
            both = (self._before, self._now)
            self._by[group.names] = [groups_by(self._contract, group.names, of) for of in both]
        old, new = (groups.get(group.key, _NOBODY) for groups in self._by[group.names])
        if old == new or old.n != new.n:
            return abs(new.n - old.n)
        apart = max(old.most, new.most) - min(old.least, new.least)
        return max(1, -(-abs(new.total - old.total) // max(apart, 1)))
