"""Disclosure checks of the published rows, independent of the code that suppresses.

Published counts, and the sums that they are part of, bound the suppressed counts. These checks
follow sums and differences only, so they find less than an attacker with a solver does; the
suppression pattern that the library chooses withstands that one too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.contract.model import COMPARISONS
from medical_charges.validation.checks.files import StagedFile
from medical_charges.validation.expected import Expected, GroupKey, groups_by
from medical_charges.validation.recount.sums import GroupedMoments
from medical_charges.validation.result import run_check

LEAST_SPAN = 5
"""Number of values above its minimum that a suppressed count must be able to take."""

_MOST_JUDGED = 1_000
"""Maximum number of rows for the check whether any could be shown: larger tables withhold more than
the minimum."""

_ROUNDS = 20
_WORK = 20_000_000
"""Maximum number of terms of sums that are followed in all rounds; the first round is always
complete."""


Group = str | int
"""A value of a column, or a label of a band."""


@dataclass(frozen=True)
class OutputRow:
    """A published row, with the expected one."""

    output: str
    expected: Expected
    hidden: bool
    """True if the row has no figures though the group is not empty."""
    counted: bool = False
    """True if the row has counts and shares alone though there is more of the group."""


def disclosure_checks(
    contract: Contract,
    files: Mapping[str, StagedFile],
    expected: Mapping[str, Sequence[Expected]],
    summary: Mapping[str, Any],
    cells: GroupedMoments,
    *,
    follows: bool = False,
) -> list[Check]:
    """Check what is shown of small groups, and what follows about them.

    Args:
        contract: the contract.
        files: the outputs.
        expected: the rows of each output before suppression.
        summary: the run's summary.
        cells: the sums behind the outputs.
        follows: outputs were published before, so that rows may be without figures for what
            readers have already.
    """
    least = contract.disclosure.minimum_rows
    rows = list(_rows(files, expected, least))
    nesting = Nesting(contract, cells)
    unreadable = [name for name, file in files.items() if not file.readable]
    unless = f"{', '.join(unreadable)} cannot be read" if unreadable else ""
    return [
        run_check(
            "disclosure: no small group is shown",
            "conformance",
            f"no figures of a group of 1 to {least - 1} people",
            lambda: _small(rows, least),
            unless=unless,
        ),
        run_check(
            "disclosure: what is withheld is accounted for",
            "conformance",
            "rows without figures, and outputs without rows, are those that the summary counts",
            lambda: _accounted(rows, expected, summary),
            unless=unless,
        ),
        run_check(
            "disclosure: nothing is withheld without need",
            "conformance",
            "figures are withheld only where a group is small that shares a column with theirs; "
            "not all of them, if any could be shown",
            lambda: needless(nesting, rows, expected, summary),
            unless=unless or ("earlier publications decide as well" if follows else ""),
        ),
        run_check(
            "disclosure: no suppressed count follows from others",
            "conformance",
            f"sums and differences leave every suppressed count {LEAST_SPAN + 1} values or more",
            lambda: _confined(nesting, rows),
            unless=unless or ("" if any(row.hidden for row in rows) else "nothing is suppressed"),
        ),
    ]


def _rows(
    files: Mapping[str, StagedFile], expected: Mapping[str, Sequence[Expected]], least: int
) -> Iterator[OutputRow]:
    for name, file in files.items():
        right = {row.labels: row for row in expected[name]}
        for row in file.rows if file.readable else ():
            if (told := right.get(row[: file.groups])) is not None:
                small = any(0 < n < least for _, n in told.groups)
                empty = not any(row[file.groups :])
                hidden = empty and (small or not told.empty)
                alone = file.shows_counts_alone(row, told.figures)
                yield OutputRow(name, told, hidden, alone)


def _small(rows: Sequence[OutputRow], least: int) -> Iterator[str]:
    for row in rows:
        if not row.hidden and any(0 < n < least for _, n in row.expected.groups):
            yield f"{row.output}, {', '.join(row.expected.labels)}: a small group is shown"


def _accounted(
    rows: Sequence[OutputRow],
    expected: Mapping[str, Sequence[Expected]],
    summary: Mapping[str, Any],
) -> Iterator[str]:
    for name in expected:
        hidden = sum(row.hidden for row in rows if row.output == name)
        # A row that has no figures anyway may or may not count as suppressed.
        unsure = sum(row.expected.empty and not row.hidden for row in rows if row.output == name)
        said = summary["suppressed"].get(name, 0)
        if not hidden <= said <= hidden + unsure:
            yield f"{name} has {hidden} rows without figures; the summary says {said}"
        counted = sum(row.counted for row in rows if row.output == name)
        # What was stored before rows could show counts alone does not speak of them.
        if counted != (said := summary.get("counts_only", {}).get(name, 0)):
            yield f"{name} has {counted} rows with counts alone; the summary says {said}"
        if name in summary["withheld"] and not summary["withheld"][name]:
            yield f"{name} is withheld without a reason"


class Nesting:
    """Which groups lie in which: in bands, and in what the contract says they lie within."""

    def __init__(self, contract: Contract, cells: GroupedMoments) -> None:
        self.contract = contract
        self._wholes: dict[tuple[str, str], Mapping[Group, Group]] = {}
        for name in contract.grouping_columns:
            for whole in contract.wholes_of(name):
                pairs = [(key[0], key[1]) for key in groups_by(contract, (name, whole), cells)]
                self._wholes[name, whole] = _whole_of_each(pairs)

    def columns(self, name: str) -> set[str]:
        """Return the source columns that a name's groups say something of."""
        return {self.contract.column_of(it) for it in (name, *self.contract.wholes_of(name))}

    def is_in(self, name: str, names: Collection[str]) -> bool:
        """Return True if groups of some names each lie in one group of this name."""
        bands = self.contract.bands
        banded = name in bands and bands[name].column in names
        return name in names or banded or any((it, name) in self._wholes for it in names)

    def value(self, name: str, values: Mapping[str, str | int]) -> str | int | None:
        """Return the group of a name that some values lie in, if there is one."""
        if name in values:
            return values[name]
        for fine, value in values.items():
            if (fine, name) in self._wholes:
                # A comparison may name a group without people, which lies nowhere.
                return self._wholes[fine, name].get(value)
        band = self.contract.bands.get(name)
        number = values.get(band.column) if band else None
        if band is None or not isinstance(number, int):
            return None
        top = self.contract.disclosure.top_code.get(band.column)
        if top is not None and number >= top and any(edge > top for edge in band.below.values()):
            return None
        return next((label for label, e in band.below.items() if number < e), band.otherwise)


