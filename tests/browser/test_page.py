"""The page itself: self-contained, accessible, and of use to those who want to take it along."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import axe_core_python
import pytest
from playwright.sync_api import Browser, Download, Locator

from benchmarks.dashboard import make_page as make_large_page
from medical_charges.checks import Check, Outcome
from medical_charges.contract import Contract, load_contract
from medical_charges.dashboard.page import make_page, write_page
from medical_charges.errors import ManifestError
from medical_charges.layout import Layout
from medical_charges.runs.publish import read_live
from medical_charges.storage import LocalStore
from medical_charges.validation.result import Result
from tests.browser.conftest import Publish
from tests.browser.drawn import Dashboard
from tests.helpers import csv_of

AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
VIEW = "filter-region=northeast&filter-smoker=yes"
PNG = b"\x89PNG\r\n\x1a\n"
WRITTEN = """() => {
  window.written = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.written.push(text);
    return write.call(this, text, ...rest);
  };
}"""
"""Lists what is written into pictures."""


@pytest.fixture
def clean(dashboard: Dashboard) -> Iterator[Dashboard]:
    """The module's page, as it is when it is opened."""
    yield dashboard
    dashboard.open()


def card(dashboard: Dashboard, chart: str, button: str) -> Any:
    """A button of a chart's card, as its user finds it."""
    return dashboard.page.locator(f"#chart-{chart}").get_by_role("button", name=button)


def saved(dashboard: Dashboard, chart: str, button: str) -> tuple[str, bytes]:
    """The name and the content of a file that a button saves."""
    with dashboard.page.expect_download() as event:
        card(dashboard, chart, button).click()
    download: Download = event.value
    return download.suggested_filename, Path(download.path()).read_bytes()


def lines_of(data: bytes) -> io.StringIO:
    """A saved table without what it says of itself."""
    return io.StringIO("".join(it for it in data.decode().splitlines(True) if it[0] != "#"))


def test_the_page_is_one_file_under_two_megabytes(real_page: Path) -> None:
    assert real_page.stat().st_size < 2_000_000


def test_a_page_with_a_cube_of_fifty_thousand_cells_is_under_two_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.html"
    assert make_large_page(path) > 50_000
    assert path.stat().st_size < 2_000_000


def test_the_page_asks_nobody_for_anything_and_complains_of_nothing(clean: Dashboard) -> None:
    clean.select(region="southwest", sex="male", smoker="yes")
    clean.select(region="all", sex="all", smoker="all")
    assert set(clean.requests) <= {"about:blank", clean.path.as_uri()}
    assert clean.complaints == []


def test_its_policy_lets_nothing_out_and_makes_no_code_of_text(clean: Dashboard) -> None:
    page = clean.page
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    asked = """() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.blockedURI));
      fetch("https://example.org/").catch(() => {});
    })"""
    assert page.evaluate(asked) == "https://example.org/"
    clean.complaints.clear()


TABLES = f"{VIEW}&table=charges_by_age,charges_by_sex_and_smoker"


@pytest.mark.parametrize(
    ("width", "scheme", "view"),
    [(390, "light", ""), (1280, "light", TABLES), (390, "dark", TABLES), (1280, "dark", "")],
)
def test_axe_finds_no_serious_fault(
    clean: Dashboard, width: int, scheme: Literal["light", "dark"], view: str
) -> None:
    page = clean.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    clean.open(view)
    page.evaluate(f"() => {{ {AXE.read_text()} }}")
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    faults = {
        fault["id"]: [node["html"][:200] for node in fault["nodes"]]
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
    }
    assert faults == {}
    assert len(found["passes"]) > 20
    # Nothing is outside the screen: a phone need not be turned.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def test_each_chart_can_be_read_as_a_table(clean: Dashboard) -> None:
    for chart, rows in {
        "charges_by_region": 4,
        "charges_by_bmi_category": 4,
        "charges_by_age": 47,
        "smokers_by_region": 8,
        "charges_by_sex_and_smoker": 4,
        "comparisons": 9,
    }.items():
        toggle = card(clean, chart, "Show as a table")
        toggle.click()
        assert toggle.get_attribute("aria-pressed") == "true"
        table = clean.page.locator(f"#chart-{chart} table").first
        assert table.locator("tbody tr").count() == rows
        assert table.locator("caption").inner_text()
    cells = clean.page.locator("#chart-charges_by_region tbody tr").first.locator("th, td")
    assert cells.all_inner_texts() == [
        "Northeast",
        "324",
        "$13,406",
        "$1,695",
        "$58,571",
        "$11,256",
        "$12,176",
        "$14,637",
        "$10,000",
    ]
    differences = clean.page.locator("#chart-comparisons table tbody tr")
    assert differences.first.locator("th, td").all_inner_texts() == [
        "Smokers less non-smokers",
        "Everybody",
        "274",
        "1,064",
        "+$23,616",
        "+$22,197",
        "+$25,035",
        "p < 0.001",
        "3.16",
    ]


