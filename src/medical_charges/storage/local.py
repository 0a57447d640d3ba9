"""A folder as a store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from medical_charges.errors import InputChangedError, ObjectMissingError
from medical_charges.storage.base import ObjectRef

_PARTIAL_WRITE = ".writing-"


class LocalStore:
    """A store of the files below a folder; a file's identity is its inode, time and size."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root).resolve()

    @property
    def uri(self) -> str:
        """The folder as a file URI."""
        return self._root.as_uri()

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Yield every file below `prefix`, sorted by key."""
        # os.walk is faster than rglob: folders of thousands of files are listed at every run.
        start = len(f"{self._root}/")
        for entry in sorted(_files_below(self._root / prefix), key=attrgetter("path")):
            if not entry.name.startswith(_PARTIAL_WRITE):
                yield _ref(entry.path[start:], entry.stat())

    def read(self, key: str) -> bytes:
        """Return all bytes of a file."""
        try:
            return (self._root / key).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ObjectMissingError(f"{self.uri}/{key} does not exist") from error

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` of the version that `ref` names."""
        with self.open(ref) as file:
            file.seek(start)
            return file.read(end - start)

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open the version that `ref` names as a stream."""
        try:
            file = (self._root / ref.key).open("rb")
        except FileNotFoundError as error:
            raise InputChangedError(f"{ref.key} was removed after it was listed") from error
        if _ref(ref.key, os.fstat(file.fileno())) != ref:
            file.close()
            raise InputChangedError(f"{ref.key} changed after it was listed")
        return file

    def write(self, key: str, data: bytes) -> None:
        """Make or replace a file by renaming a complete one."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_PARTIAL_WRITE, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        (self._root / key).unlink(missing_ok=True)


def _files_below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.is_file():
                yield entry
            elif entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path)


def _ref(key: str, stat: os.stat_result) -> ObjectRef:
    return ObjectRef(key, f"{stat.st_mtime_ns:x}-{stat.st_ino:x}", stat.st_size)
