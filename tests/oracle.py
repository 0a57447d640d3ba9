"""The expected results in plain Python, one row and one exact number at a time."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from statistics import median_low

from scipy import stats

from medical_charges.contract import Contract
from medical_charges.contract.parts.source import DoubleColumn, IntegerColumn, StringColumn

Row = dict[str, str | int | float | None]
SCALED = " scaled"
EXACT = Context(prec=120, rounding=ROUND_HALF_EVEN)


def lines_of(data: bytes, start: int = 0) -> list[tuple[int, bytes]]:
    """The non-empty lines from `start` on, without their ends, with where they stand."""
    found = []
    for line in data[start:].split(b"\n"):
        text = line.removesuffix(b"\r")
        if text:
            found.append((start, text))
        start += len(line) + 1
    return found


def row_of(line: bytes, columns: Sequence[str | None], contract: Contract) -> Row | None:
    """The row in a line, or None if the contract refuses it."""
    text = line.decode("utf-8", errors="surrogateescape")
    try:
        fields = next(csv.reader([text], strict=True))
    except csv.Error:
        return None
    if text.count('"') % 2 or len(fields) != len(columns):
        return None
    row: Row = {}
    for name, field in zip(columns, fields, strict=True):
        if name is not None:
            try:
                row[name] = _value(name, field, contract)
                if name == contract.measure:
                    row[SCALED] = _scaled(field, contract)
            except ValueError:
                return None
    return row


def _value(name: str, field: str, contract: Contract) -> str | int | float | None:
    column = contract.source.columns[name]
    if not field:
        if column.nullable:
            return None
        raise ValueError
    if isinstance(column, StringColumn):
        field.encode("utf-8")
        if column.allowed is not None and field not in column.allowed:
            raise ValueError
        return field
    text = field.strip(" \t")
    if not set(text) <= set("0123456789+-" + (".eE" if isinstance(column, DoubleColumn) else "")):
        raise ValueError
    value = int(text) if isinstance(column, IntegerColumn) else float(text)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError
    return value


def _scaled(field: str, contract: Contract) -> int:
    found = scaled(field, contract)
    if abs(found) > 2**53:
        raise ValueError
    return found


def scaled(field: str, contract: Contract) -> int:
    """The measure as the integer that is summed: as doubles say it while they are sure."""
    if isinstance(contract.source.columns[contract.measure], IntegerColumn):
        return int(field)
    product = float(field) * 10.0**contract.decimals
    if abs(product) < 2**51:
        return round(product)
    return round(Fraction(field.strip()) * 10**contract.decimals) if abs(product) < 2**60 else 2**60


@dataclass(frozen=True)
class Group:
    """The scaled measures of a group's rows."""

    measures: tuple[int, ...]

    @property
    def sums(self) -> tuple[int, int, int, int, int]:
        """Return the sums that a cube holds of the values."""
        values = self.measures
        squares = sum(value * value for value in values)
        return len(values), sum(values), squares, min(values), max(values)

    def mean(self, decimals: int) -> Fraction:
        """Their mean in the measure's unit."""
        return Fraction(sum(self.measures), len(self.measures) * 10**decimals)

    def variance(self, decimals: int) -> Fraction:
        """Their sample variance, by its definition; of so many times each value, in integers."""
        n, total = len(self.measures), sum(self.measures)
        spread = sum((n * value - total) ** 2 for value in self.measures)
        return Fraction(spread, n**2 * (n - 1) * 100**decimals)


Groups = dict[tuple[str | int, ...], Group]


def groups(rows: Iterable[Row], names: Sequence[str], contract: Contract) -> Groups:
    """The rows' scaled measures by group."""
    found: dict[tuple[str | int, ...], list[int]] = defaultdict(list)
    for row in rows:
        key = tuple(_group_value(row, name, contract) for name in names)
        measure = row.get(SCALED, row[contract.measure])
        assert isinstance(measure, (int, float))
        found[key].append(int(measure) if SCALED in row else scaled(repr(measure), contract))
    return {key: Group(tuple(values)) for key, values in found.items()}


def _group_value(row: Row, name: str, contract: Contract) -> str | int:
    if name in contract.bands:
        band = contract.bands[name]
        value = row[band.column]
        assert isinstance(value, (int, float))
        return band.labels[bisect_right(list(band.below.values()), value)]
    value = row[name]
    assert isinstance(value, (str, int))
    return value


