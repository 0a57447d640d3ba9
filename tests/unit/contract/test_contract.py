"""The contract is read whole, and every mistake in it is named with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from medical_charges.contract import Contract, load_contract, parse_contract
from medical_charges.contract.rules.quality import RULE_TYPES
from medical_charges.contract.schema import main as schema_main
from medical_charges.errors import ContractError
from tests.helpers import CONTRACT_FILE, ROOT, VISITS_CONTRACT_FILE

TEXT = CONTRACT_FILE.read_text()
SCHEMA: dict[str, Any] = json.loads((ROOT / "datasets" / "schema.json").read_text())

TOP_KEYS = (
    "the keys dataset, prefix, unit, source, bands, measure, analyses, comparisons, quality, "
    "disclosure, dashboard"
)
PLAIN = "text that a CSV holds without quotes: no comma, quote, line break or control character"
STATISTICS = (
    "'patients', 'share', 'mean', 'total', 'minimum', 'maximum', 'stddev', 'standard_error', "
    "'ci95' or 'median'"
)
NAME = "text that matches ^[a-z][a-z0-9_]{0,62}$"
GROUPS = "age, sex, children, smoker, region, bmi_category, age_decade"
FINITE = "a valid integer or a finite number"
NUMBER = "a valid integer or a valid number"
TYPES = "'integer', 'double', 'date', 'string'"
OUTPUTS = ", ".join(parse_contract(TEXT).outputs)
RULES = f"rules of the types {', '.join(RULE_TYPES)}"


def changed(old: str, new: str) -> str:
    """The real contract with one place changed."""
    assert TEXT.count(old) >= 1, f"{old!r} is no longer in the contract"
    return TEXT.replace(old, new, 1)


def message(text: str) -> str:
    """Return the message about a wrong contract."""
    with pytest.raises(ContractError) as caught:
        parse_contract(text, origin="there/c.yaml")
    return str(caught.value)


def complaints(text: str) -> list[str]:
    """The mistakes that are reported, each without the file's name in front."""
    lines = message(text).split("\n")
    assert all(line.startswith("there/c.yaml: ") for line in lines)
    return [line.removeprefix("there/c.yaml: ") for line in lines]


