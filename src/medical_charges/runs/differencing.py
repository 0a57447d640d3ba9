"""The differencing control: disclosure by subtracting one publication from the next.

Two publications that differ by a few people disclose those people, however well each protects its
own small groups. So a run with such a small change is held: it is not published until more has
changed. `docs/disclosure.md` describes the remaining risk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from medical_charges.aggregates.cube import Cells, Cube, Sums, merge_cells
from medical_charges.aggregates.difference import Difference, differences
from medical_charges.aggregates.state import (
    State,
    StoredState,
    group_definitions,
    measure_of,
    read_stored_state,
)
from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.storage import ObjectRef, Store


@dataclass(frozen=True)
class Change:
    """The difference between a state and the live one."""

    rows_added: int
    """Number of counted rows of objects that are not in the live state."""
    rows_removed: int
    """Number of counted rows of objects that are in the live state only."""
    came: int
    """Minimum number of people who were added, as the groups show."""
    went: int
    same_shape: bool
    """True if both have the same groups, so that each could be compared."""
    small_groups: Mapping[str, int]
    """By grouping, the number of groups that changed by fewer people than the contract's minimum:
    the risk that differencing leaves in a run that is not held."""

    def is_small(self, minimum: int) -> bool:
        """Return True if people may have been added or removed, but fewer than the minimum.

        If not every group could be compared, the rows of other objects count as well.
        """
        sizes = [max(self.came, self.went)]
        if not self.same_shape:
            sizes.append(max(self.rows_added, self.rows_removed))
        return any(0 < size < minimum for size in sizes)


def change_between(served: StoredState, state: State, contract: Contract) -> Change:
    """Return the change from the live state to another that is read under this contract."""
    before, after = _rows_by_object(served.state), _rows_by_object(state)
    minimum = contract.disclosure.minimum_rows
    pairs = dict(_comparable(served, state, contract))
    found = {name: differences(old, new).values() for name, (old, new) in pairs.items()}
    sizes = [_came_and_went(of) for of in found.values()]
    return Change(
        rows_added=sum(n for ref, n in after.items() if ref not in before),
        rows_removed=sum(n for ref, n in before.items() if ref not in after),
        came=max(came for came, _ in sizes),
        went=max(went for _, went in sizes),
        same_shape=served.compares_with(contract),
        small_groups={
            name: sum(abs(one.people) < minimum for one in of) for name, of in found.items()
        },
    )


def counted_rows(state: State) -> int:
    """Return the number of people of a state, as its objects' tallies give it."""
    return sum(_rows_by_object(state).values())


def _rows_by_object(state: State) -> dict[ObjectRef, int]:
    return {m.ref: m.tally.rows - m.tally.rejected for m in state.members.values()}


def _comparable(
    served: StoredState, state: State, contract: Contract
) -> Iterator[tuple[str, tuple[Cells, Cells]]]:
    """Yield the groups of both states by names that both group by with equal definitions.

    The group of everybody is always among them. If the measures differ, only numbers of people are
    compared.
    """
    fits, names_now = served.compares_with(contract), group_definitions(contract)
    same = {name for name, of in names_now.items() if fits or served.names.get(name) == of}
    summed = [served.measure, served.kernel] == [measure_of(contract), KERNEL_VERSION]
    shared = {
        frozenset(same.intersection(old, new)) for old in served.state.cube for new in state.cube
    }
    for names in sorted(map(sorted, shared | {frozenset()})):
        old, new = _margin(served.state.cube, names), _margin(state.cube, names)
        if not (fits or summed):
            old, new = _counts(old), _counts(new)
        yield ", ".join(names) or "everybody", (old, new)


def _margin(cube: Cube, names: Sequence[str]) -> Cells:
    """Return the groups by these names, summed from the smallest grouping set that has them all."""
    having = (held for held in cube if set(names) <= set(held))
    held = min(having, key=len, default=())
    places, cells = [held.index(name) for name in names], Cells()
    for key, sums in cube.get(held, {}).items():
        merge_cells(cells, {tuple(key[i] for i in places): sums})
    return cells


def _counts(cells: Cells) -> Cells:
    return {key: Sums(sums.n, 0, 0, 0, 0) for key, sums in cells.items()}


def _came_and_went(found: Iterable[Difference]) -> tuple[int, int]:
    """Return the minimum numbers of people who were added and removed."""
    pairs = [(one.fewest, one.people) for one in found]
    came = sum(fewest for fewest, people in pairs if people >= 0)
    return came, sum(fewest for fewest, people in pairs if people <= 0)


def removed_rows(served: State, kept: set[str]) -> int:
    """Return the number of people who are removed if only these objects of a state remain."""
    gone = (member for identity, member in served.members.items() if identity not in kept)
    return sum(member.tally.rows - member.tally.rejected for member in gone)


def read_live_state(store: Store, contract: Contract, snapshot: str) -> StoredState | None:
    """Read the state of a published snapshot; return None if it no longer exists."""
    try:
        return read_stored_state(store, Layout(contract.prefix).state(snapshot))
    except (ObjectMissingError, ValueError):
        return None


def write_change(store: Store, contract: Contract, run_id: str, change: Change) -> None:
    """Write the change to the run's folder."""
    text = json.dumps(asdict(change), indent=2)
    store.write(Layout(contract.prefix).change(run_id), text.encode() + b"\n")


def write_hold(
    store: Store, contract: Contract, run_id: str, reason: str, *, published: bool
) -> None:
    """Write the reason why a run is held, or would be without the request to publish it."""
    text = json.dumps({"reason": reason, "published": published}, indent=2)
    store.write(Layout(contract.prefix).hold(run_id), text.encode() + b"\n")


ALL_THE_SAME = (
    'to publish all the same, start an execution with {"publish_held": true}, as '
    "`make execute PUBLISH_HELD=1` does"
)


def hold_reason(contract: Contract) -> str:
    """Return the reason for holding a small change, without its size, because it is sent by email.

    The groups show only the minimum of what has changed.
    """
    minimum = contract.disclosure.minimum_rows
    return (
        f"since the last publication the input may have changed by fewer than {minimum} "
        f"{contract.units}, which two publications would disclose by subtraction; what was "
        f"published stays, and a run publishes once the groups show a change of {minimum} or more; "
        f"{ALL_THE_SAME}"
    )


def all_wait_reason(contract: Contract) -> str:
    """Return the reason for holding a run of which no output could be published."""
    minimum = contract.disclosure.minimum_rows
    return (
        f"in each output some group has changed by fewer than {minimum} {contract.units} since it "
        f"was published, which two publications would disclose by subtraction; what was published "
        f"stays, and an output is published again once each of its groups has changed by "
        f"{minimum} or more, or not at all; {ALL_THE_SAME}"
    )


def removed_reason(contract: Contract) -> str:
    """Return the reason for holding a run that has so many fewer people than the live run.

    Like that of a small change it has no number of people.
    """
    share = contract.quality.maximum_removed_share
    return (
        f"this run has over {share:.0%} fewer {contract.units} than the live run, as after an "
        f"upload that was cut off or that replaced another file; what was published stays; "
        f"if so many may go at any time, raise `quality.maximum_removed_share` in the contract"
    )


LOST = (
    f"an output that was published, or the state that it was read off, is not there any more, so "
    f"nobody can say how far this run is from it; {ALL_THE_SAME}"
)
