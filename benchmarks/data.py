"""Data with the real file's schema and distribution, of any size.

Complete rows are drawn from the real file, so that dependencies between columns remain. The two
measured columns are varied slightly, with the same number of decimals, so that values repeat as
rarely as in the real file.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl

from medical_charges.contract import Contract
from ops.folders import ROOT

REAL = ROOT / "datasets" / "medical_charges" / "Charges.csv"

_ROWS_AT_ONCE = 2_000_000
_SMEAR = {"bmi": 0.02, "charges": 0.05}


def generate(real: Path, target: Path, rows: int, seed: int = 1) -> Path:
    """Write a CSV of `rows` rows, unless it exists."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    source, partial = pl.read_csv(real), target.with_suffix(".writing")
    generator = np.random.default_rng(seed)
    decimals = {name: _decimals(real, name) for name in _SMEAR}
    with partial.open("wb") as file:
        for start in range(0, rows, _ROWS_AT_ONCE):
            count = min(_ROWS_AT_ONCE, rows - start)
            drawn = generator.integers(0, source.height, count)
            frame = source[drawn].with_columns(
                _smeared(source, name, drawn, decimals[name], generator) for name in _SMEAR
            )
            frame.write_csv(file, include_header=start == 0)
    partial.rename(target)
    return target


def as_parquet(source: Path, target: Path) -> Path:
    """Write the rows of a CSV as Parquet, unless it exists, as Polars writes it by default."""
    if not target.exists():
        partial = target.with_suffix(".writing")
        pl.read_csv(source).write_parquet(partial)
        partial.rename(target)
    return target


def row_bytes(real: Path) -> float:
    """Return the mean length of a row in bytes, including its line end."""
    lines = real.read_bytes().splitlines(keepends=True)[1:]
    return sum(map(len, lines)) / len(lines)


def generate_many(block: Path, folder: Path, objects: int, first: int = 0) -> None:
    """Write copies of a file that differ in their first row."""
    header, _, rows = block.read_bytes().partition(b"\n")
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + objects):
        row = f"{18 + number % 47},female,27.9,0,no,southwest,{5_000 + number}.25".encode()
        (folder / f"{number:05d}.csv").write_bytes(header + b"\n" + row + b"\n" + rows)


def place(source: Path, store: Path, contract: Contract, name: str) -> None:
    """Put a file into a store's input without copying it."""
    target = store / contract.prefix / "Input_data" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.hardlink_to(source)


def empty(folder: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _decimals(real: Path, name: str) -> np.ndarray:
    texts = pl.read_csv(real, infer_schema=False).get_column(name)
    return (
        texts.str.split(".").list.get(1, null_on_oob=True).str.len_chars().fill_null(0).to_numpy()
    )


def _smeared(
    source: pl.DataFrame,
    name: str,
    drawn: np.ndarray,
    decimals: np.ndarray,
    generator: np.random.Generator,
) -> pl.Series:
    spread = _SMEAR[name]
    values = source.get_column(name).to_numpy()[drawn]
    values = values * generator.uniform(1 - spread, 1 + spread, len(drawn))
    unit = 10.0 ** decimals[drawn].astype(np.float64)
    return pl.Series(name, np.rint(values * unit) / unit)
