"""The unit of work. The code that plans ranges runs without Polars."""

from __future__ import annotations

from dataclasses import dataclass

from medical_charges.kernel.header import Header
from medical_charges.storage import ObjectRef

_GZIP_RATIO = 5
"""Estimated ratio of decompressed to compressed bytes, for lines of numbers and few words."""


@dataclass(frozen=True)
class Range:
    """Part of an object after its header. A line belongs to the range in which it starts."""

    identity: str
    ref: ObjectRef
    header: Header
    start: int
    end: int | None
    """None if the object can only be read sequentially."""

    @property
    def bytes(self) -> int:
        """Number of bytes to read."""
        return (self.ref.size if self.end is None else self.end) - self.start

    @property
    def scanned_bytes(self) -> int:
        """Estimated number of bytes to scan, after decompression."""
        return self.bytes * (_GZIP_RATIO if self.header.gzip else 1)