def test_a_withheld_group_says_so_in_the_table(clean: Dashboard) -> None:
    clean.open(f"{VIEW}&table=charges_by_age")
    row = clean.page.locator("#chart-charges_by_age tbody tr", has_text="Under 20")
    assert row.locator("td").first.inner_text() == "withheld"


def test_a_group_that_shows_people_alone_keeps_its_count_in_the_table_and_the_file(
    clean: Dashboard,
) -> None:
    clean.open("filter-sex=female&filter-smoker=no&table=charges_by_age,charges_by_bmi_category")
    row = clean.page.locator("#chart-charges_by_age tbody tr", has_text="Under 20")
    assert row.locator("td").all_inner_texts() == ["53", *["withheld"] * 3]
    row = clean.page.locator("#chart-charges_by_bmi_category tbody tr", has_text="Obese")
    assert row.locator("td").first.inner_text() == "282"
    assert row.locator("td").last.inner_text() == "withheld"
    _, data = saved(clean, "charges_by_age", "Save CSV")
    table = {row["age_decade"]: row for row in csv.DictReader(lines_of(data))}
    figures = [table["under_20"][name] for name in ("patients", "mean_charges", "ci95_low")]
    assert figures == ["53", "", ""]


# Of so few people every decade's figures are withheld.
FEW = "filter-region=northeast&filter-sex=male&filter-smoker=yes"


def test_a_table_and_its_file_name_every_figure_though_all_are_withheld(clean: Dashboard) -> None:
    clean.open(f"{FEW}&table=charges_by_age")
    table = clean.page.locator("#chart-charges_by_age table")
    assert table.locator("thead th").all_inner_texts() == [
        "Age",
        "People",
        "Mean charges",
        "95% interval from",
        "95% interval to",
    ]
    for row in table.locator("tbody tr").all():
        assert row.locator("td").all_inner_texts() == ["withheld", *["\u2013"] * 3]
    _, data = saved(clean, "charges_by_age", "Save CSV")
    header, *lines = csv.reader(lines_of(data))
    assert header[3:] == ["age_decade", "patients", "mean_charges", "ci95_low", "ci95_high"]
    assert lines
    assert {tuple(line[4:]) for line in lines} == {("",) * 4}


ABOUT = (
    b"# Source: Medical cost personal data, which accompanies B. Lantz, Machine Learning with R\n"
    b"# Period: one year\n"
)


def test_what_is_saved_and_the_page_say_where_the_data_comes_from(
    clean: Dashboard,
) -> None:
    clean.open(VIEW)
    _, data = saved(clean, "charges_by_region", "Save CSV")
    assert data.startswith(
        b"# Medical charges: Mean charges by region\n# Northeast, Smokers\n" + ABOUT
    )
    assert b"\n# Data as of: 24 Nov 2026, 01:56 UTC\nsex,smoker,region," in data
    footer = clean.page.locator("footer").inner_text()
    assert "Source Medical cost personal data" in footer
    clean.page.evaluate(WRITTEN)
    saved(clean, "charges_by_region", "Save PNG")
    written = " ".join(clean.page.evaluate("window.written"))
    assert "Source: Medical cost personal data" in written
    assert "License: public domain" in written


