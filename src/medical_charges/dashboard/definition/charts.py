"""The charts of the analyses, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from medical_charges.contract import Contract
from medical_charges.contract.naming import in_sentence
from medical_charges.contract.parts.source import IntegerColumn
from medical_charges.dashboard.definition.groups import group_of, inline, is_short
from medical_charges.dashboard.definition.parts import (
    CHARTS,
    Face,
    Field,
    Kind,
    Median,
    Visual,
)


def visuals_of(contract: Contract, name: str) -> Iterator[Visual]:
    """The charts of an analysis: a pie shows people, so the mean has one of its own."""
    kind = _kind(contract, name)
    if kind != "pie":
        several = len(contract.analyses[name].group_by) > 1
        counts = ("share", "patients") if several else ("patients", "share")
        yield _visual(contract, name, name, kind, ("mean", *counts))
        return
    yield _visual(contract, name, name, kind, ("patients", "share"))
    if "mean" in contract.analyses[name].statistics:
        yield _visual(contract, name, f"{name}-mean", "bars", ("mean",))


def _visual(contract: Contract, name: str, id_: str, kind: Kind, wanted: tuple[str, ...]) -> Visual:
    groups = contract.analyses[name].group_by
    fields = {
        column.quantity: Field(column.name, column.title, column.format)
        for column in contract.outputs[name].figures
    }
    quantity = next(it for it in (*wanted, *fields) if it in fields)
    limits = _pair(fields, "ci95_low", "ci95_high") if quantity == "mean" else None
    median = _median(kind, fields) if quantity == "mean" else None
    series = _series(contract, kind, groups)
    category = tuple(place for place in range(len(groups)) if place != series)
    without = {it: field for it, field in fields.items() if it != "share"}
    first = id_ == name
    unshared = None
    if "share" in fields and without.keys() & {quantity, "patients"}:
        other = "patients" if quantity == "share" else quantity
        unshared = _face(contract, name, kind, without, other, first=first)
    return Visual(
        id=id_,
        output=name,
        face=_face(contract, name, kind, fields, quantity, first=first),
        unshared=unshared,
        kind=kind,
        groups=groups,
        filtered_groups=tuple(contract.dashboard.filtered_as.get(g, g) for g in groups),
        cube=contract.cube_of(name),
        category=category,
        series=series,
        limits=limits,
        median=median,
        fields=tuple(fields.values()),
    )


def _series(contract: Contract, kind: Kind, groups: tuple[str, ...]) -> int | None:
    """Return the place of what has a color each: what is compared, if anything is."""
    if kind not in {"grouped", "line"} or len(groups) < 2:
        return None
    if kind == "line":
        return 0 if _follow(contract, groups[-1]) else len(groups) - 1
    compared = (
        it.column
        for it in contract.comparisons.values()
        if set(it.names) == set(groups) and not it.standardized_over
    )
    return groups.index(next(compared, groups[-1]))


def _face(
    contract: Contract,
    name: str,
    kind: Kind,
    fields: Mapping[str, Field],
    quantity: str,
    *,
    first: bool,
) -> Face:
    groups, value = contract.analyses[name].group_by, fields[quantity]
    what = f"Share of {contract.units}" if quantity == "share" else value.title
    by = " and ".join(inline(contract, group) for group in groups)
    named = contract.dashboard.names.get(name) if first else None
    subtitle = _subtitle(kind, quantity, fields, contract.units)
    return Face(
        title=named or f"{what} by {by}",
        subtitle=subtitle,
        alt=_alt(contract, kind, value, groups, subtitle),
        value=value,
    )


def _kind(contract: Contract, name: str) -> Kind:
    analysis = contract.analyses[name]
    groups = analysis.group_by
    wanted = contract.dashboard.charts.get(name) or _default(contract, name)
    if wanted != "bars":
        return wanted
    return "grouped" if len(groups) > 1 else "bars"


def _default(contract: Contract, name: str) -> Literal["bars", "pie", "line"]:
    analysis = contract.analyses[name]
    if any(_is_period(contract, group) for group in analysis.group_by):
        return "line"
    if len(analysis.group_by) > 1:
        return "bars"
    (group,) = analysis.group_by
    column = contract.source.columns.get(group)
    coded = group in contract.dashboard.labels
    if isinstance(column, IntegerColumn) and not is_short(column) and not coded:
        return "line"
    return "pie" if "share" in analysis.statistics and group in contract.bands else "bars"


def _follow(contract: Contract, name: str) -> bool:
    """Return True if groups follow each other on an axis: numbers and periods."""
    return isinstance(contract.source.columns.get(name), IntegerColumn) or _is_period(
        contract, name
    )


def _is_period(contract: Contract, name: str) -> bool:
    band = contract.bands.get(name)
    return band is not None and band.by is not None


def _pair(fields: Mapping[str, Field], low: str, high: str) -> tuple[str, str] | None:
    """The columns of two quantities, if there are both."""
    return (fields[low].column, fields[high].column) if {low, high} <= fields.keys() else None


def _subtitle(kind: Kind, quantity: str, fields: Mapping[str, Field], units: str) -> str:
    text = ""
    counted = f"number of {units}"
    if quantity == "mean" and _pair(fields, "ci95_low", "ci95_high"):
        text = f"mean with 95% confidence {'band' if kind == 'line' else 'interval'}"
    elif kind == "pie":
        text = counted + (" and share of all" if "share" in fields else "")
    elif quantity == "share":
        text = in_sentence(fields["share"].title)
        text += f", and in brackets the {counted}" if "patients" in fields else ""
    elif quantity == "patients":
        shared = fields.get("share")
        text = counted + (f", and in brackets the {in_sentence(shared.title)}" if shared else "")
    return text[:1].upper() + text[1:]


def _median(kind: Kind, fields: Mapping[str, Field]) -> Median | None:
    """The median, if it is published next to the mean."""
    if "median" not in fields:
        return None
    subtitle = _subtitle(kind, "mean", fields, "")
    text = f"{subtitle}, and median" if subtitle else "Mean and median"
    return Median(fields["median"].column, text)


def _alt(
    contract: Contract, kind: Kind, value: Field, groups: tuple[str, ...], subtitle: str
) -> str:
    listed = [group_of(contract, name) for name in groups]
    described = [
        group.title
        + (f" ({', '.join(map(group.label, group.values))})" if group.values is not None else "")
        for group in listed
    ]
    by = " and ".join(map(in_sentence, described))
    text = f"{CHARTS[kind]} of {in_sentence(value.title)} by {by}."
    return f"{text} {subtitle}." if subtitle else text