def _whole_of_each(pairs: Sequence[tuple[Group, Group]]) -> Mapping[Group, Group]:
    """Return the whole of each group, where the groups of a whole add up to it.

    A group may lie in several. Of these wholes no sum is followed, nor of what else lies there.
    """
    several = Counter(group for group, _ in pairs)
    open_ = {whole for group, whole in pairs if several[group] > 1}
    return {group: whole for group, whole in pairs if whole not in open_}


def needless(
    nesting: Nesting,
    rows: Sequence[OutputRow],
    expected: Mapping[str, Sequence[Expected]],
    summary: Mapping[str, Any],
) -> Iterator[str]:
    """Find withheld figures that no small group needs."""
    withheld = [
        OutputRow(name, row, hidden=True) for name in summary["withheld"] for row in expected[name]
    ]
    everything = [*rows, *withheld]
    least = nesting.contract.disclosure.minimum_rows
    hiding = {row.output for row in everything if row.hidden or row.counted}
    small = {row.output for row in everything if _is_small(row.expected, least)}
    columns = {name: _columns(nesting, expected[name]) for name in expected}
    for names in _together(columns):
        if not names & small:
            for name in sorted(names & hiding):
                yield f"{name} withholds figures, though no group that shares a column is small"
    if len(everything) <= _MOST_JUDGED and all(r.hidden or r.expected.empty for r in everything):
        for name in sorted(hiding - small):
            # Only its largest row: where others are shown, it could prevent these.
            first = max((r for r in everything if r.output == name), key=_people)
            back = [replace(r, hidden=r.hidden and r is not first) for r in everything]
            if not _discloses(nesting, back):
                yield f"nothing is shown, though {name} could be without disclosing a small group"


def _people(row: OutputRow) -> int:
    return sum(n for _, n in row.expected.groups)


def _is_small(row: Expected, least: int) -> bool:
    return any(0 < n < least for _, n in row.groups)


def _columns(nesting: Nesting, rows: Sequence[Expected]) -> set[str]:
    """Return the source columns of an output's groups."""
    names = {name for row in rows for group, _ in row.groups for name in group.names}
    return set[str]().union(*map(nesting.columns, names))


def _together(columns: Mapping[str, set[str]]) -> list[set[str]]:
    """Group the outputs that share columns, directly or through others."""
    found: list[tuple[set[str], set[str]]] = []
    for name, own in columns.items():
        near = [group for group in found if group[1] & own]
        found = [group for group in found if group not in near]
        outputs = {name}.union(*(outputs for outputs, _ in near))
        found.append((outputs, own.union(*(shared for _, shared in near))))
    return [outputs for outputs, _ in found]


def _discloses(nesting: Nesting, rows: Sequence[OutputRow]) -> bool:
    """Return True if a suppressed count is bounded too closely, as far as sums show."""
    tables = {group.names for row in rows for group, _ in row.expected.groups}
    names = {name for table in tables for name in table}
    banded = [nesting.contract.column_of(name) for name in names if name in nesting.contract.bands]
    if tables != _tables(rows).keys() or len(set(banded)) < len(banded):
        # Sums over parts of the people, or between bands of one column, are not followed.
        return True
    if any(_confined(nesting, rows)):
        return True
    _, counts = _followed(nesting, rows)
    for whole, parts in counts.sums:
        if counts.told(whole):
            # The total of the rows without figures follows by subtraction.
            together = counts.low[whole] - sum(counts.low[p] for p in parts if counts.told(p))
            if 0 < together < nesting.contract.disclosure.minimum_rows:
                return True
    return False