SOURCE_KEYS = (
    "the keys delimiter, quote, decimal, thousands, encoding, null_values, trim, comment, "
    "skip_lines, skip_blank_rows, multiline, format, fold_names, columns"
)
SPELLING = "text that is no value of `allowed`, stands for one alone, and is none of `null_values`"
UNITS = "text without spaces around it, digits, signs, points and commas"
SIGN = "one ASCII character that is no letter, digit, sign, point or line end"
# What is changed, into what, and then the path, what was found and what is allowed.
MISTAKES = [
    ('"yes", "no"', "true, no", "source.columns.smoker.allowed[0]", "True", "a valid string"),
    ("underweight: 18.5", "1: 18.5", "bands.bmi_category.below.1", "1", "a valid string"),
    ("    smoker: {", "    2024: {", "source.columns.2024", "2024", "a valid string"),
    ("measure:", "nonsense: 1\nmeasure:", "nonsense", "an unknown key", TOP_KEYS),
    ("format: csv", "format: csv\n  header: true", "source.header", "an unknown key",
     SOURCE_KEYS),
    ("type: integer, minimum: 0, maximum: 120", "type: integer, min: 0", "source.columns.age.min",
     "an unknown key",
     "the keys minimum, maximum, nullable, name, within, identifying, type, unit, decimal_zeros"),
    ("otherwise: obese", "otherwise: obese\n    above: 3", "bands.bmi_category.above",
     "an unknown key", "the keys column, below, otherwise, by, within"),
    ("group_by: [age]", "group_by: [age]\n    filter: x", "analyses.charges_by_age.filter",
     "an unknown key", "the keys group_by, statistics"),
    ("region: {", "region: { within: charges,", "source.columns.region.within",
     "'charges', a double",
     "age, sex, children, smoker, region, bmi_category, age_decade; band a double to group by it"),
    ("region: {", "region: { within: state,", "source.columns.region.within", "'state'",
     "age, sex, children, smoker, region, bmi_category, age_decade"),
    ("otherwise: obese", "otherwise: obese\n    within: bmi_category", "bands.bmi_category.within",
     "'bmi_category'", "another column, or a band of another"),
    ("type: integer, minimum: 0, maximum: 120", "type: integer, within: age_decade",
     "source.columns.age.within", "'age_decade'", "another column, or a band of another"),
    ("measure: charges\n", "", "measure", "nothing", "a value is required here"),
    ("measure: charges", "measure: cost", "measure", "'cost'", "age, bmi, children, charges"),
    ("measure: charges", "measure: sex", "measure", "'sex'", "age, bmi, children, charges"),
    ("charges: { ", "charges: { nullable: true, ", "measure", "a nullable column",
     "a column that is never empty"),
    ("bmi: { ", "bmi: { nullable: true, ", "bands.bmi_category.column", "a nullable column",
     "a column that is never empty"),
    ("patients, mean, ci95", "patients, mode, ci95", "analyses.charges_by_age.statistics[1]",
     "'mode'", STATISTICS),
    ("group_by: [age]", "group_by: [bmi]", "analyses.charges_by_age.group_by[0]", "'bmi', a double",
     f"{GROUPS}; band a double to group by it"),
    ("group_by: [age]", "group_by: [country]", "analyses.charges_by_age.group_by[0]", "'country'",
     GROUPS),
    *(
        (
            "\nanalyses:\n",
            f"\nanalyses:\n  {name}: {{ group_by: [sex], statistics: [mean] }}\n",
            f"analyses.{name}",
            found,
            "a name of its own",
        )
        for name, found in (
            ("comparisons", "the name of the comparisons' output"),
            ("input", "what the accepted rows are called"),
        )
    ),
    ("[age]", "[age, age]", "analyses.charges_by_age.group_by", "a list", "each entry once"),
    ("[age]", "[]", "analyses.charges_by_age.group_by", "an empty list", "at least one entry"),
    ("[age]", "age", "analyses.charges_by_age.group_by", "'age'", "a list"),
    ("[patients, mean, ci95, median]", "[mean, median]", "analyses.charges_by_age.statistics",
     "'median' without 'patients'", "both: a median is shown if people are enough"),
    ("[patients, mean, ci95, median]", "[mean, mean]", "analyses.charges_by_age.statistics",
     "a list", "each entry once"),
    ("normal: 25", "normal: 18.5", "bands.bmi_category.below", "18.5, 18.5, 30",
     "edges in rising order"),
    ("normal: 25", "normal: 31", "bands.bmi_category.below", "18.5, 31, 30",
     "edges in rising order"),
    ("normal: 25", "normal: .nan", "bands.bmi_category.below.normal", "nan", FINITE),
    ("normal: 25", "normal: wide", "bands.bmi_category.below.normal", "'wide'", NUMBER),
    ("normal: 25", "No: 25", "bands.bmi_category.below.No", "'No'", NAME),
    ("normal: 25", "a-b: 25", "bands.bmi_category.below.a-b", "'a-b'", NAME),
    ("otherwise: obese", "otherwise: normal", "bands.bmi_category.otherwise", "'normal'",
     "a label not used in below"),
    ("column: bmi", "column: sex", "bands.bmi_category.column", "'sex'",
     "age, bmi, children, charges"),
    ("maximum: 120", "maximum: 1.5", "source.columns.age.maximum", "1.5", "a valid integer"),
    ("maximum: 120", "maximum: 'x'", "source.columns.age.maximum", "'x'", "a valid integer"),
    ("maximum: 120", "maximum: 9223372036854775808", "source.columns.age.maximum",
     "9223372036854775808", "less than or equal to 9223372036854775807"),
    ("minimum: 0, maximum: 120", "minimum: 121, maximum: 120", "source.columns.age",
     "minimum 121 over maximum 120", "a minimum up to the maximum"),
    ("minimum: 10", "minimum: -.inf", "source.columns.bmi.minimum", "-inf", FINITE),
    ("minimum: 10", "minimum: 1" + "0" * 400, "source.columns.bmi.minimum", "1" + "0" * 76 + "...",
     "less than or equal to 9007199254740992 or a valid number"),
    ("decimals: 6", "decimals: 10", "source.columns.charges.decimals", "10",
     "less than or equal to 9"),
    ("type: integer, minimum", "type: int, minimum", "source.columns.age", "a mapping",
     f"Input tag 'int' found using 'type' does not match any of the expected tags: {TYPES}"),
    ("type: integer, minimum", "minimum", "source.columns.age", "a mapping",
     f"the key type: {TYPES}"),
    ("{ type: integer, minimum: 0, maximum: 120 }", "integer", "source.columns.age", "'integer'",
     "a mapping"),
    ("[female, male]", "[female, female]", "source.columns.sex.allowed", "'female' twice",
     "each value once"),
    ("[female, male]", "['a,b']", "source.columns.sex.allowed", "'a,b'", PLAIN),
    ("[female, male]", "[]", "source.columns.sex.allowed", "an empty list", "at least one entry"),
    ("[female, male]", "[1]", "source.columns.sex.allowed[0]", "1", "a valid string"),
    *(
        ("[female, male]", f"[female, male], spellings: {{ {said} }}",
         f"source.columns.sex.spellings{key}", found, allowed)
        for said, key, found, allowed in (
            ("woman: w", ".woman", "'woman'", "a text of `allowed`: female, male"),
            ("male: female", ".male", "'female'", SPELLING),
            ("male: [m, m]", ".male", "'m'", SPELLING),
            ("male: m, female: [f, m]", ".female", "'m'", SPELLING),
            ("male: true", ".male", "True", "a valid string or a list"),
            ("male: [1]", ".male[0]", "1", "a valid string"),
            ("male: []", ".male", "an empty list", "a valid string or at least one entry"),
        )
    ),
    ("allowed: [female, male]", "spellings: { male: m }", "source.columns.sex.spellings.male",
     "'male'", "a text of `allowed`: which is missing"),
    ("    sex: {", "    'se,x': {", "source.columns.se,x", "'se,x'", PLAIN),
    ("    sex: {", "    ' sex': {", "source.columns. sex", "' sex'",
     "a column's name without spaces around it"),
    ("    sex: {", "    '*': {", "source.columns.*", "'*'", "a name, not a pattern of names"),
    ("format: csv", "format: json", "source.format", "'json'", "'csv'"),
    *(
        ("format: csv", f"format: csv\n  {said}", f"source.{key}", found, allowed)
        for said, key, found, allowed in (
            ('delimiter: "::"', "delimiter", "'::'", SIGN),
            ("delimiter: e", "delimiter", "'e'", SIGN),
            ("delimiter: é", "delimiter", "'é'", SIGN),
            ("quote: ''", "quote", "''", SIGN),
            ('comment: "-"', "comment", "'-'", SIGN),
            ("decimal: ','", "decimal", "','", "another character than that of `delimiter`"),
            ("comment: ','", "comment", "','", "another character than that of `delimiter`"),
            ("decimal: x", "decimal", "'x'", "'.' or ','"),
            ("thousands: '.'", "thousands", "'.'", "no decimal sign and no quote"),
            ("null_values: [1]", "null_values[0]", "1", "a valid string"),
            ("null_values: [female]", "columns.sex.allowed", "'female'",
             "no text of `null_values`"),
            ("skip_lines: -1", "skip_lines", "-1", "greater than or equal to 0"),
            ("comment: '#'\n  multiline: true", "comment", "'#'",
             "no comments where `multiline: true` joins lines"),
        )
    ),
    ("maximum: 120", "maximum: 120, name: sex", "source.columns.sex",
     "'sex', which age is called too", "a name of its own"),
    *(
        ("maximum: 120", f"maximum: 120, {said}", f"source.columns.age{key}", found, allowed)
        for said, key, found, allowed in (
            ("name: ' a'", ".name", "' a'", "a name without spaces around it"),
            ("name: []", ".name", "an empty list", "a valid string or at least one entry"),
            ("name: [Patient name]", "", "a person's name, by its name",
             "no such column, or the key `identifying` that says why it must be there"),
            ("unit: '1'", ".unit", "'1'", UNITS),
            ("unit: ' y'", ".unit", "' y'", UNITS),
        )
    ),
    ("dataset: medical_charges", "dataset: Medical", "dataset", "'Medical'", NAME),
    ("prefix: MedicalCharges", "prefix: a/b", "prefix", "'a/b'",
     "text that matches ^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"),
    ("0.05", "1.5", "quality.maximum_rejected_share", "1.5", "less than or equal to 1"),
    ("0.05", "0.05, maximum_removed_share: 1.5", "quality.maximum_removed_share", "1.5",
     "less than or equal to 1"),
    ("0.05", "-1", "quality.maximum_rejected_share", "-1", "greater than or equal to 0"),
    ("0.05", "true", "quality.maximum_rejected_share", "True", "a valid number"),
    ("minimum_cell: 11", "minimum_cell: 0", "disclosure.minimum_cell", "0",
     "greater than or equal to 1"),
    ("minimum_cell: 11", "minimum_cell: 2.5", "disclosure.minimum_cell", "2.5", "a valid integer"),
    ("extremes: publish", "extremes: hide", "disclosure.extremes", "'hide'",
     "'publish' or 'suppress'"),
    ("{ age: 90 }", "{ bmi: 90 }", "disclosure.top_code.bmi", "'bmi'", "age, children"),
    ("{ age: 90 }", "{ age: old }", "disclosure.top_code.age", "'old'", "a valid integer"),
    *(
        (
            "share: 0.05",
            f"share: 0.05, rules: {{ mine: {{ {rule} }} }}",
            f"quality.rules.mine{key}",
            *rest,
        )
        for rule, key, *rest in (
            ("rule: RowCount > 0, output: by_sex", ".output", "'by_sex'", OUTPUTS),
            ("rule: RowCount > 0, severity: halt", ".severity", "'halt'", "'warn' or 'fail'"),
            ("rule: DetectAnomalies > 0", ".rule", "'DetectAnomalies'", RULES),
            ("rule: 'Entropy \"age\" > 1'", ".rule", "'Entropy'", RULES),
            ("rule: 1 > 0", ".rule", "'1 > 0'", RULES),
            ("rule: RowCount > avg(last(3))", ".rule", "what earlier runs gave", "numbers"),
            (
                """rule: 'ColumnValues "age" > 1 with threshold > 0.5'""",
                ".rule",
                "a threshold",
                "a rule for all rows; `CustomSql` can count those that break it",
            ),
        )
    ),
    ("filters: [region", "filters: [country", "dashboard.filters[0]", "'country'", GROUPS),
    ("filters: [region", "filters: [bmi", "dashboard.filters[0]", "'bmi', a double",
     f"{GROUPS}; band a double to group by it"),
    ("filters: [region", "filters: [sex", "dashboard.filters", "a list", "each entry once"),
    ("[female, male]", "[female, male, all]", "dashboard.filters[1]",
     "'sex', which has the group 'all'",
     "no group of that name: it stands for everybody where sex is no filter"),
    ("{ age: age_decade }", "{ age: bmi_category }", "dashboard.filtered_as.age", "'bmi_category'",
     "a band of age: age_decade"),
    ("{ age: age_decade }", "{ age: decade }", "dashboard.filtered_as.age", "'decade'",
     "a band of age: age_decade"),
    ("group_by: [age]", "group_by: [age, age_decade]", "dashboard.filtered_as.age",
     "'age_decade', which charges_by_age groups by next to age",
     "a band that no analysis groups by next to age"),
    ("{ age: age_decade }", "{ children: age_decade }", "dashboard.filtered_as.children",
     "'children'", "bmi, age"),
    (
        "charges_by_age: line",
        "by_age: line",
        "dashboard.charts.by_age",
        "'by_age'",
        (
            "charges_by_region, charges_by_bmi_category, charges_by_age, smokers_by_region, "
            "charges_by_sex_and_smoker"
        ),
    ),
    ("charges_by_age: line", "charges_by_age: radar", "dashboard.charts.charges_by_age", "'radar'",
     "'bars', 'pie' or 'line'"),
    (
        "bmi_category: BMI category",
        "bmi_band: BMI category",
        "dashboard.names.bmi_band",
        "'bmi_band'",
        (
            "age, sex, bmi, children, smoker, region, charges, bmi_category, age_decade, "
            "charges_by_region, charges_by_bmi_category, charges_by_age, smokers_by_region, "
            "charges_by_sex_and_smoker, share_of_smokers"
        ),
    ),
    ("sex: { female: Women", "gender: { female: Women", "dashboard.labels.gender", "'gender'",
     "age, sex, bmi, children, smoker, region, charges, bmi_category, age_decade"),
    ("male: Men", "man: Men", "dashboard.labels.sex.man", "'man'", "female, male"),
    ("female: Women", """female: "Women's \\"own\\" ward\"""", "dashboard.labels.sex.female",
     "'Women\\'s \"own\" ward'", "text with one kind of quotes"),
    ("smoker: Smoking", "smoker: region", "dashboard.names.smoker",
     "'region', which region is called too",
     "a name that tells it from region, which is shown with it"),
    ("title: Medical charges", f"title: {'w' * 129}", "dashboard.title", f"'{'w' * 76}...",
     "128 characters at most"),
    ("smokers_by_region: bars", "smokers_by_region: pie", "dashboard.charts.smokers_by_region",
     "'pie' of an analysis by region and smoker", "'bars', 'line', or an analysis by one column"),
    ("[patients, share, mean, stddev]", "[mean, stddev]",
     "dashboard.charts.charges_by_bmi_category", "'pie' of mean, stddev",
     "'bars', 'line', or an analysis with patients or share"),
    ("share_of_smokers: { column: smoker", "share_of_smokers: { column: children",
     "dashboard.shares.share_of_smokers.column", "'children'", "region, sex, smoker"),
    ('group: "yes"', 'group: "often"', "dashboard.shares.share_of_smokers.group", "'often'",
     "yes, no"),
    ('group: "yes"', "group: true", "dashboard.shares.share_of_smokers.group", "True",
     "a valid string or a valid integer"),
    ("title: Medical charges", "title: ''", "dashboard.title", "''",
     "String should have at least 1 character"),
]  # fmt: skip

