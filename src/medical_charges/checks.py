"""The result of a check of a run: what was checked, what was allowed, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Category = Literal["conformance", "completeness", "plausibility"]
"""The three kinds of data quality of Kahn et al., eGEMs 4 (2016)."""

Severity = Literal["warn", "fail"]

Outcome = Literal["pass", "fail", "not applicable", "error"]
"""The outcome `error` means that the check itself failed; it stops the publication too."""


@dataclass(frozen=True)
class Check:
    """One check with its outcome. It holds neither a row nor a value of the measure."""

    name: str
    """A name that is the same in every run, for the table of faults and for searching."""
    category: Category
    severity: Severity
    """Effect of a failed check: a warning is reported, a failure stops the publication."""
    threshold: str
    """The allowed result, in words or as the rule's text."""
    outcome: Outcome
    found: str = ""
    """Sentences on what was found, if the check did not pass."""

    @property
    def stops(self) -> bool:
        """True if the check stops the publication."""
        return self.outcome == "error" or (self.outcome == "fail" and self.severity == "fail")

    @property
    def warns(self) -> bool:
        """True if the check failed and does not stop the publication."""
        return self.outcome == "fail" and not self.stops

    @property
    def sentences(self) -> list[str]:
        """The findings, each sentence with the check's name."""
        return [f"{self.name}: {sentence}" for sentence in self.found.split("\n")]
