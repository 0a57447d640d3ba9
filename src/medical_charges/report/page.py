"""The report as one self-contained page: no script, no font, no other file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from medical_charges.report.model import Report

_WORDS = {
    "passed": ("pass", "No check stopped it: its outputs may be published."),
    "held": ("warn", "It is held: nothing of it is published."),
    "refused": ("fail", "A check stopped it: nothing of it is published."),
    "failed": ("fail", "It failed: see below where and why."),
}
_ORDER = ("error", "fail", "pass", "not applicable")


_PAGES = Environment(
    loader=PackageLoader("medical_charges.report", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(report: Report) -> str:
    """Return the report as HTML."""
    style, words = _WORDS[report.outcome]
    checks = sorted(report.checks, key=lambda check: _ORDER.index(check.outcome))
    template = _PAGES.get_template("page.html")
    return template.render(report=report, style=style, words=words, checks=checks)
