"""What is published of a data set, taken as QuickSight takes it: through the manifests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract
from medical_charges.errors import ManifestError, ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.runs.manifests import files_of, validate_manifests
from medical_charges.runs.publish import published
from medical_charges.storage import ObjectRef, Store


class Mirror:
    """A store that holds what a bucket holds: to what reads it, it is that bucket."""

    def __init__(self, store: Store, bucket: str) -> None:
        self._store = store
        self.uri = f"s3://{bucket}"

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Every object below `prefix`, sorted by key."""
        return self._store.list(prefix)

    def read(self, key: str) -> bytes:
        """All bytes of an object."""
        return self._store.read(key)

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end` of the version that `ref` names."""
        return self._store.read_range(ref, start, end)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """The version that `ref` names, as a stream."""
        return self._store.open(ref)

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self._store.write(key, data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self._store.delete(key)


@dataclass(frozen=True)
class Published:
    """The published tables by name, and the run that they are of, as far as it is known."""

    tables: dict[str, str]
    run: Summary | None


def read_published(store: Store, contract: Contract) -> Published:
    """Follow the manifest of every output to its CSV.

    A folder that mirrors a bucket is taken for that bucket: the one its manifests name.

    Raises:
        ManifestError: with a sentence for everything that is wrong with the manifests.
    """
    run = served_run(store, contract)
    if not store.uri.startswith("s3://"):
        store = Mirror(store, _bucket(store, contract))
    validate_manifests(store, contract, run.withheld if run else _empty(store, contract))
    layout = Layout(contract.prefix)
    tables = {}
    for name in contract.outputs:
        files = files_of(store.read(layout.manifest(name)))
        parts = [store.read(file.key).decode() for file in files]
        header = parts[0].partition("\n")[0]
        tables[name] = header + "\n" + "".join(part.partition("\n")[2] for part in parts)
    return Published(tables, run)


def served_run(store: Store, contract: Contract) -> Summary | None:
    """The latest run that staged exactly what is published and did not fail, if one is there."""
    layout, tables = Layout(contract.prefix), published(store, contract)
    keys = {ref.key for ref in store.list(layout.runs)}
    run_ids = {key.removeprefix(f"{layout.runs}/").partition("/")[0] for key in keys}
    for run_id in sorted(run_ids, reverse=True):
        summary = layout.summary(run_id)
        if summary not in keys or layout.error(run_id) in keys:
            continue
        staged = {name: layout.staged(run_id, name) for name in tables}
        if tables and all(
            key in keys and store.read(key) == tables[name] for name, key in staged.items()
        ):
            return _summary(json.loads(store.read(summary)))
    return None


def _summary(value: dict[str, Any]) -> Summary:
    known = Summary.__dataclass_fields__
    return Summary(**{name: item for name, item in value.items() if name in known})


def _bucket(store: Store, contract: Contract) -> str:
    """The bucket that the first manifest with a URI in it names."""
    for name in contract.outputs:
        try:
            files = files_of(store.read(Layout(contract.prefix).manifest(name)))
        except (ObjectMissingError, ManifestError):
            continue
        if files:
            return files[0].bucket
    raise ManifestError(
        f"{store.uri}/{Layout(contract.prefix).manifests} holds no manifest of this data set "
        f"that names a file: has a run published here?"
    )


def _empty(store: Store, contract: Contract) -> set[str]:
    """The outputs without any row: of a run that is not known they pass for withheld."""
    tables = published(store, contract)
    return {name for name, data in tables.items() if not data.partition(b"\n")[2].strip()}
