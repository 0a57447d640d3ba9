"""Rules of analyses, comparisons and their protection."""

from __future__ import annotations

from collections.abc import Iterator

from medical_charges.contract.model import COMPARISONS, INPUT, Contract
from medical_charges.contract.parts.source import (
    PERSON,
    IntegerColumn,
)
from medical_charges.contract.rules.groups import group_problems, not_a_group
from medical_charges.contract.rules.problem import Problem, one_of, show


def analysis_problems(contract: Contract) -> Iterator[Problem]:
    """Find names that are taken, and entries that are said twice."""
    for name, analysis in contract.analyses.items():
        path = f"analyses.{name}"
        if name == COMPARISONS:
            yield Problem(path, "the name of the comparisons' output", "a name of its own")
        elif name == INPUT:
            yield Problem(path, "what the accepted rows are called", "a name of its own")
        for index, group in enumerate(analysis.group_by):
            yield from group_problems(contract, f"{path}.group_by[{index}]", group)
        for key in ("group_by", "statistics"):
            values = getattr(analysis, key)
            if len(set(values)) < len(values):
                yield Problem(f"{path}.{key}", show(list(values)), "each entry once")
        if analysis.bucketed and "patients" not in analysis.statistics:
            found = "'median' without 'patients'"
            allowed = "both: a median is shown if people are enough"
            yield Problem(f"{path}.statistics", found, allowed)
        output = contract.analysis_output(name)
        if set(analysis.group_by) & {column.name for column in output.figures}:
            yield Problem(path, "a grouping column named like a statistic", "distinct columns")


def comparison_problems(contract: Contract) -> Iterator[Problem]:
    """Find comparisons of what is no group, or of a group with itself."""
    for name, comparison in contract.comparisons.items():
        path = f"comparisons.{name}"
        unknown = list(group_problems(contract, f"{path}.column", comparison.column))
        yield from unknown
        for index, group in enumerate(comparison.within):
            yield from group_problems(contract, f"{path}.within[{index}]", group)
        names = (*comparison.within, comparison.column)
        if len(set(names)) < len(names):
            found = show(list(comparison.within))
            yield Problem(f"{path}.within", found, "each entry once, and not the column compared")
        yield from _standard_problems(contract, name)
        if len(set(comparison.groups)) < len(comparison.groups):
            yield Problem(f"{path}.groups", f"{comparison.groups[0]!r} twice", "two groups")
        for index, value in enumerate(comparison.groups if not unknown else ()):
            if (wanted := not_a_group(contract, comparison.column, value)) is not None:
                yield Problem(f"{path}.groups[{index}]", show(value), wanted)


def _standard_problems(contract: Contract, name: str) -> Iterator[Problem]:
    """Find what cannot be standardized over: what hangs together with what is compared."""
    comparison = contract.comparisons[name]
    for index, over in enumerate(comparison.standardized_over):
        path = f"comparisons.{name}.standardized_over[{index}]"
        if unknown := list(group_problems(contract, path, over)):
            yield from unknown
            continue
        others = [*comparison.within, comparison.column, *comparison.standardized_over[:index]]
        for other in others:
            nested = over in contract.nested_in(other) or other in contract.nested_in(over)
            if nested or contract.column_of(over) == contract.column_of(other):
                allowed = f"a column apart from {other}: neither banded from it nor within it"
                yield Problem(path, show(over), allowed)
                break


def top_code_problems(contract: Contract) -> Iterator[Problem]:
    """Find top codes of what is no integer column."""
    columns = contract.source.columns
    integers = [n for n, c in columns.items() if isinstance(c, IntegerColumn)]
    for name in contract.disclosure.top_code:
        if name not in integers:
            yield Problem(f"disclosure.top_code.{name}", show(name), one_of(integers))


def unit_problems(contract: Contract) -> Iterator[Problem]:
    """Check that a row is either a person, or one of so many that a person may have."""
    given, several = contract.disclosure.model_fields_set, contract.disclosure.rows_per_person
    if contract.unit == PERSON and several > 1:
        yield Problem("unit", show(PERSON), f"another noun, as a person may have {several} rows")
    if contract.unit != PERSON and "rows_per_person" not in given:
        allowed = f"the largest number of {contract.units} that one person may have"
        yield Problem("disclosure.rows_per_person", "nothing", allowed)
