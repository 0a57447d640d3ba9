"""pandas: the file in memory, five group-bys."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from benchmarks.answers import COLUMNS, KEYS
from benchmarks.subjects import Run

_STATISTICS = {
    "patients": "count",
    "mean_charges": "mean",
    "minimum_charges": "min",
    "maximum_charges": "max",
    "stddev_charges": "std",
}


def start(cores: int) -> Run:
    """Read the whole file, and group it five times."""
    del cores  # pandas has one thread

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        rows = pd.read_csv(source)
        rows["bmi_category"] = pd.cut(
            rows["bmi"],
            [-math.inf, 18.5, 25, 30, math.inf],
            right=False,
            labels=["underweight", "normal", "overweight", "obese"],
        )
        for name, columns in COLUMNS.items():
            keys = [column for column in columns if column in KEYS]
            wanted = {c: how for c, how in _STATISTICS.items() if c in columns}
            groups = rows.groupby(keys, observed=True)["charges"]
            table = groups.agg(list(wanted.values())).set_axis(list(wanted), axis=1).reset_index()
            if "share" in columns:
                patients = table["patients"]
                whole = (
                    table.groupby(keys[:-1])["patients"].transform("sum")
                    if keys[:-1]
                    else patients.sum()
                )
                table["share"] = patients / whole
            table[list(columns)].to_csv(out / f"{name}.csv", index=False)

    return run
