"""The unit of work. What plans it runs where there is no Polars."""

from __future__ import annotations

from dataclasses import dataclass

from medical_charges.kernel.header import Header
from medical_charges.storage import ObjectRef


@dataclass(frozen=True)
class Range:
    """Part of an object, from the header's end or later; lines belong to where they start."""

    identity: str
    ref: ObjectRef
    header: Header
    start: int
    end: int | None
    """None if the object can only be read from its start to its end."""
