"""Cards have room for their charts, leave no holes, and say in brief what is withheld."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from medical_charges.contract import Contract, parse_contract
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.page import render
from tests.browser.drawn import Dashboard

PLACES = ("Saint Bartholomew", "North-Eastern Greater", "Little Buckingham")
KINDS = ("Community Health Center", "Children's and Maternity Unit", "Rehabilitation Hospital")
HOSPITALS = [
    f"{place} {kind} {number}" for number in range(1, 8) for place in PLACES for kind in KINDS
]
CONTRACT = """
dataset: hospitals
prefix: Hospitals
source:
  format: csv
  columns:
    hospital: { type: string }
    ward: { type: string, allowed: [medical, surgical, other] }
    smoker: { type: string, allowed: ["yes", "no"] }
    cost: { type: double, minimum: 0 }
measure: cost
analyses:
  by_hospital: { group_by: [hospital], statistics: [patients, mean, ci95] }
  by_ward: { group_by: [ward], statistics: [patients, mean, ci95] }
  smokers: { group_by: [ward, smoker], statistics: [patients, mean, ci95] }
  of_smokers: { group_by: [smoker], statistics: [patients, mean, ci95] }
comparisons:
  smokers: { column: smoker, groups: ["yes", "no"] }
"""
WARDS = ("medical", "surgical", "other")
SHOWN, COUNTED, WITHHELD = "50,900.5,800.25,1000.75", "50,,,", ",,,"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(CONTRACT)


def page_of(contract: Contract, folder: Path, **lines: list[str]) -> Path:
    """The page of tables, in which everybody has the same figures unless `lines` say otherwise."""
    figures = "n_a,n_b,difference,ci95_low,ci95_high,t,df,p,hedges_g"
    everything = {
        "by_hospital": [f"{name},{SHOWN}" for name in HOSPITALS],
        "by_ward": [f"{ward},{SHOWN}" for ward in WARDS],
        "smokers": [f"{ward},{smoker},{SHOWN}" for ward in WARDS for smoker in ("yes", "no")],
        "of_smokers": [f"{smoker},{SHOWN}" for smoker in ("yes", "no")],
        "comparisons": ["smokers,all,yes,no,50,60,5.5,1.5,9.5,2.5,90.5,0.02,0.4"],
    } | lines
    tables = {
        name: "".join(f"{line}\n" for line in [",".join(header), *everything[name]])
        for name, output in contract.outputs.items()
        if (header := [column.name for column in output.columns])
    }
    assert tables["comparisons"].startswith(f"comparison,stratum,group_a,group_b,{figures}\n")
    path = folder / "page.html"
    path.write_text(render(define(contract), tables), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=[1280, 390], ids=["wide", "narrow"])
def hospitals(
    request: pytest.FixtureRequest,
    browser: Browser,
    contract: Contract,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Dashboard]:
    path = page_of(contract, tmp_path_factory.mktemp("hospitals"))
    with Dashboard(browser, path, width=request.param) as dashboard:
        yield dashboard


def boxes_of(dashboard: Dashboard) -> list[tuple[float, float, float, float]]:
    """Left, right, top and bottom of every card."""
    return [
        tuple(box)
        for box in dashboard.page.evaluate(
            """() => [...document.querySelectorAll(".card")].map((card) => {
              const { left, right, top, bottom } = card.getBoundingClientRect();
              return [left, right, top + scrollY, bottom + scrollY];
            })"""
        )
    ]


def assert_without_holes(boxes: list[tuple[float, float, float, float]]) -> None:
    """Left and right of the middle, each card begins a gap below another."""
    widest = max(right - left for left, right, _, _ in boxes)
    for side in (0.25, 0.75):
        place = min(left for left, *_ in boxes) + side * widest
        column = sorted((top, bottom) for left, right, top, bottom in boxes if left < place < right)
        gaps = [after[0] - before[1] for before, after in pairwise(column)]
        assert gaps == pytest.approx([16] * len(gaps), abs=2), (side, boxes)


def test_no_chart_leaves_a_hole_next_to_one_of_many_groups(hospitals: Dashboard) -> None:
    hospitals.open()
    assert_without_holes(boxes_of(hospitals))
    hospitals.page.locator("#chart-by_hospital").get_by_role(
        "button", name="Draw all groups"
    ).click()
    hospitals.page.wait_for_function(
        "document.querySelector('#chart-by_hospital .notes').textContent === ''"
    )
    assert_without_holes(boxes_of(hospitals))


def test_long_names_of_groups_are_read_whole_at_any_width(hospitals: Dashboard) -> None:
    hospitals.open()
    assert set(HOSPITALS[:15]) <= set(hospitals.drawn().charts["by_hospital"]["texts"])


@pytest.mark.parametrize(
    ("withheld", "note"),
    [
        (HOSPITALS[:2], f"{HOSPITALS[0]} and {HOSPITALS[1]}."),
        (HOSPITALS[:8], f"{HOSPITALS[0]}, {HOSPITALS[1]} and 6 more."),
        (HOSPITALS[:13], f"13 of {len(HOSPITALS)} groups."),
    ],
    ids=["two", "eight", "many"],
)
def test_a_note_names_withheld_groups_as_far_as_it_has_room(
    browser: Browser, contract: Contract, tmp_path: Path, withheld: list[str], note: str
) -> None:
    lines = [f"{name},{WITHHELD if name in withheld else SHOWN}" for name in HOSPITALS]
    with Dashboard(browser, page_of(contract, tmp_path, by_hospital=lines)) as dashboard:
        notes = dashboard.drawn().charts["by_hospital"]["notes"]
        assert notes.startswith(f"Withheld, to protect small groups: {note} Drawn are")


def test_what_is_withheld_as_a_whole_is_said_once(
    browser: Browser, contract: Contract, tmp_path: Path
) -> None:
    lines = [f"{ward},{COUNTED}" for ward in WARDS]
    with Dashboard(browser, page_of(contract, tmp_path, by_ward=lines)) as dashboard:
        chart = dashboard.drawn().charts["by_ward"]
        assert chart["message"] == "Withheld, to protect groups of fewer than 11 people"
        assert chart["notes"] == ""


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("50,60", "Withheld, to protect groups of fewer than 11 people"),
        (",", "Withheld, to protect groups of fewer than 11 people"),
        ("50,0", "Nobody to compare"),
    ],
    ids=["counts alone", "nothing", "nobody"],
)
def test_a_difference_of_people_who_are_there_is_withheld_and_not_of_nobody(
    browser: Browser, contract: Contract, tmp_path: Path, counts: str, message: str
) -> None:
    lines = [f"smokers,all,yes,no,{counts},,,,,,,"]
    with Dashboard(browser, page_of(contract, tmp_path, comparisons=lines)) as dashboard:
        assert dashboard.drawn().charts["comparisons"]["message"] == message


STANDARDIZED = CONTRACT + (
    '  alike: { column: smoker, groups: ["yes", "no"], within: [ward], '
    "standardized_over: [hospital] }\n"
)


def test_a_standardized_comparison_has_its_strata_and_says_where_it_does_not_exist(
    browser: Browser, tmp_path: Path
) -> None:
    lines = [
        f"alike,ward={ward}; standardized over hospital,yes,no,50,60,{figures}"
        for ward, figures in (
            ("surgical", "5.5,1.5,9.5,2.5,90.5,0.02,0.4"),
            ("medical", ",,,,,,"),
        )
    ]
    page = page_of(parse_contract(STANDARDIZED), tmp_path, comparisons=lines)
    with Dashboard(browser, page) as dashboard:
        card = dashboard.page.locator("#chart-comparisons")
        card.get_by_role("button", name="Show as a table").click()
        found = [
            row.locator("th, td").all_inner_texts()[:5] for row in card.locator("tbody tr").all()
        ]
    title = "Smoker yes less no by ward, standardized over hospital"
    assert found == [
        [title, "medical", "not comparable", "–", "–"],  # noqa: RUF001 - nothing
        [title, "surgical", "50", "60", "+6"],
    ]
