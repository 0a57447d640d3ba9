"""What subtracting one publication from the next would say of the people in between.

Two publications that are a few people apart give those people away, however well each protects
its own small groups. So a run whose change is that small is held: nothing of it is published
until more has come. `docs/disclosure.md` says what this leaves open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from medical_charges.contract import Contract
from medical_charges.cube import Cells, rows_of
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.state import State, StoredState, read_stored_state
from medical_charges.storage import ObjectRef, Store


@dataclass(frozen=True)
class Change:
    """How far a state is from the one that is served."""

    rows_added: int
    """Rows counted of objects that the served state has not."""
    rows_removed: int
    """Rows counted of objects that only the served state has."""
    came: int
    """How many people came, at least, by what the groups show."""
    went: int
    same_shape: bool
    """Whether the groups of both mean the same, so that each could be compared."""
    small_groups: Mapping[str, int]
    """By grouping, how many groups changed by fewer people than the contract's minimum: what
    differencing can still get at in a run that is not held."""

    def is_small(self, minimum: int) -> bool:
        """Whether fewer people than the minimum, but somebody, came or went."""
        if self.same_shape:
            sizes = [max(self.came, self.went)]
        else:
            sizes = [max(self.came, self.went), max(self.rows_added, self.rows_removed)]
        return any(0 < size < minimum for size in sizes)


def change_between(served: StoredState, state: State, contract: Contract) -> Change:
    """The change from the served state to another that is read under this contract."""
    before, after = _rows_by_object(served.state), _rows_by_object(state)
    minimum = contract.disclosure.minimum_cell
    groupings = contract.grouping_sets if served.fits(contract) else ()
    pairs = {
        ", ".join(names): (served.state.cube.get(names, {}), state.cube.get(names, {}))
        for names in groupings
    }
    differences = [_difference(old, new) for old, new in pairs.values()]
    net = rows_of(state.cube) - rows_of(served.state.cube)
    return Change(
        rows_added=sum(n for ref, n in after.items() if ref not in before),
        rows_removed=sum(n for ref, n in before.items() if ref not in after),
        came=max([came for came, _ in differences], default=max(net, 0)),
        went=max([went for _, went in differences], default=max(-net, 0)),
        same_shape=bool(groupings),
        small_groups={
            name: sum(_is_small(old, new, key, minimum) for key in old.keys() | new.keys())
            for name, (old, new) in pairs.items()
        },
    )


def _rows_by_object(state: State) -> dict[ObjectRef, int]:
    return {m.ref: m.tally.rows - m.tally.rejected for m in state.members.values()}


def _difference(old: Cells, new: Cells) -> tuple[int, int]:
    """How many people came and went, at least.

    In a group of as many people as before but with other sums, one went and another came.
    """
    came = went = 0
    for key in old.keys() | new.keys():
        by = _people(new, key) - _people(old, key)
        exchanged = by == 0 and old[key] != new[key]
        came += max(by, 0) + exchanged
        went += max(-by, 0) + exchanged
    return came, went


def _is_small(old: Cells, new: Cells, key: tuple[str | int, ...], minimum: int) -> bool:
    by = abs(_people(new, key) - _people(old, key))
    return by < minimum and old.get(key) != new.get(key)


def _people(cells: Cells, key: tuple[str | int, ...]) -> int:
    return cells[key].n if key in cells else 0


def removed_rows(served: State, kept: set[str]) -> int:
    """How many people go if only these objects of a state stay."""
    gone = (member for identity, member in served.members.items() if identity not in kept)
    return sum(member.tally.rows - member.tally.rejected for member in gone)


def read_served_state(store: Store, contract: Contract, snapshot: str) -> StoredState | None:
    """The state of a snapshot that was published, or None if it is not there any more."""
    try:
        return read_stored_state(store, Layout(contract.prefix).state(snapshot))
    except (ObjectMissingError, ValueError):
        return None


def write_change(store: Store, contract: Contract, run_id: str, change: Change) -> None:
    """Leave the change where the run's other results lie."""
    text = json.dumps(asdict(change), indent=2)
    store.write(Layout(contract.prefix).change(run_id), text.encode() + b"\n")


def hold_reason(contract: Contract) -> str:
    """Why a small change is held, without its size: the reason is sent about."""
    minimum = contract.disclosure.minimum_cell
    return (
        f"since the last publication the input has changed by fewer than {minimum} people, whom "
        f"two publications would give away by subtraction; what was published stays, and a run "
        f"publishes once the change is of {minimum} or more"
    )


LOST = (
    "the state that the published outputs were read off is not there any more, so nobody can say "
    "how far this run is from them"
)
