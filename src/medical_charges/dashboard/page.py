"""The dashboard as one HTML file that asks nobody for anything."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from medical_charges.contract import Contract
from medical_charges.contract.outputs import read_csv
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.definition.parts import Definition, Tile, Visual
from medical_charges.dashboard.published import read_published
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.report import read_checks
from medical_charges.report.page import THEME
from medical_charges.storage import Store

ASSETS = Path(__file__).resolve().parent / "assets"
LIBRARY = "library.js"
"""Vega, Vega-Lite and Vega-Embed as one script: an asset of packages, which have no vl-convert."""
SCRIPTS = (
    "statistics.js",
    "data.js",
    "format.js",
    "rows.js",
    "differences.js",
    "sentences.js",
    "charts.js",
    "cards.js",
    "page.js",
)
"""In the order in which they need each other."""

DIGITS = 12
"""The significant digits that a cube's sums keep on the page."""

_WITHHELD = (
    "Figures of groups of fewer than {threshold} are withheld, and as many others as it takes "
    "that none of these can be worked out. A group of which nobody is there says nobody."
)
_INTERVALS = (
    "An interval is the 95% confidence interval of a mean by Student's t, or of a difference of "
    "two means by Welch's."
)
_CHOSEN = (
    "A sentence on top is there only if it holds at the 5% level for all pairs of groups, or all "
    "comparisons, that it is chosen from (Bonferroni)."
)
_EARLIER = (
    "Of an earlier run, because some of their groups have changed by too few {units} since: "
    "{names}."
)
_FILTERED = "With a filter set, every figure is read off one published row of the selected {units}."


def write_page(store: Store, contract: Contract) -> str:
    """Make the page of what is published in a store, put it there, and return its key.

    Raises:
        ManifestError: the manifests do not lead to the published outputs.
    """
    key = Layout(contract.prefix).dashboard
    store.write(key, make_page(store, contract).encode())
    return key


def make_page(store: Store, contract: Contract) -> str:
    """The page of what is published in a store."""
    content = read_published(store, contract)
    definition = define(contract)
    run = {name: getattr(content.run, name) for name in ("run_id", "rows", "rejected")}
    report = _report(store, contract, content.run.run_id)
    checked = _checked(store, contract, content.run.run_id)
    waiting = content.run.waiting
    return render(definition, content.tables, run, report, checked=checked, waiting=waiting)


