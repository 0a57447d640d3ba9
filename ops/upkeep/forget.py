"""Forget an object: what holds its rows is removed from the bucket, with all versions.

Removed are the object, its partials, their records and its rejected rows, and the states that it is
in. Examples of its fields are taken out of the errors of runs. What later publications must be
compared with stays: it is what protects the people who are in them. The removal holds the lease, so
that no run writes meanwhile.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from medical_charges.aggregates.state import snapshot_identity
from medical_charges.analysis.earlier import keys_of
from medical_charges.contract.naming import plural
from medical_charges.errors import MedicalChargesError
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.runs.ledger import Ledger
from medical_charges.storage import S3Store, in_parallel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_DELETED_AT_ONCE = 1000
_RUN = "forget"
"""What stands in the lease for the id of a run."""
_LEASE_SECONDS = 3600
_NAMED = 5

UNDER_WAY = (
    "an execution is under way, or was not cleaned up after: repeat this when it has ended; if "
    "none is running, `make execute` first"
)


@contextmanager
def without_runs(ledger: Ledger, key: str, start: Callable[[], object]) -> Iterator[None]:
    """Hold the lease, so that no run writes; an interrupted command for the same key gets it again.

    Executions that find it taken end, and one run must follow for them all: the caller starts it,
    or if the caller fails, `start` does.

    Raises:
        MedicalChargesError: an execution holds the lease, or took it meanwhile.
    """
    ledger, holder = replace(ledger, lease_seconds=_LEASE_SECONDS), f"forget {key}"
    before = ledger.lease()
    # What another has left is for a run to clean up.
    if (before and before.holder != holder) or ledger.take(holder, _RUN) is None:
        raise MedicalChargesError(UNDER_WAY)
    try:
        yield
        ledger.renew(holder, _RUN)
    except BaseException:
        if ledger.abandon(holder) or before:
            start()
        raise
    ledger.abandon(holder)


@dataclass(frozen=True)
class Entry:
    """A version of an object, or the mark that it was deleted."""

    key: str
    version: str
    is_mark: bool


Versions = Mapping[str, list[Entry]]
"""Versions by key, the latest first."""


@dataclass(frozen=True)
class Bucket:
    """A bucket with all versions of its objects."""

    client: S3Client
    name: str

    def versions(self, prefix: str) -> Versions:
        """Return all versions of the objects below a prefix."""
        found: dict[str, list[Entry]] = defaultdict(list)
        pages = self.client.get_paginator("list_object_versions").paginate(
            Bucket=self.name, Prefix=prefix
        )
        for page in pages:
            items: list[tuple[Any, bool]] = [(item, False) for item in page.get("Versions", [])]
            items += [(item, True) for item in page.get("DeleteMarkers", [])]
            items.sort(key=lambda it: (it[0]["IsLatest"], it[0]["LastModified"]), reverse=True)
            for item, is_mark in items:
                found[item["Key"]].append(Entry(item["Key"], item["VersionId"], is_mark))
        return found

    def read(self, entry: Entry) -> bytes:
        """Return the content of a version."""
        found = self.client.get_object(Bucket=self.name, Key=entry.key, VersionId=entry.version)
        return found["Body"].read()

    def remove(self, entries: list[Entry]) -> None:
        """Remove versions for good.

        Raises:
            MedicalChargesError: some could not be removed.
        """
        for start in range(0, len(entries), _DELETED_AT_ONCE):
            some = entries[start : start + _DELETED_AT_ONCE]
            names = [{"Key": entry.key, "VersionId": entry.version} for entry in some]
            answer = self.client.delete_objects(
                Bucket=self.name,
                Delete={"Objects": names, "Quiet": True},  # type: ignore[typeddict-item]
            )
            if errors := answer.get("Errors"):
                raise MedicalChargesError(
                    f"not removed: {_count(len(errors), 'version')}, such as "
                    f"{errors[0].get('Key')}: {errors[0].get('Message')}"
                )


@dataclass
class Traces:
    """What a bucket holds of an object's rows."""

    removed: dict[str, list[Entry]] = field(default_factory=dict)
    """Versions to remove, by what they are."""
    rewritten: dict[str, bytes] = field(default_factory=dict)
    """Files that stay without the object's fields, by key."""
    kept_states: list[str] = field(default_factory=list)
    """States that hold sums of the object's rows, and that publications are compared with."""
    runs: list[str] = field(default_factory=list)
    """Runs whose outputs count the object's rows, the last one last."""
    unread: list[str] = field(default_factory=list)
    """Files that are damaged, so that nobody can say whose they are."""

    def __bool__(self) -> bool:
        """Return True if there is anything to remove."""
        return any(self.removed.values()) or bool(self.rewritten)


