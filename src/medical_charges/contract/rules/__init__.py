"""Rules across the parts of a contract, such as unknown names and reversed ranges."""

from __future__ import annotations

from collections.abc import Iterator

from medical_charges.contract.model import Contract
from medical_charges.contract.rules.analyses import (
    analysis_problems,
    comparison_problems,
    top_code_problems,
    unit_problems,
)
from medical_charges.contract.rules.bands import band_problems, edge_problems, nesting_problems
from medical_charges.contract.rules.columns import (
    column_problems,
    identifying_problems,
    measure_problems,
)
from medical_charges.contract.rules.dashboard import dashboard_problems
from medical_charges.contract.rules.problem import Problem, show
from medical_charges.contract.rules.quality import rule_problems

ARTIFACTS = "artefacts"
"""The folder of the bucket that holds what AWS runs."""


def contradictions(contract: Contract) -> Iterator[Problem]:
    """Return every mistake of a contract that is well formed, each with its path."""
    if contract.prefix == ARTIFACTS:
        yield Problem("prefix", show(ARTIFACTS), "a name other than that of the code's folder")
    yield from column_problems(contract)
    yield from identifying_problems(contract)
    if problems := list(edge_problems(contract)):
        # Of what groups by such a band nothing can be said.
        yield from problems
        yield from measure_problems(contract)
        return
    yield from band_problems(contract)
    yield from nesting_problems(contract)
    yield from measure_problems(contract)
    yield from analysis_problems(contract)
    yield from comparison_problems(contract)
    yield from top_code_problems(contract)
    yield from unit_problems(contract)
    yield from rule_problems(contract)
    yield from dashboard_problems(contract)
