"""A check of a run: what was looked at, what was allowed, and how it came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal["conformance", "completeness", "plausibility"]
"""The three kinds of data quality of Kahn et al., eGEMs 4 (2016)."""

Severity = Literal["warn", "fail"]

Outcome = Literal["pass", "fail", "not applicable", "error"]
"""An error is a check that could not be made: nothing is published behind it either."""


@dataclass(frozen=True)
class Check:
    """One check with its outcome. It holds no row and no value of the measure."""

    name: str
    """The same in every run: what a table of faults, or a person, can look for."""
    category: Category
    severity: Severity
    """What a failed one does: a warning is reported, a failure ends the run unpublished."""
    threshold: str
    """What was allowed, in words or as the rule's text."""
    outcome: Outcome
    found: str = ""
    """Sentences on what was found where the check did not pass."""

    @property
    def stops(self) -> bool:
        """Whether nothing may be published."""
        return self.outcome == "error" or (self.outcome == "fail" and self.severity == "fail")

    @property
    def warns(self) -> bool:
        """Whether it failed, and the run goes on all the same."""
        return self.outcome == "fail" and not self.stops

    @property
    def sentences(self) -> list[str]:
        """What was found, each sentence with the check's name."""
        return [f"{self.name}: {sentence}" for sentence in self.found.split("\n")]