def find(bucket: Bucket, layout: Layout, key: str) -> Traces:
    """Find what a bucket holds of the rows of an object, whatever versions it has had."""
    traces = Traces()
    snapshots = _snapshots(bucket, layout, traces)
    keys = {identity: of for objects in snapshots.values() for identity, of in objects.items()}
    traces.runs = sorted(run for run, objects in snapshots.items() if key in objects.values())
    traces.removed["object"] = bucket.versions(key).get(key, [])
    owned = _Owned(bucket, key, keys, traces)
    partials, rejected = f"{layout.prefix}/Cube_data/partials/", f"{layout.prefix}/Quarantine_data/"
    traces.removed["partials"] = owned.below(partials, _owner_of_partial)
    traces.removed["rejected rows"] = owned.below(rejected, _owner_of_rejected)
    records = bucket.versions(f"{layout.prefix}/Cube_data/reconciled/")
    ours = {identity for identity, of in keys.items() if of == key}
    traces.removed["records"] = [
        entry
        for name, entries in records.items()
        if PurePosixPath(name).stem in ours
        for entry in entries
    ]
    known = {snapshot_identity(it): key in it.values() for it in snapshots.values()}
    _find_states(bucket, layout, key, known, traces)
    _find_examples(bucket, layout, key, traces)
    return traces


def _snapshots(bucket: Bucket, layout: Layout, traces: Traces) -> dict[str, dict[str, str]]:
    """Return the keys of each run's objects by their identities."""
    found = {
        name: entries
        for name, entries in bucket.versions(f"{layout.runs}/").items()
        if name.endswith("/snapshot.json")
    }

    def objects(data: bytes) -> dict[str, str]:
        return {identity: ref[0] for identity, ref in json.loads(data)["objects"].items()}

    read = _read(bucket, found, objects, traces)
    return {PurePosixPath(name).parent.name: value for name, value in read.items()}


def _read(
    bucket: Bucket, files: Versions, parse: Callable[[bytes], T], traces: Traces
) -> dict[str, T]:
    """Return the latest content of files that have one; those that are damaged are noted."""

    def read(name: str) -> tuple[T] | None:
        entry = next((entry for entry in files[name] if not entry.is_mark), None)
        if entry is None:
            return None
        data = bucket.read(entry)
        try:
            return (parse(data),)
        except (ValueError, LookupError, TypeError, pl.exceptions.PolarsError):
            traces.unread.append(entry.key)
            return None

    found = zip(files, in_parallel(read, files), strict=True)
    return {name: value[0] for name, value in found if value is not None}


@dataclass(frozen=True)
class _Owned:
    """Files that are named by the identity of an object."""

    bucket: Bucket
    key: str
    keys: dict[str, str]
    """The objects of known identities; it gets those of the others, read off the files."""
    traces: Traces

    def below(self, folder: str, owner: Callable[[bytes], str]) -> list[Entry]:
        """Return the versions of an object's files in a folder."""
        by_identity: dict[str, list[Entry]] = defaultdict(list)
        for name, entries in self.bucket.versions(folder).items():
            identity = name.removeprefix(folder).partition("/")[0].removesuffix(".json")
            by_identity[identity] += entries
        unknown = {it: found for it, found in by_identity.items() if it not in self.keys}
        self.keys.update(_read(self.bucket, unknown, owner, self.traces))
        ours = (found for it, found in by_identity.items() if self.keys.get(it) == self.key)
        return list(chain.from_iterable(ours))


def _owner_of_partial(data: bytes) -> str:
    return str(verify_checksum(data)["object"][0])


def _owner_of_rejected(data: bytes) -> str:
    return str(pl.read_parquet(io.BytesIO(data), columns=["object"], n_rows=1).item())


