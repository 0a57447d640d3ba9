"""The dashboard's definition: derived from a contract, and complete."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from medical_charges.contract import Contract, load_contract, parse_contract
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.definition.parts import Definition, Visual
from medical_charges.dashboard.page import render
from medical_charges.dashboard.quicksight.sheets import definition_of
from tests.helpers import CONTRACT_FILE, VISITS_CONTRACT_FILE

TEXT = CONTRACT_FILE.read_text()


@pytest.fixture(scope="module")
def charges(contract: Contract) -> Definition:
    """The dashboard of the real contract."""
    return define(contract)


@pytest.fixture(scope="module")
def visits() -> Definition:
    """The dashboard of another data set."""
    return define(load_contract(VISITS_CONTRACT_FILE))


def visual(definition: Definition, name: str) -> Visual:
    """A visual by its analysis."""
    return next(visual for visual in definition.visuals if visual.id == name)


def changed(old: str, new: str) -> Definition:
    """The dashboard of the real contract with one place changed."""
    assert old in TEXT
    return define(parse_contract(TEXT.replace(old, new, 1)))


def test_every_analysis_is_a_visual_of_the_kind_that_the_contract_says(
    charges: Definition,
) -> None:
    assert {visual.id: visual.kind for visual in charges.visuals} == {
        "charges_by_region": "bars",
        "charges_by_bmi_category": "pie",
        "charges_by_bmi_category-mean": "bars",
        "charges_by_age": "line",
        "smokers_by_region": "grouped",
        "charges_by_sex_and_smoker": "grouped",
    }


def test_without_a_word_in_the_contract_the_grouping_decides_the_kind() -> None:
    text = TEXT.partition("dashboard:")[0]
    assert {visual.id: visual.kind for visual in define(parse_contract(text)).visuals} == {
        "charges_by_region": "bars",
        "charges_by_bmi_category": "pie",
        "charges_by_bmi_category-mean": "bars",
        "charges_by_age": "line",
        "smokers_by_region": "grouped",
        "charges_by_sex_and_smoker": "grouped",
    }


STAYS = """
dataset: stays
prefix: Stays
source:
  format: csv
  columns:
    admitted: { type: date, format: "%Y-%m-%d", minimum: 2023-01-01, maximum: 2024-12-31,
      identifying: made up }
    ward: { type: string, allowed: [surgery, medicine] }
    cost: { type: double }
bands:
  quarter: { column: admitted, by: quarter }
measure: cost
analyses:
  by_quarter: { group_by: [quarter], statistics: [patients, share] }
  by_quarter_and_ward: { group_by: [quarter, ward], statistics: [mean] }
  by_ward_and_quarter: { group_by: [ward, quarter], statistics: [mean] }
  by_ward: { group_by: [ward], statistics: [mean] }
