"""The state: the sums of a snapshot, stored so that the next run merges only new objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from medical_charges.aggregates.cube import Cube, GroupingSet, cube_from_json, cube_to_json
from medical_charges.aggregates.partial import (
    Partial,
    Tally,
    exactness,
    tally_from_json,
    tally_to_json,
)
from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.contract import Contract
from medical_charges.contract.model import BUCKET
from medical_charges.errors import ObjectMissingError
from medical_charges.hashing import content_hash, verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.storage import ObjectRef, Store


@dataclass(frozen=True)
class Member:
    """The entry of one object in the state."""

    ref: ObjectRef
    tally: Tally
    rows_hash: str

    @classmethod
    def of(cls, partial: Partial) -> Member:
        """Return the entry for a partial."""
        return cls(partial.ref, partial.tally, partial.rows_hash)


@dataclass(frozen=True)
class State:
    """A snapshot: its objects by the identities of their partials, and their cube."""

    members: dict[str, Member]
    cube: Cube

    @property
    def identity(self) -> str:
        """Hash of the identities of all objects, independent of their order."""
        return snapshot_identity(self.members)


def snapshot_identity(identities: Iterable[str]) -> str:
    """Return the identity of the state that holds exactly these objects' partials."""
    return content_hash(sorted(identities))


EMPTY = State({}, {})


def group_definitions(contract: Contract) -> dict[str, Any]:
    """Return the definition of the groups of each column and band, as JSON gives it back.

    Groups of two states can be compared by names that have equal definitions, even if other parts
    of their contracts differ.
    """
    found: dict[str, Any] = {name: column.type for name, column in contract.source.columns.items()}
    for name, band in contract.bands.items():
        # A period is the same whatever others there are.
        edges = band.by or [[label, edge] for label, edge in band.below.items()]
        found[name] = [band.column, edges, "" if band.by else band.otherwise]
    return found


def measure_of(contract: Contract) -> list[Any]:
    """Return the definition of the measure, as JSON gives it back."""
    return [contract.measure, contract.decimals]


def write_state(store: Store, contract: Contract, state: State) -> str:
    """Store a state, update the pointer to the latest state, and return the state's key."""
    layout = Layout(contract.prefix)
    key = layout.state(state.identity)
    value = {
        "shape": contract.schema_hash,
        "kernel": KERNEL_VERSION,
        "names": group_definitions(contract),
        "measure": measure_of(contract),
        "members": {identity: _member_to_json(m) for identity, m in state.members.items()},
        "cube": cube_to_json(state.cube),
    }
    store.write(key, with_checksum(value | exactness(state.cube)))
    store.write(layout.latest_state, with_checksum(key))
    return key


def read_latest_state(store: Store, contract: Contract) -> State:
    """Read the state that the last run stored; an empty one if it does not fit the contract."""
    try:
        return read_state(
            store, contract, verify_checksum(store.read(Layout(contract.prefix).latest_state))
        )
    except (ObjectMissingError, ValueError):
        return EMPTY


def read_state(store: Store, contract: Contract, key: str) -> State:
    """Read a stored state; an empty one if it does not fit the contract.

    Raises:
        ObjectMissingError: it is not there.
        ValueError: it is damaged.
    """
    value = verify_checksum(store.read(key))
    fits = (value["shape"], value["kernel"]) == (contract.schema_hash, KERNEL_VERSION)
    state = _state_from_json(value) if fits else EMPTY
    return state if exactness(state.cube).items() <= value.items() else EMPTY


@dataclass(frozen=True)
class StoredState:
    """A state as it was stored, under any contract."""

    state: State
    schema_hash: str
    kernel: int
    names: Mapping[str, Any]
    measure: list[Any]

    def fits(self, contract: Contract) -> bool:
        """Return True if its groups are those of the contract, so that partials can be merged."""
        return (self.schema_hash, self.kernel) == (contract.schema_hash, KERNEL_VERSION)

    def compares_with(self, contract: Contract) -> bool:
        """Return True if its groups are those of the contract, whatever rows had to be like."""
        known = group_definitions(contract)
        return self.fits(contract) or (
            (self.kernel, self.measure) == (KERNEL_VERSION, measure_of(contract))
            and _compared(self.state.cube) == _compared(contract.grouping_sets)
            and all(self.names.get(name) == known[name] for name in contract.grouping_columns)
        )


def _compared(grouping_sets: Iterable[GroupingSet]) -> set[GroupingSet]:
    """Return the grouping sets that outputs are compared by: medians need more, and show less."""
    return {names for names in grouping_sets if BUCKET not in names}


def read_stored_state(store: Store, key: str) -> StoredState:
    """Read a stored state, whether or not it fits a contract.

    Raises:
        ObjectMissingError: it is not there.
        ValueError: it is damaged.
    """
    value = verify_checksum(store.read(key))
    return StoredState(
        _state_from_json(value),
        value["shape"],
        value["kernel"],
        # Earlier versions stored no definitions: their states match by schema hash alone.
        value.get("names", {}),
        value.get("measure", []),
    )


def _state_from_json(value: dict[str, Any]) -> State:
    members = {identity: _member_from_json(m) for identity, m in value["members"].items()}
    return State(members, cube_from_json(value["cube"]))


def _member_to_json(member: Member) -> list[Any]:
    ref = member.ref
    return [ref.key, ref.etag, ref.size, tally_to_json(member.tally), member.rows_hash]


def _member_from_json(value: list[Any]) -> Member:
    key, etag, size, tally, rows_hash = value
    return Member(ObjectRef(key, etag, size), tally_from_json(tally), rows_hash)
