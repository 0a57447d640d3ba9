"""Comparison of each object's rows with the run's partials.

A new object is read again once. The result is recorded next to its partial, and later runs check
that the partial is the recorded one.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from medical_charges.checks import Check
from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.storage import REQUESTS_AT_ONCE, ObjectRef, Store, in_parallel
from medical_charges.validation.artifacts import (
    PartialArtifact,
    RunArtifacts,
    Tallied,
    read_partial_artifact,
)
from medical_charges.validation.recount.sums import (
    GroupedMoments,
    Recount,
    add_grouped,
    record_hash,
    sum_objects,
)
from medical_charges.validation.result import run_check

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CHECKER_VERSION = 1
"""Raised whenever recorded objects must be read again by an improved check."""


PARTIALS_AT_ONCE = 4 * REQUESTS_AT_ONCE
"""Number of partials whose sums are held in memory at once: a snapshot may have any number."""


@dataclass(frozen=True)
class Quarantined:
    """Row counts of an object's quarantine."""

    rows: int
    mark: int
    rules: Mapping[str, int]


@dataclass(frozen=True)
class RecountedObjects:
    """The objects of a snapshot with their partials and recounts."""

    members: Mapping[str, Tallied]
    partials: Mapping[str, PartialArtifact]
    """Partials by identity; recorded ones without their sums."""
    merged: GroupedMoments
    """The sum of all partials."""
    recounts: Mapping[str, Recount]
    """Recounts of the objects that are not recorded."""
    quarantined: Mapping[str, Quarantined]
    """Quarantines of the objects that are not recorded."""


def recount_objects(
    session: Callable[[], SparkSession], artifacts: RunArtifacts, *, recheck: bool
) -> RecountedObjects:
    """Read the partials of a snapshot, and recount the objects that are not recorded."""
    store, contract, layout = artifacts.store, artifacts.contract, artifacts.layout
    members = artifacts.state.members if artifacts.state else {}
    partials, unknown = dict[str, PartialArtifact](), dict[str, ObjectRef]()
    merged: GroupedMoments = {names: {} for names in contract.grouping_sets}

    def look(identity: str) -> tuple[PartialArtifact | None, bool]:
        partial = read_partial_artifact(store, layout.partial(identity))
        return partial, not recheck and _on_record(store, layout, identity, partial)

    identities = list(members)
    for start in range(0, len(identities), PARTIALS_AT_ONCE):
        batch = identities[start : start + PARTIALS_AT_ONCE]
        for identity, (partial, known) in zip(batch, in_parallel(look, batch), strict=True):
            if not known:
                unknown[identity] = members[identity].ref
            if partial:
                add_grouped(merged, {names: partial.cells.get(names, {}) for names in merged})
                partials[identity] = replace(partial, cells={}) if known else partial
    recounts = sum_objects(session, store, contract, unknown)
    kept = in_parallel(lambda i: _quarantined(store, layout, i), unknown)
    return RecountedObjects(
        members, partials, merged, recounts, dict(zip(unknown, kept, strict=True))
    )


def object_checks(objects: RecountedObjects, contract: Contract) -> list[Check]:
    """Check every object's partial against its rows."""
    none = "" if objects.recounts else "every object is on record"
    return [
        run_check(
            "objects: every partial is there",
            "completeness",
            "each object of the snapshot has its partial, undamaged",
            lambda: _missing(objects),
        ),
        run_check(
            "objects: rows counted and quarantined",
            "completeness",
            "rows in = rows counted + rows in quarantine, object by object",
            lambda: _unaccounted(objects),
            unless=none,
        ),
        run_check(
            "objects: partials come out of their rows",
            "conformance",
            "every sum of every group equal to the recomputed one of the rows",
            lambda: _wrong(objects, contract),
            unless=none,
        ),
    ]


def record_objects(artifacts: RunArtifacts, objects: RecountedObjects) -> None:
    """Record the objects that passed, so that they need not be read again."""
    for identity, found in objects.recounts.items():
        value = _record(objects.partials[identity].sha256, found.rows, found.rejected)
        artifacts.store.write(artifacts.layout.reconciliation(identity), with_checksum(value))


def _record(partial: str, rows: int, rejected: int) -> dict[str, Any]:
    return {
        "checker": CHECKER_VERSION,
        "partial": partial,
        "rows": rows,
        "quarantined": rejected,
        "counted": rows - rejected,
    }


def _on_record(
    store: Store, layout: Layout, identity: str, partial: PartialArtifact | None
) -> bool:
    """Return True if an object's partial is the one that was once compared with its rows."""
    try:
        record = verify_checksum(store.read(layout.reconciliation(identity)))
    except (ObjectMissingError, ValueError):
        return False
    expected = partial and _record(partial.sha256, partial.object.rows, partial.object.rejected)
    return bool(record == expected)


def _quarantined(store: Store, layout: Layout, identity: str) -> Quarantined:
    rows, mark, rules = 0, 0, Counter[str]()
    for ref in store.list(layout.quarantine_of(identity)):
        frame = pl.read_parquet(io.BytesIO(store.read(ref.key)), columns=["line", "rule"])
        rows += frame.height
        mark += sum(record_hash(line) for line in frame.get_column("line"))
        rules.update(frame.get_column("rule"))
    return Quarantined(rows, mark % 2**64, rules)


def _missing(objects: RecountedObjects) -> Iterator[str]:
    for identity, member in objects.members.items():
        if (partial := objects.partials.get(identity)) is None:
            yield f"{member.ref.key} has no partial, or a damaged one"
        elif partial.object.ref != member.ref:
            yield f"the partial of {member.ref.key} is of another object or version"
        elif partial.object != member:
            yield f"the state and the partial of {member.ref.key} differ in their row counts"


def _unaccounted(objects: RecountedObjects) -> Iterator[str]:
    for identity, found in objects.recounts.items():
        key, kept = objects.members[identity].ref.key, objects.quarantined[identity]
        if (partial := objects.partials.get(identity)) is None:
            continue
        groups: Sequence[int] = [
            sum(moments.n for moments in cells.values()) for cells in partial.cells.values()
        ] or [0]
        for counted in set(groups):
            if found.rows != counted + kept.rows:
                yield (
                    f"{key} has {found.rows} rows; {counted} were counted and {kept.rows} are in "
                    f"quarantine"
                )
        if (partial.object.rows, partial.object.rejected) != (found.rows, found.rejected):
            yield (
                f"{key} has {found.rows} rows, {found.rejected} of which break a rule; its partial "
                f"has {partial.object.rows} and {partial.object.rejected}"
            )
        if kept.rows == found.rejected and kept.mark != found.mark:
            yield f"the quarantine of {key} does not hold the lines that break a rule"
        if dict(kept.rules) != dict(partial.object.rules):
            yield f"quarantine and partial of {key} differ in rules, or in their counts"


def _wrong(objects: RecountedObjects, contract: Contract) -> Iterator[str]:
    for identity, found in objects.recounts.items():
        if (partial := objects.partials.get(identity)) is None:
            continue
        for names in contract.grouping_sets:
            groups, stored = found.cells.get(names, {}), partial.cells.get(names, {})
            wrong = sum(groups.get(key) != stored.get(key) for key in groups.keys() | stored.keys())
            if wrong:
                yield (
                    f"{objects.members[identity].ref.key} by {', '.join(names)}: {wrong} of "
                    f"{len(groups.keys() | stored.keys())} groups differ from the recount"
                )
