"""Rules of bands, their edges, and of groups that lie within others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from medical_charges.contract.model import Contract
from medical_charges.contract.parts import days
from medical_charges.contract.parts.days import MOST_PERIODS
from medical_charges.contract.parts.source import (
    DateColumn,
    StringColumn,
)
from medical_charges.contract.rules.groups import group_problems
from medical_charges.contract.rules.problem import Problem, one_of, show


def edge_problems(contract: Contract) -> Iterator[Problem]:
    """Find bands without edges, or with such as their column cannot have."""
    for name, band in contract.bands.items():
        path, column = f"bands.{name}", contract.source.columns.get(band.column)
        if band.by is None:
            for key in ("below", "otherwise"):
                if not getattr(band, key):
                    yield Problem(f"{path}.{key}", "nothing", "a value is required here")
            yield from _edges_of_another_type(contract, name)
        elif not isinstance(column, DateColumn):
            yield Problem(f"{path}.by", show(band.by), "periods of a column of type date")
        elif column.minimum is None or column.maximum is None:
            allowed = f"the first and the last day, from which the {band.by}s follow"
            yield Problem(f"source.columns.{band.column}", "no minimum or no maximum", allowed)
        elif column.minimum > column.maximum:
            continue  # said of the column
        elif (found := days.periods(band.by, column.minimum, column.maximum)) is None:
            allowed = f"two to {MOST_PERIODS} {band.by}s from the minimum to the maximum"
            yield Problem(f"{path}.by", show(band.by), allowed)
        elif (band.below, band.otherwise) != found:
            yield Problem(path, "edges and `by`", "either of the two")


def _edges_of_another_type(contract: Contract, name: str) -> Iterator[Problem]:
    band = contract.bands[name]
    dated = isinstance(contract.source.columns.get(band.column), DateColumn)
    for label, edge in band.below.items():
        path = f"bands.{name}.below.{label}"
        if dated and not (isinstance(edge, int) and days.is_day(edge)):
            yield Problem(path, show(edge), "a day such as 2026-01-31")
        elif not dated and isinstance(edge, days.DayNumber):
            yield Problem(path, days.text_of(edge), "a number")


def band_problems(contract: Contract) -> Iterator[Problem]:
    """Find bands of what cannot be banded, and edges that do not rise or reveal groups."""
    columns = contract.source.columns
    numeric = [n for n, c in columns.items() if not isinstance(c, StringColumn)]
    for name, band in contract.bands.items():
        path = f"bands.{name}"
        if name in columns:
            yield Problem(path, "the name of a column", "a name of its own")
        if band.column not in numeric:
            yield Problem(f"{path}.column", show(band.column), one_of(numeric))
        elif columns[band.column].nullable:
            yield Problem(f"{path}.column", "a nullable column", "a column that is never empty")
        edges = list(band.below.values())
        if any(low >= high for low, high in pairwise(edges)):
            yield Problem(f"{path}.below", _edges(contract, name), "edges in rising order")
        if band.otherwise in band.below:
            yield Problem(f"{path}.otherwise", show(band.otherwise), "a label not used in below")
        yield from _differencing_problems(contract, name)


def _differencing_problems(contract: Contract, name: str) -> Iterator[Problem]:
    """Find edges that would reveal unpublished groups by subtraction."""
    own, edges = contract.bands[name], set(contract.cuts(name))
    path, column = f"bands.{name}.{'by' if own.by else 'below'}", own.column
    top = contract.disclosure.top_code.get(column)
    if top is not None and max(edges) > top:
        allowed = f"edges up to {top}, from where {column} is one group"
        yield Problem(path, show(max(edges)), allowed)
    grouped = set(contract.grouping_columns)
    for other, band in contract.bands.items():
        if other == name:
            break  # each pair once
        theirs = set(contract.cuts(other))
        nested = edges <= theirs or theirs <= edges
        if band.column == column and {name, other} <= grouped and not nested:
            allowed = f"only edges of {other}, or all of them and more: {_edges(contract, other)}"
            yield Problem(path, _edges(contract, name), allowed)


def _edges(contract: Contract, name: str) -> str:
    band = contract.bands[name]
    if band.by:
        return f"by {band.by}"
    dated = isinstance(contract.source.columns.get(band.column), DateColumn)
    return ", ".join(days.text_of(int(it)) if dated else str(it) for it in band.below.values())


def nesting_problems(contract: Contract) -> Iterator[Problem]:
    """Find groups that lie in what is no group, or in themselves."""
    columns, bands = contract.source.columns, contract.bands
    paths = {f"source.columns.{name}": name for name in columns}
    paths |= {f"bands.{name}": name for name in bands}
    for path, name in paths.items():
        for whole in contract.within(name):
            if problems := list(group_problems(contract, f"{path}.within", whole)):
                yield from problems
            elif contract.column_of(name) == contract.column_of(whole):
                yield Problem(f"{path}.within", show(whole), "another column, or a band of another")
            elif name in contract.nested_in(whole):
                found = f"{whole!r}, which lies within {name} itself"
                yield Problem(f"{path}.within", found, "the coarser one of the two alone")