disclosure: { minimum_cell: 10 }
"""


def test_periods_are_lines_with_a_color_for_what_is_compared() -> None:
    visuals = define(parse_contract(STAYS)).visuals
    found = {
        it.id: (it.kind, it.groups[it.series] if it.series is not None else "") for it in visuals
    }
    assert found == {
        "by_quarter": ("line", ""),
        "by_quarter_and_ward": ("line", "ward"),
        "by_ward_and_quarter": ("line", "ward"),
        "by_ward": ("bars", ""),
    }


def test_a_visual_reads_columns_that_its_output_and_its_cube_have(
    contract: Contract, charges: Definition
) -> None:
    for shown in charges.visuals:
        header = contract.outputs[shown.output].header
        read = (*shown.groups, *(field.column for field in shown.fields))
        assert read == header
        assert {shown.face.value.column, *(shown.limits or ())} <= set(header)
        assert shown.cube is not None
        assert {*shown.filtered_groups, *charges.filters, *charges.figures} == set(
            contract.outputs[shown.cube].header
        )
        places = {*shown.category, *([] if shown.series is None else [shown.series])}
        assert places == set(range(len(shown.groups)))


def test_each_visual_shows_its_figures(charges: Definition) -> None:
    region = visual(charges, "charges_by_region")
    assert region.face.value.column == "mean_charges"
    assert region.limits == ("ci95_low", "ci95_high")
    assert visual(charges, "charges_by_bmi_category").face.value.column == "patients"
    means = visual(charges, "charges_by_bmi_category-mean")
    assert (means.output, means.face.value.column) == ("charges_by_bmi_category", "mean_charges")
    assert means.face.title == "Mean charges by BMI category"
    smokers = visual(charges, "smokers_by_region")
    assert smokers.face.value.column == "share"
    assert smokers.unshared is not None
    assert smokers.unshared.value.column == "patients"
    age = visual(charges, "charges_by_age")
    assert (age.groups, age.filtered_groups) == (("age",), ("age_decade",))
    sexes = visual(charges, "charges_by_sex_and_smoker")
    assert sexes.series is not None
    assert sexes.groups[sexes.series] == "sex"
    assert [sexes.groups[place] for place in sexes.category] == ["smoker"]


def test_the_tiles_are_people_mean_share_of_smokers_rows_rejected_and_date(
    charges: Definition,
) -> None:
    assert [(tile.kind, tile.title) for tile in charges.tiles] == [
        ("people", "People"),
        ("mean", "Mean charges"),
        ("share", "Share of smokers"),
        ("rejected", "Rows rejected"),
        ("as_of", "Data as of"),
    ]
    share = charges.tiles[2]
    assert (share.cube, share.where) == ("cube_region_sex_smoker", ("smoker", "yes"))


def test_every_visual_has_an_alternative_text_and_names_its_groups(
    charges: Definition, visits: Definition
) -> None:
    for definition in (charges, visits):
        for shown in definition.visuals:
            assert shown.face.alt.endswith(".")
            for name in shown.groups:
                group = definition.groups[name]
                assert group.title.lower() in shown.face.alt.lower()
                assert all(group.label(value) in shown.face.alt for value in group.values or ())


def test_groups_are_called_and_ordered_by_the_contract(charges: Definition) -> None:
    decades = charges.groups["age_decade"]
    assert decades.values is not None
    labels = [decades.label(value) for value in decades.values]
    assert labels == ["Under 20", "20–29", "30–39", "40–49", "50–59", "60+"]  # noqa: RUF001
    assert charges.groups["age"].label("90") == "90+"
    assert charges.groups["bmi_category"].values == ("underweight", "normal", "overweight", "obese")
    assert charges.groups["smoker"].label("no") == "Non-smokers"


def test_a_pie_without_a_mean_is_one_chart() -> None:
    charts = changed("statistics: [patients, share, mean, stddev]", "statistics: [share]").visuals
    assert [it.id for it in charts if it.output == "charges_by_bmi_category"] == [
        "charges_by_bmi_category"
    ]


def test_shares_within_groups_are_drawn_as_shares_and_say_of_whom() -> None:
    line = "    smokers_by_region: Smokers and non-smokers by region\n"
    shown = visual(changed(line, ""), "smokers_by_region")
    assert shown.face.title == "Share of people by region and smoking"
    assert shown.face.subtitle == "Share within region, and in brackets the number of people"
    assert shown.unshared is not None
    assert shown.unshared.title == "People by region and smoking"
    assert shown.unshared.subtitle == "Number of people"


def test_numbers_that_have_names_are_codes_and_drawn_as_bars() -> None:
    labels = '  labels:\n    children: { "0": None, "1": One }\n'
    found = changed("    charges_by_age: line\n", "").visuals
    assert next(it.kind for it in found if it.id == "charges_by_age") == "line"
    text = TEXT.replace("group_by: [age]", "group_by: [children]")
    for changed_text, kind in (
        (text, "line"),
        (text.replace("  labels:\n", labels), "bars"),
    ):
        definition = define(parse_contract(changed_text.replace("    charges_by_age: line\n", "")))
        assert visual(definition, "charges_by_age").kind == kind


def test_what_is_compared_has_the_colors_and_else_the_last_column() -> None:
    line = "  sexes_by_smoking: { column: sex, groups: [male, female], within: [smoker] }\n"
    shown = visual(changed(line, ""), "charges_by_sex_and_smoker")
    assert shown.series is not None
    assert shown.groups[shown.series] == "smoker"


def test_all_comparisons_are_in_one_chart_with_the_cube_that_has_them(
    charges: Definition, visits: Definition
) -> None:
    assert charges.compared is not None
    assert [(it.comparison, it.title, it.cube) for it in charges.compared.differences] == [
        ("sexes_by_smoking", "Men less women by smoking", "cube_region_sex_smoker"),
        ("smokers", "Smokers less non-smokers", "cube_region_sex_smoker"),
        ("smokers_by_region", "Smokers less non-smokers by region", "cube_region_sex_smoker"),
        ("southeast_southwest", "Southeast less southwest", "cube_region_sex_smoker"),
        (
            "southeast_southwest_standardized",
            "Southeast less southwest, standardized over smoking",
            None,
        ),
    ]
    assert visits.compared is None


def test_a_bare_value_is_compared_with_the_name_of_its_column() -> None:
    compared = changed('    smoker: { "yes": Smokers, "no": Non-smokers }\n', "").compared
    assert compared is not None
    assert [it.title for it in compared.differences[1:3]] == [
        "Smoking yes less no",
        "Smoking yes less no by region",
    ]


def test_another_data_set_has_a_dashboard_of_its_own(visits: Definition) -> None:
    assert visits.title == "Visits"
    assert [shown.face.value.column for shown in visits.visuals] == [
        "mean_minutes",
        "mean_minutes",
        "mean_minutes",
    ]
    assert [shown.cube for shown in visits.visuals] == [
        "cube_insured_clinic_code",
        "cube_insured_glucose_band",
        "cube_insured",
    ]


@pytest.mark.parametrize(
    ("waiting", "named"),
    [
        ([], None),
        (["charges_by_age"], "Mean charges by age."),
        (["comparisons"], "Differences of means."),
        (["cube_region_sex_smoker"], "the figures on top, charts while a filter is set."),
    ],
)
def test_the_page_names_what_is_of_an_earlier_run(
    contract: Contract, charges: Definition, waiting: list[str], named: str | None
) -> None:
    tables = {name: ",".join(it.header) + "\n" for name, it in contract.outputs.items()}
    page = render(charges, tables, waiting=waiting).partition("<script")[0]
    assert ("Of an earlier run" in page) == (named is not None)
    assert named is None or f"too few people since: {named}" in page


@pytest.mark.parametrize("file", [CONTRACT_FILE, VISITS_CONTRACT_FILE])
def test_page_and_quicksight_have_the_same_tiles_charts_titles_and_source(file: Path) -> None:
    contract = load_contract(file)
    definition = define(contract)
    empty = {name: ",".join(it.header) + "\n" for name, it in contract.outputs.items()}
    page = render(definition, empty).partition("<script")[0]
    headings = re.findall(r"<h2 [^>]*>([^<]*)</h2>", page)
    tiles = re.findall(r'<span class="name">([^<]*)</span>', page)
    everybody = definition_of(contract, definition)["Sheets"][0]
    titles = [
        next(iter(it.values()))["Title"]["FormatText"]["PlainText"] for it in everybody["Visuals"]
    ]
    # How many rows were rejected and when is in no data set.
    shown = [tile for tile in tiles if tile not in {"Rows rejected", "Data as of"}]
    assert sorted(titles) == sorted(shown + headings)
    [about] = everybody["TextBoxes"]
    for name, text in definition.source:
        assert f"<strong>{name}</strong> {text}" in page.replace("&#x27;", "'")
        assert f"{name}: {text}." in about["Content"]


@pytest.mark.parametrize(
    ("unit", "threshold"),
    [("", "11 people"), ("unit: stay\ndisclosure: { rows_per_person: 5,", "55 stays (11 people)")],
)
def test_page_and_quicksight_call_rows_what_the_contract_does(unit: str, threshold: str) -> None:
    contract = parse_contract(TEXT.replace("disclosure: {", unit or "disclosure: {"))
    definition = define(contract)
    empty = {name: ",".join(it.header) + "\n" for name, it in contract.outputs.items()}
    page = render(definition, empty).partition("<script")[0]
    assert f"Every figure is of {threshold} or more; those of smaller groups" in page
    assert f"Figures of groups of fewer than {threshold} are withheld" in page
    quicksight = json.dumps(definition_of(contract, definition))
    assert f"A group of fewer than {threshold} is withheld" in quicksight
    everything = f"{page} {quicksight} {asdict(definition)}".replace("(11 people)", "")
    # Neither ids, nor the name that the contract gives a chart.
    spoken = re.findall(r"(?<![-'])\bpeople\b(?! by BMI)", everything, re.IGNORECASE)
    assert bool(spoken) == (not unit), spoken
    assert (f"Show all {contract.units}</button>") in page
    single = f"A minimum or a maximum is the figure of one {contract.unit}."
    assert single in page
    assert single in quicksight


def test_nothing_is_said_of_minima_and_maxima_where_none_is_published() -> None:
    assert "minimum" not in changed("extremes: publish", "extremes: suppress").caveats
    assert "minimum" not in changed("minimum, maximum, ", "").caveats


def test_readers_are_told_that_medians_are_rounded() -> None:
    definition = changed("minimum, maximum, ", "")
    assert definition.caveats == (
        "Half of a group have its median or less; it is rounded, by 0.5% at most, and shown with "
        "11 people or more on either side."
    )
    without = define(parse_contract(TEXT.replace(", median]", "]")))
    assert without.caveats == "A minimum or a maximum is the figure of one person."
    (median,) = [field for field in definition.visuals[0].fields if "median" in field.column]
    assert (median.title, median.format) == ("Median", "measure")


def test_a_median_is_drawn_next_to_a_mean_alone() -> None:
    definition = changed("[patients, share, mean, stddev]", "[patients, share, mean, median]")
    found = {visual.id: visual.median and visual.median.subtitle for visual in definition.visuals}
    assert found == {
        "charges_by_region": "Mean with 95% confidence interval, and median",
        "charges_by_bmi_category": None,
        "charges_by_bmi_category-mean": "Mean and median",
        "charges_by_age": "Mean with 95% confidence band, and median",
        "smokers_by_region": None,
        "charges_by_sex_and_smoker": "Mean with 95% confidence interval, and median",
    }