CROSSING = """
  seniority:
    column: age
    below: { junior: 35 }
    otherwise: senior
measure: charges
"""


def test_bands_whose_edges_cross_are_refused_because_a_difference_would_be_a_group() -> None:
    text = changed("\nmeasure: charges\n", CROSSING)
    parse_contract(text)  # nothing is grouped by it
    twin = "  twin: { group_by: [seniority], statistics: [mean] }"
    text = text.replace("analyses:", f"analyses:\n{twin}")
    allowed = "only edges of age_decade, or all of them and more: 20, 30, 40, 50, 60"
    assert complaints(text) == [f"bands.seniority.below: found 35; allowed: {allowed}"]
    parse_contract(text.replace("junior: 35", "junior: 40"))
    parse_contract(text.replace("junior: 35", "junior: 39.5"))  # the same of whole numbers


def test_an_edge_over_the_top_code_is_refused() -> None:
    assert complaints(changed("{ age: 90 }", "{ age: 59 }")) == [
        "bands.age_decade.below: found 60; allowed: edges up to 59, from where age is one group"
    ]
    parse_contract(changed("{ age: 90 }", "{ age: 60 }"))


LONG = "a_column_whose_name_is_rather_long_and_thoroughly_chosen"


def test_cubes_are_named_by_their_columns_and_shared_by_analyses(contract: Contract) -> None:
    filters = ("region", "sex", "smoker")
    assert contract.cubes == {
        "cube_region_sex_smoker": filters,
        "cube_region_sex_smoker_bmi_category": (*filters, "bmi_category"),
        "cube_region_sex_smoker_age_decade": (*filters, "age_decade"),
    }
    assert {contract.cube_of(name) for name in contract.analyses} == set(contract.cubes)
    assert contract.cube_of("smokers_by_region") == "cube_region_sex_smoker"
    assert contract.cube_of("charges_by_age") == "cube_region_sex_smoker_age_decade"
    assert contract.outputs["cube_region_sex_smoker"].header == (
        *filters,
        "patients",
        "sum_charges",
        "m2_charges",
    )


