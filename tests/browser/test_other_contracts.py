"""The page is correct for any names of columns and any size of the measure."""

from __future__ import annotations

from pathlib import Path
from statistics import stdev

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
  status: { group_by: [table], statistics: [patients, mean, ci95, total, standard_error] }
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


def test_what_follows_from_sums_is_shown_of_a_selection_too(
    browser: Browser, pages: dict[float, Path]
) -> None:
    with Dashboard(browser, pages[1350.0]) as dashboard:
        dashboard.select(chart="left", elements="yes")
        card = dashboard.page.locator("#chart-status")
        card.get_by_role("button", name="Show as a table").click()
        heads = card.locator("thead th").all_inner_texts()
        low = card.locator("tbody tr", has_text="low").locator("th, td").all_inner_texts()
        shown = dict(zip(heads, low, strict=True))
    scores = [1350 * (0.8 + 0.1 * i) for i in range(5) for _ in range(11)]
    assert shown["Total score"] == f"{sum(scores):,.0f}"
    assert shown["Standard error"] == f"{stdev(scores) / len(scores) ** 0.5:,.0f}"


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


# --- many groups, long names, figures below zero, nothing to show

PLANS = [f"Plan {n:02d}, {'very ' * 12}long".replace(",", ";") for n in range(60)]
OF_MANY = """
dataset: many
prefix: Many
source:
  format: csv
  columns:
    plan: { type: string }
    channel: { type: string, allowed: [web, phone] }
    place: { type: string, allowed: [here, there] }
    margin: { type: double, decimals: 2 }
measure: margin
analyses:
  by_plan: { group_by: [plan], statistics: [patients, mean, ci95] }
  by_channel: { group_by: [channel], statistics: [patients, mean, ci95] }
  of_plans: { group_by: [plan], statistics: [patients, share] }
  by_place: { group_by: [place, plan], statistics: [patients, mean, ci95] }
comparisons:
  channels: { column: channel, groups: [web, phone] }
  by_plans: { column: channel, groups: [web, phone], within: [plan] }
dashboard: { charts: { of_plans: pie } }
"""


@pytest.fixture(scope="module")
def many(publish_folder: Publish) -> Path:
    """The page of sixty plans, of which the means fall from 29 to -30; the channels are alike."""
    contract = parse_contract(OF_MANY)
    people = [
        (plan, channel, place, 29 - n + spread)
        for n, plan in enumerate(PLANS)
        for channel in ("web", "phone")
        for place in ("here", "there")
        for spread in (-4, -3, -2, -1, 0, 0, 1, 2, 3, 4)
    ]
    store = publish_folder(contract, {"many.csv": csv_of(list(contract.source.columns), people)})
    return Path(store.uri.removeprefix("file://")) / write_page(store, contract)


def test_of_many_groups_the_greatest_are_drawn_and_all_on_request(
    browser: Browser, many: Path
) -> None:
    with Dashboard(browser, many) as dashboard:
        drawn = dashboard.drawn()
        bars = drawn.marks("by_plan", "bar")
        assert [name for (name,) in bars] == PLANS[:15]
        assert "Drawn are the greatest 15 of 60 groups" in drawn.charts["by_plan"]["notes"]
        card = dashboard.page.locator("#chart-by_plan")
        card.get_by_role("button", name="Draw all groups").click()
        dashboard.page.wait_for_function(
            "document.querySelector('#chart-by_plan .notes').textContent === ''"
        )
        assert len(dashboard.drawn().marks("by_plan", "bar")) == 60
        card.get_by_role("button", name="Show as a table").click()
        assert card.locator("tbody tr").count() == 60
        assert len(drawn.marks("comparisons", "difference")) == 16
        assert dashboard.complaints == []


def test_figures_stand_beyond_the_ends_of_bars_on_either_side_of_zero(
    browser: Browser, many: Path
) -> None:
    with Dashboard(browser, many) as dashboard:
        dashboard.page.locator("#chart-by_plan").get_by_role(
            "button", name="Draw all groups"
        ).click()
        dashboard.page.wait_for_function(
            "document.querySelector('#chart-by_plan .notes').textContent === ''"
        )
        drawn = dashboard.drawn()
        lowest = drawn.marks("by_plan", "bar")[PLANS[-1],]
        assert [lowest["from"], lowest["to"]] == pytest.approx([-30, 0])
        places = """() => Object.fromEntries(
          [...document.querySelectorAll("#chart-by_plan svg text")]
          .filter((text) => text.checkVisibility())
          .map((text) => [text.textContent, text.getBoundingClientRect().left]))"""
        texts = dashboard.page.evaluate(places)
        assert texts["\u221230.0"] < texts["0"] < texts["29.0"]


def test_more_groups_than_colors_are_no_pie_and_no_colors(browser: Browser, many: Path) -> None:
    with Dashboard(browser, many) as dashboard:
        drawn = dashboard.drawn()
        assert not drawn.marks("of_plans", "slice")
        assert "because a pie has too many parts" in drawn.charts["of_plans"]["notes"]
        names = list(drawn.marks("by_place", "bar"))
        assert len(names) == 15
        assert all(name.startswith(("here, Plan", "there, Plan")) for (name,) in names)


def test_sentences_are_true_and_nothing_is_said_of_what_does_not_follow(
    browser: Browser, many: Path, pages: dict[float, Path]
) -> None:
    with Dashboard(browser, many) as dashboard:
        (sentence,) = dashboard.drawn().sentences
        assert sentence.startswith(f"Mean margin by plan: greatest for {PLANS[0]} (29.0), ")
        assert (
            f"least for {PLANS[-1]} (\u221230.0), a difference of 59.0 (95% interval 5" in sentence
        )
    with Dashboard(browser, pages[13.5]) as dashboard:
        (sentence,) = dashboard.drawn().sentences
        assert sentence.startswith("Mean score by table: greatest for high (20.3), least for low")
        # Of one group nothing is the greatest, and nothing is compared.
        assert dashboard.select(table="low").sentences == []


def test_a_file_of_too_few_people_says_that_all_is_withheld(
    browser: Browser, publish_folder: Publish
) -> None:
    contract = parse_contract(OF_MANY)
    people = [(PLANS[n % 2], "web", "here", n) for n in range(7)]
    store = publish_folder(contract, {"few.csv": csv_of(list(contract.source.columns), people)})
    path = Path(store.uri.removeprefix("file://")) / write_page(store, contract)
    with Dashboard(browser, path) as dashboard:
        drawn = dashboard.drawn()
        assert drawn.sentences == ["Withheld, to protect small groups: all of 4 charts."]
        message = "Withheld, to protect groups of fewer than 11 people"
        assert {chart["message"] for chart in drawn.charts.values()} == {message}
        assert dashboard.complaints == []
