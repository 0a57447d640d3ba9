"""The rules of Glue Data Quality that follow from a contract: each holds, and each can break."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException

from local_aws import deequ
from medical_charges.checks import Check
from medical_charges.contract import Contract, parse_contract
from medical_charges.outputs.catalog import tables
from medical_charges.storage import LocalStore
from medical_charges.validation.dqdl import (
    WITHOUT_EVALUATOR,
    Evaluator,
    Rule,
    Ruleset,
    checks_of,
    input_rules,
    output_rules,
    rulesets,
    rulesets_text,
)
from medical_charges.validation.dqdl.evaluate import Answer
from tests.helpers import CONTRACT_FILE, outputs_of, rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark

TEXT = CONTRACT_FILE.read_text()
INPUT_TYPES = (
    "age bigint, sex string, bmi double, children bigint, smoker string, region string, "
    "charges double"
)
CONVERT = {"bigint": int, "double": float, "string": str}

Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def lean(spark: SparkSession, evaluator: Evaluator) -> SparkSession:
    return evaluator.session(spark)


def typed(contract: Contract, name: str, data: bytes) -> tuple[str, Rows]:
    """An output's schema and its rows, as the Catalog types them."""
    columns = next(table["columns"] for table in tables(contract) if table["name"] == name)
    types = {column["name"]: column["type"] for column in columns}
    found = [
        {key: CONVERT[types[key]](value) if value else None for key, value in row.items()}
        for row in rows(data)
    ]
    return ", ".join(f"`{key}` {kind}" for key, kind in types.items()), found


def frame_of(session: SparkSession, schema: str, found: Rows) -> DataFrame:
    return session.createDataFrame([tuple(row.values()) for row in found], schema)


def failing(checks: Iterator[Check]) -> dict[str, str]:
    """Return the failed rules without the table's name, and their findings."""
    return {
        check.name.partition(": rule ")[2]: check.found
        for check in checks
        if check.outcome != "pass"
    }


GOOD_ROW = (30, "male", 25.0, 1, "no", "northwest", 100.5)
BAD_ROWS = [
    ("age", 121, "age.maximum"),
    ("age", -1, "age.minimum"),
    ("sex", "Male", "sex.allowed"),
    ("bmi", 9.999999, "bmi.minimum"),
    ("children", None, "children.complete"),
    ("smoker", "", "smoker.allowed"),
    ("charges", -0.000001, "charges.minimum"),
]


def test_each_rule_of_the_input_finds_the_rows_that_break_it(
    contract: Contract, lean: SparkSession, evaluator: Evaluator
) -> None:
    names = list(contract.source.columns)
    found = [dict(zip(names, GOOD_ROW, strict=True)) for _ in range(12)]
    ruleset = input_rules(contract)
    for row, (column, value, _) in zip(found, BAD_ROWS, strict=False):
        row[column] = value
    frame = frame_of(lean, INPUT_TYPES, found)
    # An empty field breaks the rules of its column's range as well.
    expected = {rule for _, _, rule in BAD_ROWS} | {"children.minimum", "children.maximum"}
    told = failing(checks_of(ruleset, frame, evaluator, "charges"))
    assert told.keys() == expected
    assert {told[rule] for _, _, rule in BAD_ROWS} == {"1 of 12 rows break it"}


