"""Stores of bytes: a bucket or a folder, behind one interface."""

from pathlib import Path
from urllib.parse import unquote

from medical_charges.storage.base import REQUESTS_AT_ONCE, ObjectRef, Store, in_parallel
from medical_charges.storage.fenced import Fenced
from medical_charges.storage.local import LocalStore
from medical_charges.storage.prefix import Below
from medical_charges.storage.s3 import S3Store

__all__ = [
    "REQUESTS_AT_ONCE",
    "Below",
    "Fenced",
    "LocalStore",
    "ObjectRef",
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
