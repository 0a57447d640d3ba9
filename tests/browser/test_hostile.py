"""Page and report run nothing of what values, labels, titles and names hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from medical_charges.contract import Contract, parse_contract
from medical_charges.dashboard.page import write_page
from medical_charges.layout import Layout
from medical_charges.report import write_report
from tests.browser.conftest import RUN_ID, Publish
from tests.browser.drawn import Dashboard
from tests.helpers import csv_of

SCRIPT = "</script><script>window.ran = 1</script>"
IMAGE = "<img src=x onerror='window.ran = 1'>"
VALUES = (
    "<script>window.ran = 1</script>",
    IMAGE,
    "<svg/onload=window.ran=1>",
    "javascript:window.ran=1",
    "${window.ran = 1}",
    "{{constructor.constructor('window.ran = 1')()}}",
    "datum['x'] = (window.ran = 1)",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\u202eesrever",
)
"""Values of a column, which the page shows as groups."""

CONTRACT = f"""
dataset: hostile
prefix: Hostile
source:
  format: csv
  columns:
    place: {{ type: string }}
    "{IMAGE}": {{ type: string, allowed: [left, right] }}
    cost: {{ type: double }}
measure: cost
analyses:
  by_place: {{ group_by: [place], statistics: [patients, mean, ci95] }}
  by_side: {{ group_by: ["{IMAGE}"], statistics: [patients, share] }}
comparisons: {{ sides: {{ column: "{IMAGE}", groups: [left, right] }} }}
dashboard:
  title: "{SCRIPT}"
  filters: ["{IMAGE}"]
  charts: {{ by_side: pie }}
  names: {{ place: "{SCRIPT}", by_place: "{IMAGE}", by_side: "{SCRIPT} {IMAGE}" }}
  labels: {{ "{IMAGE}": {{ left: "{SCRIPT}", right: "{IMAGE}" }} }}
"""
FILE = "<img src=x onerror=window.ran=1> =cmd|' calc'!A0.csv"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(CONTRACT)


@pytest.fixture(scope="module")
def folder(publish_folder: Publish, contract: Contract) -> Path:
    """A bucket with the published outputs of hostile values, their page and a report."""
    people = [
        (value, side, 10 + n)
        for n, value in enumerate(VALUES)
        for side in ("left", "right")
        for _ in range(20)
    ]
    header = ["place", IMAGE, "cost", "<script>window.ran = 1</script>"]
    data = csv_of(header, [(*row, "x") for row in people])
    store = publish_folder(contract, {FILE: data, f"again {FILE}": data})
    layout = Layout(contract.prefix)
    failure = {"state": SCRIPT, "reason": f"{IMAGE}\n{SCRIPT}\njavascript:window.ran=1"}
    store.write(layout.failure(RUN_ID), json.dumps(failure).encode())
    write_report(store, layout.run(RUN_ID))
    write_page(store, contract)
    return Path(store.uri.removeprefix("file://"))


def test_the_page_shows_hostile_texts_and_runs_nothing_of_them(
    browser: Browser, folder: Path, contract: Contract
) -> None:
    with Dashboard(browser, folder / Layout(contract.prefix).dashboard) as dashboard:
        page = dashboard.page
        assert page.title().startswith(SCRIPT)
        assert "${window.ran = 1}" in dashboard.drawn().charts["by_place"]["texts"]
        for bar in page.locator("[aria-roledescription=bar] >> visible=true").all()[:9]:
            bar.hover(force=True)
        for button in page.get_by_role("button", name="Show as a table").all():
            button.click()
        heads = page.locator("#chart-by_place tbody th").all_inner_texts()
        assert {*heads} == {*VALUES}
        with page.expect_download() as saving:
            page.locator("#chart-by_place").get_by_role("button", name="Save CSV").click()
        lines = saving.value.path().read_text().splitlines()
        assert not [line for line in lines if line.startswith(("=", "@", "+", "\t"))]
        assert page.evaluate("window.ran") is None
        dashboard.open(f"{IMAGE}=left&{SCRIPT}={SCRIPT}&filter-{IMAGE}={IMAGE}")
        dashboard.drawn()
        assert page.evaluate("window.ran") is None
        assert page.locator("img, script[src], iframe, svg[onload]").count() == 0
        inside = ("file:", "blob:", "about:", "data:")
        assert [url for url in dashboard.requests if not url.startswith(inside)] == []
        assert dashboard.complaints == []


def test_a_report_shows_hostile_texts_and_runs_nothing_of_them(
    browser: Browser, folder: Path, contract: Contract
) -> None:
    page = browser.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto((folder / Layout(contract.prefix).report_page(RUN_ID)).as_uri())
    text = page.locator("body").inner_text()
    assert SCRIPT in text
    assert IMAGE in text
    assert FILE in page.content().replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'")
    assert page.evaluate("window.ran") is None
    assert page.locator("script, img, iframe").count() == 0
    assert len(requests) == 1
    page.close()
