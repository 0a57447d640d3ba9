"""Which cubes a contract asks for, and what they are called."""

from __future__ import annotations

import re

import pytest

from medical_charges.contract import Contract, load_contract, parse_contract
from tests.helpers import VISITS_CONTRACT_FILE
from tests.unit.contract.texts import TEXT, complaints

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
