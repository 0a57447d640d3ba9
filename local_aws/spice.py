"""QuickSight's ingestion of a manifest: it finds the files, reads the rows and casts them.

A manifest or a file that cannot be read fails with QuickSight's type of error. A row that cannot be
read or cast is dropped and counted. An empty field of a number is null.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

FILES_LIMIT = 1_000
_LONG = 2**63


class BucketReader(Protocol):
    """The operations of S3 that manifests need."""

    def read(self, bucket: str, key: str) -> bytes | None:
        """Return an object's content, or None if it does not exist."""

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys below a prefix."""


class IngestionError(Exception):
    """The reason why an ingestion failed, with QuickSight's type of error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Manifest:
    """The files of a data source and their format."""

    uris: tuple[tuple[str, str], ...]
    delimiter: str
    quote: str
    header: bool


@dataclass(frozen=True)
class Loaded:
    """The loaded rows, and the number of dropped ones."""

    rows: list[dict[str, Any]]
    dropped: int


_HOST = r"s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"
_FORMS = (
    re.compile(r"s3://([^/]+)/(.*)"),
    re.compile(rf"https://{_HOST}/([^/]+)/(.*)"),
    re.compile(rf"https://([^/]+)\.{_HOST}/(.*)"),
)
_DELIMITERS = {"CSV": ",", "TSV": "\t"}


def read_manifest(objects: BucketReader, bucket: str, key: str) -> Manifest:
    """Read a manifest and find the files that it names.

    Raises:
        IngestionError: it is not there, is none, or names files that are not there.
    """
    data = objects.read(bucket, key)
    if data is None:
        raise IngestionError(
            "S3_MANIFEST_ERROR",
            f"Insufficient permission to access the manifest file s3://{bucket}/{key}, "
            f"or it does not exist",
        )
    try:
        value = json.loads(data)
        locations = value["fileLocations"]
        settings = value.get("globalUploadSettings", {})
        uris = [uri for found in locations for uri in found.get("URIs", [])]
        prefixes = [uri for found in locations for uri in found.get("URIPrefixes", [])]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IngestionError("S3_MANIFEST_ERROR", f"the manifest is malformed: {error}") from error
    kind = str(settings.get("format", "CSV")).upper()
    if kind not in _DELIMITERS:
        raise IngestionError("S3_MANIFEST_ERROR", f"the format {kind} is not read here")
    files = [_split(uri) for uri in uris]
    for below, prefix in map(_split, prefixes):
        files += [(below, key) for key in objects.keys(below, prefix)]
    if not files:
        raise IngestionError("S3_MANIFEST_ERROR", "the manifest names no file")
    if len(files) > FILES_LIMIT:
        raise IngestionError("S3_MANIFEST_ERROR", f"the manifest names over {FILES_LIMIT} files")
    for where, name in files:
        if objects.read(where, name) is None:
            raise IngestionError("S3_FILE_INACCESSIBLE", f"s3://{where}/{name} cannot be read")
    return Manifest(
        tuple(files),
        settings.get("delimiter") or _DELIMITERS[kind],
        settings.get("textqualifier") or '"',
        str(settings.get("containsHeader", "true")).lower() == "true",
    )


def _split(uri: Any) -> tuple[str, str]:
    match = next((found for form in _FORMS if (found := form.fullmatch(str(uri)))), None)
    if match is None:
        raise IngestionError("S3_MANIFEST_ERROR", f"{uri!r} is no URI of S3")
    key = match[2] if str(uri).startswith("s3:") else unquote(match[2])
    return match[1], key


def load(
    objects: BucketReader,
    manifest: Manifest,
    columns: Collection[str],
    casts: Mapping[str, str],
    upload_settings: Mapping[str, Any],
) -> Loaded:
    """Load the rows of a manifest's files: these columns, cast to these types.

    Raises:
        IngestionError: a file is not there, or has not these columns.
    """
    rows: list[dict[str, Any]] = []
    dropped = 0
    for bucket, key in manifest.uris:
        data = objects.read(bucket, key)
        if data is None:
            raise IngestionError("S3_FILE_INACCESSIBLE", f"s3://{bucket}/{key} cannot be read")
        for record in _records(data, f"s3://{bucket}/{key}", manifest, columns, upload_settings):
            row = None if record is None else _cast(record, casts)
            if row is None:
                dropped += 1
            else:
                rows.append(row)
    return Loaded(rows, dropped)


def _records(
    data: bytes,
    uri: str,
    manifest: Manifest,
    columns: Collection[str],
    settings: Mapping[str, Any],
) -> Iterator[dict[str, str] | None]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IngestionError("S3_FILE_INACCESSIBLE", f"{uri} is not UTF-8: {error}") from error
    lines = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=settings.get("Delimiter") or manifest.delimiter,
        quotechar=manifest.quote,
    )
    header = list(columns)
    if settings.get("ContainsHeader", manifest.header):
        # A byte-order mark is part of the first name here, as it is in QuickSight.
        header = next(lines, [])
    if len(set(header)) < len(header):
        raise IngestionError("DUPLICATE_COLUMN_NAMES_FOUND", f"{uri} names a column twice")
    if missing := [name for name in columns if name not in header]:
        raise IngestionError(
            "SQL_SCHEMA_MISMATCH_ERROR",
            f"{uri} has no column {', '.join(missing)}; it has {', '.join(header)}",
        )
    for line in lines:
        if line:
            yield (
                {name: value for name, value in zip(header, line, strict=True) if name in columns}
                if len(line) == len(header)
                else None
            )


def _cast(record: Mapping[str, str], casts: Mapping[str, str]) -> dict[str, Any] | None:
    row: dict[str, Any] = dict(record)
    for name, kind in casts.items():
        if row[name] == "":
            row[name] = None
            continue
        try:
            row[name] = _CASTS[kind](row[name])
        except (ValueError, OverflowError):
            return None
    return row


def _integer(text: str) -> int:
    value = int(text)
    if not -_LONG <= value < _LONG:
        raise OverflowError(text)
    return value


def _decimal(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


_CASTS: Mapping[str, Callable[[str], Any]] = {
    "INTEGER": _integer,
    "DECIMAL": _decimal,
    "STRING": str,
}
