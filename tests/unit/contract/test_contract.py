"""The contract is read whole, and every mistake in it is named with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medical_charges.contract import Contract, load_contract, parse_contract
from medical_charges.contract.rules.quality import RULE_TYPES
from medical_charges.errors import ContractError
from tests.unit.contract.texts import TEXT, changed, complaints, message

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
EMPTY = (
    '; empty fields are a group with `spellings: { unknown: "" }` in place of `nullable`, and '
    "`unknown` among the `allowed` texts"
)
FINITE = "a valid integer or a finite number"
NUMBER = "a valid integer or a valid number"
TYPES = "'integer', 'double', 'date', 'string'"
OUTPUTS = ", ".join(parse_contract(TEXT).outputs)
RULES = f"rules of the types {', '.join(RULE_TYPES)}"
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
    ("smoker: {", "smoker: { nullable: true,", "analyses.smokers_by_region.group_by[1]",
     "'smoker', a nullable column", GROUPS.replace("smoker, ", "") + EMPTY),
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
            ('male: "", female: [f, ""]', ".female", "''", SPELLING),
            ("male: m, female: [f, m]", ".female", "'m'", SPELLING),
            ("male: true", ".male", "True", "a valid string or a list"),
            ("male: [1]", ".male[0]", "1", "a valid string"),
            ("male: []", ".male", "an empty list", "a valid string or at least one entry"),
        )
    ),
    ("[female, male]", '[female, male], nullable: true, spellings: { male: "" }',
     "source.columns.sex.spellings", "an empty field as 'male', in a nullable column",
     "one of the two"),
    ("allowed: [female, male]", "spellings: { male: m }", "source.columns.sex.spellings.male",
     "'male'", "a text of `allowed`: which is missing"),
    ("    sex: {", "    'se,x': {", "source.columns.se,x", "'se,x'", PLAIN),
    ("    sex: {", "    ' sex': {", "source.columns. sex", "' sex'",
     "a column's name without spaces around it"),
    ("    sex: {", "    '*': {", "source.columns.*", "'*'", "a name, not a pattern of names"),
    ("format: csv", "format: json", "source.format", "'json'", "'csv' or 'parquet'"),
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
