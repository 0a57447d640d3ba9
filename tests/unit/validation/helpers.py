"""Runs that are validated, over a data set with a column of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract
from medical_charges.storage import Store
from medical_charges.validation import Result, validate_outputs
from tests.helpers import run, upload

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RULES = """
dataset: rules
prefix: Rules
source:
  format: csv
  columns:
    kind:  {type: string, allowed: [a, b]}
    note:  {type: string, identifying: made up}
    whole: {type: integer}
    few:   {type: integer, minimum: 0, maximum: 9}
    ratio: {type: double, minimum: -1, maximum: 1}
    spare: {type: double, nullable: true}
    cost:  {type: double, decimals: 2}
measure: cost
analyses:
  cost_by_kind: {group_by: [kind], statistics: [patients, mean, minimum, maximum, stddev]}
quality:    {maximum_rejected_share: 1.0}
disclosure: {minimum_cell: 1}
"""
GOOD_ROW = b"a,n,1,1,0.5,,10.5"


def csv_lines(*rows: bytes) -> bytes:
    """A file of these rows."""
    return b"\n".join([b"kind,note,whole,few,ratio,spare,cost", *rows, b""])


def without_spark() -> SparkSession:
    """A replacement of Spark that fails when it is used."""
    raise AssertionError("Spark was asked for")


def validated(
    store: Store, contract: Contract, files: Mapping[str, bytes]
) -> tuple[Summary, Result]:
    """A run over files, and what is found of it."""
    upload(store, contract, files)
    summary = run(store, contract)
    return summary, validate_outputs(without_spark, store, contract, "run")
