"""The page is correct for any names of columns and any size of the measure."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from medical_charges.contract import parse_contract
from medical_charges.dashboard.page import ASSETS, write_page
from tests.browser.conftest import Publish
from tests.browser.drawn import Dashboard
from tests.helpers import csv_of

CONTRACT = """
dataset: odd
prefix: Odd
source:
  format: csv
  columns:
    table: { type: string, allowed: [low, high] }
    chart: { type: string, allowed: [left, right] }
    elements: { type: string, allowed: ["yes", "no"] }
    score: { type: double, minimum: 0 }
measure: score
analyses:
  status: { group_by: [table], statistics: [patients, mean, ci95] }
  charts: { group_by: [chart], statistics: [maximum] }
  data: { group_by: [table, chart], statistics: [patients, share] }
  library: { group_by: [chart], statistics: [patients, share] }
dashboard:
  filters: [table, chart, elements]
  charts: { library: pie }
  names: { people: Share of low }
  shares: { people: { column: table, group: low } }
"""
"""Its names are the page's own: of elements, of keys in links, of a form's properties."""


@pytest.fixture(scope="module")
def pages(publish_folder: Publish) -> dict[float, Path]:
    """The page of people whose scores are about 1, and of those whose are many times more."""
    contract = parse_contract(CONTRACT)
    found = {}
    for size in (0.5, 13.5, 1350.0):
        people = [
            (table, chart, element, size * (0.8 + 0.1 * i))
            for table in ("low", "high")
            for chart in ("left", "right")
            for element in ("yes", "no")
            for i in range(5 if table == "low" else 15)
            for _ in range(11)
        ]
        store = publish_folder(contract, {"odd.csv": csv_of(list(contract.source.columns), people)})
        found[size] = Path(store.uri.removeprefix("file://")) / write_page(store, contract)
    return found


def test_names_of_the_contract_are_not_taken_for_the_pages_own(
    browser: Browser, pages: dict[float, Path]
) -> None:
    with Dashboard(browser, pages[0.5]) as dashboard:
        page = dashboard.page
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)")
        assert len(ids) == len(set(ids))
        drawn = dashboard.drawn()
        assert drawn.figure("people") == "880"
        assert drawn.figure("share-people") == "25.0%"
        drawn = dashboard.select(table="low", chart="left", elements="yes")
        assert drawn.figure("people") == "55"
        assert drawn.marks("status", "bar")["low",]["to"] == pytest.approx(0.5)
        assert page.get_by_role("status").inner_text() == "low, left, yes: 55 people"
        page.locator("#chart-status").get_by_role("button", name="Show as a table").click()
        link = page.url.partition("#")[2]
        dashboard.open(link)
        assert dashboard.drawn().figure("people") == "55"
        assert page.locator("#chart-status table").is_visible()
        assert page.locator("#chart-data table").is_hidden()
        assert dashboard.complaints == []


def test_a_pie_of_a_selection_keeps_its_colors(browser: Browser, pages: dict[float, Path]) -> None:
    with Dashboard(browser, pages[0.5]) as dashboard:
        colors = {
            name: mark["color"]
            for name, mark in dashboard.drawn().marks("library", "slice").items()
        }
        assert len(set(colors.values())) == 2
        (only,) = dashboard.select(chart="right").marks("library", "slice").items()
        assert only[1]["color"] == colors[only[0]]


def test_a_visual_without_a_cube_says_that_it_is_published_for_all_people_only(
    browser: Browser, pages: dict[float, Path]
) -> None:
    with Dashboard(browser, pages[0.5]) as dashboard:
        message = dashboard.page.locator("#chart-charts .message")
        assert message.is_hidden()
        dashboard.select(table="low")
        assert message.inner_text() == "Published for all people only"


@pytest.mark.parametrize(
    ("size", "mean", "bar", "tick"),
    [
        (0.5, "0.688", "0.500", "0.2"),
        (13.5, "18.6", "13.5", "10"),
        (1350.0, "1,856", "1,350", "1k"),
    ],
)
def test_tiles_labels_and_ticks_have_the_decimals_that_their_size_wants(
    browser: Browser, pages: dict[float, Path], size: float, mean: str, bar: str, tick: str
) -> None:
    with Dashboard(browser, pages[size]) as dashboard:
        drawn = dashboard.drawn()
        assert drawn.figure("mean") == mean
        assert {"0", tick, bar} <= set(drawn.charts["status"]["texts"])


@pytest.mark.parametrize(
    ("unit", "typical", "value", "text"),
    [
        ("minutes", 13.5, 13.5, "13.5"),
        (None, 0.5, 0.5, "0.500"),
        (None, 0.012, -0.0123, "\u22120.0123"),
        (None, 1e-9, 1e-6, "0.000001"),
        ("USD", 13270.4, 13270.4, "$13,270"),
        ("USD", 13.5, 13.5, "$13.50"),
        ("USD", 0, 0, "$0.00"),
    ],
)
def test_a_measure_is_written_to_three_digits_or_to_cents(
    browser: Browser, unit: str | None, typical: float, value: float, text: str
) -> None:
    page = browser.new_page()
    page.add_script_tag(path=ASSETS / "format.js")
    formats = "([unit, typical, value]) => makeFormats({ unit }, typical).measure(value)"
    assert page.evaluate(formats, [unit, typical, value]) == text
    page.close()


# --- groups called like what every JavaScript object has

JOBS = ("constructor", "__proto__", "toString", "maestra")
UNSEEN = "\u200b"
OF_JOBS = """
dataset: jobs
prefix: Jobs
source:
  format: csv
  columns:
    job: { type: string, allowed: [constructor, __proto__, toString, maestra] }
    year: { type: integer, minimum: 2000, maximum: 2020 }
    __proto__: { type: string, allowed: [here, there] }
    cost: { type: double, minimum: 0 }
