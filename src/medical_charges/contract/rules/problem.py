"""What is said of a mistake in a contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One mistake: its path, what was found there and what is allowed."""

    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}: found {self.found}; allowed: {self.allowed}"


def one_of(names: Iterable[str]) -> str:
    """Return what is allowed, for a message."""
    return ", ".join(dict.fromkeys(names)) or "none of this contract's columns fits"


def show(value: object) -> str:
    """Return a found value for a message: shortened, and a container only by its kind."""
    if isinstance(value, (dict, list)):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    return shortened(repr(value))


def shortened(text: str) -> str:
    """Return a text for a message: its start, if it is long."""
    return text if len(text) <= 80 else text[:77] + "..."
