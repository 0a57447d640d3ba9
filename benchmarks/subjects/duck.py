"""DuckDB: a query for each analysis, or one for all."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.answers import write_from_cells
from benchmarks.subjects import Run

# By itself it takes yes and no for truth values.
_ROWS = "read_csv('{source}', types = {{'smoker': 'VARCHAR'}})"
_BMI_CATEGORY = """
    CASE WHEN bmi < 18.5 THEN 'underweight' WHEN bmi < 25 THEN 'normal'
         WHEN bmi < 30 THEN 'overweight' ELSE 'obese' END AS bmi_category"""

_FIVE = {
    "charges_by_region": """
        SELECT region, count(*) AS patients, avg(charges) AS mean_charges,
               min(charges) AS minimum_charges, max(charges) AS maximum_charges,
               stddev(charges) AS stddev_charges
        FROM {rows} GROUP BY region""",
    "charges_by_bmi_category": """
        SELECT bmi_category, count(*) AS patients, count(*) / sum(count(*)) OVER () AS share,
               avg(charges) AS mean_charges, stddev(charges) AS stddev_charges
        FROM (SELECT charges, {category} FROM {rows}) GROUP BY bmi_category""",
    "charges_by_age": """
        SELECT age, count(*) AS patients, avg(charges) AS mean_charges FROM {rows} GROUP BY age""",
    "smokers_by_region": """
        SELECT region, smoker, count(*) AS patients,
               count(*) / sum(count(*)) OVER (PARTITION BY region) AS share
        FROM {rows} GROUP BY region, smoker""",
    "charges_by_sex_and_smoker": """
        SELECT sex, smoker, count(*) AS patients, avg(charges) AS mean_charges,
               stddev(charges) AS stddev_charges
        FROM {rows} GROUP BY sex, smoker""",
}
_CUBE = """
    SELECT region, bmi_category, age, sex, smoker,
           count(*), sum(charges), sum(charges * charges), min(charges), max(charges)
    FROM (SELECT *, {category} FROM {rows}) GROUP BY ALL"""


def start_five(cores: int) -> Run:
    """Run five queries over the file."""
    connection = _connection(cores)

    def run(source: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        for name, query in _FIVE.items():
            text = query.format(rows=_ROWS.format(source=source), category=_BMI_CATEGORY)
            connection.execute(f"COPY ({text}) TO '{out / name}.csv' (HEADER)")

    return run


def start_cube(cores: int) -> Run:
    """Run one query, grouped by all keys; derive the analyses from its sums."""
    connection = _connection(cores)

    def run(source: Path, out: Path) -> None:
        text = _CUBE.format(rows=_ROWS.format(source=source), category=_BMI_CATEGORY)
        write_from_cells(connection.execute(text).fetchall(), out)

    return run


def _connection(cores: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": cores})
