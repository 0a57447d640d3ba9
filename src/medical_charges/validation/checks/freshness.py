"""Whether the staged outputs are this run's, and of the input as it lies there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.checks import Check
from medical_charges.hashing import digest
from medical_charges.storage import ObjectRef
from medical_charges.validation.artifacts import LeftBehind, sha256_of
from medical_charges.validation.result import judged


def freshness_checks(left: LeftBehind) -> list[Check]:
    """The outputs against the run, and the state against the input."""
    return [
        judged(
            "freshness: made by this run",
            "conformance",
            "run, contract and every file's SHA-256 are those that the summary names",
            lambda: _stale(left),
        ),
        judged(
            "freshness: the state is the snapshot's",
            "completeness",
            "every object that was planned and is still there, in its version, and no other",
            lambda: _other_objects(left),
        ),
    ]


def _stale(left: LeftBehind) -> Iterator[str]:
    summary = left.summary
    if summary["run_id"] != left.run_id:
        yield f"the summary is of the run {summary['run_id']}"
    if summary["contract"] != left.contract.fingerprint:
        yield "the run was analysed under another contract"
    for name in left.contract.outputs:
        if name not in left.staged:
            yield f"{name} is not staged"
        elif sha256_of(left.staged[name]) != summary["staged"].get(name):
            yield f"the staged file of {name} is not the one that the run wrote"


def _other_objects(left: LeftBehind) -> Iterator[str]:
    if left.state is None:
        return
    there = {ref for ref in left.store.list(left.layout.input) if not _is_ignored(ref)}
    held = {member.ref for member in left.state.members.values()}
    planned = there if left.planned is None else left.planned
    for ref in sorted(there & planned - held):
        yield f"{ref.key} is in the input, but not in the state"
    for ref in sorted(held - there - planned):
        yield f"{ref.key} is in the state, but not in the input"
    names = {
        digest([m.ref.key, m.ref.etag, m.ref.size, left.contract.shape, KERNEL_VERSION])
        for m in left.state.members.values()
    }
    if names != left.state.members.keys():
        yield "the state's members are not named by object, contract and kernel"
    if PurePosixPath(left.summary["state"]).stem != digest(sorted(left.state.members)):
        yield "the state's name is not that of its members"


def _is_ignored(ref: ObjectRef) -> bool:
    return ref.key.endswith("/") or PurePosixPath(ref.key).name.startswith((".", "_"))
