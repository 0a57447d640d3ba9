"""Checks that the staged outputs are of this run, and of the current input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.checks import Check
from medical_charges.hashing import content_hash
from medical_charges.validation.artifacts import RunArtifacts, sha256_of
from medical_charges.validation.result import run_check


def freshness_checks(artifacts: RunArtifacts) -> list[Check]:
    """Compare the outputs with the run, and the state with the input."""
    return [
        run_check(
            "freshness: made by this run",
            "conformance",
            "run, contract and every file's SHA-256 are those that the summary names",
            lambda: _stale(artifacts),
        ),
        run_check(
            "freshness: the state is the snapshot's",
            "completeness",
            "the objects of the snapshot, each in its version, and no other",
            lambda: _other_objects(artifacts),
        ),
    ]


def _stale(artifacts: RunArtifacts) -> Iterator[str]:
    summary = artifacts.summary
    if summary["run_id"] != artifacts.run_id:
        yield f"the summary is of the run {summary['run_id']}"
    if summary["contract"] != artifacts.contract.contract_hash:
        yield "the run was analyzed under another contract"
    for name in artifacts.contract.outputs:
        if name not in artifacts.staged:
            yield f"{name} is not staged"
        elif sha256_of(artifacts.staged[name]) != summary["staged"].get(name):
            yield f"the staged file of {name} is not the one that the run wrote"


def _other_objects(artifacts: RunArtifacts) -> Iterator[str]:
    if artifacts.state is None:
        return
    held = {member.ref for member in artifacts.state.members.values()}
    listed = set(artifacts.snapshot.values())
    for ref in sorted(listed - held):
        yield f"{ref.key} is in the snapshot, but not in the state"
    for ref in sorted(held - listed):
        yield f"{ref.key} is in the state, but not in the snapshot"
    names = {
        content_hash(
            [m.ref.key, m.ref.etag, m.ref.size, artifacts.contract.schema_hash, KERNEL_VERSION]
        )
        for m in artifacts.state.members.values()
    }
    if names != artifacts.state.members.keys():
        yield "the state's members are not named by object, contract and kernel"
    if PurePosixPath(artifacts.summary["state"]).stem != content_hash(
        sorted(artifacts.state.members)
    ):
        yield "the state's name is not that of its members"
