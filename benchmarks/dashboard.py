"""Times of the dashboard's page with a filter cube of 50,000 cells: `make dashboard-bench`.

The page is made from its own contract and generated figures, written to `--page`, opened in
Chromium, and filtered as a viewer would, one filter at a time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from medical_charges.contract import Contract, parse_contract
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.page import render
from ops.page.chromium import chromium

OPENED, SELECTIONS = 7, 60

SITES = [f"site_{n:02d}" for n in range(20)]
WARDS = [f"ward_{n:02d}" for n in range(20)]
PAYERS = [f"payer_{n}" for n in range(10)]
DECADES = [f"from_{n}" for n in range(0, 110, 10)]
CONTRACT = f"""
dataset: bench
prefix: Bench
source:
  format: csv
  columns:
    site: {{ type: string, allowed: {json.dumps(SITES)} }}
    ward: {{ type: string, allowed: {json.dumps(WARDS)} }}
    payer: {{ type: string, allowed: {json.dumps(PAYERS)} }}
    urgent: {{ type: string, allowed: ["yes", "no"] }}
    age: {{ type: integer, minimum: 0, maximum: 109 }}
    charges: {{ type: double, minimum: 0 }}
bands:
  decade:
    column: age
    below: {json.dumps({name: 10 * n for n, name in enumerate(DECADES[:-1], 1)})}
    otherwise: {DECADES[-1]}
measure: charges
analyses:
  by_payer: {{ group_by: [payer], statistics: [patients, mean, minimum, maximum, ci95] }}
  by_decade: {{ group_by: [decade], statistics: [patients, share, mean] }}
  by_age: {{ group_by: [age], statistics: [patients, mean, ci95] }}
  urgent_by_payer: {{ group_by: [payer, urgent], statistics: [patients, share] }}
  by_payer_and_urgency: {{ group_by: [payer, urgent], statistics: [patients, mean, ci95] }}
comparisons:
  urgency: {{ column: urgent, groups: ["yes", "no"], within: [payer] }}
dashboard:
  unit: USD
  filters: [site, ward, payer]
  filtered_as: {{ age: decade }}
"""

SELECT = """async ([column, value]) => {
  const select = document.querySelector(".filters form").elements.namedItem(`filter-${column}`);
  const root = document.documentElement;
  delete root.dataset.shown;
  const started = performance.now();
  select.value = value;
  select.dispatchEvent(new Event("change"));
  while (root.dataset.shown === undefined) await new Promise((next) => setTimeout(next));
  // The frame that shows it, and the one after: only then is the first on the screen.
  await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
  return performance.now() - started;
}"""


def make_tables(contract: Contract) -> dict[str, str]:
    """Return figures for every row that the outputs can have."""
    chance = random.Random(1)
    values = {
        "site": SITES,
        "ward": WARDS,
        "payer": PAYERS,
        "urgent": ["no", "yes"],
        "decade": DECADES,
        "age": list(map(str, range(110))),
    }
    tables = {}
    for name, output in contract.outputs.items():
        if output.kind == "comparisons":
            axes = [["urgency"], [f"payer={payer}" for payer in PAYERS], ["yes"], ["no"]]
        else:
            filters = contract.dashboard.filters if output.kind == "cube" else ()
            axes = [
                ["all", *values[it.name]] if it.name in filters else values[it.name]
                for it in output.labels
            ]
        lines = [
            ",".join((*key, *(_figure(chance, column.name) for column in output.figures)))
            for key in itertools.product(*axes)
        ]
        tables[name] = "\n".join((",".join(output.header), *lines)) + "\n"
    return tables


def _figure(chance: random.Random, column: str) -> str:
    kind = column.split("_", maxsplit=1)[0]
    if kind in {"patients", "n"}:
        return str(chance.randrange(11, 900))
    if kind == "share":
        return str(round(chance.random(), 6))
    scale = {"m2": 1e11, "sum": 5e6, "minimum": 2e3, "maximum": 6e4}.get(kind, 1.5e4)
    return f"{scale * (0.5 + chance.random()):.6f}"


def make_page(path: Path) -> int:
    """Write the page; return the number of cells of its largest cube."""
    contract = parse_contract(CONTRACT)
    tables = make_tables(contract)
    path.write_text(render(define(contract), tables), encoding="utf-8")
    return max(tables[name].count("\n") - 1 for name in contract.cubes)


def measure(page: Page, path: Path) -> dict[str, list[float]]:
    """Return milliseconds to the first paint, to the last chart, and to the answers of filters."""
    paints, drawn, answers = [], [], []
    for _ in range(OPENED):
        page.goto("about:blank")
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        paints.append(
            page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        )
        drawn.append(page.evaluate("performance.getEntriesByName('drawn')[0].startTime"))
    chance = random.Random(2)
    choices = {"site": ["all", *SITES], "ward": ["all", *WARDS], "payer": ["all", *PAYERS]}
    for _ in range(SELECTIONS):
        column = chance.choice(list(choices))
        answers.append(page.evaluate(SELECT, [column, chance.choice(choices[column])]))
    return {"first paint": paints, "all charts drawn": drawn, "answer of a filter": answers}


def main() -> None:
    """Make the page, measure it, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, help="where to leave the page that is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        path = (options.page or Path(folder) / "dashboard.html").resolve()
        cells = make_page(path)
        print(f"page of {path.stat().st_size / 1e6:.2f} MB, largest cube of {cells:,} cells")
        seen = measure(browser.new_page(viewport={"width": 1280, "height": 900}), path)
        print(f"in Chromium {browser.version}, milliseconds:")
    for what, values in seen.items():
        ordered = sorted(values)
        print(
            f"  {what:<20} median {statistics.median(ordered):5.0f}, 95 % under "
            f"{ordered[int(0.95 * (len(ordered) - 1))]:5.0f}, most {ordered[-1]:5.0f} "
            f"(of {len(ordered)})"
        )


if __name__ == "__main__":
    main()
