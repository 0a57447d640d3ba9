"""The report as one self-contained page: no script, no font, no other file.

`theme.css` is how all pages of this project look; the dashboard's page has it too.
"""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from medical_charges.report.model import Report

_WORDS = {
    "passed": ("pass", "Passed", "No check stopped it: its outputs may be published."),
    "held": ("warn", "Held", "It is held: nothing of it is published."),
    "refused": ("fail", "Refused", "A check stopped it: nothing of it is published."),
    "failed": ("fail", "Failed", "It failed: nothing more of it is published."),
}
# A step of EMR imports the library from an archive, where no path leads.
_FOLDER = files("medical_charges.report")

THEME = (_FOLDER / "theme.css").read_text(encoding="utf-8")
"""The style of every page: colors, type, tiles, cards and tables."""


_PAGES = Environment(
    loader=PackageLoader("medical_charges.report", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(report: Report, dataset: str) -> str:
    """Return the report of a run of a data set as HTML."""
    tone, headline, words = _WORDS[report.outcome]
    checks = sorted(report.checks, key=lambda check: (not check.stops, check.warns))
    found = {
        "notable": [check for check in checks if check.stops or check.warns],
        "passed": [check for check in checks if check.outcome == "pass"],
        "idle": [check for check in checks if check.outcome == "not applicable"],
    }
    style = THEME + (_FOLDER / "report.css").read_text(encoding="utf-8")
    template = _PAGES.get_template("page.html")
    return template.render(
        report=report,
        dataset=dataset,
        style=style,
        tone=tone,
        headline=headline,
        words=words,
        **found,
    )
