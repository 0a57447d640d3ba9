"""Outputs are evaluated together, and each is judged as if it were alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from medical_charges.checks import Check
from medical_charges.contract import Contract, parse_contract
from medical_charges.storage import LocalStore
from medical_charges.validation import Frames
from medical_charges.validation.dqdl import Evaluator, Ruleset, output_checks, output_rules
from tests.helpers import CONTRACT_FILE, csv_of, outputs_of, rows
from tests.unit.validation.test_dqdl import BROKEN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from medical_charges.validation.dqdl.evaluate import Answer

pytestmark = pytest.mark.spark

TEXT = CONTRACT_FILE.read_text()


class Counting:
    """An evaluator that counts its evaluations."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.evaluations = 0

    def session(self, spark: SparkSession) -> SparkSession:
        return self._evaluator.session(spark)

    def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
        self.evaluations += 1
        return self._evaluator.answers(frame, ruleset)

    def broken_by(self, frame: DataFrame, ruleset: str) -> int:
        return self._evaluator.broken_by(frame, ruleset)


@pytest.fixture
def counting(evaluator: Evaluator) -> Counting:
    return Counting(evaluator)


def checked(
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    outputs: Mapping[str, bytes],
    evaluator: Evaluator,
) -> list[Check]:
    frames = Frames(lambda: spark, store, contract, {}, outputs)
    rulesets: dict[str, Ruleset] = {name: output_rules(contract, name) for name in outputs}
    return list(output_checks(rulesets, frames, evaluator))


def changed(data: bytes, place: int, change: Mapping[str, object]) -> bytes:
    """An output with other fields in a row."""
    found: list[dict[str, object]] = [{**row} for row in rows(data)]
    found[place] |= {name: "" if value is None else value for name, value in change.items()}
    return csv_of(list(found[0]), (list(row.values()) for row in found))


def test_outputs_whose_rules_hold_take_one_evaluation(
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    counting: Counting,
) -> None:
    checks = checked(spark, store, contract, real_outputs, counting)
    assert counting.evaluations == 1
    assert {check.outcome for check in checks} == {"pass"}
    assert [(check.name, check.threshold) for check in checks] == [
        (f"{name}: rule {rule.name}", rule.text)
        for name in real_outputs
        for rule in output_rules(contract, name).rules
    ]


@pytest.mark.parametrize(
    ("name", "place", "change"),
    [(name, place, change) for name, (some, _) in BROKEN.items() for place, change in some],
)
def test_a_wrong_row_among_many_outputs_breaks_the_rules_of_its_own(
    name: str,
    place: int,
    change: Mapping[str, object],
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    counting: Counting,
) -> None:
    other = "smokers_by_region" if name != "smokers_by_region" else "charges_by_bmi_category"
    outputs = {
        other: real_outputs[other],
        name: changed(real_outputs[name], place, change),
    }
    checks = checked(spark, store, contract, outputs, counting)
    broken = [check for check in checks if check.outcome != "pass"]
    assert counting.evaluations > 1
    assert broken
    assert all(check.name.startswith(f"{name}: ") and check.found for check in broken)


def test_a_row_that_breaks_the_first_rule_of_its_output_is_found(
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    evaluator: Evaluator,
) -> None:
    wrong = changed(real_outputs["charges_by_region"], 0, {"region": None})
    outputs = {
        "smokers_by_region": real_outputs["smokers_by_region"],
        "charges_by_region": wrong,
    }
    checks = checked(spark, store, contract, outputs, evaluator)
    broken = {check.name for check in checks if check.outcome != "pass"}
    assert "charges_by_region: rule region.complete" in broken


def test_a_row_that_breaks_a_rule_of_rows_leaves_the_other_outputs_together(
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    counting: Counting,
) -> None:
    wrong = changed(real_outputs["comparisons"], 0, {"p": 1.1})
    outputs = {**real_outputs, "comparisons": wrong}
    checks = checked(spark, store, contract, outputs, counting)
    assert counting.evaluations == 2
    assert {check.name: check.found for check in checks if check.outcome != "pass"} == {
        "comparisons: rule p": f"1 of {len(rows(wrong))} rows break it"
    }


def test_the_contract_s_own_rules_are_evaluated_on_their_output_alone(
    spark: SparkSession,
    store: LocalStore,
    real_outputs: Mapping[str, bytes],
    counting: Counting,
) -> None:
    own = "rules: { regions: { rule: RowCount = 4, output: charges_by_region } }"
    contract = parse_contract(TEXT.replace("share: 0.05", f"share: 0.05, {own}"))
    some = {name: real_outputs[name] for name in ("charges_by_region", "charges_by_age")}
    checks = checked(spark, store, contract, some, counting)
    assert counting.evaluations == 2
    assert {check.outcome for check in checks} == {"pass"}
    assert [check.name for check in checks].count("charges_by_region: rule rules.regions") == 1


def test_an_output_without_rows_has_nothing_to_judge(
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    evaluator: Evaluator,
) -> None:
    header, _, _ = real_outputs["charges_by_age"].partition(b"\n")
    some = {**real_outputs, "charges_by_age": header + b"\n"}
    checks = checked(spark, store, contract, some, evaluator)
    unknown = {check.name.partition(":")[0] for check in checks if check.outcome != "pass"}
    assert unknown == {"charges_by_age"}
    assert {check.outcome for check in checks} == {"pass", "not applicable"}


# The filter cube has the year as a text, the analysis as a number; "Output" is a column's name.
UNLIKE = """
dataset: unlike
prefix: Unlike
source:
  format: csv
  columns:
    year: { type: integer }
    Output: { type: string, allowed: [a, "it's"] }
    cost: { type: double, decimals: 2 }
measure: cost
analyses:
  by_year: { group_by: [year], statistics: [patients, mean] }
  by_output: { group_by: [Output], statistics: [patients, share] }
disclosure: { minimum_cell: 1 }
dashboard: { filters: [year, Output] }
"""


@pytest.mark.parametrize(("wrong", "rule"), [("by_output", "shares"), ("by_year", "unique")])
def test_columns_of_one_name_and_different_types_are_not_mixed(
    wrong: str, rule: str, spark: SparkSession, store: LocalStore, counting: Counting
) -> None:
    contract = parse_contract(UNLIKE)
    types = {
        column.type
        for output in contract.outputs.values()
        for column in output.columns
        if column.name == "year"
    }
    assert types == {"bigint", "string"}
    data = "year,Output,cost\n" + "2001,a,1\n" * 20 + "2002,it's,2\n" * 30
    outputs = outputs_of(store, contract, {"x.csv": data.encode()})
    checks = checked(spark, store, contract, outputs, counting)
    assert [check for check in checks if check.outcome != "pass"] == []
    assert counting.evaluations == 2
    twice = outputs[wrong] + outputs[wrong].splitlines(keepends=True)[-1]
    checks = checked(spark, store, contract, {**outputs, wrong: twice}, counting)
    assert f"{wrong}: rule {rule}" in {check.name for check in checks if check.outcome == "fail"}


@pytest.mark.parametrize("text", ["nan", "Infinity"])
def test_a_figure_that_is_no_number_breaks_a_rule(
    text: str,
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    evaluator: Evaluator,
) -> None:
    wrong = changed(real_outputs["charges_by_region"], 0, {"mean_charges": text})
    checks = checked(spark, store, contract, {"charges_by_region": wrong}, evaluator)
    found = {check.name for check in checks if check.outcome != "pass"}
    assert "charges_by_region: rule minimum_mean_maximum" in found
