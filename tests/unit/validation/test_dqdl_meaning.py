"""The meaning of Glue Data Quality rules, written by hand and checked with the local evaluator.

The outcomes are those of Glue's documentation, not results of an evaluator.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from medical_charges.contract.rules.quality import RULE_TYPES
from medical_charges.validation.dqdl import Evaluator, Rule, answers_to

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

PEOPLE = (
    "person string, age bigint, bmi double, region string, visits bigint",
    [
        ("a", 18, 18.5, "north", None),
        ("b", 40, 25.0, "south", 0),
        ("c", 64, 30.0, "south", 3),
        ("d", 64, 30.0, "west", None),
    ],
)
REGIONS = (
    "region string, patients bigint, share double",
    [
        ("north", 11, 0.55),
        ("south", None, None),
        ("west", 9, 0.45),
    ],
)

DEVIATIONS = (
    "id bigint, units1 bigint, units2 bigint",
    [(100, 0, 0), (101, None, 0), (102, 20, 20), (103, None, 0), (104, 40, 40)],
)
"""The example of Glue's documentation: the deviations of units1 and units2 are 16.33 and 16."""

# The table, the rule, and whether it holds.
PAIRS = [
    # How many rows; a range without its ends.
    (PEOPLE, "RowCount = 4", "Passed"),
    (PEOPLE, "RowCount > 4", "Failed"),
    (PEOPLE, "RowCount between 3 and 5", "Passed"),
    (PEOPLE, "RowCount between 4 and 5", "Failed"),
    (PEOPLE, "RowCount between 3 and 4", "Failed"),
    (PEOPLE, 'RowCount = 2 where "age = 64"', "Passed"),
    (PEOPLE, 'RowCount = 0 where "age < 18"', "Passed"),
    (PEOPLE, 'RowCount = 0 where "age <= 18"', "Failed"),
    # What is empty meets no condition of SQL.
    (PEOPLE, 'RowCount = 0 where "visits > 3 OR visits < 0"', "Passed"),
    (PEOPLE, 'RowCount = 0 where "visits < 1"', "Failed"),
    (REGIONS, 'RowCount = 0 where "patients > 0 AND patients < 11"', "Failed"),
    (REGIONS, 'RowCount = 0 where "patients > 0 AND patients < 9"', "Passed"),
    (REGIONS, 'RowCount = 0 where "(patients IS NULL) <> (share IS NULL)"', "Passed"),
    # Columns.
    (PEOPLE, "ColumnCount = 5", "Passed"),
    (PEOPLE, "ColumnCount = 4", "Failed"),
    (PEOPLE, 'ColumnExists "region"', "Passed"),
    (PEOPLE, 'ColumnExists "country"', "Failed"),
    # Nothing empty; nothing twice.
    (PEOPLE, 'IsComplete "age"', "Passed"),
    (PEOPLE, 'IsComplete "visits"', "Failed"),
    (PEOPLE, 'Completeness "visits" >= 0.5', "Passed"),
    (PEOPLE, 'Completeness "visits" > 0.5', "Failed"),
    (PEOPLE, 'IsUnique "person"', "Passed"),
    (PEOPLE, 'IsUnique "region"', "Failed"),
    (PEOPLE, 'IsPrimaryKey "person"', "Passed"),
    (PEOPLE, 'IsPrimaryKey "age" "bmi"', "Failed"),
    (PEOPLE, 'IsPrimaryKey "age" "region"', "Passed"),
    # Ranges, at their ends.
    (PEOPLE, 'ColumnValues "age" >= 18', "Passed"),
    (PEOPLE, 'ColumnValues "age" > 18', "Failed"),
    (PEOPLE, 'ColumnValues "age" <= 64', "Passed"),
    (PEOPLE, 'ColumnValues "age" < 64', "Failed"),
    (PEOPLE, 'ColumnValues "age" between 17 and 65', "Passed"),
    (PEOPLE, 'ColumnValues "age" between 18 and 65', "Failed"),
    (PEOPLE, 'ColumnValues "bmi" >= 18.5', "Passed"),
    (PEOPLE, 'ColumnValues "bmi" >= 18.500001', "Failed"),
    # An empty value breaks a comparison, but not one with a `not`.
    (PEOPLE, 'ColumnValues "visits" >= 0', "Failed"),
    (PEOPLE, 'ColumnValues "visits" != 7', "Passed"),
    (PEOPLE, 'ColumnValues "visits" >= 0 where "visits IS NOT NULL"', "Passed"),
    # Values.
    (PEOPLE, 'ColumnValues "region" in ["north", "south", "west"]', "Passed"),
    (PEOPLE, 'ColumnValues "region" in ["north", "south"]', "Failed"),
    (PEOPLE, 'ColumnValues "region" in ["North", "South", "West"]', "Failed"),
    (PEOPLE, 'ColumnValues "age" in [18, 40, 64]', "Passed"),
    (PEOPLE, 'ColumnValues "region" matches "[a-z]+"', "Passed"),
    (PEOPLE, 'ColumnValues "region" matches "[a-z]{5}"', "Failed"),
    (PEOPLE, 'ColumnLength "region" >= 4', "Passed"),
    # Figures of a column: 46.5, 186; the deviation of all, that of a sample being 20 and 17.9.
    (PEOPLE, 'Mean "age" = 46.5', "Passed"),
    (PEOPLE, 'Mean "age" > 46.5', "Failed"),
    (PEOPLE, 'Mean "age" = 64 where "bmi = 30"', "Passed"),
    (PEOPLE, 'Sum "age" = 186', "Passed"),
    (DEVIATIONS, 'StandardDeviation "units1" between 16.32 and 16.34', "Passed"),
    (DEVIATIONS, 'StandardDeviation "units2" = 16', "Passed"),
    (PEOPLE, 'ColumnCorrelation "age" "bmi" > 0.99', "Passed"),
    (PEOPLE, 'ColumnCorrelation "age" "bmi" > 1', "Failed"),
    # Two rows of four have a region of their own, which are two regions of three.
    (PEOPLE, 'Uniqueness "region" = 0.5', "Passed"),
    (PEOPLE, 'DistinctValuesCount "region" = 3', "Passed"),
    (PEOPLE, 'UniqueValueRatio "region" between 0.66 and 0.67', "Passed"),
    (PEOPLE, 'ColumnDataType "age" = "Integer"', "Passed"),
    (PEOPLE, 'ColumnDataType "region" = "Integer"', "Failed"),
    (PEOPLE, 'ColumnNamesMatchPattern "^[a-z]+$"', "Passed"),
    (PEOPLE, 'ColumnNamesMatchPattern "^[a-z]{3}$"', "Failed"),
    # SQL of one's own.
    (PEOPLE, 'CustomSql "SELECT count(DISTINCT region) FROM primary" = 3', "Passed"),
    (PEOPLE, 'CustomSql "SELECT max(age) - min(age) FROM primary" < 46', "Failed"),
    (REGIONS, 'CustomSql "SELECT sum(share) FROM primary" = 1', "Passed"),
    # Both, either.
    (PEOPLE, '(IsComplete "visits") AND (IsUnique "person")', "Failed"),
    (PEOPLE, '(IsComplete "visits") OR (IsUnique "person")', "Passed"),
]


@pytest.fixture(scope="module")
def outcomes(spark: SparkSession, evaluator: Evaluator) -> dict[str, str]:
    """Return the outcome of every rule, each table's in one ruleset."""
    session = evaluator.session(spark)
    found: dict[str, str] = {}
    for table in (PEOPLE, REGIONS, DEVIATIONS):
        schema, rows = table
        rules = [Rule(rule, rule, "plausibility") for where, rule, _ in PAIRS if where is table]
        answers = answers_to(rules, session.createDataFrame(rows, schema), evaluator)
        found |= {rule: answer.outcome for rule, answer in answers.items()}
    return found


@pytest.mark.parametrize(("rule", "expected"), [(rule, outcome) for _, rule, outcome in PAIRS])
def test_a_rule_has_the_meaning_that_glue_documents(
    rule: str, expected: str, outcomes: dict[str, str]
) -> None:
    assert outcomes[rule] == expected


def test_every_type_of_rule_that_a_contract_may_use_is_among_them() -> None:
    tried = " ".join(rule for _, rule, _ in PAIRS)
    assert [kind for kind in RULE_TYPES if not re.search(rf"\b{kind}\b", tried)] == []
