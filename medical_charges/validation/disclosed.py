"""Whether what is shown gives a small group away, looked at without the code that suppresses.

Every count that is shown, and what adds up with what, confines the counts that are not. This
follows sums and differences only, so it finds less than an attacker with a solver; the pattern
that the library chooses withstands that one too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.validation.expected import Expected, Group
from medical_charges.validation.files import StagedFile
from medical_charges.validation.result import judged

LEAST_SPAN = 5
"""A suppressed count must be free to be at least this many more than its least value."""

_ROUNDS = 20
_WORK = 20_000_000
"""The most terms of sums that are followed, all rounds together; the first round in any case."""


@dataclass(frozen=True)
class Shown:
    """A row as it is published, beside what it is of."""

    output: str
    expected: Expected
    hidden: bool
    """Whether it has no figures, though there are some of it."""


def disclosure_checks(
    contract: Contract,
    files: Mapping[str, StagedFile],
    expected: Mapping[str, Sequence[Expected]],
    summary: Mapping[str, Any],
) -> list[Check]:
    """What is shown of small groups, and what follows of them."""
    least = contract.disclosure.minimum_cell
    rows = list(_rows(files, expected, least))
    unreadable = [name for name, file in files.items() if not file.readable]
    unless = f"{', '.join(unreadable)} cannot be read" if unreadable else ""
    return [
        judged(
            "disclosure: no small group is shown",
            "conformance",
            f"no figures of a group of 1 to {least - 1} people",
            lambda: _small(rows, least),
            unless=unless,
        ),
        judged(
            "disclosure: what is withheld is accounted for",
            "conformance",
            "rows without figures, and outputs without rows, are those that the summary counts; "
            "there are none if no group is small",
            lambda: _accounted(rows, expected, summary, least),
            unless=unless,
        ),
        judged(
            "disclosure: no suppressed count follows from others",
            "conformance",
            f"sums and differences leave every suppressed count {LEAST_SPAN + 1} values or more",
            lambda: _confined(contract, rows),
            unless=unless or ("" if any(row.hidden for row in rows) else "nothing is suppressed"),
        ),
    ]


def _rows(
    files: Mapping[str, StagedFile], expected: Mapping[str, Sequence[Expected]], least: int
) -> Iterator[Shown]:
    for name, file in files.items():
        right = {row.labels: row for row in expected[name]}
        for row in file.rows if file.readable else ():
            if (told := right.get(row[: file.groups])) is not None:
                small = any(0 < n < least for _, n in told.groups)
                empty = not any(row[file.groups :])
                yield Shown(name, told, empty and (small or not told.empty))


def _small(rows: Sequence[Shown], least: int) -> Iterator[str]:
    for row in rows:
        if not row.hidden and any(0 < n < least for _, n in row.expected.groups):
            yield f"{row.output}, {', '.join(row.expected.labels)}: a small group is shown"


def _accounted(
    rows: Sequence[Shown],
    expected: Mapping[str, Sequence[Expected]],
    summary: Mapping[str, Any],
    least: int,
) -> Iterator[str]:
    for name in expected:
        hidden = sum(row.hidden for row in rows if row.output == name)
        # A row that has no figures anyway may or may not count as one that lost them.
        unsure = sum(row.expected.empty and not row.hidden for row in rows if row.output == name)
        said = summary["suppressed"].get(name, 0)
        if not hidden <= said <= hidden + unsure:
            yield f"{name} has {hidden} rows without figures; the summary says {said}"
        if name in summary["withheld"] and not summary["withheld"][name]:
            yield f"{name} is withheld without a reason"
    needed = any(
        0 < n < least for right in expected.values() for row in right for _, n in row.groups
    )
    if not needed and (summary["withheld"] or any(row.hidden for row in rows)):
        yield "figures are withheld, though no group is small"


@dataclass
class _Counts:
    """What is known of every count: from where to where it lies."""

    low: dict[Group, int] = field(default_factory=dict)
    high: dict[Group, int] = field(default_factory=dict)
    sums: list[tuple[Group, list[Group]]] = field(default_factory=list)
    """A count with those that add up to it."""

    def follow(self) -> None:
        """Confine every count by the sums that it is in, round by round."""
        terms = sum(len(parts) for _, parts in self.sums) or 1
        for _ in range(max(1, min(_ROUNDS, _WORK // terms))):
            before = sum(self.high.values()) - sum(self.low.values())
            for whole, parts in self.sums:
                self._confine(whole, parts)
            if sum(self.high.values()) - sum(self.low.values()) == before:
                return

    def _confine(self, whole: Group, parts: list[Group]) -> None:
        low, high = self.low, self.high
        least, most = sum(low[part] for part in parts), sum(high[part] for part in parts)
        low[whole], high[whole] = max(low[whole], least), min(high[whole], most)
        for part in parts:
            most_of_part = high[whole] - (least - low[part])
            least_of_part = low[whole] - (most - high[part])
            # Both sums are of the bounds as they were; the next round takes the new ones.
            if most_of_part < high[part]:
                most -= high[part] - most_of_part
                high[part] = most_of_part
            if least_of_part > low[part]:
                least += least_of_part - low[part]
                low[part] = least_of_part


def _confined(contract: Contract, rows: Sequence[Shown]) -> Iterator[str]:
    shown = [row.expected for row in rows if not row.hidden]
    known = dict(pair for row in shown for pair in (*row.groups, *row.wholes))
    counts = _layout(contract, _tables(rows), known)
    counts.follow()
    for row in rows:
        for group, n in row.expected.groups if row.hidden else ():
            if not n or group in known or group not in counts.low:
                continue
            if counts.high[group] - counts.low[group] < LEAST_SPAN:
                labels = ", ".join(row.expected.labels)
                yield f"{row.output}, {labels}: its count is confined too closely"


Table = Mapping[Group, int]


def _tables(rows: Sequence[Shown]) -> dict[tuple[str, ...], Table]:
    """The groups that rows are of, by their names, where these are everybody."""
    tables: dict[tuple[str, ...], dict[Group, int]] = {}
    for row in rows:
        for group, n in row.expected.groups:
            tables.setdefault(group.names, {})[group] = n
    people = max((sum(table.values()) for table in tables.values()), default=0)
    return {names: table for names, table in tables.items() if sum(table.values()) == people}


def _layout(
    contract: Contract, tables: Mapping[tuple[str, ...], Table], known: Mapping[Group, int]
) -> _Counts:
    """Every count with what is known of it, and every sum that two tables share."""
    counts = _Counts()
    everybody = Group((), ())
    people = sum(next(iter(tables.values()), {}).values())
    for table in tables.values():
        for group in table:
            counts.low[group] = known.get(group, 1)
            counts.high[group] = known.get(group, people)
    counts.low[everybody] = counts.high[everybody] = people
    meets = {_meet(contract, a, b) for a, b in permutations(tables, 2)} | {()}
    for names, table in tables.items():
        for coarser in sorted(meets - {names}):
            sums: dict[Group, list[Group]] = {}
            for group in table:
                if (whole := _within(contract, group, coarser)) is not None:
                    sums.setdefault(whole, []).append(group)
            for whole, parts in sums.items():
                counts.low.setdefault(whole, known.get(whole, 0))
                counts.high.setdefault(whole, known.get(whole, people))
                counts.sums.append((whole, parts))
    return counts


def _meet(contract: Contract, a: Sequence[str], b: Sequence[str]) -> tuple[str, ...]:
    """What two tables can both be added up to: columns that they share, a band for its column."""
    bands = contract.bands
    common = {name for name in a if name in b or (name in bands and bands[name].column in b)}
    common |= {name for name in b if name in bands and bands[name].column in a}
    return tuple(sorted(common))


def _within(contract: Contract, group: Group, names: Sequence[str]) -> Group | None:
    """The group by other names that all of a group lies in, if there is one."""
    values = dict(zip(group.names, group.key, strict=True))
    found: list[str | int] = []
    for name in names:
        if name not in values:
            band = contract.bands.get(name)
            value = values.get(band.column) if band else None
            if band is None or not isinstance(value, int):
                return None
            top = contract.disclosure.top_code.get(band.column)
            if top is not None and value >= top and any(edge > top for edge in band.below.values()):
                return None
            label = next((label for label, e in band.below.items() if value < e), band.otherwise)
            found.append(label)
        else:
            found.append(values[name])
    return Group(tuple(names), tuple(found))
