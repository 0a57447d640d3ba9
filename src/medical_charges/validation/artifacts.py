"""The artifacts of a run, read without the code that wrote them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from medical_charges.contract import Contract
from medical_charges.contract.model import BUCKET
from medical_charges.errors import ObjectMissingError
from medical_charges.hashing import verify_checksum
from medical_charges.layout import Layout
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.sums import GroupedMoments, Moments


@dataclass(frozen=True)
class Tallied:
    """Row counts of an object in a partial or a state."""

    ref: ObjectRef
    rows: int
    rejected: int
    rules: Mapping[str, int]
    """Number of lines that broke each rule."""


@dataclass(frozen=True)
class PartialArtifact:
    """A stored partial."""

    object: Tallied
    cells: GroupedMoments
    sha256: str


@dataclass(frozen=True)
class StateArtifact:
    """A stored state."""

    members: Mapping[str, Tallied]
    cells: GroupedMoments
    shape: list[Any]
    """How it groups and sums: the groups of states with equal ones can be compared."""


def read_partial_artifact(store: Store, key: str) -> PartialArtifact | None:
    """Read a partial; return None if it is missing or damaged."""
    try:
        data = store.read(key)
        value = verify_checksum(data)
    except (ObjectMissingError, ValueError):
        return None
    return PartialArtifact(
        _tallied(value["object"], value["tally"]), _cells(value["cube"]), sha256_of(data)
    )


def read_state_artifact(store: Store, key: str) -> StateArtifact | None:
    """Read a state; return None if it is missing or damaged."""
    try:
        value = verify_checksum(store.read(key))
    except (ObjectMissingError, ValueError):
        return None
    members = {
        identity: _tallied([key, etag, size], tally)
        for identity, (key, etag, size, tally, _) in value["members"].items()
    }
    cells = _cells(value["cube"])
    grouped = {name for names in cells for name in names}
    # Earlier versions stored no definitions.
    groups = {name: of for name, of in value.get("names", {}).items() if name in grouped}
    sets = sorted(names for names in cells if BUCKET not in names)
    shape = [value["kernel"], value.get("measure"), groups or value["shape"], sets]
    return StateArtifact(members, cells, shape)


def _tallied(ref: list[Any], tally: Mapping[str, Any]) -> Tallied:
    rules = {rule: count for rule, (count, *_) in tally["rules"].items()}
    return Tallied(ObjectRef(*ref), tally["rows"], tally["rejected"], rules)


def _cells(value: list[Any]) -> GroupedMoments:
    return {
        tuple(names): {tuple(key): Moments(*moments) for key, *moments in cells}
        for names, cells in value
    }


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class RunArtifacts:
    """The artifacts of a run that are validated."""

    store: Store
    contract: Contract
    run_id: str

    @property
    def layout(self) -> Layout:
        """The keys of the run's dataset."""
        return Layout(self.contract.prefix)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The run's summary."""
        value: dict[str, Any] = json.loads(self.store.read(self.layout.summary(self.run_id)))
        return value

    @cached_property
    def staged(self) -> dict[str, bytes]:
        """The staged outputs that exist."""
        found = {}
        for name in self.contract.outputs:
            try:
                found[name] = self.store.read(self.layout.staged(self.run_id, name))
            except ObjectMissingError:
                continue
        return found

    @cached_property
    def earlier(self) -> dict[str, Any]:
        """The live run, and by output the published versions, that the run is compared with."""
        try:
            value: dict[str, Any] = json.loads(self.store.read(self.layout.earlier(self.run_id)))
        except ObjectMissingError:
            return {"live": None, "outputs": {}}
        return value

    def staged_by(self, run_id: str, name: str) -> bytes | None:
        """Return an output as a run staged it, or None if it is not there."""
        try:
            return self.store.read(self.layout.staged(run_id, name))
        except ObjectMissingError:
            return None

    @cached_property
    def state(self) -> StateArtifact | None:
        """The state from which the outputs were derived."""
        return read_state_artifact(self.store, self.summary["state"])

    @cached_property
    def snapshot(self) -> dict[str, ObjectRef]:
        """The objects that PlanRun listed, by the identities of their partials."""
        value = json.loads(self.store.read(self.layout.snapshot(self.run_id)))
        return {identity: ObjectRef(*ref) for identity, ref in value["objects"].items()}
