"""The answers that every subject must give, and their comparison.

They are the five analyses of the contract, without the intervals: patients, shares, means, extremes
and sample deviations. A subject writes one CSV of each to a folder.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

TOLERANCE = 1e-9
PUBLISHED = 0.5e-6
"""Tolerance for the six decimals that this project publishes."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "charges_by_region": (
        *("region", "patients"),
        *("mean_charges", "minimum_charges", "maximum_charges", "stddev_charges"),
    ),
    "charges_by_bmi_category": (
        *("bmi_category", "patients", "share"),
        *("mean_charges", "stddev_charges"),
    ),
    "charges_by_age": ("age", "patients", "mean_charges"),
    "smokers_by_region": ("region", "smoker", "patients", "share"),
    "charges_by_sex_and_smoker": (
        *("sex", "smoker", "patients"),
        *("mean_charges", "stddev_charges"),
    ),
}
KEYS = ("region", "bmi_category", "age", "sex", "smoker")
"""The names by which all five analyses group."""

Answers = dict[str, dict[tuple[str, ...], dict[str, float]]]


def read_answers(folder: Path) -> Answers:
    """Return the answers in a folder: one CSV for each analysis, or a folder of CSVs from Spark."""
    return {name: _read(folder, name) for name in COLUMNS}


def _read(folder: Path, name: str) -> dict[tuple[str, ...], dict[str, float]]:
    place = folder / name
    files = sorted(place.glob("*.csv")) if place.is_dir() else [folder / f"{name}.csv"]
    keys = [column for column in COLUMNS[name] if column in KEYS]
    figures = [column for column in COLUMNS[name] if column not in KEYS]
    found = {}
    for path in files:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                found[tuple(row[key] for key in keys)] = {f: float(row[f]) for f in figures}
    return found


def differences(ours: Answers, theirs: Answers) -> Iterator[str]:
    """Return the differences of two subjects' answers that exceed TOLERANCE, relative."""
    for name in COLUMNS:
        if ours[name].keys() != theirs[name].keys():
            yield f"{name}: other groups: {sorted(ours[name].keys() ^ theirs[name].keys())[:5]}"
            continue
        for key, figures in ours[name].items():
            for column, value in figures.items():
                other = theirs[name][key][column]
                allowed = max(TOLERANCE * abs(other), PUBLISHED * (1 + TOLERANCE))
                if not abs(value - other) <= allowed:
                    yield f"{name} {key} {column}: {value!r} against {other!r}"


def write_from_cells(cells: Iterable[Sequence[object]], out: Path) -> None:
    """Write the answers from one cube: KEYS, then rows, sum, sum of squares, minimum, maximum."""
    rows = [(dict(zip(KEYS, cell[:5], strict=True)), cell[5:]) for cell in cells]
    out.mkdir(parents=True, exist_ok=True)
    for name, columns in COLUMNS.items():
        keys = [column for column in columns if column in KEYS]
        groups: dict[tuple[object, ...], list[float]] = {}
        for labels, sums in rows:
            key = tuple(labels[k] for k in keys)
            groups[key] = _merged(groups.get(key), [float(value) for value in sums])  # type: ignore[arg-type]
        wholes: dict[tuple[object, ...], float] = {}
        for key, sums in groups.items():
            wholes[key[:-1]] = wholes.get(key[:-1], 0) + sums[0]
        with (out / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for key, sums in groups.items():
                figures = _figures(sums, wholes[key[:-1]])
                writer.writerow([*key, *(figures[c] for c in columns if c not in KEYS)])


def _merged(known: list[float] | None, more: list[float]) -> list[float]:
    if known is None:
        return more
    added = [a + b for a, b in zip(known[:3], more[:3], strict=True)]
    return [*added, min(known[3], more[3]), max(known[4], more[4])]


def _figures(sums: list[float], whole: float) -> dict[str, float]:
    n, total, squares, minimum, maximum = sums
    variance = (squares - total * total / n) / (n - 1) if n > 1 else math.nan
    return {
        "patients": int(n),
        "share": n / whole,
        "mean_charges": total / n,
        "minimum_charges": minimum,
        "maximum_charges": maximum,
        "stddev_charges": math.sqrt(variance),
    }
