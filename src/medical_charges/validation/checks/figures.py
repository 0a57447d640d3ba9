"""Comparison of every published figure with the expected one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medical_charges.checks import Check
from medical_charges.validation.checks.files import StagedFile
from medical_charges.validation.expected import Expected
from medical_charges.validation.result import run_check

_UNREADABLE = "its rows cannot be read by their columns"
_WITHHELD = "the output is withheld"


def figure_checks(file: StagedFile, expected: Sequence[Expected], *, withheld: bool) -> list[Check]:
    """Check an output's rows and figures."""
    unless = "" if file.readable else _UNREADABLE
    return [
        run_check(
            f"{file.name}: groups and their order",
            "completeness",
            "no row" if withheld else "each group that holds anybody, once, in order",
            lambda: _group_problems(file, () if withheld else expected),
            unless=unless,
        ),
        run_check(
            f"{file.name}: figures",
            "conformance",
            "equal to the figures of the summed rows; to 1e-9 where a quantile is involved",
            lambda: _figure_problems(file, expected),
            unless=unless or (_WITHHELD if withheld else ""),
        ),
    ]


def _group_problems(file: StagedFile, expected: Sequence[Expected]) -> Iterator[str]:
    shown = [row[: file.groups] for row in file.rows]
    right = [row.labels for row in expected]
    if shown == right:
        return
    if len(set(shown)) < len(shown):
        yield "a group has more than one row"
    if missing := len(set(right) - set(shown)):
        yield f"{missing} of {len(right)} groups have no row"
    if others := len(set(shown) - set(right)):
        yield f"{others} rows are of groups without people"
    if sorted(shown) == sorted(right):
        yield "the rows are not in the order of their groups"


def _figure_problems(file: StagedFile, expected: Sequence[Expected]) -> Iterator[str]:
    right = {row.labels: row for row in expected}
    for row in file.rows:
        labels, fields = row[: file.groups], row[file.groups :]
        if labels not in right or not any(fields):
            continue  # the checks of groups and of disclosure cover this
        figures = right[labels].figures
        counted = file.shows_counts_alone(row, figures)
        for column, shown, figure in zip(file.output.figures, fields, figures, strict=True):
            if not figure.agrees(shown) and not (counted and not column.of_counts):
                yield f"{', '.join(labels)}: {column.name} is not the figure of the rows"
