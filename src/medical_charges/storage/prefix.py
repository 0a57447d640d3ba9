"""A folder of a store, as a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from medical_charges.storage.base import ObjectRef, Store


@dataclass(frozen=True)
class Below:
    """A store of the objects of `store` below `folder`, with keys relative to `folder`."""

    store: Store
    folder: str

    @property
    def uri(self) -> str:
        """The folder's URI."""
        return f"{self.store.uri}/{self.folder}"

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Yield every object below `prefix`, sorted by key."""
        for ref in self.store.list(f"{self.folder}/{prefix}"):
            yield ref._replace(key=ref.key.removeprefix(f"{self.folder}/"))

    def read(self, key: str) -> bytes:
        """Return all bytes of an object."""
        return self.store.read(self._key(key))

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` of the version that `ref` names."""
        return self.store.read_range(self._outer(ref), start, end)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open the version that `ref` names as a stream."""
        return self.store.open(self._outer(ref))

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self.store.write(self._key(key), data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self.store.delete(self._key(key))

    def _key(self, key: str) -> str:
        return f"{self.folder}/{key}"

    def _outer(self, ref: ObjectRef) -> ObjectRef:
        return ref._replace(key=self._key(ref.key))