def test_only_the_finest_cubes_are_counted_and_the_others_added_up(contract: Contract) -> None:
    sets = {frozenset(names) for names in contract.grouping_sets}
    assert frozenset({"region", "sex", "smoker"}) not in sets
    assert frozenset({"region", "sex", "smoker", "age_decade"}) in sets


def test_without_filters_there_are_no_cubes() -> None:
    contract = parse_contract(TEXT.partition("dashboard:")[0])
    assert contract.cubes == {}
    assert contract.cube_of("charges_by_age") is None


CHINESE = """
dataset: visits
prefix: Visits
source:
  format: csv
  columns:
    年齡: { type: integer, minimum: 0, maximum: 120 }
    性別: { type: string, allowed: [女, 男] }
    地區: { type: string, allowed: [東, 西] }
    費用: { type: double, minimum: 0, decimals: 2 }
measure: 費用
analyses:
  by_region: { group_by: [地區], statistics: [patients, mean] }
  by_age: { group_by: [年齡], statistics: [patients, mean] }
dashboard: { filters: [性別] }
"""


def test_cubes_whose_columns_make_the_same_name_are_told_apart() -> None:
    contract = parse_contract(CHINESE)
    assert list(contract.cubes.values()) == [("性別",), ("性別", "地區"), ("性別", "年齡")]
    plain, *others = contract.cubes
    assert plain == "cube___"
    assert all(re.fullmatch("cube_______[0-9a-f]{6}", name) for name in others)
    assert contract.cube_of("by_age") == others[1]
    assert set(contract.cubes) <= set(contract.outputs)
    alone = parse_contract(CHINESE.replace("  by_region: { group_by: [地區]", "  #"))
    assert list(alone.cubes) == ["cube___", "cube______"]


