"""A store that is written to only while its writer may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from medical_charges.storage.base import ObjectRef, Store


@dataclass(frozen=True)
class Fenced:
    """The objects of `store`; `check` is called before each change, and raises to prevent it."""

    store: Store
    check: Callable[[], object]

    @property
    def uri(self) -> str:
        """The store's URI."""
        return self.store.uri

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Every object below `prefix`, sorted by key."""
        return self.store.list(prefix)

    def read(self, key: str) -> bytes:
        """All bytes of an object."""
        return self.store.read(key)

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end` of the version that `ref` names."""
        return self.store.read_range(ref, start, end)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """The version that `ref` names, as a stream."""
        return self.store.open(ref)

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self.check()
        self.store.write(key, data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self.check()
        self.store.delete(key)
