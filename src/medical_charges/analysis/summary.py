"""The summary of a run: what it read and made, as every later state reads it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from medical_charges.layout import Layout
from medical_charges.storage import Store


@dataclass
class Summary:
    """What a run read and made. It holds no row and no value of the measure."""

    run_id: str
    contract: str
    """The contract's fingerprint."""
    state: str = ""
    """The key of the snapshot's state."""
    rows: int = 0
    """Non-empty lines after the headers."""
    counted: int = 0
    rejected: int = 0
    objects: int = 0
    objects_read: int = 0
    suppressed: dict[str, int] = field(default_factory=dict)
    """By output, how many rows lost their figures: a group in them is too small, or would give
    away one that is. Which of both is not said, as that would narrow down the counts."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Outputs without any row, because nothing less protects them, with the reason."""
    rules: dict[str, int] = field(default_factory=dict)
    """By rule, how many rows broke it."""
    staged: dict[str, str] = field(default_factory=dict)
    """By output, the SHA-256 of the file that was staged."""
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by phase."""
    versions: dict[str, str] = field(default_factory=dict)
    """What the run was made with."""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def read_summary(store: Store, layout: Layout, run_id: str) -> Summary:
    """The summary of a run; fields that a newer version added are left out.

    Raises:
        ObjectMissingError: the run has none.
    """
    value = json.loads(store.read(layout.summary(run_id)))
    known = Summary.__dataclass_fields__
    return Summary(**{name: item for name, item in value.items() if name in known})
