"""Polars' streaming engine: a query for each analysis, or one for all."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.answers import COLUMNS, KEYS, write_from_cells
from benchmarks.subjects import Run

_CHARGES = pl.col("charges")
_STATISTICS = {
    "patients": pl.len(),
    "mean_charges": _CHARGES.mean(),
    "minimum_charges": _CHARGES.min(),
    "maximum_charges": _CHARGES.max(),
    "stddev_charges": _CHARGES.std(),
}


def start_five(cores: int) -> Run:
    """Run five queries over the file."""
    del cores  # POLARS_MAX_THREADS has said so already

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        for name, columns in COLUMNS.items():
            keys = [column for column in columns if column in KEYS]
            wanted = [e.alias(c) for c, e in _STATISTICS.items() if c in columns]
            table = _rows(source).group_by(keys).agg(wanted).collect(engine="streaming")
            if "share" in columns:
                whole = pl.col("patients").sum()
                table = table.with_columns(
                    share=pl.col("patients") / (whole.over(keys[:-1]) if keys[:-1] else whole)
                )
            table.select(columns).write_csv(out / f"{name}.csv")

    return run


def start_cube(cores: int) -> Run:
    """Run one query, grouped by all keys; derive the analyses from its sums."""
    del cores  # as above

    def run(source: Path, out: Path) -> None:
        cells = (
            _rows(source)
            .group_by(KEYS)
            .agg(
                pl.len(),
                _CHARGES.sum().alias("sum"),
                (_CHARGES * _CHARGES).sum().alias("squares"),
                _CHARGES.min().alias("minimum"),
                _CHARGES.max().alias("maximum"),
            )
            .collect(engine="streaming")
        )
        write_from_cells(cells.rows(), out)

    return run


def _rows(source: Path) -> pl.LazyFrame:
    bmi = pl.col("bmi")
    category = (
        pl.when(bmi < 18.5)
        .then(pl.lit("underweight"))
        .when(bmi < 25)
        .then(pl.lit("normal"))
        .when(bmi < 30)
        .then(pl.lit("overweight"))
        .otherwise(pl.lit("obese"))
    )
    return pl.scan_csv(source).with_columns(category.alias("bmi_category"))