def test_an_unfiltered_download_is_the_published_file_below_its_source(
    clean: Dashboard, real: LocalStore, contract: Contract
) -> None:
    layout = Layout(contract.prefix)
    for chart in (*contract.analyses, "comparisons"):
        name, data = saved(clean, chart, "Save CSV")
        assert name == f"{chart}.csv"
        about, _, table = data.partition(b" UTC\n")
        assert all(line.startswith(b"# ") for line in about.split(b"\n"))
        assert table == real.read(layout.published(chart))


def test_a_filtered_download_names_its_filters_and_leaves_withheld_figures_empty(
    clean: Dashboard,
) -> None:
    clean.open(VIEW)
    name, data = saved(clean, "charges_by_age", "Save CSV")
    assert name == "charges_by_age_region-northeast_smoker-yes.csv"
    table = list(csv.DictReader(lines_of(data)))
    assert list(table[0])[:5] == ["region", "sex", "smoker", "age_decade", "patients"]
    assert {(row["region"], row["sex"], row["smoker"]) for row in table} == {
        ("northeast", "all", "yes")
    }
    assert {row["age_decade"] for row in table if row["patients"] == ""} >= {"under_20"}
    name, data = saved(clean, "comparisons", "Save CSV")
    assert name == "comparisons_region-northeast_smoker-yes.csv"
    (row,) = csv.DictReader(lines_of(data))
    assert list(row.values())[:7] == [
        "northeast", "all", "yes", "sexes_by_smoking", "smoker=yes", "male", "female",
    ]  # fmt: skip
    assert [row["n_a"], row["n_b"], row["p"][:5]] == ["38", "29", "0.329"]


def test_every_chart_is_saved_as_a_picture(clean: Dashboard, contract: Contract) -> None:
    for chart in (*contract.analyses, "comparisons", "charges_by_bmi_category-mean"):
        name, data = saved(clean, chart, "Save PNG")
        assert name == f"{chart}.png"
        assert data.startswith(PNG)
        width, height = (int.from_bytes(data[place : place + 4]) for place in (16, 20))
        assert width >= 1500
        assert height > 400


def test_a_chart_that_is_withheld_says_so_on_the_page_and_in_its_image(
    browser: Browser, copy: LocalStore, contract: Contract
) -> None:
    layout = Layout(contract.prefix)
    key = layout.published("charges_by_region")
    copy.write(key, copy.read(key).partition(b"\n")[0] + b"\n")
    live = read_live(copy, layout)
    assert live is not None
    summary = json.loads(copy.read(layout.summary(live.run_id)))
    summary["withheld"] = {"charges_by_region": "nothing less protects it"}
    copy.write(layout.summary(live.run_id), json.dumps(summary).encode())
    path = Path(copy.uri.removeprefix("file://")) / write_page(copy, contract)
    with Dashboard(browser, path) as dashboard:
        chart = dashboard.page.locator("#chart-charges_by_region")
        message = "Withheld, to protect groups of fewer than 11 people"
        assert chart.locator(".message").inner_text() == message
        assert chart.locator(".chart").is_hidden()
        dashboard.page.evaluate(WRITTEN)
        name, data = saved(dashboard, "charges_by_region", "Save PNG")
        assert (name, data[:8]) == ("charges_by_region.png", PNG)
        written = dashboard.page.evaluate("window.written")
        assert {"Mean charges by region", message} <= set(written)
        assert dashboard.complaints == []


