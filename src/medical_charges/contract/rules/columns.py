"""Rules of the source: its columns, what they are called, and which one is the measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from medical_charges.contract.model import Contract
from medical_charges.contract.naming import PLAIN_TEXT, not_a_label, not_a_name
from medical_charges.contract.parts.source import (
    DateColumn,
    StringColumn,
    WholeColumn,
    listed,
)
from medical_charges.contract.pii.names import kind_of_person_data
from medical_charges.contract.rules.problem import Problem, one_of, show

_OTHER_SPELLING = (
    "text that is no value of `allowed`, stands for one alone, and is none of `null_values`"
)


def column_problems(contract: Contract) -> Iterator[Problem]:
    """Find names, ranges and values that a column cannot have."""
    for key in contract.source.misplaced_keys():
        said = show(getattr(contract.source, key))
        yield Problem(f"source.{key}", said, "no such key where `format` is parquet")
    for key, found, wanted in contract.source.contradictions():
        yield Problem(f"source.{key}", found, wanted)
    for name, column in contract.source.columns.items():
        path = f"source.columns.{name}"
        if (allowed := not_a_name(name)) is not None:
            yield Problem(path, show(name), allowed)
        yield from _header_problems(contract, name)
        if isinstance(column, StringColumn):
            yield from _allowed_problems(contract, path, column.allowed or ())
            yield from _spelling_problems(contract, f"{path}.spellings", column)
        elif (
            column.minimum is not None
            and column.maximum is not None
            and column.minimum > column.maximum
        ):
            ends = [column.minimum, column.maximum]
            if isinstance(column, WholeColumn):
                low, high = map(column.shown, map(int, ends))
            else:
                low, high = map(str, ends)
            found = f"minimum {low} over maximum {high}"
            yield Problem(path, found, "a minimum up to the maximum")


def _allowed_problems(contract: Contract, path: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    repeated = [value for value, times in Counter(allowed).items() if times > 1]
    if repeated:
        yield Problem(f"{path}.allowed", f"{repeated[0]!r} twice", "each value once")
    for value in allowed:
        if (wanted := not_a_label(value) if value else PLAIN_TEXT) is not None:
            yield Problem(f"{path}.allowed", show(value), wanted)
        elif value in contract.source.null_values:
            yield Problem(f"{path}.allowed", show(value), "no text of `null_values`")


def _spelling_problems(contract: Contract, path: str, column: StringColumn) -> Iterator[Problem]:
    """Find further texts for no value, for two, or for nothing, and empty fields of two kinds."""
    values, nothing = column.allowed or (), contract.source.null_values
    known = dict.fromkeys([*values, *nothing])
    for value, said in column.spellings.items():
        if value not in values:
            texts = one_of(values) if values else "which is missing"
            yield Problem(f"{path}.{value}", show(value), f"a text of `allowed`: {texts}")
        for text in listed(said):
            if text in known:
                yield Problem(f"{path}.{value}", show(text), _OTHER_SPELLING)
            elif contract.source.trim and text != text.strip(" 	"):
                allowed = "text without spaces around it, which `trim` removes"
                yield Problem(f"{path}.{value}", show(text), allowed)
            known[text] = None
    if column.nullable and "" in column.meanings:
        found = f"an empty field as {show(column.meanings[''])}, in a nullable column"
        yield Problem(path, found, "one of the two")


def _header_problems(contract: Contract, name: str) -> Iterator[Problem]:
    """Find spellings that stand for two columns, and units that are parts of numbers."""
    source, column, path = contract.source, contract.source.columns[name], f"source.columns.{name}"
    for spelling in source.spellings(name):
        if spelling != spelling.strip():
            yield Problem(f"{path}.name", show(spelling), "a name without spaces around it")
        elif (first := source.column_called(spelling)) != name:
            yield Problem(path, f"{spelling!r}, which {first} is called too", "a name of its own")
    unit = None if isinstance(column, DateColumn | StringColumn) else column.unit
    if unit and (unit != unit.strip() or any(it in "0123456789+-.," for it in unit)):
        allowed = "text without spaces around it, digits, signs, points and commas"
        yield Problem(f"{path}.unit", show(unit), allowed)


def identifying_problems(contract: Contract) -> Iterator[Problem]:
    """Find columns that name people, by their names, or are days of their lives."""
    for name, column in contract.source.columns.items():
        names = (name, *contract.source.spellings(name))
        kind = next(filter(None, map(kind_of_person_data, names)), None)
        if isinstance(column, DateColumn) and column.identifying is None:
            allowed = "the key `identifying` that says why a day in somebody's life must be there"
            yield Problem(f"source.columns.{name}", "a date", allowed)
            continue
        if kind is not None and column.identifying is None:
            allowed = "no such column, or the key `identifying` that says why it must be there"
            yield Problem(f"source.columns.{name}", f"{kind}, by its name", allowed)


def measure_problems(contract: Contract) -> Iterator[Problem]:
    """Find a measure that is no number, or may be empty."""
    columns = contract.source.columns
    numeric = [n for n, c in columns.items() if not isinstance(c, DateColumn | StringColumn)]
    if contract.measure not in numeric:
        yield Problem("measure", show(contract.measure), one_of(numeric))
    elif columns[contract.measure].nullable:
        yield Problem("measure", "a nullable column", "a column that is never empty")
