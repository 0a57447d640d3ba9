"""The chart of all comparisons."""

from __future__ import annotations

from medical_charges.contract import Contract
from medical_charges.contract.model import COMPARISONS
from medical_charges.contract.naming import in_sentence
from medical_charges.dashboard.definition.groups import group_of, inline
from medical_charges.dashboard.definition.parts import (
    Compared,
    Difference,
)


def compared_of(contract: Contract) -> Compared | None:
    """The chart of all comparisons, if there are any."""
    if not contract.comparisons:
        return None
    return Compared(
        id=COMPARISONS,
        title="Differences of means",
        subtitle="With their 95% confidence intervals",
        differences=tuple(_difference(contract, name) for name in contract.comparisons),
    )


def _difference(contract: Contract, name: str) -> Difference:
    comparison = contract.comparisons[name]
    group = group_of(contract, comparison.column)
    first, second = map(str, comparison.groups)
    # A bare value says little without its column.
    bare = not group.labels.keys() & {first, second}
    names = (
        f"{group.title} {first}" if bare else group.label(first),
        second if bare else in_sentence(group.label(second)),
    )
    within, over = (
        " and ".join(inline(contract, it) for it in columns)
        for columns in (comparison.within, comparison.standardized_over)
    )
    columns = {*contract.dashboard.filters, *comparison.names}
    cube = next((cube for cube, held in contract.cubes.items() if set(held) == columns), None)
    standardized = f"standardized over {over}" if over else ""
    return Difference(
        comparison=name,
        # The weights are of everybody: a selection has others.
        cube=None if over else cube,
        column=comparison.column,
        groups=(first, second),
        within=comparison.within,
        names=names,
        standardized=standardized,
        suffix=comparison.suffix,
        title=" less ".join(names)
        + (f" by {within}" if within else "")
        + (f", {standardized}" if over else ""),
    )
