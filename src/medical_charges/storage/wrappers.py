"""Stores over another store: a folder of it, one with a fence, one under another URI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from medical_charges.storage.base import ObjectRef, Store


@dataclass(frozen=True)
class DelegatingStore:
    """Passes every call on to `store`; a subclass changes some of them."""

    store: Store

    @property
    def uri(self) -> str:
        """The store's URI."""
        return self.store.uri

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """List every object below `prefix`, sorted by key."""
        return self.store.list(prefix)

    def read(self, key: str) -> bytes:
        """Read all bytes of an object."""
        return self.store.read(key)

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Read the bytes from `start` up to `end` of the version that `ref` names."""
        return self.store.read_range(ref, start, end)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open the version that `ref` names as a stream."""
        return self.store.open(ref)

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self.store.write(key, data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self.store.delete(key)


@dataclass(frozen=True)
class PrefixStore(DelegatingStore):
    """The objects of `store` below `folder`, by the rest of their keys."""

    folder: str

    @property
    def uri(self) -> str:
        """The folder's URI."""
        return f"{self.store.uri}/{self.folder}"

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """List every object below `prefix`, sorted by key."""
        for ref in self.store.list(self._key(prefix)):
            yield ref._replace(key=ref.key.removeprefix(f"{self.folder}/"))

    def read(self, key: str) -> bytes:
        """Read all bytes of an object."""
        return self.store.read(self._key(key))

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Read the bytes from `start` up to `end` of the version that `ref` names."""
        return self.store.read_range(ref._replace(key=self._key(ref.key)), start, end)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open the version that `ref` names as a stream."""
        return self.store.open(ref._replace(key=self._key(ref.key)))

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self.store.write(self._key(key), data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self.store.delete(self._key(key))

    def _key(self, key: str) -> str:
        return f"{self.folder}/{key}"


@dataclass(frozen=True)
class FencedStore(DelegatingStore):
    """A store whose `check` is called before each change, and raises to prevent it."""

    check: Callable[[], object]

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self.check()
        self.store.write(key, data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self.check()
        self.store.delete(key)


@dataclass(frozen=True)
class MirrorStore(DelegatingStore):
    """A store that mirrors the one at `mirrored`, and answers under its URI."""

    mirrored: str

    @property
    def uri(self) -> str:
        """The URI of what is mirrored."""
        return self.mirrored
