"""The terminal view of a run: the published tables, and the run's summary."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract
from medical_charges.contract.outputs import read_csv
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.local.show import ROWS_SHOWN, example_lines, summary_lines
from medical_charges.report.printable import printable
from medical_charges.runs.publish import published
from medical_charges.storage import Store

_WIDTH = 10_000
"""Width for all tables: Rich would cut figures that do not fit, a terminal wraps them."""


class PlainConsole(Console):
    """A console that prints text literally: data, names and errors are no markup."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, width=_WIDTH, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return text without control characters; Rich calls this for cells and titles too."""
        return super().render_str(printable(text), **options)


def console() -> Console:
    """Return a console on standard output."""
    return PlainConsole()


def show_run(console: Console, store: Store, contract: Contract, summary: Summary) -> None:
    """Print the published tables and the rows that the run read, rejected and withheld."""
    for name, data in published(store, contract).items():
        output = contract.outputs[name]
        if output.kind == "cube":
            continue  # which people see on the dashboard
        _, rows = read_csv(data.decode())
        table = Table(title=name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for column in output.columns:
            justify: JustifyMethod = "left" if column.role == "label" else "right"
            table.add_column(column.name, justify=justify, no_wrap=True)
        for row in rows[:ROWS_SHOWN]:
            table.add_row(*row)
        if len(rows) > ROWS_SHOWN:
            table.caption = f"and {len(rows) - ROWS_SHOWN} more rows"
        console.print(table)
    show_summary(console, summary)


def show_summary(console: Console, summary: Summary) -> None:
    """Print the rows that a run read, rejected and withheld."""
    for line in summary_lines(summary):
        console.print(line)


def show_runs(console: Console, runs: Sequence[Mapping[str, Any]], live: str) -> None:
    """Print the ledger's entries of runs, the latest first."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("run", "status", "started", "rows", "snapshot", ""):
        table.add_column(column, no_wrap=True)
    for run in runs:
        table.add_row(
            Text(str(run["run_id"])),
            Text(str(run.get("status", ""))),
            Text(str(run.get("started", ""))[:19]),
            Text(str(run.get("rows", ""))),
            Text(str(run.get("snapshot", ""))[:12]),
            "live" if run["run_id"] == live else "",
        )
    console.print(table if runs else "there has been no run yet")


def show_report(console: Console, out: Path, contract: Contract, run_id: str) -> None:
    """Print the location of a run's report, if it has one."""
    path = out / Layout(contract.prefix).report_page(run_id)
    if path.is_file():
        console.print(f"report: {path}")


def show_results(console: Console, out: Path, layout: Layout) -> None:
    """Print where the results of a run are, and what of them may be passed on."""
    names = [key.removeprefix(f"{layout.prefix}/") for key in layout.for_readers]
    console.print(f"results in {out / layout.prefix}")
    console.print(
        f"to pass on: {', '.join(names)}; all else there holds rows of the input, or counts that "
        f"are not protected"
    )


def show_next(console: Console, *targets: tuple[str, str], **variables: Path) -> None:
    """Print make targets to call next, each with what it is for, and the variables for all."""
    # Make takes a dollar sign for a variable.
    given = [f"{name}={shlex.quote(str(it)).replace('$', '$$')}" for name, it in variables.items()]
    console.print("next:")
    for target, purpose in targets:
        console.print(f"  make {' '.join([target, *given])}  # {purpose}")


def show_left_out(console: Console, reasons: Mapping[str, str]) -> None:
    """Print the keys of the bucket that the folder does not hold."""
    for key, reason in reasons.items():
        console.print(f"warning: the object {key!r} is not mirrored: {reason}")


def read_error(store: Store, key: str) -> dict[str, Any]:
    """Return the error that a failed run has left; empty if there is none."""
    try:
        found: dict[str, Any] = json.loads(store.read(key))
    except ObjectMissingError:
        return {}
    return found


def show_examples(console: Console, error: Mapping[str, Any]) -> None:
    """Print examples of fields that broke the most frequent rules; notices and logs have none."""
    for line in example_lines(error.get("examples", {})):
        console.print(line)