def test_a_column_with_blanks_and_capitals_gives_its_cube_a_valid_name() -> None:
    contract = load_contract(VISITS_CONTRACT_FILE)
    assert contract.cubes["cube_insured_clinic_code"] == ("insured", "Clinic Code")


@pytest.mark.parametrize(
    ("text", "found", "allowed"),
    [
        (
            TEXT.replace("children", LONG).replace("[region, sex", f"[{LONG}, sex"),
            f"filters that make a cube of {LONG}, sex, smoker, called 'cube_{LONG}_sex_smoker'",
            "names that come to 63 characters at most",
        ),
        (
            TEXT.replace("charges_by_age:", "cube_region_sex_smoker:"),
            "filters that make a cube of region, sex, smoker, called 'cube_region_sex_smoker'",
            "no analysis of that name",
        ),
        (
            TEXT.replace("children", "patients").replace("[region, sex", "[patients, sex"),
            "filters that make a cube of patients, sex, smoker, called 'cube_patients_sex_smoker'",
            "no column named like one of its figures",
        ),
    ],
    ids=["a name too long", "an analysis' name", "a figure's name"],
)
def test_cubes_that_cannot_be_called_by_their_columns_are_refused(
    text: str, found: str, allowed: str
) -> None:
    assert f"dashboard.filters: found {found}; allowed: {allowed}" in complaints(text)


@pytest.mark.parametrize(
    ("old", "new", "path", "found", "allowed"), MISTAKES, ids=[f"{m[2]}={m[3]}" for m in MISTAKES]
)
def test_a_mistake_is_reported_with_its_path_what_was_found_and_what_is_allowed(
    old: str, new: str, path: str, found: str, allowed: str
) -> None:
    assert f"{path}: found {found}; allowed: {allowed}" in complaints(changed(old, new))


def test_two_columns_that_lie_within_each_other_are_refused() -> None:
    text = changed("region: {", "region: { within: sex,").replace(
        "sex: {", "sex: { within: region,"
    )
    found = (
        "found 'region', which lies within sex itself; allowed: the coarser one of the two alone"
    )
    assert f"source.columns.sex.within: {found}" in complaints(text)


def test_names_that_differ_by_capitals_alone_are_one_where_capitals_do_not_matter() -> None:
    text = changed("format: csv", "format: csv\n  fold_names: true").replace("  sex: {", "  AGE: {")
    assert "source.columns.AGE: found 'AGE', which age is called too" in message(text)


def test_a_column_may_be_called_as_another_that_is_never_shown_with_it(contract: Contract) -> None:
    assert contract.called("age") == contract.called("age_decade") == "Age"


def test_columns_of_a_cube_that_are_called_the_same_are_refused() -> None:
    text = changed("age_decade: Age", "age_decade: Sex")
    found = "found 'Sex', which sex is called too"
    assert f"dashboard.names.age_decade: {found}" in message(text)


def test_shares_that_are_called_the_same_are_refused() -> None:
    text = changed("  shares:\n", '  shares:\n    other: { column: smoker, group: "no" }\n')
    text = text.replace("smoker: Smoking", "smoker: Smoking\n    other: Share of Smokers")
    found = "found 'Share of smokers', which other is called too"
    assert f"dashboard.names.share_of_smokers: {found}" in message(text)


def test_a_spelling_that_trimming_leaves_no_field_for_is_refused() -> None:
    spelled = changed("[female, male]", "[female, male], spellings: { male: [m, ' x'] }")
    assert not parse_contract(spelled).source.trim
    allowed = "text without spaces around it, which `trim` removes"
    said = f"source.columns.sex.spellings.male: found ' x'; allowed: {allowed}"
    assert complaints(spelled.replace("format: csv", "format: csv\n  trim: true")) == [said]


@pytest.mark.parametrize("label", ["Women's", 'The "ward"'])
def test_a_label_may_hold_one_kind_of_quotes(label: str) -> None:
    assert parse_contract(changed("female: Women", f"female: {json.dumps(label)}"))


def test_a_columns_name_has_no_more_characters_than_a_dashboard_takes() -> None:
    text = changed("    children: {", f"    {'c' * 101}: {{")
    allowed = "allowed: a name of 100 characters at most"
    assert any(line.endswith(allowed) for line in complaints(text))


@pytest.mark.parametrize(
    "tail",
    ["[a: b", "? {a: b}\n: 1", "x: 2020-13-45", "x: " + "9" * 5000, "[" * 1000, "a: \0", "\t- x"],
)
def test_a_text_that_is_not_yaml_is_refused_in_one_line(tail: str) -> None:
    said = message(tail)
    assert said.startswith("there/c.yaml: not a YAML file: ")
    assert "\n" not in said


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    line = TEXT.count("\n") + 1
    assert message(TEXT + "measure: bmi\n") == (
        'there/c.yaml: not a YAML file: found duplicate key "measure" with value "bmi" '
        f'(original value: "charges") (line {line}, column 1)'
    )


@pytest.mark.parametrize(("text", "found"), [("", "None"), ("- a", "a list"), ("hello", "'hello'")])
def test_a_yaml_that_is_no_mapping_is_refused_with_the_keys_of_a_contract(
    text: str, found: str
) -> None:
    assert complaints(text) == [f"found {found}; allowed: {TOP_KEYS}"]


