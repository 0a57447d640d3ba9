"""What a row is, in the words of the contract."""

from __future__ import annotations

import re

import pytest

from medical_charges.contract import Contract, parse_contract
from tests.unit.contract.texts import TEXT, changed, complaints


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
