"""The interface of a store, and what identifies one version of an object in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

REQUESTS_AT_ONCE = 32
"""How many requests a caller may have under way: a store's latency is not its throughput."""

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
        """What `open_store` makes this store from."""

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Every object below `prefix`, sorted by key."""

    def read(self, key: str) -> bytes:
        """All bytes of an object.

        Raises:
            ObjectMissingError: there is no such object.
        """

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end` of exactly the version that `ref` names.

        Raises:
            InputChangedError: the object is no longer that version.
        """

    def open(self, ref: ObjectRef) -> BinaryIO:
        """The bytes of exactly the version that `ref` names, as a stream.

        Raises:
            InputChangedError: the object is no longer that version.
        """

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object; a reader sees the old bytes or the new, never a mixture."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""


def in_parallel(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Map with up to REQUESTS_AT_ONCE requests of a store under way."""
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(function, items))