def _find_states(
    bucket: Bucket, layout: Layout, key: str, known: Mapping[str, bool], traces: Traces
) -> None:
    """Find the states that an object is in; those that stay lose its fields.

    `known` says of the states of snapshots whether the object is in them: they need no reading.
    """
    kept = set(keys_of(S3Store(f"s3://{bucket.name}", bucket.client), layout))
    files = bucket.versions(f"{layout.prefix}/Cube_data/states/")
    is_ours = {name: known.get(PurePosixPath(name).stem) for name in files}
    to_read = {
        name: entries
        for name, entries in files.items()
        if is_ours[name] is None or (is_ours[name] and name in kept)
    }
    values = _read(bucket, to_read, verify_checksum, traces)
    members = {
        name: [member for member in value["members"].values() if member[0] == key]
        for name, value in values.items()
    }
    is_ours |= {name: bool(found) for name, found in members.items()}
    traces.removed["states"] = []
    for name in (it for it in files if is_ours[it]):
        if name not in kept:
            traces.removed["states"] += files[name]
            continue
        traces.kept_states.append(name)
        if name not in values:
            continue
        rules = [counted for member in members[name] for counted in member[3]["rules"].values()]
        shown = any(counted[1] for counted in rules)
        for counted in rules:
            counted[1] = []
        changed = with_checksum(values[name]) if shown else None
        _settle(traces, "states", files[name], changed)


def _find_examples(bucket: Bucket, layout: Layout, key: str, traces: Traces) -> None:
    """Find the errors of runs that hold examples of an object's fields."""
    traces.removed["examples"] = []
    files = {
        name: [(f"{name} {entry.version}", entry) for entry in entries]
        for name, entries in bucket.versions(f"{layout.runs}/").items()
        if name.endswith("/error.json")
    }
    each = {version: [entry] for entries in files.values() for version, entry in entries}
    values = _read(bucket, each, json.loads, traces)
    cleaned = {version: _without_examples(value, key) for version, value in values.items()}
    changed = {version for version, value in values.items() if cleaned[version] != value}
    for entries in files.values():
        if any(version in changed for version, _ in entries):
            latest, _ = entries[0]
            text = json.dumps(cleaned[latest], indent=2) if latest in changed else None
            data = None if text is None else text.encode() + b"\n"
            _settle(traces, "examples", [entry for _, entry in entries], data)


def _without_examples(error: dict[str, Any], key: str) -> dict[str, Any]:
    kept = {r: of for r, of in error.get("examples", {}).items() if not r.startswith(f"{key}: ")}
    return error | {"examples": kept} if "examples" in error else error


def _settle(traces: Traces, kind: str, entries: list[Entry], data: bytes | None) -> None:
    """Keep the latest version of a file alone, with other content if it is given."""
    latest, *others = entries
    traces.removed[kind] += others
    if latest.is_mark or data is not None:
        traces.removed[kind].append(latest)
    if data is not None and not latest.is_mark:
        traces.rewritten[latest.key] = data


def remove(bucket: Bucket, traces: Traces) -> None:
    """Remove what was found. Interrupted, it can be repeated: what is left is found again."""
    for name, data in traces.rewritten.items():
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=data)
    # The object last: it is what a repeated command is sure to find.
    for kind in reversed(traces.removed):
        bucket.remove(traces.removed[kind])


def described(traces: Traces) -> Iterator[str]:
    """Yield a line for each kind of what is removed, with the number of versions."""
    for kind, entries in traces.removed.items():
        if entries:
            keys = len({entry.key for entry in entries})
            yield f"  {kind:<14} {_count(keys, 'key'):>12}, {_count(len(entries), 'version'):>16}"
    yield from could_not_be_read(traces)


def could_not_be_read(traces: Traces) -> Iterator[str]:
    """Yield a line that names damaged files, if there are any."""
    if traces.unread:
        named = sorted(set(traces.unread))
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        names = f"{', '.join(named[:_NAMED])}{more}"
        yield f"could not be read, and stays, as nobody can say whose it is: {names}"


def what_stays(traces: Traces, layout: Layout) -> Iterator[str]:
    """Yield a line for each thing that is not removed, and why."""
    yield (
        "published outputs, until a run replaces them. The next one is held if fewer people left "
        "than the threshold, or more than the contract allows: readers keep these figures then"
    )
    if traces.kept_states:
        yield (
            f"{_count(len(traces.kept_states), 'state')} and {layout.history}: the exact sums of "
            f"every group, also of groups of one person, which disclose people to anyone who may "
            f"read them. Later publications are compared with them, so that those disclose nobody"
        )
    if traces.runs:
        yield (
            f"snapshots, outputs and reports of {_count(len(traces.runs), 'run')} under "
            f"{layout.runs}/: the object's name, and protected figures without rows; a rollback to "
            f"such a run publishes figures that count them"
        )
    yield (
        "logs, until their retention ends, which those of Glue's jobs have none of; copies outside "
        "the bucket, such as OUT and QuickSight"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else plural(noun)}"
