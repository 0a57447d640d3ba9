"""QuickSight's manifests: their generation and validation.

QuickSight reads a data source through a JSON file that lists the files' URIs and describes their
format. It silently drops rows that it cannot read, so every manifest is compared with the files
that it names before QuickSight reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from medical_charges.contract import Contract
from medical_charges.contract.outputs import DELIMITER, HEADER_LINES, QUOTE
from medical_charges.errors import ManifestError, ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.storage import Store

FILES_LIMIT = 1_000
"""Maximum number of files that QuickSight reads through one manifest."""

SETTINGS = {
    "format": "CSV",
    "delimiter": DELIMITER,
    "textqualifier": QUOTE,
    "containsHeader": json.dumps(HEADER_LINES > 0),
}

_BOM = b"\xef\xbb\xbf"

_S3_HOST = r"s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"
_URI_FORMS = [
    re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.*)"),
    re.compile(rf"https://{_S3_HOST}/(?P<bucket>[^/]+)/(?P<key>.*)"),
    re.compile(rf"https://(?P<bucket>[^/]+)\.{_S3_HOST}/(?P<key>.*)"),
]


def generate_manifests(store: Store, layout: Layout, outputs: Iterable[str]) -> list[str]:
    """Write the manifest of each published output, remove all others and return the keys."""
    wanted = {layout.manifest(name): layout.published(name) for name in outputs}
    for key, output in wanted.items():
        store.write(key, manifest([f"{store.uri}/{output}"]))
    for ref in list(store.list(layout.manifests)):
        if ref.key not in wanted:
            store.delete(ref.key)
    return list(wanted)


def manifest(uris: list[str]) -> bytes:
    """Return a manifest of files that hold one table."""
    value = {"fileLocations": [{"URIs": uris}], "globalUploadSettings": SETTINGS}
    return json.dumps(value, indent=2).encode() + b"\n"


def validate_manifests(store: Store, contract: Contract, withheld: Collection[str] = ()) -> None:
    """Check that there is a manifest for every output, and no other, and that each works.

    Outputs that are withheld, and no others, have no rows.

    Raises:
        ManifestError: with a sentence for everything that is wrong.
    """
    layout = Layout(contract.prefix)
    problems = []
    for name, output in contract.outputs.items():
        key = layout.manifest(name)
        try:
            data = store.read(key)
        except ObjectMissingError:
            problems.append(f"{key} does not exist")
            continue
        table = _Table(store, layout, name, output.header, name in withheld)
        problems += [f"{key}: {problem}" for problem in _problems(data, table)]
    wanted = {layout.manifest(name) for name in contract.outputs}
    problems += [
        f"{ref.key} belongs to no analysis of the contract"
        for ref in store.list(layout.manifests)
        if ref.key not in wanted
    ]
    if problems:
        raise ManifestError("\n".join(problems))


@dataclass(frozen=True)
class S3Object:
    """The location of an object in a manifest."""

    bucket: str
    key: str


def files_of(data: bytes) -> list[S3Object]:
    """Return the files that a manifest lists, in its order.

    Raises:
        ManifestError: it is not one that leads to S3 objects alone.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise ManifestError(f"the manifest is not JSON: {error}") from error
    uris = _uris(value.get("fileLocations") if isinstance(value, dict) else None)
    found = [uri.problem if isinstance(uri, _Problem) else _located(uri) or uri for uri in uris]
    if problems := [problem for problem in found if isinstance(problem, str)]:
        raise ManifestError(f"the manifest cannot be followed: {'; '.join(problems)}")
    return [file for file in found if isinstance(file, S3Object)]


def _located(uri: str) -> S3Object | None:
    """Return the object of a URI in any form that QuickSight accepts, or None."""
    match = next((found for form in _URI_FORMS if (found := form.fullmatch(uri))), None)
    if match is None:
        return None
    key = match["key"]
    return S3Object(match["bucket"], key if uri.startswith("s3:") else unquote(key))


@dataclass(frozen=True)
class _Table:
    """The expected content of a table behind a manifest."""

    store: Store
    layout: Layout
    analysis: str
    columns: tuple[str, ...]
    withheld: bool

    @property
    def folder(self) -> str:
        return str(PurePosixPath(self.layout.published(self.analysis)).parent)