@dataclass
class _Counts:
    """The bounds of every count."""

    low: dict[GroupKey, int] = field(default_factory=dict)
    high: dict[GroupKey, int] = field(default_factory=dict)
    sums: list[tuple[GroupKey, list[GroupKey]]] = field(default_factory=list)
    """Sums: a count, and the counts that add up to it."""

    def told(self, group: GroupKey) -> bool:
        """Return True if a count can have one value only."""
        return self.low[group] == self.high[group]

    def follow(self) -> None:
        """Bound every count by the sums that contain it, round by round."""
        terms = sum(len(parts) for _, parts in self.sums) or 1
        for _ in range(max(1, min(_ROUNDS, _WORK // terms))):
            before = sum(self.high.values()) - sum(self.low.values())
            for whole, parts in self.sums:
                self._confine(whole, parts)
            if sum(self.high.values()) - sum(self.low.values()) == before:
                return

    def _confine(self, whole: GroupKey, parts: list[GroupKey]) -> None:
        low, high = self.low, self.high
        least, most = sum(low[part] for part in parts), sum(high[part] for part in parts)
        low[whole], high[whole] = max(low[whole], least), min(high[whole], most)
        for part in parts:
            most_of_part = high[whole] - (least - low[part])
            least_of_part = low[whole] - (most - high[part])
            # Both sums use the bounds of the previous round; the next round uses the new ones.
            if most_of_part < high[part]:
                most -= high[part] - most_of_part
                high[part] = most_of_part
            if least_of_part > low[part]:
                least += least_of_part - low[part]
                low[part] = least_of_part


def _confined(nesting: Nesting, rows: Sequence[OutputRow]) -> Iterator[str]:
    known, counts = _followed(nesting, rows)
    for row in rows:
        for group, n in row.expected.groups if row.hidden else ():
            if not n or not group.names or group in known or group not in counts.low:
                continue
            if counts.high[group] - counts.low[group] < LEAST_SPAN:
                labels = ", ".join(row.expected.labels)
                yield f"{row.output}, {labels}: its suppressed count has too few possible values"


def _followed(nesting: Nesting, rows: Sequence[OutputRow]) -> tuple[Table, _Counts]:
    """Return the published counts, and all counts as far as those bound them."""
    shown = [row.expected for row in rows if not row.hidden]
    known = dict(pair for row in shown for pair in (*row.groups, *row.wholes))
    # A comparison may name empty groups; all other rows have people.
    there = {g for row in rows if row.output != COMPARISONS for g, _ in row.expected.groups}
    counts = _layout(nesting, _tables(rows), known, there)
    counts.follow()
    return known, counts


Table = Mapping[GroupKey, int]


def _tables(rows: Sequence[OutputRow]) -> dict[tuple[str, ...], Table]:
    """Return the groups of rows by their names, where the rows cover everybody."""
    tables: dict[tuple[str, ...], dict[GroupKey, int]] = {}
    for row in rows:
        for group, n in row.expected.groups:
            tables.setdefault(group.names, {})[group] = n
    people = max((sum(table.values()) for table in tables.values()), default=0)
    return {names: table for names, table in tables.items() if sum(table.values()) == people}


def _layout(
    nesting: Nesting,
    tables: Mapping[tuple[str, ...], Table],
    known: Mapping[GroupKey, int],
    there: set[GroupKey],
) -> _Counts:
    """Return the bounds of every count, and every sum that two tables share."""
    counts = _Counts()
    everybody = GroupKey((), ())
    people = sum(next(iter(tables.values()), {}).values())
    for table in tables.values():
        for group in table:
            counts.low[group] = known.get(group, int(group in there))
            counts.high[group] = known.get(group, people)
    counts.low[everybody] = counts.high[everybody] = people
    meets = {_meet(nesting, a, b) for a, b in permutations(tables, 2)} | {()}
    for names, table in tables.items():
        for coarser in sorted(meets - {names}):
            sums: dict[GroupKey, list[GroupKey]] = {}
            for group in table:
                if (whole := _within(nesting, group, coarser)) is not None:
                    sums.setdefault(whole, []).append(group)
            for whole, parts in sums.items():
                counts.low.setdefault(whole, known.get(whole, 0))
                counts.high.setdefault(whole, known.get(whole, people))
                counts.sums.append((whole, parts))
    return counts


def _meet(nesting: Nesting, a: Sequence[str], b: Sequence[str]) -> tuple[str, ...]:
    """Return the names to which two tables can both be summed."""
    common = {name for name in a if nesting.is_in(name, b)}
    common |= {name for name in b if nesting.is_in(name, a)}
    return tuple(sorted(common))


def _within(nesting: Nesting, group: GroupKey, names: Sequence[str]) -> GroupKey | None:
    """Return the group by other names that contains all of a group, if there is one."""
    values = dict(zip(group.names, group.key, strict=True))
    found = [value for name in names if (value := nesting.value(name, values)) is not None]
    return GroupKey(tuple(names), tuple(found)) if len(found) == len(names) else None
