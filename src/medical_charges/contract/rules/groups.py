"""What can be grouped by, and which groups there are."""

from __future__ import annotations

from collections.abc import Iterator

from medical_charges.contract.model import Contract
from medical_charges.contract.parts.source import (
    DateColumn,
    DoubleColumn,
    StringColumn,
)
from medical_charges.contract.rules.problem import Problem, one_of, show


def group_problems(contract: Contract, path: str, name: str) -> Iterator[Problem]:
    """Find the mistakes of grouping by a name."""
    columns = contract.source.columns
    groupable = [n for n, c in columns.items() if not isinstance(c, DateColumn | DoubleColumn)]
    groupable = [n for n in groupable if not columns[n].nullable] + list(contract.bands)
    if isinstance(column := columns.get(name), DateColumn | DoubleColumn):
        allowed = f"{one_of(groupable)}; band a {column.type} to group by it"
        yield Problem(path, f"{name!r}, a {column.type}", allowed)
    elif isinstance(column, StringColumn) and column.nullable:
        way = 'empty fields are a group with `spellings: { unknown: "" }` in place of `nullable`'
        if "unknown" not in (column.allowed or ()):
            way += ", and `unknown` among the `allowed` texts"
        yield Problem(path, f"{name!r}, a nullable column", f"{one_of(groupable)}; {way}")
    elif name not in groupable:
        yield Problem(path, show(name), one_of(groupable))


def not_a_group(contract: Contract, name: str, value: str | int) -> str | None:
    """Return a description of a column's groups, if the value is not one of them."""
    if name in contract.bands:
        labels = list(contract.bands[name].labels)
        return None if value in labels else one_of(labels)
    column = contract.source.columns[name]
    if isinstance(column, StringColumn):
        if column.allowed is None:
            return None if isinstance(value, str) else "text"
        return None if value in column.allowed else one_of(list(column.allowed))
    if not isinstance(value, int):
        return "a whole number"
    if column.minimum is not None and value < column.minimum:
        return f"a number from {column.minimum} on"
    top = contract.disclosure.top_code.get(name, column.maximum)
    return f"a number up to {top}" if top is not None and value > top else None