def render(
    definition: Definition,
    tables: Mapping[str, str],
    run: Mapping[str, Any] | None = None,
    report: str | None = None,
    *,
    checked: str = "",
    waiting: Collection[str] = (),
) -> str:
    """The page of a definition and its tables, CSVs by name; `report` is a link to one.

    `checked` says what came of the checks; `waiting` are the tables of an earlier run than the
    others.
    """
    style, script, library = THEME + _text("page.css"), _script(), _library()
    data = {
        "definition": _described(definition),
        "tables": {
            name: _by_column(text, rounded=definition.figures[1:]) for name, text in tables.items()
        },
        "run": run,
    }
    return Template(_text("page.html")).substitute(
        policy=_policy(style, library, script),
        title=html.escape(definition.title),
        lede=html.escape(_lede(definition)),
        style=style,
        filters=_filters(definition),
        tiles="\n".join(map(_tile, definition.tiles)),
        cards="\n".join(_cards(definition)),
        notes=_notes(definition, report, checked, waiting),
        data=_packed(json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
        library=_packed(library),
        script=script,
    )


def _described(definition: Definition) -> dict[str, Any]:
    """A definition as the script reads it, which knows of people and of no sentences."""
    value = asdict(definition)
    for name in ("threshold", "caveats"):
        del value[name]
    if definition.units == "people":
        del value["units"]
    return value


def _by_column(text: str, rounded: Collection[str]) -> dict[str, Any]:
    """A table column by column: similar values in a row compress best.

    Columns of `rounded` keep DIGITS digits: what is worked out of a cube's sums is shown with
    fewer, and digits are most of a large page.
    """
    columns, lines = read_csv(text)
    values = [list(column) for column in zip(*lines, strict=True)] or [[] for _ in columns]
    for place, name in enumerate(columns):
        if name in rounded:
            values[place] = [_rounded(figure) for figure in values[place]]
    return {"columns": columns, "values": values}


def _rounded(figure: str) -> str:
    return f"{float(figure):.{DIGITS}g}" if len(figure) > DIGITS else figure


def _packed(text: str) -> str:
    """Text as a part of the page that its script unpacks: gzip in base64."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _policy(style: str, *scripts: str) -> str:
    """Nothing but what stands in the file: no request to anywhere, no code made out of text.

    Pictures are made in the page and saved from it.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(map(_hash, scripts)),
            f"style-src {_hash(style)}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _library() -> str:
    return _text(LIBRARY) if (ASSETS / LIBRARY).is_file() else make_library()


def make_library() -> str:
    """Make the script that draws the charts: Vega, Vega-Lite and Vega-Embed.

    Raises:
        MedicalChargesError: vl-convert is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - AWS has the script, and a page needs nothing else of it
    except ModuleNotFoundError as error:
        raise MedicalChargesError(
            "the charts of a page are drawn by a package that is not installed: "
            "pip install vl-convert-python"
        ) from error

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _script() -> str:
    """The page's own scripts, in a scope of their own."""
    parts = "\n".join(_text(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _text(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _lede(definition: Definition) -> str:
    unit = f" in {definition.unit}" if definition.unit else ""
    groups = (
        f"{definition.measure_title}{unit}. Every figure is of {definition.threshold} or more; "
        "those of smaller groups are withheld."
    )
    return f"{groups} {definition.caveats}".rstrip()


def _filters(definition: Definition) -> str:
    if not definition.filters:
        return ""
    selects = "".join(
        f"<label>{html.escape(definition.groups[column].title)}"
        f'<select name="filter-{html.escape(column)}" autocomplete="off">'
        f'<option value="all">All</option></select></label>'
        for column in definition.filters
    )
    return (
        '<nav class="filters" aria-label="Filters"><form class="wrap">'
        f'{selects}<div class="buttons">'
        '<button type="button" class="clear" disabled>'
        f"Show all {html.escape(definition.units)}</button> "
        '<button type="button" class="link">Copy link</button>'
        "</div></form></nav>"
    )


def _tile(tile: Tile) -> str:
    words = " words" if tile.format == "text" else ""
    return (
        f'<li class="tile" id="tile-{tile.id}"><span class="name">{html.escape(tile.title)}</span>'
        f'<span class="figure{words}">–</span><span class="small"></span></li>'  # noqa: RUF001
    )


def _cards(definition: Definition) -> Iterator[str]:
    """The cards, those of half the width before those of the whole: so they leave no holes."""
    for visual in sorted(definition.visuals, key=_is_wide):
        yield _card(visual.id, visual.face.title, visual.face.subtitle, wide=_is_wide(visual))
    if it := definition.compared:
        yield _card(it.id, it.title, it.subtitle, wide=True)


def _is_wide(visual: Visual) -> bool:
    return visual.kind == "line"


def _card(id_: str, title: str, subtitle: str, *, wide: bool) -> str:
    return (
        f'<article class="card{" wide" if wide else ""}" id="chart-{id_}" '
        f'aria-labelledby="title-{id_}">'
        f'<h2 id="title-{id_}">{html.escape(title)}</h2>'
        f'<p class="subtitle">{html.escape(subtitle)}</p>'
        '<div class="body"><div class="chart main"></div>'
        '<p class="message" hidden></p><div class="tables" hidden></div></div>'
        '<p class="notes"></p><div class="actions"></div></article>'
    )


def _notes(
    definition: Definition, report: str | None, checked: str, waiting: Collection[str]
) -> str:
    notes = [_WITHHELD.format(threshold=definition.threshold), _INTERVALS, _CHOSEN]
    if definition.filters:
        notes.append(_FILTERED.format(units=definition.units))
    if earlier := _earlier(definition, waiting):
        notes.append(_EARLIER.format(units=definition.units, names=", ".join(earlier)))
    items = [
        f"<p><strong>{html.escape(name)}</strong> {html.escape(text)}</p>"
        for name, text in definition.source
    ]
    items += [f"<p>{html.escape(note)}</p>" for note in notes]
    if checked:
        items.append(f"<p>{html.escape(checked)}</p>")
    if report:
        # For those who have the folder: a page that was sent has nothing next to it.
        items.append(
            f'<p class="report" hidden><a href="{html.escape(report)}">The report of the run</a> '
            f"is where the run was made.</p>"
        )
    return "\n".join(items)


def _earlier(definition: Definition, waiting: Collection[str]) -> list[str]:
    """What shows the tables of an earlier run."""
    names = [visual.face.title for visual in definition.visuals if visual.output in waiting]
    if definition.compared and definition.compared.id in waiting:
        names.append(definition.compared.title)
    if any(tile.cube in waiting for tile in definition.tiles):
        names.append("the figures on top")
    if any(visual.cube in waiting for visual in definition.visuals):
        names.append("charts while a filter is set")
    return names


def _checked(store: Store, contract: Contract, run_id: str) -> str:
    """What came of the checks of a run, for those who have the page and not its report."""
    checks = read_checks(store, Layout(contract.prefix).run(run_id))
    if not checks:
        return ""
    passed = sum(it.outcome == "pass" for it in checks)
    warned = sum(it.warns for it in checks)
    warnings = f"; {warned:,} with a warning" if warned else ""
    return f"{passed:,} checks of the run passed{warnings}."


def _report(store: Store, contract: Contract, run_id: str) -> str | None:
    """The run's report as the page links it, if there is one next to it."""
    layout = Layout(contract.prefix)
    key = layout.report_page(run_id)
    if all(ref.key != key for ref in store.list(layout.run(run_id))):
        return None
    return key.replace(contract.prefix, "..", 1)