def test_a_bare_yes_or_no_is_the_text_that_it_is_in_quotes(contract: Contract) -> None:
    bare = TEXT.replace('"yes"', "yes").replace('"no"', "no")
    assert bare != TEXT
    assert parse_contract(bare).contract_hash == contract.contract_hash


@pytest.mark.parametrize("word", ["true", "yes", "on"])
def test_a_truth_may_be_written_as_a_word(word: str) -> None:
    assert parse_contract(
        changed("format: csv", f"format: csv\n  multiline: {word}")
    ).source.multiline


def test_a_list_of_some_wrong_entries_is_not_called_short() -> None:
    assert complaints(changed("[female, male]", "[1]")) == [
        "source.columns.sex.allowed[0]: found 1; allowed: a valid string"
    ]


def test_all_mistakes_of_a_file_are_reported_together() -> None:
    text = changed("measure: charges", "meassure: charges")
    text = text.replace("column: bmi", "colum: bmi").replace("format: csv", "format: tsv")
    text = text.replace('"yes", "no"', "true, 0", 1).replace("age: 90", "age: old")
    assert {complaint.split(": found ")[0] for complaint in complaints(text)} == {
        "meassure",
        "measure",
        "bands.bmi_category.colum",
        "bands.bmi_category.column",
        "source.format",
        "source.columns.smoker.allowed[0]",
        "source.columns.smoker.allowed[1]",
        "disclosure.top_code.age",
    }


def test_all_contradictions_of_a_well_formed_file_are_reported_together() -> None:
    text = changed("measure: charges", "measure: cost").replace("group_by: [age]", "group_by: [x]")
    text = text.replace("normal: 25", "normal: 5").replace("age: 90", "sex: 1")
    assert {complaint.split(": found ")[0] for complaint in complaints(text)} == {
        "measure",
        "analyses.charges_by_age.group_by[0]",
        "bands.bmi_category.below",
        "disclosure.top_code.sex",
    }


@pytest.mark.parametrize("name", ["integer", "double", "string", "int", "float"])
def test_a_column_that_is_called_like_a_type_keeps_its_place_in_the_path(name: str) -> None:
    text = changed(
        "    children: { type: integer, minimum: 0", f"    {name}: {{ type: integer, minimum: z"
    )
    assert f"source.columns.{name}.minimum: found 'z'; allowed: a valid integer" in complaints(text)


def test_a_file_that_is_missing_or_no_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ContractError, match=r"c\.yaml: cannot be read as a contract: No such file"):
        load_contract(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractError, match=r"c\.yaml: cannot be read as a contract: not UTF-8"):
        load_contract(path)


def test_the_schema_in_the_repository_is_that_of_the_types(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schema_main(["--check", str(ROOT / "datasets" / "schema.json")]) == 0
    stale = tmp_path / "schema.json"
    stale.write_text("{}\n")
    assert schema_main(["--check", str(stale)]) == 1
    assert "make format" in capsys.readouterr().err
    assert schema_main([str(stale)]) == 0
    assert json.loads(stale.read_text()) == SCHEMA


def test_the_schema_accepts_the_contract() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert not list(Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(TEXT)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("measure: charges\n", ""),
        ("measure:", "nonsense: 1\nmeasure:"),
        ('"yes", "no"', "true, 0"),
        ("patients, mean, ci95", "patients, mode, ci95"),
        ("type: integer, minimum", "type: int, minimum"),
        ("maximum: 120", "maximum: 1.5"),
        ("decimals: 6", "decimals: 10"),
        ("[age]", "[]"),
        ("0.05", "1.5"),
        ("extremes: publish", "extremes: hide"),
        ("dataset: medical_charges", "dataset: Medical"),
        ("normal: 25", "normal: wide"),
    ],
)
def test_the_schema_refuses_mistakes_that_an_editor_can_find(old: str, new: str) -> None:
    broken = yaml.safe_load(changed(old, new))
    assert list(Draft202012Validator(SCHEMA).iter_errors(broken))


