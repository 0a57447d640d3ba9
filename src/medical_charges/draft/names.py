"""Names that a contract allows, made of what files and columns are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator


def slug(text: str, otherwise: str) -> str:
    """Return a text as a name that a contract allows, shortened."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:30].rstrip("_")
    return name if name[:1].isalpha() else f"{otherwise}_{name}".rstrip("_")


def numbered(name: str) -> Iterator[str]:
    """Yield a name, and the same with numbers."""
    yield name
    yield from (f"{name}_{number}" for number in range(2, 10_000))


def unique(names: Iterable[str]) -> list[str]:
    """Return names, each with a number if it stood before."""
    found: list[str] = []
    for name in names:
        found.append(next(it for it in numbered(name) if it not in found))
    return found
