"""PySpark: a first version, and one that is written for its query plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 - what everybody calls them

from benchmarks.answers import KEYS, write_from_cells
from benchmarks.session import local_session
from benchmarks.subjects import Run

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SCHEMA = (
    "age INT, sex STRING, bmi DOUBLE, children INT, smoker STRING, region STRING, charges DOUBLE"
)


def start_plain(cores: int) -> Run:
    """Infer the schema, group five times, write five CSVs."""
    spark = local_session(cores, {})

    def run(source: Path, out: Path) -> None:
        rows = spark.read.csv(str(source), header=True, inferSchema=True)
        rows = rows.withColumn("bmi_category", _bmi_category())
        patients, mean = F.count("*").alias("patients"), F.mean("charges").alias("mean_charges")
        deviation = F.stddev("charges").alias("stddev_charges")
        lowest = F.min("charges").alias("minimum_charges")
        highest = F.max("charges").alias("maximum_charges")
        categories = rows.groupBy("bmi_category").agg(patients, mean, deviation)
        smokers = rows.groupBy("region", "smoker").agg(patients)
        for name, frame in {
            "charges_by_region": rows.groupBy("region").agg(
                patients, mean, lowest, highest, deviation
            ),
            "charges_by_bmi_category": categories.withColumn("share", _share()),
            "charges_by_age": rows.groupBy("age").agg(patients, mean),
            "smokers_by_region": smokers.withColumn("share", _share("region")),
            "charges_by_sex_and_smoker": rows.groupBy("sex", "smoker").agg(
                patients, mean, deviation
            ),
        }.items():
            _write(frame, out / name)

    return run


def start_scan(cores: int) -> Run:
    """Scan once with a given schema, grouped by all keys; derive the analyses from its sums."""
    spark = local_session(cores, {})

    def run(source: Path, out: Path) -> None:
        rows = spark.read.csv(str(source), header=True, schema=SCHEMA)
        charges = F.col("charges")
        cells = (
            rows.withColumn("bmi_category", _bmi_category())
            .groupBy(*KEYS)
            .agg(
                F.count("*"),
                F.sum(charges),
                F.sum(charges * charges),
                F.min(charges),
                F.max(charges),
            )
        )
        write_from_cells(cells.collect(), out)

    return run


def _bmi_category() -> Column:
    bmi = F.col("bmi")
    return (
        F.when(bmi < 18.5, "underweight")
        .when(bmi < 25, "normal")
        .when(bmi < 30, "overweight")
        .otherwise("obese")
    )


def _share(*within: str) -> Column:
    return F.col("patients") / F.sum("patients").over(Window.partitionBy(*within))


def _write(frame: DataFrame, path: Path) -> None:
    frame.write.csv(str(path), header=True, mode="overwrite")
