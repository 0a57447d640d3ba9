"""The state: a snapshot's merged cube, kept so that the next run merges only what is new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from medical_charges.canonical import digest, seal, unseal
from medical_charges.contract import Contract
from medical_charges.cube import Cube, cube_from_json, cube_to_json
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.partial import (
    KERNEL_VERSION,
    Partial,
    Tally,
    tally_from_json,
    tally_to_json,
)
from medical_charges.storage import ObjectRef, Store


@dataclass(frozen=True)
class Member:
    """What the state remembers of one object."""

    ref: ObjectRef
    tally: Tally
    digest: str

    @classmethod
    def of(cls, partial: Partial) -> Member:
        """The member that a partial becomes."""
        return cls(partial.ref, partial.tally, partial.digest)


@dataclass(frozen=True)
class State:
    """A snapshot: its objects by the identities of their partials, and their cube."""

    members: dict[str, Member]
    cube: Cube

    @property
    def identity(self) -> str:
        """A hash of the identities of all objects, whatever their order."""
        return snapshot_identity(self.members)


def snapshot_identity(identities: Iterable[str]) -> str:
    """The identity of the state that holds these objects' partials and no others."""
    return digest(sorted(identities))


EMPTY = State({}, {})


def write_state(store: Store, contract: Contract, state: State) -> str:
    """Store a state, then point to it, and return its key."""
    layout = Layout(contract.prefix)
    key = layout.state(state.identity)
    value = {
        "shape": contract.shape,
        "kernel": KERNEL_VERSION,
        "members": {identity: _member_to_json(m) for identity, m in state.members.items()},
        "cube": cube_to_json(state.cube),
    }
    store.write(key, seal(value))
    store.write(layout.latest_state, seal(key))
    return key


def read_latest_state(store: Store, contract: Contract) -> State:
    """The state that the last run stored, or an empty one if it does not fit the contract."""
    try:
        return read_state(store, contract, unseal(store.read(Layout(contract.prefix).latest_state)))
    except (ObjectMissingError, ValueError):
        return EMPTY


def read_state(store: Store, contract: Contract, key: str) -> State:
    """A stored state, or an empty one if it does not fit the contract.

    Raises:
        ObjectMissingError: it is not there.
        ValueError: it is damaged.
    """
    value = unseal(store.read(key))
    fits = (value["shape"], value["kernel"]) == (contract.shape, KERNEL_VERSION)
    return _state_from_json(value) if fits else EMPTY


@dataclass(frozen=True)
class StoredState:
    """A state as it was stored, under whatever contract."""

    state: State
    shape: str
    kernel: int

    def fits(self, contract: Contract) -> bool:
        """Whether its groups are those of the contract, so that more can be merged onto it."""
        return (self.shape, self.kernel) == (contract.shape, KERNEL_VERSION)


def read_stored_state(store: Store, key: str) -> StoredState:
    """A stored state.

    Raises:
        ObjectMissingError: it is not there.
        ValueError: it is damaged.
    """
    value = unseal(store.read(key))
    return StoredState(_state_from_json(value), value["shape"], value["kernel"])


def _state_from_json(value: dict[str, Any]) -> State:
    members = {identity: _member_from_json(m) for identity, m in value["members"].items()}
    return State(members, cube_from_json(value["cube"]))


def _member_to_json(member: Member) -> list[Any]:
    ref = member.ref
    return [ref.key, ref.etag, ref.size, tally_to_json(member.tally), member.digest]


def _member_from_json(value: list[Any]) -> Member:
    key, etag, size, tally, digest = value
    return Member(ObjectRef(key, etag, size), tally_from_json(tally), digest)
