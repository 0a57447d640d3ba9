"""The report as one self-contained page: no script, no font, no other file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from medical_charges.checks import Check
from medical_charges.report.model import Report

_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1f; --faint: #5c5c66; --ground: #fff;
  --line: #d5d5dc; --good: #146c2e; --bad: #b3261e; --note: #7a5200; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6ec; --faint: #a5a5b0; --ground: #17171b; --line: #3b3b44;
    --good: #7fd494; --bad: #ff9a91; --note: #f0c05a; } }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--ground);
  margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; } .faint { color: var(--faint); }
.pass { color: var(--good); } .fail, .error { color: var(--bad); font-weight: 600; }
.warn { color: var(--note); font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .85em; }
@media print {
  :root { color-scheme: light; --text: #000; --faint: #333; --ground: #fff; --line: #999;
    --good: #000; --bad: #000; --note: #000; }
  body { margin: 0; max-width: none; font-size: 9pt; } tr { break-inside: avoid; }
  thead { display: table-header-group; } }
"""

_WORDS = {
    "passed": ("pass", "No check stopped it: its outputs may be published."),
    "held": ("warn", "It is held: nothing of it is published."),
    "refused": ("fail", "A check stopped it: nothing of it is published."),
    "failed": ("fail", "It failed: see below where and why."),
}


def page(report: Report) -> str:
    """Return the report as HTML."""
    style, words = _WORDS[report.outcome]
    parts = [
        f"<h1>Run {escape(report.run_id)}</h1>",
        f'<p class="{style}">{words}</p>',
        *_warned(report),
        *_reason(report),
        *_section("What was read", _read(report)),
        *_section("What was rejected", _rejected(report)),
        *_section("What was checked", _checks(report)),
        *_section("What is not shown, and why", _withheld(report)),
        *_section("Warnings", [_list(report.warnings)] if report.warnings else []),
        *_section("Made with", _made_with(report)),
        *_section("How long it took", _seconds(report)),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Run {escape(report.run_id)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _section(title: str, parts: Sequence[str]) -> list[str]:
    return [f"<section>\n<h2>{title}</h2>", *parts, "</section>"] if parts else []


def _warned(report: Report) -> list[str]:
    number = sum(check.warns for check in report.checks)
    if not number:
        return []
    words = "1 check warns" if number == 1 else f"{number:,} checks warn"
    return [f'<p class="warn">{words}: see what was checked.</p>']


def _reason(report: Report) -> list[str]:
    if report.held is not None:
        return [f"<p>{escape(report.held)}</p>"]
    if report.failure is None:
        return []
    lines = "<br>".join(map(escape, report.failure.reason.split("\n")))
    return [f"<p>In {escape(report.failure.state)}: {lines}</p>"]


def _read(report: Report) -> list[str]:
    found = report.read
    if found is None:
        return ["<p>It ended before its rows were counted.</p>"]
    rows: list[tuple[str, object]] = [
        ("Rows: non-empty lines after the headers", found.rows),
        ("Rows counted", found.counted),
        ("Rows rejected, and kept in quarantine", found.rejected),
    ]
    if found.objects is not None:
        rows = [
            ("Objects of the input", found.objects),
            ("Objects that were new", found.objects_read),
            *rows,
        ]
    return [_table(("", "Number"), rows)]


def _rejected(report: Report) -> list[str]:
    rules = _table(("Rule", "Rows that broke it"), _sorted(report.rejected.rules))
    parts = [rules if report.rejected.rules else "<p>No row was rejected.</p>"]
    for found in report.rejected.objects:
        share = found.rejected / found.rows if found.rows else 0
        parts.append(
            f"<p><code>{escape(found.object)}</code> has too many: {found.rejected:,} of "
            f"{found.rows:,} rows, {share:.1%}.</p>"
        )
        parts.append(_table(("Rule", "Rows that broke it"), _sorted(found.rules)))
    return parts if report.read or report.rejected.objects else []


def _checks(report: Report) -> list[str]:
    if not report.checks:
        return ["<p>Nothing: the run ended before its outputs were validated.</p>"]
    order = {"error": 0, "fail": 1, "pass": 2, "not applicable": 3}
    checks = sorted(report.checks, key=lambda check: order[check.outcome])
    told = []
    if report.checked is not None:
        told.append(
            f"<p>The rows of {report.checked.read:,} objects were read again; the partials of "
            f"{report.checked.on_record:,} had been compared with their rows before.</p>"
        )
    head = "".join(f"<th>{name}</th>" for name in ("Outcome", "Check", "Allowed", "Found"))
    body = "\n".join(map(_check, checks))
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    return [*told, f'<div class="wide">{table}</div>']


def _check(check: Check) -> str:
    style = "warn" if check.warns else check.outcome
    word = "warning" if style == "warn" else check.outcome
    found = "<br>".join(map(escape, check.found.split("\n")))
    return (
        f'<tr><td class="{style.replace(" ", "-")}">{word}</td>'
        f'<td>{escape(check.name)}<br><span class="faint">{check.category}</span></td>'
        f"<td>{escape(check.threshold)}</td><td>{found}</td></tr>"
    )


def _withheld(report: Report) -> list[str]:
    found, parts = report.withheld, []
    if found.rows:
        parts.append(
            "<p>These rows lost their figures, because their group is small or because they would "
            "disclose a small one. Which of the two is not stated.</p>"
        )
        parts.append(_table(("Output", "Rows without figures"), _sorted(found.rows)))
    if found.outputs:
        reasons = [f"{name}: {reason}" for name, reason in found.outputs.items()]
        parts += ["<p>These outputs have no rows at all:</p>", _list(reasons)]
    return parts or (["<p>Nothing is withheld.</p>"] if report.read else [])


def _made_with(report: Report) -> list[str]:
    rows: list[tuple[str, object]] = list(report.versions.items())
    if report.contract:
        rows.append(("contract", report.contract))
    rows += [(f"{name}, SHA-256", found) for name, found in report.files.items()]
    return [_table(("", "Version or hash"), rows)] if rows else []


def _seconds(report: Report) -> list[str]:
    rows = [
        (f"{job}: {phase}", f"{seconds:.3f} s")
        for job, phases in report.seconds.items()
        for phase, seconds in phases.items()
    ]
    return [_table(("Phase", "Time"), rows)] if rows else []


def _sorted(counts: Mapping[str, int]) -> list[tuple[str, object]]:
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return list(most_first)


def _table(head: tuple[str, str], rows: Iterable[tuple[str, object]]) -> str:
    body = "\n".join(
        f'<tr><td>{escape(name)}</td><td class="number">{_shown(value)}</td></tr>'
        for name, value in rows
    )
    return (
        f'<div class="wide"><table>\n<thead><tr><th>{head[0]}</th><th class="number">{head[1]}</th>'
        f"</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _list(sentences: Iterable[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{escape(s)}</li>" for s in sentences) + "\n</ul>"
