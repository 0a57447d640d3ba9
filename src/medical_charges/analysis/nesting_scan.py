"""Scan of the first rows of new objects for columns that determine each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import permutations

from medical_charges.analysis.pii_scan import Rows
from medical_charges.contract import Contract
from medical_charges.contract.nesting import lies_within
from medical_charges.contract.parts.source import IntegerColumn, StringColumn
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.header import Header


def refuse_undeclared_nesting(
    samples: Iterable[tuple[str, Header, Rows]], contract: Contract
) -> None:
    """Refuse objects in which a column determines another and the contract does not say so.

    A small group would follow from what it lies in and the other groups there. Columns that an
    output groups by together are protected without that. Of equal rows one counts, since objects
    may be copies of each other.

    Raises:
        InputRefusedError: there are such columns. The message has no value.
    """
    pairs = _apart(contract)
    if not pairs:
        return
    counts = {pair: Counter[tuple[str, str]]() for pair in pairs}
    groups = _Groups(contract)
    different = {
        tuple(zip(header.columns, row, strict=True)) for _, header, rows in samples for row in rows
    }
    for row in different:
        of = groups.of(dict(row))
        for pair in pairs:
            if pair[0] in of and pair[1] in of:
                counts[pair][of[pair[0]], of[pair[1]]] += 1
    found = [pair for pair in pairs if lies_within(counts[pair])]
    if refusals := [_refusal(*pair, contract) for pair in _next(found)]:
        raise InputRefusedError("\n".join(refusals))


def _apart(contract: Contract) -> list[tuple[str, str]]:
    """Return names of different columns that no output groups by together."""
    together = [set(names) for names in contract.grouping_sets]
    return [
        (one, other)
        for one, other in permutations(contract.grouping_columns, 2)
        if contract.column_of(one) != contract.column_of(other)
        and not any({one, other} <= names for names in together)
    ]


class _Groups:
    """The groups that a row is in, as text."""

    def __init__(self, contract: Contract) -> None:
        self._contract, self._number = contract, Translator(contract.source).number

    def of(self, fields: dict[str | None, str]) -> dict[str, str]:
        """Return a row's groups by name, without those of fields that are no values."""
        return dict(self._pairs(fields))

    def _pairs(self, fields: dict[str | None, str]) -> Iterator[tuple[str, str]]:
        columns, bands = self._contract.source.columns, self._contract.bands
        for name in self._contract.grouping_columns:
            column = self._contract.column_of(name)
            spec, text = columns[column], fields.get(column, "").strip()
            if isinstance(spec, StringColumn):
                text = spec.meanings.get(text, text)
                # A text that is not allowed is rejected, and in no group.
                if text and text in (spec.allowed or {text}):
                    yield name, text
                continue
            try:
                number = float(self._number(text, spec))
            except ValueError:
                continue
            if name in bands:
                yield name, bands[name].label_of(number)
            elif isinstance(spec, IntegerColumn) and number.is_integer():
                yield name, str(int(number))


def _next(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs that the others do not imply; of columns that are one to one, the first."""
    once = [(one, other) for one, other in found if (other, one) not in found or one < other]
    return [
        (one, other)
        for one, other in once
        if not any((one, it) in once and (it, other) in once for _, it in once)
    ]


def _refusal(fine: str, coarse: str, contract: Contract) -> str:
    path = "bands" if fine in contract.bands else "source.columns"
    said = contract.within(fine)
    within = f"[{', '.join((*said, coarse))}]" if said else coarse
    return (
        f"each {fine} lies in one {coarse}, so small groups of one would follow from the other; "
        f"say so in the contract with `within: {within}` at {path}.{fine}, or group by both in one "
        f"output"
    )