ADMITTED = "    admitted: { type: date, identifying: made up, ENDS }\n"
DATED = changed("    region: {", f"{ADMITTED}    region: {{").replace(
    "\nbands:\n", "\nbands:\n  period: { column: admitted, BAND }\n", 1
)
ENDS = "minimum: 2024-01-01, maximum: 2025-12-31"
EDGES = "below: { a: 2024-12-31 }, otherwise: b"
DAYS = {
    ("minimum: 2024-01-01", "by: year"): "source.columns.admitted: found no minimum or no maximum; "
    "allowed: the first and the last day, from which the years follow",
    ("minimum: 2024-01-01, maximum: 2024-12-31", "by: year"): "bands.period.by: found 'year'; "
    "allowed: two to 120 years from the minimum to the maximum",
    ("minimum: 2014-01-01, maximum: 2024-01-31", "by: month"): "bands.period.by: found 'month'; "
    "allowed: two to 120 months from the minimum to the maximum",
    (ENDS, f"by: year, {EDGES}"): "bands.period: found edges and `by`; allowed: either of the two",
    ("minimum: 2025-01-01, maximum: 2024-12-31", "by: year"): "source.columns.admitted: found "
    "minimum 2025-01-01 over maximum 2024-12-31; allowed: a minimum up to the maximum",
    ("minimum: 20251399", EDGES): "source.columns.admitted.minimum: found 20251399; allowed: a day "
    "such as 2026-01-31",
    (
        "maximum: '2025-02-31'",
        EDGES,
    ): "source.columns.admitted.maximum: found '2025-02-31'; allowed: a day such as 2026-01-31",
    (ENDS, "below: { a: 30 }, otherwise: b"): "bands.period.below.a: found 30; allowed: a day such "
    "as 2026-01-31",
    (ENDS, "below: { a: 20250231 }, otherwise: b"): "bands.period.below.a: found 20250231; "
    "allowed: a day such as 2026-01-31",
    (ENDS, "below: { a: 2025-02-01, b: 2025-01-01 }, otherwise: c"): "bands.period.below: found "
    "2025-02-01, 2025-01-01; allowed: edges in rising order",
    (ENDS, "by: week"): "bands.period.by: found 'week'; allowed: 'year', 'quarter' or 'month'",
    (ENDS, "otherwise: after"): "bands.period.below: found nothing; allowed: a value is required "
    "here",
    ("minimum: 2025-01-01, maximum: 2024-12-31", EDGES): "source.columns.admitted: found minimum "
    "2025-01-01 over maximum 2024-12-31; allowed: a minimum up to the maximum",
    ("format: '%d.%m.%y'", EDGES): "source.columns.admitted.format: found '%d.%m.%y'; allowed: "
    "'%Y-%m-%d', '%Y/%m/%d', '%Y.%m.%d', '%Y%m%d', '%d.%m.%Y', '%d/%m/%Y', '%d-%m-%Y', "
    "'%m/%d/%Y' or '%m-%d-%Y'",
}


@pytest.mark.parametrize(("ends", "band"), DAYS)
def test_a_mistake_about_days_is_named(ends: str, band: str) -> None:
    assert complaints(DATED.replace("ENDS", ends).replace("BAND", band)) == [DAYS[ends, band]]


NEITHER = {
    ("group_by: [age]", "group_by: [admitted]"): "analyses.charges_by_age.group_by[0]: found "
    "'admitted', a date; allowed: age, sex, children, smoker, region, period, bmi_category, "
    "age_decade; band a date to group by it",
    ("normal: 25", "normal: 2025-01-01"): "bands.bmi_category.below.normal: found 2025-01-01; "
    "allowed: a number",
    ("identifying: made up, ", ""): "source.columns.admitted: found a date; allowed: the key "
    "`identifying` that says why a day in somebody's life must be there",
    ("measure: charges", "measure: admitted"): "measure: found 'admitted'; allowed: age, bmi, "
    "children, charges",
    ("column: bmi\n", "column: bmi\n    by: year\n"): "bands.bmi_category.by: found 'year'; "
    "allowed: periods of a column of type date",
}


@pytest.mark.parametrize(("old", "new"), NEITHER)
def test_a_day_is_neither_a_group_nor_a_measure(old: str, new: str) -> None:
    dated = DATED.replace("ENDS", ENDS).replace("BAND", "by: quarter").replace(old, new, 1)
    assert complaints(dated) == [NEITHER[old, new]]


def test_other_periods_are_other_partials() -> None:
    year, quarter = (
        parse_contract(DATED.replace("ENDS", ENDS).replace("BAND", f"by: {by}"))
        for by in ("year", "quarter")
    )
    assert year.bands["period"].labels == ("2024", "2025")
    assert year.schema_hash != quarter.schema_hash


SHAPE_CHANGES = {
    "a band's edge": ("normal: 25", "normal: 24"),
    "a band's label": ("otherwise: obese", "otherwise: heavy"),
    "a column's rule": ("maximum: 120", "maximum: 110"),
    "the values allowed": ("[female, male]", "[female, male, other]"),
    "a further spelling": ("[female, male]", "[female, male], spellings: { male: m }"),
    "the decimals": ("decimals: 6", "decimals: 2"),
    "multiline": ("format: csv", "format: csv\n  multiline: true"),
    "the delimiter": ("format: csv", "format: csv\n  delimiter: ;"),
    "a name in the header": ("maximum: 120", "maximum: 120, name: Age"),
    "a unit": ("maximum: 120", "maximum: 120, unit: y"),
    "fractions of zeros": ("maximum: 120", "maximum: 120, decimal_zeros: true"),
    "capitals of names": ("format: csv", "format: csv\n  fold_names: true"),
    "the words for nothing": ("format: csv", "format: csv\n  null_values: [NA]"),
    "the measure": ("measure: charges", "measure: bmi"),
    "a grouping": ("group_by: [age]", "group_by: [children]"),
    "a filter": ("filters: [region, sex, smoker]", "filters: [region, sex, smoker, children]"),
}
OTHER_CHANGES = {
    "the share of bad rows": ("0.05", "0.5"),
    "the share of people who may go": ("0.05", "0.05, maximum_removed_share: 0.9"),
    "what twins do": ("0.05", "0.05, duplicates: refuse"),
    "a rule of one's own": ("0.05", "0.05, rules: { some: { rule: RowCount > 9 } }"),
    "the least cell": ("minimum_cell: 11", "minimum_cell: 5"),
    "the extremes": ("extremes: publish", "extremes: suppress"),
    "rows per person": ("disclosure: {", "unit: stay\ndisclosure: { rows_per_person: 2,"),
    "what a row is": ("disclosure: {", "unit: patient\ndisclosure: { rows_per_person: 1,"),
    "the top code": ("age: 90", "age: 85"),
    "a statistic": ("[patients, mean, ci95, median]", "[patients, mean, median]"),
    "the prefix": ("prefix: MedicalCharges", "prefix: Other"),
    "what is drawn": ("charges_by_bmi_category: pie", "charges_by_bmi_category: bars"),
}


