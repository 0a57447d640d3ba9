"""The interface of a store, and the identity of one version of an object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

REQUESTS_AT_ONCE = 32
"""Number of concurrent requests for each caller, so that latency does not limit throughput."""

T = TypeVar("T")
R = TypeVar("R")


class ObjectRef(NamedTuple):
    """One version of an object. A change of its content changes `etag`, `size` or both."""

    key: str
    etag: str
    size: int


class Store(Protocol):
    """Objects by key. Keys use `/` and are relative to the store's root."""

    @property
    def uri(self) -> str:
        """The URI from which `open_store` makes this store."""

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Yield every object below `prefix`, sorted by key."""

    def read(self, key: str) -> bytes:
        """Return all bytes of an object.

        Raises:
            ObjectMissingError: there is no such object.
        """

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` of exactly the version that `ref` names.

        Raises:
            InputChangedError: the object is no longer that version.
        """

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open exactly the version that `ref` names as a stream.

        Raises:
            InputChangedError: the object is no longer that version.
        """

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object; a reader sees the old bytes or the new, never a mixture."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""


def in_parallel(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Map with up to REQUESTS_AT_ONCE concurrent requests."""
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(function, items))
