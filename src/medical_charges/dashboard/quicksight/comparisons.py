"""The table of all differences of means: QuickSight has no bars with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod

from medical_charges.contract import Comparison, Contract
from medical_charges.contract.model import COMPARISONS, MARGIN
from medical_charges.contract.outputs import OutputColumn
from medical_charges.dashboard.definition.groups import group_of
from medical_charges.dashboard.definition.parts import Compared
from medical_charges.dashboard.quicksight.fields import (
    NONE,
    WITHHELD,
    Fields,
    Json,
    column,
    shown_title,
    switch,
    text,
)

_LEAST_P = "0.001"
"""Below it a p is not written out."""

_STRATA = 500
"""Of how many strata a comparison at most has its strata written out: an expression has a limit."""


def comparisons_table(contract: Contract, compared: Compared, fields: Fields, name: str) -> Json:
    """The table, as a visual of that name."""
    title, subtitle = compared.title, compared.subtitle
    columns, called = contract.outputs[COMPARISONS].columns, _called(contract, compared)
    options = [{"FieldId": f"{name}-{it.name}", "CustomLabel": it.title} for it in columns]
    values = [_value(it, called, fields, f"{name}-{it.name}") for it in columns]
    note = (
        f"{NONE} where there is no figure: of withheld groups, and of too few {contract.units} "
        f"for one."
    )
    return {
        "TableVisual": {
            "VisualId": name,
            "Title": shown_title(title),
            "Subtitle": shown_title(f"{subtitle}. {note}"),
            "ChartConfiguration": {
                "FieldWells": {"TableUnaggregatedFieldWells": {"Values": values}},
                "FieldOptions": {"SelectedFieldOptions": options},
            },
            "VisualContentAltText": (
                f"Table of the differences between the means of two groups: {contract.units} in "
                "each, the difference with its 95% interval, Welch's t, p and Hedges' g."
            ),
        }
    }


def _value(it: OutputColumn, called: Mapping[str, str], fields: Fields, field_id: str) -> Json:
    if it.role == "label":
        return {"FieldId": field_id, "Column": _label(fields, it, called[it.name])}
    if it.format == "p":
        return {"FieldId": field_id, "Column": _label(fields, it, _p(it.name))}
    # People are counted even where they are none, and missing only where they are withheld.
    form = fields.format(it.format, WITHHELD if it.role == "count" else NONE)
    return {
        "FieldId": field_id,
        "Column": column(COMPARISONS, it.name),
        "FormatConfiguration": {"NumberFormatConfiguration": {"FormatConfiguration": form}},
    }


def _label(fields: Fields, it: OutputColumn, expression: str) -> Json:
    return fields.add(COMPARISONS, f"Label of {it.name}", expression)


def _p(name: str) -> str:
    """A p as the page writes it, from its text: a number may have no exponent in QuickSight."""
    p = f"{{{name}}}"
    none = f"isNull({p}) OR {p} = ''"
    small = f"contains({p}, 'e') OR {p} = '0' OR left({p}, {len(_LEAST_P)}) = '{_LEAST_P[:-1]}0'"
    number = f"parseDecimal(ifelse({none} OR {small}, '1', {p}))"
    return (
        f"ifelse({none}, {text(NONE)}, {small}, {text(f'< {_LEAST_P}')}, "
        f"{number} < 0.01, toString(round({number}, 4)), "
        f"{number} < 0.1, toString(round({number}, 3)), toString(round({number}, 2)))"
    )


def _called(contract: Contract, compared: Compared) -> dict[str, str]:
    """Expressions of what the comparisons, their strata and their groups are called."""
    names = {it.comparison: text(_one_kind_of_quotes(it.title)) for it in compared.differences}
    strata: dict[str, str] = {}
    groups: tuple[dict[str, str], ...] = ({}, {})
    for name, comparison in contract.comparisons.items():
        strata |= _strata(contract, comparison)
        group = group_of(contract, comparison.column)
        for found, value in zip(groups, comparison.groups, strict=True):
            found[name] = text(group.label(str(value)))
    return {
        "comparison": switch("{comparison}", names, "{comparison}"),
        "stratum": switch("{stratum}", strata, "{stratum}"),
        "group_a": switch("{comparison}", groups[0], "{group_a}"),
        "group_b": switch("{comparison}", groups[1], "{group_b}"),
    }


def _one_kind_of_quotes(title: str) -> str:
    """Return a title that an expression can hold: each of its two labels has one kind of quotes."""
    return title.replace('"', "'") if "'" in title else title


def _strata(contract: Contract, comparison: Comparison) -> dict[str, str]:
    """Return the labels of the strata, if the contract lists them and they are few."""
    listed = [group_of(contract, name) for name in comparison.within]
    values = [group.values or () for group in listed]
    if not listed:
        return {MARGIN + comparison.suffix: text("Everybody")}
    if prod(map(len, values)) > _STRATA:
        return {}
    strata = (list(zip(listed, found, strict=True)) for found in product(*values))
    return {
        "; ".join(f"{group.column}={value}" for group, value in stratum) + comparison.suffix: text(
            ", ".join(group.label(value) for group, value in stratum)
        )
        for stratum in strata
    }
