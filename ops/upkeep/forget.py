"""Erasure of an object: what holds its rows is removed from the bucket, with all versions.

Removed are the object, its partials, their records and its rejected rows, and the states that it is
in. Examples of its fields are taken out of the errors of runs. What later publications must be
compared with stays: it is what protects the people who are in them.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import polars as pl

from medical_charges.analysis.earlier import keys_of
from medical_charges.errors import MedicalChargesError
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.storage import S3Store, in_parallel

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DELETED_AT_ONCE = 1000


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
                    f"{len(errors)} versions were not removed, such as {errors[0].get('Key')}: "
                    f"{errors[0].get('Message')}"
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

    def __bool__(self) -> bool:
        """Return True if there is anything to remove."""
        return any(self.removed.values()) or bool(self.rewritten)


def find(bucket: Bucket, layout: Layout, key: str) -> Traces:
    """Find what a bucket holds of the rows of an object, whatever versions it has had."""
    traces = Traces()
    snapshots = _snapshots(bucket, layout)
    keys = {identity: ref for objects in snapshots.values() for identity, ref in objects.items()}
    traces.runs = sorted(run for run, objects in snapshots.items() if key in objects.values())
    traces.removed["object"] = bucket.versions(key).get(key, [])
    partials, rejected = f"{layout.prefix}/Cube_data/partials/", f"{layout.prefix}/Quarantine_data/"
    traces.removed["partials"] = _owned(bucket, partials, key, keys, _owner_of_partial)
    traces.removed["rejected rows"] = _owned(bucket, rejected, key, keys, _owner_of_rejected)
    records = bucket.versions(f"{layout.prefix}/Cube_data/reconciled/")
    ours = {identity for identity, of in keys.items() if of == key}
    traces.removed["records"] = [
        entry
        for name, entries in records.items()
        if PurePosixPath(name).stem in ours
        for entry in entries
    ]
    _find_states(bucket, layout, key, traces)
    _find_examples(bucket, layout, key, traces)
    return traces


def _snapshots(bucket: Bucket, layout: Layout) -> dict[str, dict[str, str]]:
    """Return the keys of each run's objects by their identities."""
    found = {
        PurePosixPath(name).parent.name: entries
        for name, entries in bucket.versions(f"{layout.runs}/").items()
        if name.endswith("/snapshot.json")
    }
    texts = in_parallel(lambda run: _latest(bucket, found[run]), found)
    values = [json.loads(text)["objects"] if text else {} for text in texts]
    return {
        run: {identity: ref[0] for identity, ref in objects.items()}
        for run, objects in zip(found, values, strict=True)
    }


def _latest(bucket: Bucket, entries: list[Entry]) -> bytes | None:
    """Return the content of the latest version that has one."""
    entry = next((entry for entry in entries if not entry.is_mark), None)
    return bucket.read(entry) if entry else None


def _owned(
    bucket: Bucket,
    folder: str,
    key: str,
    keys: dict[str, str],
    owner: Callable[[bytes], str],
) -> list[Entry]:
    """Return the versions of the files of a folder that are named by identities of an object.

    `keys` has the objects of known identities; it gets those of the others, read off the files.
    """
    by_identity: dict[str, list[Entry]] = defaultdict(list)
    for name, entries in bucket.versions(folder).items():
        identity = name.removeprefix(folder).partition("/")[0].removesuffix(".json")
        by_identity[identity] += entries

    def owner_of(identity: str) -> str:
        data = _latest(bucket, by_identity[identity])
        return owner(data) if data else ""

    unknown = [identity for identity in by_identity if identity not in keys]
    keys |= dict(zip(unknown, in_parallel(owner_of, unknown), strict=True))
    ours = (entries for identity, entries in by_identity.items() if keys[identity] == key)
    return list(chain.from_iterable(ours))


def _owner_of_partial(data: bytes) -> str:
    try:
        return str(verify_checksum(data)["object"][0])
    except ValueError:
        return ""


def _owner_of_rejected(data: bytes) -> str:
    return str(pl.read_parquet(io.BytesIO(data), columns=["object"], n_rows=1).item())


def _find_states(bucket: Bucket, layout: Layout, key: str, traces: Traces) -> None:
    """Find the states that an object is in; those that stay lose its fields."""
    kept = set(keys_of(S3Store(f"s3://{bucket.name}", bucket.client), layout))
    traces.removed["states"] = []
    for name, entries in bucket.versions(f"{layout.prefix}/Cube_data/states/").items():
        value = _state(_latest(bucket, entries))
        ours = [member for member in value["members"].values() if member[0] == key]
        if ours and name not in kept:
            traces.removed["states"] += entries
        elif ours:
            traces.kept_states.append(name)
            rules = [counted for member in ours for counted in member[3]["rules"].values()]
            shown = any(counted[1] for counted in rules)
            for counted in rules:
                counted[1] = []
            _settle(traces, "states", entries, with_checksum(value) if shown else None)


def _state(data: bytes | None) -> dict[str, Any]:
    try:
        return dict(verify_checksum(data or b""))
    except ValueError:
        return {"members": {}}


def _find_examples(bucket: Bucket, layout: Layout, key: str, traces: Traces) -> None:
    """Find the errors of runs that hold examples of an object's fields."""
    traces.removed["examples"] = []
    for name, entries in bucket.versions(f"{layout.runs}/").items():
        if not name.endswith("/error.json"):
            continue
        values = [json.loads(bucket.read(entry)) for entry in entries if not entry.is_mark]
        clean = [_without_examples(value, key) for value in values]
        if clean != values:
            changed = json.dumps(clean[0], indent=2).encode() + b"\n"
            _settle(traces, "examples", entries, changed if clean[0] != values[0] else None)


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
            yield f"  {kind:<14} {keys:>6,} keys, {len(entries):>6,} versions"


def what_stays(traces: Traces, layout: Layout) -> Iterator[str]:
    """Yield a line for each thing that is not removed, and why."""
    yield "published outputs, until the next run replaces them"
    if traces.kept_states:
        yield (
            f"{len(traces.kept_states)} states and {layout.history}: sums without rows, which "
            f"later publications are compared with, so that they disclose nobody"
        )
    if traces.runs:
        yield (
            f"snapshots, outputs and reports of {len(traces.runs)} runs under {layout.runs}/: the "
            f"object's name, and protected figures without rows; a rollback to one of these runs "
            f"publishes figures that count them"
        )
    yield "logs, until their retention ends; copies outside the bucket, such as OUT and QuickSight"
