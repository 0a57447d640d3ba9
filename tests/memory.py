"""A bucket in memory, for thousands of runs whose files would take longer than they do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count
from typing import BinaryIO

from medical_charges.errors import InputChangedError, ObjectMissingError
from medical_charges.storage.base import ObjectRef


class MemoryStore:
    """A store of objects in memory; each time one is written, it is another version."""

    uri = "memory:"

    def __init__(self) -> None:
        self._versions = count()
        self._objects: dict[str, tuple[str, bytes]] = {}

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        folder = f"{prefix}/" if prefix else ""
        for key in sorted(self._objects):
            if key.startswith(folder):
                yield self._ref(key)

    def read(self, key: str) -> bytes:
        if key not in self._objects:
            raise ObjectMissingError(f"{self.uri}{key} does not exist")
        return self._objects[key][1]

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        return self.open(ref).read()[start:end]

    def open(self, ref: ObjectRef) -> BinaryIO:
        if ref.key not in self._objects or self._ref(ref.key) != ref:
            raise InputChangedError(f"{ref.key} changed after it was listed")
        return io.BytesIO(self._objects[ref.key][1])

    def write(self, key: str, data: bytes) -> None:
        self._objects[key] = (str(next(self._versions)), data)

    def delete(self, key: str) -> None:
        self._objects.pop(key, None)

    def _ref(self, key: str) -> ObjectRef:
        version, data = self._objects[key]
        return ObjectRef(key, version, len(data))