def _problems(data: bytes, table: _Table) -> Iterator[str]:
    if data.startswith(_BOM):
        yield "the manifest starts with a byte-order mark"
        return
    try:
        value = json.loads(data)
    except ValueError as error:
        yield f"the manifest is not JSON: {error}"
        return
    if not isinstance(value, dict):
        yield f"the manifest is {_kind(value)}, not an object"
        return
    yield from _keys(value, {"fileLocations", "globalUploadSettings"}, "the manifest")
    yield from _setting_problems(value.get("globalUploadSettings"))
    uris = list(_uris(value.get("fileLocations")))
    yield from (item.problem for item in uris if isinstance(item, _Problem))
    files = [item for item in uris if isinstance(item, str)]
    if len(files) > FILES_LIMIT:
        yield f"{len(files):,} files are listed; QuickSight reads at most {FILES_LIMIT:,}"
        return
    for uri in sorted({uri for uri in files if files.count(uri) > 1}):
        yield f"{uri} is listed {files.count(uri)} times, so its rows would be too"
    if not uris:
        yield "no file is listed"
    for uri in dict.fromkeys(files):
        yield from _file_problems(uri, table)


def _keys(value: dict[str, Any], allowed: set[str], where: str) -> Iterator[str]:
    for key in sorted(value.keys() - allowed):
        yield f"{where} has the stray key {key!r}; allowed: {', '.join(sorted(allowed))}"


def _setting_problems(settings: Any) -> Iterator[str]:
    if not isinstance(settings, dict):
        yield f"globalUploadSettings is {_kind(settings)}, not an object"
        return
    yield from _keys(settings, set(SETTINGS), "globalUploadSettings")
    for name, wanted in SETTINGS.items():
        if settings.get(name) != wanted:
            found = json.dumps(settings[name]) if name in settings else "missing"
            yield f"the {name} is {found}; the outputs have {json.dumps(wanted)}"


@dataclass(frozen=True)
class _Problem:
    problem: str


def _uris(locations: Any) -> Iterator[str | _Problem]:
    if not isinstance(locations, list):
        yield _Problem(f"fileLocations is {_kind(locations)}, not a list")
        return
    for location in locations:
        if not isinstance(location, dict):
            yield _Problem(f"an entry of fileLocations is {_kind(location)}, not an object")
            continue
        if "URIPrefixes" in location:
            yield _Problem("URIPrefixes include every object below them: list URIs")
        for problem in _keys(location, {"URIs", "URIPrefixes"}, "an entry of fileLocations"):
            yield _Problem(problem)
        uris = location.get("URIs", [])
        if not isinstance(uris, list):
            yield _Problem(f"URIs is {_kind(uris)}, not a list")
            continue
        for uri in uris:
            yield uri if isinstance(uri, str) else _Problem(f"a URI is {_kind(uri)}, not text")


def _file_problems(uri: str, table: _Table) -> Iterator[str]:
    file = _located(uri)
    if file is None:
        yield f"{uri} is not the URI of an S3 object"
        return
    bucket, key = file.bucket, file.key
    if f"s3://{bucket}" != table.store.uri:
        yield f"{uri} is in the bucket {bucket!r}, not in {table.store.uri}"
    elif not key or key.endswith("/"):
        yield f"{uri} is a directory, not a file"
    elif not key.startswith(f"{table.folder}/"):
        yield f"{uri} is not below {table.folder}/"
    else:
        try:
            data = table.store.read(key)
        except ObjectMissingError:
            yield f"{uri} does not exist"
            return
        yield from _content_problems(uri, data, table)


def _content_problems(uri: str, data: bytes, table: _Table) -> Iterator[str]:
    if not data.strip():
        yield f"{uri} is empty"
        return
    if data.startswith(_BOM):
        yield f"{uri} starts with a byte-order mark, which would become part of the first column"
        return
    header, _, rows = data.partition(b"\n")
    expected = DELIMITER.join(table.columns)
    if header != expected.encode():
        found = header.decode("utf-8", errors="replace")[:200]
        yield f"{uri} has the header {found!r}; the contract says {expected!r}"
    elif table.withheld and rows.strip():
        yield f"{uri} has rows, and is to be withheld"
    elif not table.withheld and not rows.strip():
        yield f"{uri} has a header and no rows"


def _kind(value: Any) -> str:
    names: dict[type, str] = {dict: "an object", list: "a list", str: "text", type(None): "missing"}
    return names.get(type(value), "a number or a truth")
