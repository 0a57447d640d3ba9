"""The unit of work. What plans it runs where there is no Polars."""

from __future__ import annotations

from dataclasses import dataclass

from medical_charges.kernel.header import Header
from medical_charges.storage import ObjectRef

_GZIP_RATIO = 5
"""Lines of numbers and few words become about a fifth of their size."""


@dataclass(frozen=True)
class Range:
    """Part of an object, from the header's end or later; lines belong to where they start."""

    identity: str
    ref: ObjectRef
    header: Header
    start: int
    end: int | None
    """None if the object can only be read from its start to its end."""

    @property
    def bytes(self) -> int:
        """How much is read."""
        return (self.ref.size if self.end is None else self.end) - self.start

    @property
    def scanned_bytes(self) -> int:
        """How much is scanned, as far as that can be known beforehand."""
        return self.bytes * (_GZIP_RATIO if self.header.gzip else 1)
