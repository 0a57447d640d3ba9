"""Columns and bands as people read them."""

from __future__ import annotations

from itertools import pairwise

from medical_charges.contract import Contract
from medical_charges.contract.naming import in_sentence, words
from medical_charges.contract.parts.analyses import Band
from medical_charges.contract.parts.source import IntegerColumn, StringColumn
from medical_charges.dashboard.definition.parts import (
    Group,
)


def group_of(contract: Contract, name: str) -> Group:
    """A column or band by which something is grouped, as people read it."""
    column, band = contract.source.columns.get(name), contract.bands.get(name)
    values: tuple[str, ...] | None = None
    labels: dict[str, str] = {}
    if band is not None:
        values, labels = band.labels, _band_labels(contract, band)
    elif isinstance(column, StringColumn):
        values = column.allowed
    elif isinstance(column, IntegerColumn):
        top = contract.disclosure.top_code.get(name)
        labels = {} if top is None else {str(top): f"{top}+"}
        if is_short(column) and column.minimum is not None and column.maximum is not None:
            values = tuple(map(str, range(column.minimum, column.maximum + 1)))
    return Group(
        column=name,
        title=contract.called(name),
        format="integer" if isinstance(column, IntegerColumn) and values is None else "text",
        values=values,
        labels=labels | dict(contract.dashboard.labels.get(name, {})),
    )


def _band_labels(contract: Contract, band: Band) -> dict[str, str]:
    """Return the labels of a band's groups: their edges if these are whole numbers."""
    if not isinstance(contract.source.columns[band.column], IntegerColumn):
        return {label: words(label) for label in band.labels}
    edges = list(band.below.values())
    inner = [f"{low}–{high - 1}" for low, high in pairwise(edges)]  # noqa: RUF001 - from, to
    texts = [f"Under {edges[0]}", *inner, f"{edges[-1]}+"]
    return dict(zip(band.labels, texts, strict=True))


def is_short(column: IntegerColumn) -> bool:
    """Return True if its values are so few that they are codes, such as 0 and 1."""
    if column.minimum is None or column.maximum is None:
        return False
    return column.maximum - column.minimum < 3


def inline(contract: Contract, name: str) -> str:
    """The same within a sentence."""
    return in_sentence(contract.called(name))
