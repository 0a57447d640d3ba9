"""Check of keys: those that can be files of a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator

_LONGEST = 255
"""The bytes that a file's name may have."""


def not_files(keys: Collection[str]) -> dict[str, str]:
    """The keys that can be no files below a folder, each with the reason."""
    found = {key: reason for key in keys if (reason := _misnamed(key))}
    folders = {folder for key in keys if key not in found for folder in _folders(key)}
    shared = dict.fromkeys(folders.intersection(keys), "other keys continue it as a folder")
    return shared | found


def _misnamed(key: str) -> str:
    parts = key.split("/")
    if key.endswith("/"):
        return "it ends in a slash, as a folder does"
    if not {"", ".", ".."}.isdisjoint(parts) or "\0" in key:
        return "a part of it is empty, `.`, `..` or holds a zero byte"
    if any(len(part.encode()) > _LONGEST for part in parts):
        return f"a part of it is longer than {_LONGEST} bytes"
    return ""


def _folders(key: str) -> Iterator[str]:
    parts = key.split("/")
    return ("/".join(parts[:end]) for end in range(1, len(parts)))
