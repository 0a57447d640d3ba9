"""The files that runs have written to a folder, so that no others are ever removed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from medical_charges.errors import MedicalChargesError
from medical_charges.storage import LocalStore

Mark = list[int]
"""A file's size and time of change: what tells whether it still is what was written."""


class SparingStore(LocalStore):
    """A folder that keeps some files from being deleted."""

    def __init__(self, root: Path, spared: Collection[Path]) -> None:
        super().__init__(root)
        self._spared = {path.resolve() for path in spared}

    def delete(self, key: str) -> None:
        """Remove a file, if it is there and is not to be spared."""
        if (self._root / key).resolve() not in self._spared:
            super().delete(key)


class Written:
    """Index of the files that runs have written below `out/prefix`, stored next to it.

    No object of a bucket can take the index's place: every key begins with the prefix.
    """

    def __init__(self, out: Path, prefix: str) -> None:
        self.folder = out / prefix
        self._index = out / f".{prefix}.written.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MedicalChargesError(
                f"{self.folder} cannot be used as a folder: {error.strerror}. Choose another OUT"
            ) from error
        # What is mirrored holds rows of the input, and OUT is often in a repository.
        if not (ignored := self.folder / ".gitignore").exists():
            ignored.write_text("*\n")

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Take every file that is made or changed meanwhile for written, however it ends."""
        before = self._marks()
        try:
            yield
        finally:
            after = self._marks()
            known = {name: mark for name, mark in self._known().items() if name in after}
            made = {name: mark for name, mark in after.items() if before.get(name) != mark}
            self._index.write_text(json.dumps(known | made))

    def remove(self, below: Path, *, but: Collection[Path]) -> None:
        """Remove what was written below a folder and is as it was, and folders left empty."""
        for path in self._unchanged():
            if path.is_relative_to(below) and path not in but:
                path.unlink()
                for parent in path.parents:
                    if parent == self.folder or any(parent.iterdir()):
                        break
                    parent.rmdir()

    def others(self, below: Path) -> list[Path]:
        """The files below a folder that no run has written, or that were changed since."""
        own = self._unchanged()
        return sorted(path for path in below.rglob("*") if path.is_file() and path not in own)

    def _unchanged(self) -> set[Path]:
        marks = self._marks()
        known = self._known().items()
        return {self.folder / name for name, mark in known if marks.get(name) == mark}

    def _known(self) -> dict[str, Mark]:
        if not self._index.is_file():
            return {}
        found: dict[str, Mark] = json.loads(self._index.read_text())
        return found

    def _marks(self) -> dict[str, Mark]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        stats = ((path, path.stat()) for path in files)
        return {
            path.relative_to(self.folder).as_posix(): [stat.st_size, stat.st_mtime_ns]
            for path, stat in stats
        }