def cube(
    rows: Sequence[Row], contract: Contract
) -> dict[tuple[str, ...], dict[tuple[str | int, ...], tuple[int, int, int, int, int]]]:
    """Return the expected cube of the rows."""
    return {
        names: {key: group.sums for key, group in groups(rows, names, contract).items()}
        for names in contract.grouping_sets
    }


def rounded(value: Fraction) -> str:
    """A number to 6 decimals, halves to even, without trailing zeros."""
    quotient = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return _shown(quotient.quantize(Decimal("0.000001"), context=EXACT))


def root(value: Fraction) -> str:
    """A square root to 6 decimals, halves to even, without trailing zeros."""
    square = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return _shown(EXACT.sqrt(square).quantize(Decimal("0.000001"), context=EXACT))


def _shown(value: Decimal) -> str:
    text = f"{value:f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def tables(rows: Sequence[Row], contract: Contract) -> dict[str, list[list[str]]]:
    """Return the expected tables of all analyses, in the order of publication."""
    return {
        name: [
            [*map(str, key), *figures]
            for key, figures in _table(rows, analysis.group_by, analysis.statistics, contract)
        ]
        for name, analysis in contract.analyses.items()
    }


def _table(
    rows: Sequence[Row], names: Sequence[str], statistics: Sequence[str], contract: Contract
) -> list[tuple[tuple[str | int, ...], list[str]]]:
    top = contract.disclosure.top_code
    coded = [
        row | {name: min(int(str(row[name])), top[name]) for name in names if name in top}
        for row in rows
    ]
    found = groups(coded, names, contract)
    wholes: dict[tuple[str | int, ...], int] = defaultdict(int)
    for key, group in found.items():
        wholes[key[:-1]] += len(group.measures)

    def order(key: tuple[str | int, ...]) -> list[str | int]:
        return [
            contract.bands[name].labels.index(str(value)) if name in contract.bands else value
            for name, value in zip(names, key, strict=True)
        ]

    result = []
    for key in sorted(found, key=order):
        group = found[key]
        figures = [
            text
            for statistic in statistics
            for text in _figures(group, statistic, wholes[key[:-1]], contract)
        ]
        withheld = len(group.measures) < contract.disclosure.minimum_cell
        result.append((key, [""] * len(figures) if withheld else figures))
    return result


def _figures(group: Group, statistic: str, whole: int, contract: Contract) -> list[str]:
    n, decimals = len(group.measures), contract.decimals
    unit = 10**decimals
    hidden = contract.disclosure.extremes == "suppress"
    several: Mapping[str, list[str]] = {
        "patients": [str(n)],
        "share": [rounded(Fraction(n, whole))],
        "mean": [rounded(group.mean(decimals))],
        "minimum": [""] if hidden else [rounded(Fraction(min(group.measures), unit))],
        "maximum": [""] if hidden else [rounded(Fraction(max(group.measures), unit))],
    }
    if statistic in several:
        return several[statistic]
    if statistic == "median":
        enough = (n - 1) // 2 >= contract.disclosure.minimum_rows
        middle = three_digits(median_low(group.measures))
        return [rounded(Fraction(middle, unit)) if enough else ""]
    if n < 2:
        return [""] * (2 if statistic == "ci95" else 1)
    if statistic == "stddev":
        return [root(group.variance(decimals))]
    margin = Fraction(half_width(n, group.variance(decimals)))
    return [rounded(group.mean(decimals) - margin), rounded(group.mean(decimals) + margin)]


def three_digits(value: int) -> int:
    """A number to three digits: the third even from 200 on, and 0 or 5 from 500 on; halves up."""
    size, power = abs(value), 1
    while size >= 1000 * power:
        power *= 10
    if size < 100:
        return value
    step = power * (1 if size < 200 * power else 2 if size < 500 * power else 5)
    nearest = (2 * size + step) // (2 * step) * step
    return nearest if value > 0 else -nearest


def half_width(n: int, variance: Fraction) -> Decimal:
    """Half of the 95 % t interval of a mean."""
    error = EXACT.sqrt(EXACT.divide(Decimal(variance.numerator), Decimal(variance.denominator * n)))
    return EXACT.multiply(Decimal(float(stats.t.ppf(0.975, n - 1))), error)
