"""Lines of text about a run, for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from medical_charges.analysis.summary import Summary
from medical_charges.contract.outputs import Output, read_csv

ROWS_SHOWN = 100
_CELL = 24
"""The widest cell of a preview."""


def table_lines(output: Output, data: bytes) -> Iterator[str]:
    """Return the lines of a published output: its name, its columns, its first rows."""
    columns, rows = read_csv(data.decode())
    shown = [columns, *rows[:ROWS_SHOWN]]
    widths = [max(map(len, values)) for values in zip(*shown, strict=True)]
    yield output.name
    for row in shown:
        cells = zip(output.columns, row, widths, strict=True)
        yield "  ".join(
            text.ljust(width) if column.role == "label" else text.rjust(width)
            for column, text, width in cells
        ).rstrip()
    if len(rows) > ROWS_SHOWN:
        yield f"and {len(rows) - ROWS_SHOWN} more rows"


def rows_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return rows of text as lines whose columns are aligned."""
    widths = [min(_CELL, max(map(len, values))) for values in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(_cut(text).ljust(width) for text, width in cells).rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else f"{text[: _CELL - 3]}..."


def summary_lines(summary: Summary) -> Iterator[str]:
    """Return what a run read, rejected and withheld, and its warnings."""
    known = summary.objects - summary.objects_read
    yield f"rows read {summary.rows}, counted {summary.counted}, rejected {summary.rejected}"
    yield f"objects new {summary.objects_read}, known {known}"
    yield f"seconds: {_listed(summary.seconds)}"
    if summary.rules:
        yield f"rejected by rule: {_listed(summary.rules)}"
    for what, lost in (
        ("without figures", summary.suppressed),
        ("with counts alone", summary.counts_only),
    ):
        if lost:
            yield f"rows {what}, to protect small groups: {_listed(lost)}"
    for name, reason in summary.withheld.items():
        yield f"{name} is withheld: {reason}"
    for name, run in summary.waiting.items():
        yield f"{name} stays as run {run} published it: too few people of some group have changed"
    for warning in summary.warnings:
        yield f"warning: {warning}"


def example_lines(examples: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Return examples of fields that broke the most frequent rules; they are no measures."""
    for rule, fields in examples.items():
        yield f"{rule}, such as {', '.join(map(repr, fields))}"


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