measure: cost
analyses:
  bars: { group_by: [job], statistics: [patients, mean, ci95] }
  pie: { group_by: [job], statistics: [patients, share] }
  grouped: { group_by: [__proto__, job], statistics: [patients, mean] }
  lines: { group_by: [job, year], statistics: [mean] }
dashboard:
  filters: [job, __proto__]
  charts: { pie: pie, lines: line }
"""


def test_a_group_called_as_javascript_calls_something_is_shown_by_its_name(
    browser: Browser, publish_folder: Publish
) -> None:
    contract = parse_contract(OF_JOBS)
    people = [
        (job, year, place, 10 * (1 + JOBS.index(job)))
        for job in JOBS
        for year in (2001, 2002)
        for place in ("here", "there")
        for _ in range(20)
    ]
    store = publish_folder(contract, {"jobs.csv": csv_of(list(contract.source.columns), people)})
    path = Path(store.uri.removeprefix("file://")) / write_page(store, contract)
    with Dashboard(browser, path) as dashboard:
        drawn = dashboard.drawn()
        bars = drawn.marks("bars", "bar")
        assert {name.strip(UNSEEN): mark["to"] for (name,), mark in bars.items()} == pytest.approx(
            {job: 10 * (1 + place) for place, job in enumerate(JOBS)}
        )
        assert set(JOBS) <= {text.strip(UNSEEN) for text in drawn.charts["bars"]["texts"]}
        assert len(drawn.marks("pie", "slice")) == len(JOBS)
        grouped = {(place, job.strip(UNSEEN)) for place, job in drawn.marks("grouped", "bar")}
        assert grouped == {(place, job) for place in ("here", "there") for job in JOBS}
        points = drawn.charts["lines"]["marks"]["point"]
        assert {point["of"][1].strip(UNSEEN) for point in points} == set(JOBS)
        options = dashboard.page.locator("select[name=filter-job] option").all_inner_texts()
        assert options == ["All", *JOBS]
        dashboard.page.locator("#chart-bars").get_by_role("button", name="Show as a table").click()
        heads = dashboard.page.locator("#chart-bars tbody th").all_inner_texts()
        assert heads == list(JOBS)
        for job in JOBS:
            selected = dashboard.select(job=job)
            assert selected.figure("people") == "80"
            assert dashboard.page.get_by_role("status").inner_text() == f"{job}: 80 people"
        assert dashboard.complaints == []
