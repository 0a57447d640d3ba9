"""The result of the validation of a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from medical_charges.checks import Category, Check
from medical_charges.contract import Contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import Store

SENTENCES = 10
"""Maximum number of sentences for one check: more do not help to fix the cause."""

Problems = Iterable[str]


@dataclass
class Result:
    """Every check of a run's outputs, and the hashes of the checked files."""

    run_id: str
    contract: str
    """The contract hash."""
    checks: list[Check] = field(default_factory=list)
    staged: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of every staged output: only these bytes may be published."""
    objects: Mapping[str, int] = field(default_factory=dict)
    """Number of objects that were read again (`read`), and that were not (`on_record`)."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def stopping(self) -> list[Check]:
        """The checks that stop the publication."""
        return [check for check in self.checks if check.stops]

    @property
    def problems(self) -> list[str]:
        """A sentence for each finding that stops the publication, with the check's name."""
        return [sentence for check in self.stopping for sentence in check.sentences]

    def write(self, store: Store, contract: Contract) -> None:
        """Write the result to the run's folder."""
        key = Layout(contract.prefix).validation(self.run_id, "outputs")
        store.write(key, json.dumps(self.to_json(), indent=2).encode() + b"\n")

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"check": "outputs", "passed": not self.stopping, **asdict(self)}


def run_check(
    name: str,
    category: Category,
    threshold: str,
    look: Callable[[], Problems],
    *,
    unless: str = "",
) -> Check:
    """Make a check.

    Args:
        name: the check's name, the same in every run.
        category: the kind of data quality.
        threshold: the allowed result, in words.
        look: yields a sentence for each problem.
        unless: the reason why there is nothing to check, or empty.
    """
    if unless:
        return Check(name, category, "fail", threshold, "not applicable", unless)
    try:
        found = list(_few(look()))
    except Exception as error:  # an exception must not pass, nor hide other findings
        return Check(name, category, "fail", threshold, "error", safe_message(error))
    return Check(name, category, "fail", threshold, "fail" if found else "pass", "\n".join(found))


def _few(problems: Problems) -> Iterator[str]:
    for number, problem in enumerate(problems):
        if number == SENTENCES:
            yield "and more"
            return
        yield problem


def safe_message(error: Exception) -> str:
    """Return a message that is safe to report: unexpected errors may quote data."""
    if isinstance(error, MedicalChargesError):
        return str(error)
    return f"the check could not be made: {type(error).__name__}"
