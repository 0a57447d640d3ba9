"""All checks of a run's outputs, in the order of the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.storage import Store
from medical_charges.validation.artifacts import (
    RunArtifacts,
    StateArtifact,
    read_state_artifact,
    sha256_of,
)
from medical_charges.validation.checks.disclosure import disclosure_checks
from medical_charges.validation.checks.figures import figure_checks
from medical_charges.validation.checks.files import file_checks, staged_files
from medical_charges.validation.checks.freshness import freshness_checks
from medical_charges.validation.checks.merge import merge_checks
from medical_charges.validation.checks.objects import object_checks, record_objects, recount_objects
from medical_charges.validation.checks.sequences import (
    PublishedVersion,
    sequence_checks,
    waiting_check,
)
from medical_charges.validation.expected import expected_outputs
from medical_charges.validation.recount.frames import FrameCheck, Frames
from medical_charges.validation.recount.sums import GroupedMoments
from medical_charges.validation.result import Result, safe_message

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def validate_outputs(
    session: Callable[[], SparkSession],
    store: Store,
    contract: Contract,
    run_id: str,
    *,
    frame_checks: Sequence[FrameCheck] = (),
    recheck: bool = False,
) -> Result:
    """Make every check of a run's staged outputs.

    Args:
        session: starts Spark; called only if there is much to read, or for frames.
        store: the bucket.
        contract: the contract that the run was analyzed under.
        run_id: the run.
        frame_checks: further checks, made on data frames.
        recheck: read recorded objects again too.
    """
    artifacts = RunArtifacts(store, contract, run_id)
    result = Result(run_id, contract.contract_hash)
    with _stage(result, "objects"):
        result.staged = {name: sha256_of(data) for name, data in artifacts.staged.items()}
        objects = recount_objects(session, artifacts, recheck=recheck)
        of_objects = object_checks(objects, contract)
        result.checks += of_objects
        result.objects = {
            "read": len(objects.recounts),
            "on_record": len(objects.members) - len(objects.recounts),
        }
        if not any(check.stops for check in of_objects):
            record_objects(artifacts, objects)
    if not result.objects:
        return result
    with _stage(result, "outputs"):
        result.checks += freshness_checks(artifacts)
        result.checks += merge_checks(artifacts, objects)
        result.checks += _output_checks(artifacts, objects.merged)
    with _stage(result, "frames"):
        # A custom rule may be about all rows at once, so it gets all rows in every run.
        own = any(rule.output is None for rule in contract.quality.rules.values())
        looked_at = {
            i: objects.members[i].ref for i in (objects.members if own else objects.recounts)
        }
        frames = Frames(session, store, contract, looked_at, artifacts.staged)
        for look in frame_checks:
            result.checks += look(frames)
    return result


def _output_checks(artifacts: RunArtifacts, cells: GroupedMoments) -> Iterator[Check]:
    contract, summary = artifacts.contract, artifacts.summary
    files = staged_files(contract, artifacts.staged)
    for file in files.values():
        yield from file_checks(file)
    # Outputs that wait are of an earlier snapshot, whose run was validated.
    waiting = summary.get("waiting", {})
    new = {name: file for name, file in files.items() if name not in waiting}
    every = expected_outputs(contract, cells)
    expected = {name: rows for name, rows in every.items() if name not in waiting}
    for name, file in new.items():
        yield from figure_checks(file, expected[name], withheld=name in summary["withheld"])
    versions = _versions(artifacts)
    yield from disclosure_checks(contract, new, expected, summary, cells, follows=bool(versions))
    yield from sequence_checks(contract, new, expected, cells, versions)
    live = {name: artifacts.staged_by(artifacts.earlier["live"] or "", name) for name in waiting}
    yield waiting_check(artifacts.staged, live, waiting)


def _versions(artifacts: RunArtifacts) -> dict[str, list[PublishedVersion]]:
    """Return the published versions of outputs, as far as they group and sum as the run does."""
    found: dict[str, list[PublishedVersion]] = {}
    states: dict[str, StateArtifact | None] = {}
    for name, versions in artifacts.earlier["outputs"].items():
        for version in versions if name in artifacts.contract.outputs else ():
            snapshot, data = version["snapshot"], artifacts.staged_by(version["run_id"], name)
            if snapshot not in states:
                key = artifacts.layout.state(snapshot)
                states[snapshot] = read_state_artifact(artifacts.store, key)
            state, now = states[snapshot], artifacts.state
            if state and now and state.shape == now.shape and data is not None:
                found.setdefault(name, []).append(PublishedVersion(data, state.cells))
    return found


@contextmanager
def _stage(result: Result, name: str) -> Iterator[None]:
    """Time a stage. An exception stops the publication, and does not hide other findings."""
    start = time.perf_counter()
    try:
        yield
    except Exception as error:
        check = Check(f"{name}: can be checked", "conformance", "fail", "no error", "error")
        result.checks.append(replace(check, found=safe_message(error)))
    result.seconds[name] = round(time.perf_counter() - start, 3)
