"""What the validation of a run came to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from medical_charges.checks import Category, Check, Severity
from medical_charges.contract import Contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import Store

SENTENCES = 10
"""The most sentences on one check: whoever mends it needs no more."""

Problems = Iterable[str]


@dataclass
class Result:
    """Every check of a run's outputs, and the files that they were made on."""

    run_id: str
    contract: str
    """The contract's fingerprint."""
    checks: list[Check] = field(default_factory=list)
    staged: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of every staged output: only these bytes may be published."""
    objects: Mapping[str, int] = field(default_factory=dict)
    """How many objects were read again (`read`), and how many are on record (`on_record`)."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def stopping(self) -> list[Check]:
        """The checks behind which nothing may be published."""
        return [check for check in self.checks if check.stops]

    @property
    def problems(self) -> list[str]:
        """A sentence for everything that stops the run, with the check's name."""
        return [sentence for check in self.stopping for sentence in check.sentences]

    def write(self, store: Store, contract: Contract) -> None:
        """Leave the result where the run's others lie."""
        key = Layout(contract.prefix).validation(self.run_id, "outputs")
        store.write(key, json.dumps(self.to_json(), indent=2).encode() + b"\n")

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"check": "outputs", "passed": not self.stopping, **asdict(self)}


def run_check(
    name: str,
    category: Category,
    threshold: str,
    look: Callable[[], Problems],
    *,
    severity: Severity = "fail",
    unless: str = "",
) -> Check:
    """Make a check.

    Args:
        name: the check's name, the same in every run.
        category: what kind of quality it is about.
        threshold: what is allowed, in words.
        look: gives a sentence for everything that is wrong.
        severity: what a failed check does.
        unless: why there is nothing to check, if so.
    """
    if unless:
        return Check(name, category, severity, threshold, "not applicable", unless)
    try:
        found = list(_few(look()))
    except Exception as error:  # one that breaks must not pass, nor hide others
        return Check(name, category, severity, threshold, "error", safe_message(error))
    return Check(name, category, severity, threshold, "fail" if found else "pass", "\n".join(found))


def _few(problems: Problems) -> Iterator[str]:
    for number, problem in enumerate(problems):
        if number == SENTENCES:
            yield "and more"
            return
        yield problem


def safe_message(error: Exception) -> str:
    """What may be told of an error: an unexpected one's own words may hold a row."""
    if isinstance(error, MedicalChargesError):
        return str(error)
    return f"the check could not be made: {type(error).__name__}"
