"""Stores of bytes: a bucket or a folder, behind one interface."""

from pathlib import Path
from urllib.parse import unquote

from medical_charges.storage.base import REQUESTS_AT_ONCE, ObjectRef, Store, in_parallel
from medical_charges.storage.local import LocalStore
from medical_charges.storage.s3 import S3Store
from medical_charges.storage.wrappers import (
    DelegatingStore,
    FencedStore,
    MirrorStore,
    PrefixStore,
)

__all__ = [
    "REQUESTS_AT_ONCE",
    "DelegatingStore",
    "FencedStore",
    "LocalStore",
    "MirrorStore",
    "ObjectRef",
    "PrefixStore",
    "S3Store",
    "Store",
    "in_parallel",
    "local_path",
    "open_store",
]


def open_store(uri: str) -> Store:
    """Return the store at `uri`: `s3://bucket`, `file:///folder` or the path of a folder."""
    if uri.startswith("s3://"):
        return S3Store(uri)
    return LocalStore(local_path(uri))


def local_path(uri: str) -> Path:
    """Return the path of a `file://` URI, or a path unchanged."""
    if uri.startswith("file://"):
        return Path(unquote(uri.removeprefix("file://")))
    return Path(uri)


def read_uri(uri: str) -> bytes:
    """Read the object at `s3://bucket/key`, or the file at a path or a `file://` URI.

    Raises:
        ObjectMissingError: there is no such object.
    """
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return S3Store(f"s3://{bucket}").read(key)
    path = local_path(uri)
    return LocalStore(path.parent).read(path.name)
