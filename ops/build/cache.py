"""Cached builds: a target with the same inputs is not made again."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path


def inputs_hash(parts: Iterable[str | bytes | Path]) -> str:
    """Return a hash of texts, bytes and files' contents, in their order."""
    found = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


class Cache:
    """A folder with the stamps of files that were made, and with folders that were filled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Return the path of another file that outlives a build."""
        return self._folder / name

    def file(self, target: Path, inputs: str, make: Callable[[Path], None]) -> Path:
        """Make `target` unless it exists, made from `inputs`."""
        stamp = self._folder / "stamps" / inputs_hash([str(target.resolve())])[:32]
        if not (target.exists() and stamp.exists() and stamp.read_text() == inputs):
            stamp.unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            make(target)
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(inputs)
        return target

    def folder(self, name: str, inputs: str, fill: Callable[[Path], None]) -> Path:
        """Return a folder that was filled from `inputs`; it appears only when it is complete."""
        target = self._folder / f"{name}-{inputs[:16]}"
        if not target.exists():
            # Another process may be filling it too: who is first is right.
            partial = target.with_name(f".{target.name}.{os.getpid()}")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            fill(partial)
            try:
                partial.rename(target)
            except OSError:
                if not target.exists():
                    raise
                shutil.rmtree(partial)
        return target