@pytest.mark.parametrize("what", SHAPE_CHANGES)
def test_settings_that_change_partials_change_the_schema_hash_and_the_contract_hash(
    what: str, contract: Contract
) -> None:
    other = parse_contract(changed(*SHAPE_CHANGES[what]))
    assert other.schema_hash != contract.schema_hash
    assert other.contract_hash != contract.contract_hash


@pytest.mark.parametrize("what", OTHER_CHANGES)
def test_settings_that_are_applied_to_partials_change_the_contract_hash_only(
    what: str, contract: Contract
) -> None:
    other = parse_contract(changed(*OTHER_CHANGES[what]))
    assert other.schema_hash == contract.schema_hash
    assert other.contract_hash != contract.contract_hash


def test_an_analysis_may_be_renamed_without_reading_anything_again(contract: Contract) -> None:
    other = parse_contract(TEXT.replace("charges_by_age:", "by_age:"))
    assert other.schema_hash == contract.schema_hash
    assert other.contract_hash != contract.contract_hash


def test_a_plain_dialect_that_is_spelled_out_reads_nothing_again(contract: Contract) -> None:
    keys = ('delimiter: ","', "quote: '\"'", 'decimal: "."', "encoding: utf-8", "skip_lines: 0")
    other = parse_contract(changed("format: csv", "\n  ".join(["format: csv", *keys])))
    assert other.schema_hash == contract.schema_hash
    assert other.contract_hash == contract.contract_hash


def test_how_the_file_is_written_changes_neither_shape_nor_fingerprint(contract: Contract) -> None:
    raw = yaml.safe_load(TEXT)
    other = parse_contract(yaml.safe_dump(raw, sort_keys=False))
    assert (other.schema_hash, other.contract_hash) == (
        contract.schema_hash,
        contract.contract_hash,
    )


# --- what a row is


EARLIER = (
    TEXT.replace(TEXT.partition("  source:\n")[2].partition("  filters:")[0], "")
    .replace("  source:\n  filters:", "  filters:")
    .replace(", median]", "]")
)
EARLIER = re.sub("  southeast_southwest.*\n", "", EARLIER)
"""The real contract before it said where its data comes from, asked for medians, and compared two
regions."""


def test_contracts_of_earlier_versions_keep_their_hash(contract: Contract) -> None:
    """Or the next run would be of another contract than the live one, and read all rows again."""
    earlier = "3f2514e8efd80378e8f6b382ed683a41"
    assert parse_contract(EARLIER).contract_hash == earlier
    said = EARLIER.replace("minimum_cell: 11", "rows_per_person: 1, minimum_cell: 11")
    said = said.replace("0.05", "0.05, maximum_removed_share: 0.5")
    assert parse_contract(f"{said}\nunit: person\n").contract_hash == earlier
    assert contract.contract_hash != earlier
    sourced = parse_contract(TEXT.replace(", median]", "]"))
    assert sourced.schema_hash == parse_contract(EARLIER).schema_hash


@pytest.mark.parametrize(
    ("unit", "units"),
    [
        ("stay", "stays"),
        ("person-year", "person-years"),
        ("hospital visit", "hospital visits"),
        ("delivery", "deliveries"),
        ("diagnosis code", "diagnosis codes"),
        ("branch", "branches"),
        ("{ one: index case, many: index cases }", "index cases"),
        ("{ one: child, many: children }", "children"),
    ],
)
def test_a_row_is_what_the_contract_says(unit: str, units: str) -> None:
    text = changed("minimum_cell: 11", "minimum_cell: 11, rows_per_person: 5")
    contract = parse_contract(f"{text}\nunit: {unit}\n")
    assert contract.units == units
    assert contract.disclosure.minimum_rows == 55


def test_rows_of_people_need_no_words(contract: Contract) -> None:
    assert (contract.units, contract.disclosure.minimum_rows) == ("people", 11)


@pytest.mark.parametrize(
    ("unit", "complaint"),
    [
        (
            "stay",
            (
                "disclosure.rows_per_person: found nothing; "
                "allowed: the largest number of stays that one person may have"
            ),
        ),
        ("Stay", "unit: found 'Stay'; allowed: text that matches ^[a-z]+([ -][a-z]+)*$"),
        ("{ one: child }", "unit.many: found nothing; allowed: a value is required here"),
    ],
)
def test_what_a_row_is_has_to_be_said_whole(unit: str, complaint: str) -> None:
    assert any(found.startswith(complaint) for found in complaints(f"{TEXT}\nunit: {unit}\n"))


def test_a_person_cannot_have_several_rows_that_are_people() -> None:
    text = changed("minimum_cell: 11", "minimum_cell: 11, rows_per_person: 3")
    assert complaints(text) == [
        "unit: found 'person'; allowed: another noun, as a person may have 3 rows"
    ]


def test_comments_and_titles_of_outputs_say_what_rows_are() -> None:
    text = changed("disclosure: {", "unit: stay\ndisclosure: { rows_per_person: 5,")
    outputs = parse_contract(text).outputs.values()
    said = " ".join(f"{it.title} {it.comment}" for output in outputs for it in output.columns)
    assert not re.search("people|person|everybody", said, re.IGNORECASE)
    patients = next(it for output in outputs for it in output.columns if it.name == "patients")
    assert (patients.title, patients.comment) == ("Stays", "Stays in the group")
    assert "all for all stays" in said
