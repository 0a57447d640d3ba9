"""Scan of the first rows of new objects for columns that identify people."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from medical_charges.contract import Contract
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.parts.source import Column, DoubleColumn, IntegerColumn, StringColumn
from medical_charges.contract.pii.values import ENOUGH, kind_of_values
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.header import Header, text_of
from medical_charges.kernel.quotes import records

SAMPLED_OBJECTS = 32
ROWS_LOOKED_AT = 500
"""Number of rows that are scanned of each object, from its first block."""

Rows = list[list[str]]


def first_rows(head: bytes, header: Header, dialect: Dialect) -> Rows:
    """Return the complete rows at the start of an object that have every field.

    Problems of other rows are found when rows are counted.
    """
    text = text_of(head)[header.data_start :]
    # The last one may be cut off.
    whole = text[: text.rfind(b"\n") + 1]
    translator = Translator(dialect)
    plain = translator.plain(whole)
    lines: Iterable[bytes] = records(plain) if dialect.multiline else plain.split(b"\n")
    if translator.comment:
        lines = (line for line in lines if not line.startswith(translator.comment))
    originals = map(translator.original, islice(lines, ROWS_LOOKED_AT))
    return list(_fields(originals, len(header.columns), translator))


def _fields(lines: Iterable[bytes], count: int, translator: Translator) -> Iterator[list[str]]:
    for line in lines:
        text = translator.text_of(line)
        try:
            text.encode()
            fields = translator.cleaned(translator.split(text))
        except (UnicodeEncodeError, csv.Error):
            continue
        if len(fields) == count:
            yield fields


def refuse_person_data(samples: Iterable[tuple[str, Header, Rows]], contract: Contract) -> None:
    """Refuse objects in which a column of the contract holds values that identify people.

    A column whose values the contract lists or justifies is not scanned.

    Raises:
        InputRefusedError: a column holds such values. The message repeats none of them.
    """
    found: dict[str, dict[str, list[str]]] = {}
    number = Translator(contract.source).number
    for name, header, rows in samples:
        for place, column in enumerate(header.columns):
            if column is not None and is_open(contract, column):
                spec = contract.source.columns[column]
                values = (row[place].strip() for row in rows)
                if isinstance(spec, IntegerColumn):
                    values = (number(value, spec) for value in values)
                judged = [value for value in values if value and _may_be_counted(value, spec)]
                found.setdefault(column, {})[name] = judged
    quantities = {contract.measure, *(band.column for band in contract.bands.values())}
    refusals = [
        f"the column {column!r} holds what looks like {kind} (in {_some(names)}); leave it out of "
        f"the contract, or say there with its key `identifying` why it must be kept"
        for column, values_of in found.items()
        for kind, names in _kinds(values_of, quantity=column in quantities).items()
    ]
    if refusals:
        raise InputRefusedError("\n".join(refusals))


def _kinds(values_of: Mapping[str, list[str]], *, quantity: bool) -> dict[str, list[str]]:
    """Return the objects in which a column's values identify people, by the kind of values.

    Each object is scanned separately, so that many clean ones cannot hide another. Objects that are
    too small for that are scanned together as well.
    """
    found: dict[str, list[str]] = {}
    for name, values in values_of.items():
        if (kind := kind_of_values(values, quantity=quantity)) is not None:
            found.setdefault(kind, []).append(name)
    small = [name for name, values in values_of.items() if len(values) < ENOUGH]
    together = [value for name in small for value in values_of[name]]
    kind = kind_of_values(together, quantity=quantity)
    if kind is not None and kind not in found:
        found[kind] = small
    return found


def is_open(contract: Contract, name: str) -> bool:
    """Return True if a column could identify people without the contract saying so."""
    column = contract.source.columns[name]
    listed = isinstance(column, StringColumn) and column.allowed is not None
    return not (listed or isinstance(column, DoubleColumn) or column.identifying is not None)


def _may_be_counted(value: str, column: Column) -> bool:
    """Return True if the column may have a value: rejected values are in no figure."""
    if not isinstance(column, IntegerColumn):
        return True
    try:
        number = int(value)
    except ValueError:
        return False
    low, high = column.minimum, column.maximum
    return (low is None or low <= number) and (high is None or number <= high)


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
