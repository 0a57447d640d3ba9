"""A store whose writes are refused once its writer has lost the lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from medical_charges.storage.base import ObjectRef, Store


@dataclass(frozen=True)
class Fenced:
    """A store that calls `check` before each change; `check` raises to prevent the change."""

    store: Store
    check: Callable[[], object]

    @property
    def uri(self) -> str:
        """The store's URI."""
        return self.store.uri

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Yield every object below `prefix`, sorted by key."""
        return self.store.list(prefix)

    def read(self, key: str) -> bytes:
        """Return all bytes of an object."""
        return self.store.read(key)

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` of the version that `ref` names."""
        return self.store.read_range(ref, start, end)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open the version that `ref` names as a stream."""
        return self.store.open(ref)

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self.check()
        self.store.write(key, data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self.check()
        self.store.delete(key)
