"""Advice on suppression: which groups are small, and which grouping would spare their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from medical_charges.aggregates.cube import Cube, Key
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract
from medical_charges.contract.outputs import Output
from medical_charges.outputs.tables import rows_by

_NAMED = 3


def advise(cube: Cube, contract: Contract, summary: Summary) -> Iterator[str]:
    """Yield a sentence on each analysis and filter cube of which rows are withheld.

    Args:
        cube: the sums of the rows.
        contract: the contract.
        summary: the summary of the run.
    """
    lost = {*summary.suppressed, *summary.counts_only, *summary.withheld}
    for name, output in contract.outputs.items():
        if name in lost and output.kind != "comparisons":
            yield f"{name}: {_sentence(cube, contract, output)}"


def _sentence(cube: Cube, contract: Contract, output: Output) -> str:
    names = [column.name for column in output.labels]
    found, few = rows_by(cube, contract, names), _few(contract)
    small = _small(found, contract)
    if not small:
        return "none of its groups is small; rows are withheld to protect groups of other outputs"
    alone = [text for name in names if (text := _alone(cube, contract, name))]
    ways = alone or list(_coarser(cube, contract, names, len(small)))
    return "; ".join([f"{len(small)} of {len(found)} groups with fewer than {few}", *ways])


def _few(contract: Contract) -> str:
    return f"{contract.disclosure.minimum_rows} {contract.units}"


def _small(found: Mapping[Key, int], contract: Contract) -> list[Key]:
    return [key for key, rows in found.items() if rows < contract.disclosure.minimum_rows]


def _alone(cube: Cube, contract: Contract, name: str) -> str:
    """Return a sentence on a column or band that has small groups by itself."""
    found = rows_by(cube, contract, [name])
    small = sorted(_small(found, contract), key=lambda key: contract.sort_key([name], key))
    if not small:
        return ""
    values = {int(key[0]): rows for key, rows in found.items() if isinstance(key[0], int)}
    if (tail := _tail(values, contract.disclosure.minimum_rows)) is not None:
        edge, rows = tail
        return f"a band of {name} whose last group is from {edge} on has {rows:,} {contract.units}"
    listed = ", ".join(str(value) for (value,) in small[:_NAMED])
    more = f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
    return f"{name} alone has such groups ({listed}{more}): {_way(contract, name)} would spare them"


def _way(contract: Contract, name: str) -> str:
    """Return what makes fewer groups of a column or a band."""
    if name in contract.bands:
        return "wider bands"
    if contract.source.columns[name].type == "string":
        return "one group for all of these (`spellings`)"
    return "a band"


def _tail(values: Mapping[int, int], minimum: int) -> tuple[int, int] | None:
    """Return the number from which on all values are one group of enough rows, and its rows.

    None, if some small groups are no part of a tail of at most half of the values.
    """
    small = [value for value, rows in values.items() if rows < minimum]
    falling = sorted(values, reverse=True)
    for place, edge in enumerate(falling[: len(falling) // 2]):
        rows = sum(values[value] for value in falling[: place + 1])
        if edge <= min(small, default=edge) and rows >= minimum:
            return edge, rows
    return None


def _coarser(cube: Cube, contract: Contract, names: Sequence[str], small: int) -> Iterator[str]:
    """Yield which column to leave out, where each has groups of enough rows by itself."""
    without = {
        name: len(_small(rows_by(cube, contract, [it for it in names if it != name]), contract))
        for name in names
        if len(names) > 1
    }
    if not without:
        return
    name = min(without, key=lambda name: without[name])
    if without[name] < small:
        what = f"the filter {name}" if name in contract.dashboard.filters else name
        yield f"without {what} there would be {without[name] or 'none'}"