def test_a_view_is_a_link(clean: Dashboard) -> None:
    clean.page.locator("select[name=filter-region]").select_option("southeast")
    clean.page.locator("select[name=filter-sex]").select_option("female")
    card(clean, "smokers_by_region", "Show as a table").click()
    link = clean.page.url.partition("#")[2]
    assert link == "filter-region=southeast&filter-sex=female&table=smokers_by_region"
    before = clean.drawn()
    clean.open(link)
    assert clean.drawn() == before
    assert clean.page.locator("#chart-smokers_by_region table").is_visible()
    clean.open("filter-region=atlantis&filter-sex=female&table=nothing&chart=nothing")
    assert [
        clean.page.locator(f"select[name=filter-{n}]").input_value() for n in ("region", "sex")
    ] == [
        "all",
        "female",
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("resolve", "The link to this view is copied."),
        ("reject", "The address of this page is now the link to this view."),
    ],
)
def test_copying_a_link_is_confirmed(clean: Dashboard, answer: str, sentence: str) -> None:
    page, status = clean.page, clean.page.get_by_role("status")
    page.evaluate(
        """(answer) => {
          const writeText = (text) => { window.copied = text; return Promise[answer](); };
          const clipboard = { value: { writeText }, configurable: true };
          Object.defineProperty(navigator, "clipboard", clipboard);
        }""",
        answer,
    )
    clean.select(region="northwest")
    assert seen_by_eye(status) is False
    card(clean, "charges_by_age", "Copy a link").click()
    page.wait_for_function(
        "(text) => document.querySelector('.told')?.innerText === text", arg=sentence
    )
    assert seen_by_eye(status)
    assert page.evaluate("window.copied") == page.url
    assert page.url.endswith("#filter-region=northwest&chart=charges_by_age")
    clean.select(region="all")
    assert seen_by_eye(status) is False


def seen_by_eye(place: Locator) -> bool:
    """Return True if an element is visible, not only read by screen readers."""
    box = place.bounding_box()
    return box is not None and box["width"] > 1


def test_a_browser_that_cannot_decompress_the_page_says_so(
    browser: Browser, real_page: Path
) -> None:
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(real_page.as_uri())
    page.get_by_role("alert").wait_for()
    assert "cannot draw the charts" in page.get_by_role("alert").inner_text()
    assert page.locator(".cards").is_hidden()
    assert page.locator(".tiles").is_hidden()
    page.close()


def test_a_browser_that_draws_the_page_does_not_say_that_it_cannot(clean: Dashboard) -> None:
    assert clean.page.locator(".failure").is_hidden()


def test_the_page_is_worked_by_keyboard_alone(clean: Dashboard) -> None:
    page = clean.page
    focused = "() => document.activeElement.name || document.activeElement.textContent"
    order = []
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(page.evaluate(focused))
    filters = ["filter-region", "filter-sex", "filter-smoker"]
    assert order == ["Skip to the charts", *filters, "Copy link", "Table"]
    page.keyboard.press("Enter")
    assert page.locator("#chart-charges_by_region table").is_visible()


