"""The summary of a run, which later states read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from medical_charges.layout import Layout
from medical_charges.logs import Phase, log
from medical_charges.storage import Store


@dataclass
class Summary:
    """The results of a run. It holds no row and no value of the measure."""

    run_id: str
    contract: str
    """The contract hash."""
    state: str = ""
    """The key of the snapshot's state."""
    rows: int = 0
    """Non-empty lines after the headers."""
    counted: int = 0
    rejected: int = 0
    objects: int = 0
    objects_read: int = 0
    suppressed: dict[str, int] = field(default_factory=dict)
    """By output, the number of rows without figures because a group in them is small, or would
    disclose a small one. The two are not distinguished, as that would narrow down the counts."""
    counts_only: dict[str, int] = field(default_factory=dict)
    """By output, the number of rows with counts and shares alone, as sums of the measure would
    confine a suppressed count."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Outputs without any row, because nothing less protects them, with the reason."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Outputs that stay as they are published, with the run that made them: too few people of some
    group have changed since."""
    rules: dict[str, int] = field(default_factory=dict)
    """By rule, the number of rows that broke it."""
    staged: dict[str, str] = field(default_factory=dict)
    """By output, the SHA-256 of the file that was staged."""
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by phase."""
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the software of the run."""

    @property
    def replaces_nothing(self) -> bool:
        """Whether outputs wait, and the run has no new version of any."""
        return (
            bool(self.waiting) and self.waiting.keys() | self.withheld.keys() >= self.staged.keys()
        )

    @contextmanager
    def phase(self, name: Phase) -> Iterator[dict[str, int]]:
        """Time a phase, and log it with the counts that are put into what this yields."""
        start, counts = time.perf_counter(), dict[str, int]()
        yield counts
        self.seconds[name] = round(time.perf_counter() - start, 3)
        log(name, run_id=self.run_id, decision=None, seconds=self.seconds[name], **counts)


def read_summary(store: Store, layout: Layout, run_id: str) -> Summary:
    """Read the summary of a run; fields that a newer version added are left out.

    Raises:
        ObjectMissingError: the run has none.
    """
    value = json.loads(store.read(layout.summary(run_id)))
    known = Summary.__dataclass_fields__
    return Summary(**{name: item for name, item in value.items() if name in known})