# In an output, what is changed in which row, and the rules that all this together breaks.
BROKEN: dict[str, tuple[list[tuple[int, dict[str, object]]], set[str]]] = {
    "charges_by_region": (
        [
            (0, {"region": "Northeast", "patients": 10}),
            (1, {"patients": None, "stddev_charges": -0.1}),
            (2, {"minimum_charges": 1e6}),
            (3, {"ci95_low": 1e6}),
        ],
        {
            "region.allowed",
            "small_cells",
            "figures",
            "deviation",
            "minimum_mean_maximum",
            "ci95_around_mean",
        },
    ),
    "charges_by_age": (
        [(0, {"age": 19}), (2, {"ci95_high": None})],
        {"unique", "figures"},
    ),
    "smokers_by_region": (
        [(0, {"share": 0.5}), (2, {"share": 1.5}), (4, {"smoker": None})],
        {"shares", "share", "smoker.complete", "smoker.allowed"},
    ),
    "comparisons": (
        [
            (0, {"p": 1.1, "comparison": "other"}),
            (1, {"df": 0.5, "n_b": 3}),
            (2, {"t": -1.0, "p": None}),
        ],
        {"p", "comparison.allowed", "df", "small_cells", "signs", "figures"},
    ),
    "cube_region_sex_smoker": (
        [(0, {"patients": 11}), (1, {"m2_charges": -1.0}), (2, {"sum_charges": None})],
        {"margins", "squares", "figures"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_output_breaks_the_rules_that_are_about_it_and_no_other(
    name: str,
    contract: Contract,
    real_outputs: Mapping[str, bytes],
    lean: SparkSession,
    evaluator: Evaluator,
) -> None:
    changes, expected = BROKEN[name]
    schema, found = typed(contract, name, real_outputs[name])
    for place, change in changes:
        found[place] |= change
    ruleset = output_rules(contract, name)
    frame = frame_of(lean, schema, found)
    assert failing(checks_of(ruleset, frame, evaluator, contract.measure)).keys() == expected


def test_a_column_less_is_found(
    contract: Contract, real_outputs: Mapping[str, bytes], lean: SparkSession, evaluator: Evaluator
) -> None:
    frame = frame_of(lean, *typed(contract, "smokers_by_region", real_outputs["smokers_by_region"]))
    ruleset = output_rules(contract, "smokers_by_region")
    told = failing(checks_of(ruleset, frame.drop("smoker"), evaluator, contract.measure))
    assert {"columns", "smoker.there", "smoker.complete"} <= told.keys()
    assert "does not include column smoker" in told["smoker.complete"]


def test_of_a_table_without_rows_only_their_number_is_judged(
    contract: Contract, lean: SparkSession, evaluator: Evaluator
) -> None:
    frame = lean.createDataFrame([], INPUT_TYPES)
    checks = {
        check.name: check.outcome
        for check in checks_of(input_rules(contract), frame, evaluator, "charges")
    }
    assert checks.pop("input: rule rows") == "fail"
    assert set(checks.values()) == {"not applicable"}


NOT_EVALUATED = "the rule could not be evaluated:"
OWN = [
    ('Mean "charges" > 1000', "it does not hold, of 2 rows"),
    ('Mean "age" > 40', "Mean is 25, of 2 rows"),
    ('ColumnValues "charges" <= 150', "1 of 2 rows break it"),
    ('CustomSql "SELECT max(charges) FROM primary" < 150', "it does not hold, of 2 rows"),
    ('(Mean "age" < 40) and (IsUnique "age")', None),
    ("RowCount = 2", None),
    (
        'Mean "height" > 1',
        "the rule could not be evaluated: Input data does not include column height!",
    ),
    ("RowCount >", "the rule could not be evaluated: Parsing Error"),
    ("RowCount > 0, ColumnCount > 0", "the rule could not be evaluated: that is 2 rules"),
]


def test_a_custom_rule_is_reported_without_a_value_of_the_measure(
    lean: SparkSession, evaluator: Evaluator
) -> None:
    frame = lean.createDataFrame([(20, 100.0), (30, 200.0)], "age bigint, charges double")
    own = Ruleset("input", tuple(Rule(text, text, "plausibility") for text, _ in OWN))
    told = failing(checks_of(own, frame, evaluator, "charges"))
    for text, expected in OWN:
        if expected is None:
            assert text not in told
        else:
            assert told.pop(text).startswith(expected)
    assert told == {}


class Stumbling:
    """An evaluator that says what it stumbled over, as Spark does."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def session(self, spark: SparkSession) -> SparkSession:
        return spark

    def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
        rule = ruleset.partition("[")[2].rpartition("]")[0].strip()
        return [Answer(rule, "Failed", self._reason, {})]

    def broken_by(self, frame: DataFrame, ruleset: str) -> int:
        raise AnalysisException("CustomSQL must contain at least one column of the table")


def test_a_broken_rule_whose_rows_cannot_be_told_is_reported_by_its_value(
    lean: SparkSession,
) -> None:
    """As in Glue, where SQL must return a column of the table to have rows."""

    class Summing(Stumbling):
        def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
            rule = ruleset.partition("[")[2].rpartition("]")[0].strip()
            return [Answer(rule, "Failed", "", {"Dataset.*.CustomSQL": 3.0})]

    frame = lean.createDataFrame([(20,)], "age bigint")
    own = Ruleset("input", (Rule("mine", 'CustomSql "SELECT 3" = 0', "plausibility"),))
    told = failing(checks_of(own, frame, Summing(""), "charges"))
    assert told == {"mine": "CustomSQL is 3, of 1 rows"}


def test_a_broken_rule_whose_rows_could_not_be_counted_is_an_error(lean: SparkSession) -> None:
    class Lost(Stumbling):
        def answers(self, frame: DataFrame, ruleset: str) -> list[Answer]:
            rule = ruleset.partition("[")[2].rpartition("]")[0].strip()
            return [Answer(rule, "Failed", "", {"Dataset.*.CustomSQL": 3.0})]

        def broken_by(self, frame: DataFrame, ruleset: str) -> int:
            raise Py4JError("Answer from Java side is empty")

    frame = lean.createDataFrame([(20,)], "age bigint")
    own = Ruleset("input", (Rule("mine", 'CustomSql "SELECT 3" = 0', "plausibility"),))
    (check,) = checks_of(own, frame, Lost(""), "charges")
    assert check.outcome == "error"
    assert check.found == "the rule could not be evaluated: Answer from Java side is empty"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "[CAST_INVALID_INPUT] The value 'secret' cannot be cast",
            "[CAST_INVALID_INPUT] The value",
        ),
        (
            'NumberFormatException: For input string: "secret"',
            "NumberFormatException: For input string:",
        ),
    ],
)
def test_a_rule_that_fails_on_a_value_is_reported_without_it(
    lean: SparkSession, reason: str, expected: str
) -> None:
    frame = lean.createDataFrame([("secret",)], "kind string")
    own = Ruleset("input", (Rule("mine", "RowCount > 0", "plausibility"),))
    told = failing(checks_of(own, frame, Stumbling(reason), "charges"))
    assert told == {"mine": f"{NOT_EVALUATED} {expected}"}


def test_a_rule_that_cannot_be_read_hides_no_other(
    lean: SparkSession, evaluator: Evaluator
) -> None:
    rules = tuple(Rule(text, text, "plausibility") for text in ("RowCount >", "RowCount > 9"))
    frame = lean.createDataFrame([(20,)], "age bigint")
    told = failing(checks_of(Ruleset("input", rules), frame, evaluator, "charges"))
    assert told["RowCount >"].startswith(f"{NOT_EVALUATED} Parsing Error")
    assert told["RowCount > 9"] == "RowCount is 1, of 1 rows"


def test_custom_rules_follow_those_of_their_table() -> None:
    rules = (
        """rules: { dear: { rule: 'Mean "charges" > 9', severity: warn }, """
        """regions: { rule: RowCount = 4, output: charges_by_region, category: completeness } }"""
    )
    contract = parse_contract(TEXT.replace("share: 0.05", f"share: 0.05, {rules}"))
    found = {ruleset.name: ruleset.rules[-1] for ruleset in rulesets(contract)}
    assert found["input"] == Rule(
        "rules.dear", 'Mean "charges" > 9', "plausibility", "warn", own=True
    )
    assert found["charges_by_region"] == Rule(
        "rules.regions", "RowCount = 4", "completeness", own=True
    )
    assert not found["charges_by_age"].name.startswith("rules.")


def test_expressions_that_evaluators_interpret_differently_are_never_written(
    contract: Contract,
) -> None:
    for ruleset in rulesets(contract):
        for rule in ruleset.rules:
            assert " between " not in rule.text
            assert "threshold" not in rule.text
            assert "Entropy" not in rule.text
        names = [rule.name for rule in ruleset.rules]
        assert len(set(names)) == len(names)


STRANGE = """
dataset: strange
prefix: Strange
source:
  format: csv
  columns:
    size.cm: {type: double, minimum: -0.0000001, maximum: 1.0e+22}
    stay: {type: integer, minimum: -9223372036854775808, maximum: 9223372036854775806}
    kind: {type: string, allowed: ["it's", 'a\\b', "ü"]}
    visits: {type: integer, maximum: 5, nullable: true}
    cost: {type: double}
measure: cost
analyses:
  by_kind: {group_by: [kind], statistics: [mean]}
"""


def test_names_numbers_and_values_of_any_kind_can_be_read_back(
    lean: SparkSession, evaluator: Evaluator
) -> None:
    contract = parse_contract(STRANGE)
    schema = "`size.cm` double, stay bigint, kind string, visits bigint, cost double"
    ruleset = input_rules(contract)
    good = [(-0.0000001, -(2**63), "it's", None, 1.0), (1e22, 2**63 - 2, "a\\b", 5, 2.0)]
    bad = [(-0.0000002, 2**63 - 1, "its", 6, 1.0), (None, 0, "ü", None, 2.0)]
    frame = lean.createDataFrame([*good, *bad], schema)
    told = failing(checks_of(ruleset, frame, evaluator, "cost"))
    assert told == dict.fromkeys(
        ("size.cm.complete", "size.cm.minimum", "stay.maximum", "kind.allowed", "visits.maximum"),
        "1 of 4 rows break it",
    )


def test_terraform_gets_the_very_texts_that_are_evaluated(contract: Contract) -> None:
    texts = json.loads(rulesets_text(contract))
    assert list(texts) == ["input", *contract.outputs]
    for ruleset in rulesets(contract):
        assert texts[ruleset.name] == ruleset.text


def test_the_laptop_says_why_there_is_no_evaluator_where_validation_looks_for_it() -> None:
    assert deequ.WITHOUT_EVALUATOR == WITHOUT_EVALUATOR


def test_without_network_a_missing_cache_is_an_error_and_a_full_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    jar = deequ.JARS[0]
    (tmp_path / jar.file).write_bytes(b"cut sho")
    with pytest.raises(deequ.NoDeequError, match=f"{jar.file} is not in {tmp_path} and cannot"):
        deequ.class_path(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [jar.file]
    if not all((deequ.CACHE / known.file).exists() for known in deequ.JARS):
        pytest.skip("there is no cache, and no network to fill it from")
    assert deequ.class_path().count(".jar") == 2


@pytest.mark.parametrize("name", ["hospital.ward", "ward `a`", ".", "区"])
def test_groups_are_unique_by_columns_of_any_name(
    name: str, store: LocalStore, lean: SparkSession, evaluator: Evaluator
) -> None:
    contract = parse_contract(f"""
dataset: dots
prefix: Dots
source:
  format: csv
  columns:
    "{name}": {{ type: string, allowed: [a, b] }}
    charges: {{ type: double, decimals: 2 }}
measure: charges
analyses:
  by_ward: {{ group_by: ["{name}"], statistics: [patients, mean] }}
""")
    data = f"{name},charges\n" + "a,1\n" * 20 + "b,2\n" * 30
    outputs = outputs_of(store, contract, {"x.csv": data.encode()})
    schema, found = typed(contract, "by_ward", outputs["by_ward"])
    schema = schema.replace(f"`{name}`", f"`{name.replace('`', '``')}`")
    ruleset = output_rules(contract, "by_ward")
    frame = frame_of(lean, schema, found)
    assert failing(checks_of(ruleset, frame, evaluator, "charges")) == {}
    twice = frame_of(lean, schema, [*found, found[0]])
    assert failing(checks_of(ruleset, twice, evaluator, "charges")).keys() == {"unique"}