def test_cards_leave_neither_holes_nor_overlaps(clean: Dashboard) -> None:
    page = clean.page
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".card")].map((card) => {
          const { left, right, top, bottom } = card.getBoundingClientRect();
          return [left, right, top + scrollY, bottom + scrollY];
        })"""
    )
    for place, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
            assert apart
        above = [it[3] for it in boxes if it[2] < top and it[0] < right and left < it[1]]
        # The shorter of two columns ends above a card of the whole width.
        gap = top - max(above) if above else 16
        assert gap == pytest.approx(16, abs=2), (boxes, place)


def test_a_click_on_a_bar_filters_by_its_group_and_another_click_no_longer(
    clean: Dashboard,
) -> None:
    page = clean.page
    bars = page.locator("#chart-charges_by_region [aria-roledescription=bar] >> visible=true")
    bars.first.click(position={"x": 30, "y": 10})
    page.wait_for_function("location.hash.includes('filter-region=northeast')")
    assert page.locator("select[name=filter-region]").input_value() == "northeast"
    bars.first.click(position={"x": 30, "y": 10})
    page.wait_for_function("!location.hash.includes('filter')")
    assert page.locator("select[name=filter-region]").input_value() == "all"


def test_a_selection_is_announced(clean: Dashboard) -> None:
    clean.select(region="northeast", sex="female")
    assert clean.page.get_by_role("status").inner_text() == "Northeast, Women: 161 people"


def test_a_chart_has_a_text_and_so_has_each_of_its_marks(clean: Dashboard) -> None:
    chart = clean.page.locator("#chart-charges_by_region [role=graphics-document]")
    text = chart.get_attribute("aria-label")
    assert text is not None
    assert text.startswith("Bar chart of mean charges by region (Northeast, Northwest")
    marks = chart.locator("[role=graphics-symbol]")
    labels = [mark.get_attribute("aria-label") or "" for mark in marks.all()]
    assert any(label.startswith("Northeast: People 324, Mean charges $13,406") for label in labels)


def test_another_data_set_has_its_page_with_a_contract_alone(
    browser: Browser, publish_folder: Publish
) -> None:
    contract = load_contract("tests/data/visits.yaml")
    header = list(contract.source.columns)
    visits = [
        (clinic, glucose, insured, minutes + insured, "")
        for clinic in ("Nord", "Süd")
        for glucose in (3.0, 5.0, 6.0, 9.0)
        for insured in (0, 1)
        for minutes in range(10, 17)
    ]
    store = publish_folder(contract, {"visits.csv": csv_of(header, visits)})
    path = Path(store.uri.removeprefix("file://")) / write_page(store, contract)
    with Dashboard(browser, path) as dashboard:
        drawn = dashboard.drawn()
        assert dashboard.page.title() == "Visits"
        assert drawn.marks("minutes_by_clinic", "bar")["Nord",]["to"] == pytest.approx(13.5)
        assert len(drawn.marks("minutes_by_glucose", "bar")) == 8
        assert drawn.figure("people") == "112"
        drawn = dashboard.select(insured="1")
        assert drawn.marks("minutes_by_clinic", "bar")["Süd",]["to"] == pytest.approx(14)
        assert drawn.figure("people") == "56"
        assert dashboard.complaints == []


@pytest.fixture
def copy(real: LocalStore, tmp_path: Path) -> LocalStore:
    """A copy of what is published, to be damaged."""
    store = LocalStore(tmp_path)
    for ref in real.list(""):
        store.write(ref.key, real.read(ref.key))
    return store


def test_a_broken_manifest_is_refused_as_quicksight_refuses_it(
    copy: LocalStore, contract: Contract
) -> None:
    layout = Layout(contract.prefix)
    key = layout.manifest("charges_by_age")
    good = copy.read(key)
    for name, damaged in {
        "no JSON": good[:-20],
        "another file": good.replace(b"charges_by_age.csv", b"charges_by_zip.csv"),
        "another bucket": good.replace(b"s3://medicalcharges/", b"s3://othercharges/"),
    }.items():
        copy.write(key, damaged)
        with pytest.raises(ManifestError, match=key):
            make_page(copy, contract)
        assert name
    copy.delete(key)
    with pytest.raises(ManifestError, match=f"{key} does not exist"):
        make_page(copy, contract)


def test_the_report_of_the_run_is_linked_where_there_is_one(
    copy: LocalStore, contract: Contract
) -> None:
    layout = Layout(contract.prefix)
    live = read_live(copy, layout)
    assert live is not None
    assert "report.html" not in make_page(copy, contract)
    copy.write(layout.report_page(live.run_id), b"")
    assert f'href="../Run_data/{live.run_id}/report.html"' in make_page(copy, contract)
    outcomes: list[Outcome] = ["pass", "pass", "fail", "not applicable"]
    result = Result(live.run_id, contract.contract_hash)
    result.checks += [Check(it, "conformance", "warn", "", it) for it in outcomes]
    result.write(copy, contract)
    assert "2 checks of the run passed; 1 with a warning." in make_page(copy, contract)


def test_a_folder_without_a_live_run_has_no_page(copy: LocalStore, contract: Contract) -> None:
    copy.delete(Layout(contract.prefix).live)
    with pytest.raises(ManifestError, match="no run has published"):
        make_page(copy, contract)
