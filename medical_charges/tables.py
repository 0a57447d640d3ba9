"""The analyses as tables: what is read off a cube, and what is withheld of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medical_charges import statistics
from medical_charges.contract import Analysis, Contract
from medical_charges.cube import Cells, Cube, Key, Sums, merge_cells


@dataclass(frozen=True)
class Table:
    """One output: a header and rows of text, as the CSV will hold them."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    suppressed: int
    """How many rows lost their figures because too few people are in them."""

    def to_csv(self) -> bytes:
        """UTF-8 without a byte-order mark, a header, rows ended by newlines.

        No field needs quotes: group values that would are refused when they are read.
        """
        return "".join(f"{','.join(row)}\n" for row in (self.columns, *self.rows)).encode()


def make_tables(cube: Cube, contract: Contract) -> list[Table]:
    """Every analysis of the contract, under its disclosure rules."""
    return [
        _table(name, analysis, cube.get(analysis.group_by, {}), contract)
        for name, analysis in contract.analyses.items()
    ]


def _table(name: str, analysis: Analysis, cells: Cells, contract: Contract) -> Table:
    cells = _top_coded(analysis.group_by, cells, contract.disclosure.top_code)
    wholes = _wholes(cells)
    rows, suppressed = [], 0
    for key in sorted(cells, key=lambda key: _order(key, analysis, contract)):
        group = tuple(str(value) for value in key)
        if cells[key].n < contract.disclosure.minimum_cell:
            width = len(contract.output_columns(name)) - len(group)
            rows.append(group + ("",) * width)
            suppressed += 1
        else:
            rows.append(group + _figures(cells[key], wholes[key[:-1]], analysis, contract))
    return Table(name, contract.output_columns(name), tuple(rows), suppressed)


def _top_coded(group_by: Sequence[str], cells: Cells, top_code: Mapping[str, int]) -> Cells:
    """The cells with every value over its column's top code merged into that."""
    if not any(column in top_code for column in group_by):
        return cells
    merged: Cells = {}
    for key, sums in cells.items():
        coded = tuple(
            min(int(value), top_code[column]) if column in top_code else value
            for column, value in zip(group_by, key, strict=True)
        )
        merge_cells(merged, {coded: sums})
    return merged


def _wholes(cells: Cells) -> dict[Key, int]:
    """The people within all but the last grouping column: what a share is a share of."""
    wholes: dict[Key, int] = {}
    for key, sums in cells.items():
        wholes[key[:-1]] = wholes.get(key[:-1], 0) + sums.n
    return wholes


def _order(key: Key, analysis: Analysis, contract: Contract) -> tuple[str | int, ...]:
    """Bands sort in their clinical order, everything else by itself."""
    return tuple(
        value if (labels := contract.group_order(name)) is None else labels.index(str(value))
        for name, value in zip(analysis.group_by, key, strict=True)
    )


def _figures(sums: Sums, whole: int, analysis: Analysis, contract: Contract) -> tuple[str, ...]:
    decimals = contract.decimals
    extremes = contract.disclosure.extremes == "publish"
    figures: list[str] = []
    for statistic in analysis.statistics:
        match statistic:
            case "patients":
                figures.append(str(sums.n))
            case "share":
                figures.append(statistics.share(sums.n, whole))
            case "mean":
                figures.append(statistics.decimal(statistics.mean(sums, decimals)))
            case "minimum":
                figures.append(statistics.measured(sums.minimum, decimals) if extremes else "")
            case "maximum":
                figures.append(statistics.measured(sums.maximum, decimals) if extremes else "")
            case "stddev":
                figures.append(statistics.sample_deviation(sums, decimals))
            case "ci95":
                figures.extend(statistics.interval(sums, decimals))
    return tuple(figures)
