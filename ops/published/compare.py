"""The differences between two publications, from the outputs that their runs keep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from decimal import Decimal

from medical_charges.analysis.earlier import History, read_history, staged_output
from medical_charges.analysis.summary import Summary, read_summary
from medical_charges.contract import Contract
from medical_charges.contract.outputs import NULL, Output, read_csv
from medical_charges.errors import ObjectMissingError, OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.local.show import ROWS_SHOWN
from medical_charges.storage import Store

Labels = tuple[str, ...]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Figure:
    """A figure of a group in two publications; one that is withheld or does not exist is empty."""

    group: Labels
    column: str
    before: str
    after: str

    @property
    def difference(self) -> Decimal | None:
        """The later figure less the earlier one, if both are there."""
        if NULL in (self.before, self.after):
            return None
        return Decimal(self.after) - Decimal(self.before)


@dataclass
class Change:
    """What is different in one output."""

    output: Output
    added: list[Labels] = field(default_factory=list)
    removed: list[Labels] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    withheld: tuple[str, str] = ("", "")
    """The reasons why the output is withheld as a whole, before and after."""

    @property
    def changed(self) -> list[Figure]:
        """Figures that are in both, and differ."""
        return [it for it in self.figures if it.difference is not None]

    @property
    def lost(self) -> list[Figure]:
        """Figures that are no longer shown."""
        return [it for it in self.figures if it.after == NULL]

    @property
    def gained(self) -> list[Figure]:
        """Figures that were not shown before."""
        return [it for it in self.figures if it.before == NULL]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.figures or any(self.withheld))


@dataclass(frozen=True)
class Comparison:
    """What changed from one publication to another."""

    contract: Contract
    runs: tuple[Summary, Summary]
    changes: Mapping[str, Change]
    """By output, also of those that are the same."""
    unprotected: tuple[str, ...]
    """Outputs whose two versions were never compared, as a publication started over."""


def compare(store: Store, contract: Contract, run_a: str = "", run_b: str = "") -> Comparison:
    """Compare two publications, by default the two latest ones.

    Args:
        store: the bucket, or a folder that mirrors it.
        contract: the contract of both runs.
        run_a: the run of the earlier publication; the latest one before `run_b` if it is empty.
        run_b: the run of the later publication; the latest one if it is empty.

    Raises:
        OutputsRefusedError: a run was not published or is not kept, there is only one, or the runs
            were made under different contracts.
    """
    layout = Layout(contract.prefix)
    history = read_history(store, layout)
    first, second = _chosen(_publications(history), run_a, run_b)
    runs = _summary(store, layout, first), _summary(store, layout, second)
    if runs[0].contract != runs[1].contract:
        raise OutputsRefusedError(
            f"the contract was replaced between run {first} and run {second}: their figures are "
            f"not of the same groups, and cannot be compared"
        )
    changes = {
        name: _change(store, output, layout, runs) for name, output in contract.outputs.items()
    }
    apart = tuple(name for name in changes if not _protected(history, name, runs))
    return Comparison(contract, runs, changes, apart)


def _publications(history: History) -> list[str]:
    """Return the runs whose publications are kept, the latest one last."""
    return sorted({version.run_id for versions in history.values() for version in versions})


def _chosen(kept: Sequence[str], run_a: str, run_b: str) -> tuple[str, str]:
    named = f"published runs that are kept: {', '.join(kept) or 'none'}"
    for run_id in filter(None, (run_a, run_b)):
        if run_id not in kept:
            raise OutputsRefusedError(
                f"run {run_id!r} was never published here, or is no longer kept; {named}"
            )
    second = run_b or next((run for run in reversed(kept) if run != run_a), "")
    first = run_a or next((run for run in reversed(kept) if run < second), "")
    if not first or not second:
        raise OutputsRefusedError(f"there are no two publications to compare; {named}")
    if first == second:
        raise OutputsRefusedError(f"run {first} cannot be compared with itself; {named}")
    return (first, second) if run_a and run_b else (min(first, second), max(first, second))


def _summary(store: Store, layout: Layout, run_id: str) -> Summary:
    try:
        return read_summary(store, layout, run_id)
    except ObjectMissingError as error:
        raise OutputsRefusedError(f"the folder of run {run_id} has been emptied") from error


def _rows(store: Store, layout: Layout, run: Summary, output: Output) -> dict[Labels, Row]:
    """Return an output as readers had it while a run was live, by its groups."""
    data = staged_output(store, layout, run.run_id, output.name)
    if data is None:
        raise OutputsRefusedError(f"run {run.run_id} no longer has its output {output.name}")
    columns, rows = read_csv(data.decode())
    if tuple(columns) != output.header:
        raise OutputsRefusedError(
            f"run {run.run_id} has the columns {', '.join(columns)} in {output.name}, and the "
            f"contract says {', '.join(output.header)}: name the contract of the run"
        )
    size = len(output.labels)
    return {tuple(row[:size]): dict(zip(columns, row, strict=True)) for row in rows}


def _change(store: Store, output: Output, layout: Layout, runs: tuple[Summary, Summary]) -> Change:
    first, second = (run.withheld.get(output.name, "") for run in runs)
    if first or second:
        return Change(output, withheld=(first, second))
    before, after = (_rows(store, layout, run, output) for run in runs)
    return Change(
        output,
        added=[labels for labels in after if labels not in before],
        removed=[labels for labels in before if labels not in after],
        figures=[
            Figure(labels, column.name, row[column.name], after[labels][column.name])
            for labels, row in before.items()
            if labels in after
            for column in output.figures
            if row[column.name] != after[labels][column.name]
        ],
    )


def _protected(history: History, name: str, runs: tuple[Summary, Summary]) -> bool:
    """Return True if a later version of an output was published in the knowledge of an earlier one.

    A run is compared with every version that readers have, unless it was asked to start over.
    """
    made = {run.waiting.get(name, run.run_id) for run in runs if name not in run.withheld}
    versions = history.get(name, ())
    places = [place for place, version in enumerate(versions) if version.run_id in made]
    if len(made) < 2:
        return True
    return len(places) >= 2 and not any(
        version.starts_over for version in versions[min(places) + 1 : max(places) + 1]
    )


def lines(comparison: Comparison) -> Iterator[str]:
    """Return a comparison as lines of text."""
    first, second = comparison.runs
    units = comparison.contract.units
    yield f"from run {first.run_id} to run {second.run_id}"
    yield f"{units} {first.counted:,} -> {second.counted:,} ({second.counted - first.counted:+,})"
    for change in comparison.changes.values():
        yield ""
        yield f"{change.output.name}: {_in_short(change)}"
        # Cubes have too many rows to be read.
        details = [] if change.output.kind == "cube" else list(_details(change))
        yield from (f"  {line}" for line in details[:ROWS_SHOWN])
        if len(details) > ROWS_SHOWN:
            yield f"  and {len(details) - ROWS_SHOWN:,} more groups"
    yield ""
    yield _disclosure(comparison)


def _in_short(change: Change) -> str:
    if any(change.withheld):
        before, after = change.withheld
        when = "in both" if before and after else "before" if before else "now"
        return f"withheld as a whole {when}"
    counts: dict[str, Sized] = {
        "rows added": change.added,
        "rows removed": change.removed,
        "figures changed": change.changed,
        "figures no longer shown": change.lost,
        "figures shown for the first time": change.gained,
    }
    return ", ".join(f"{what} {len(found):,}" for what, found in counts.items() if found) or "same"


def _details(change: Change) -> Iterator[str]:
    for what, groups in (("added", change.added), ("removed", change.removed)):
        yield from (f"{_called(change.output, group)}: {what}" for group in groups)
    by_group: dict[Labels, list[Figure]] = {}
    for figure in change.figures:
        by_group.setdefault(figure.group, []).append(figure)
    for group, figures in by_group.items():
        yield f"{_called(change.output, group)}: {'; '.join(map(_in_words, figures))}"


def _called(output: Output, group: Labels) -> str:
    if output.kind == "comparisons":
        return ", ".join(group)
    named = zip(output.labels, group, strict=True)
    return ", ".join(f"{column.name}={value}" for column, value in named)


def _in_words(figure: Figure) -> str:
    before, after = (text or "not shown" for text in (figure.before, figure.after))
    difference = "" if figure.difference is None else f" ({figure.difference:+})"
    return f"{figure.column} {before} -> {after}{difference}"


def _disclosure(comparison: Comparison) -> str:
    if not comparison.unprotected:
        return (
            "Both were published, and the later one was protected against the earlier one: anyone "
            "who has both knows all of this."
        )
    return (
        f"Do not pass this on: a publication started over in between, so a difference may be of "
        f"fewer than {comparison.contract.disclosure.minimum_rows} {comparison.contract.units}, "
        f"in {', '.join(comparison.unprotected)}."
    )


def as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON, with every row of every output."""
    first, second = comparison.runs
    value = {
        "run_a": first.run_id,
        "run_b": second.run_id,
        "counted": {"before": first.counted, "after": second.counted},
        "unprotected": comparison.unprotected,
        "outputs": {name: _as_json(change) for name, change in comparison.changes.items()},
    }
    # In ASCII, as the console would write control characters in another way than JSON.
    return json.dumps(value, indent=2)


def _as_json(change: Change) -> dict[str, object]:
    names = [column.name for column in change.output.labels]
    return {
        "withheld": dict(zip(("before", "after"), change.withheld, strict=True)),
        "added": [dict(zip(names, group, strict=True)) for group in change.added],
        "removed": [dict(zip(names, group, strict=True)) for group in change.removed],
        "figures": [
            {
                "group": dict(zip(names, figure.group, strict=True)),
                "column": figure.column,
                "before": _number(figure.before),
                "after": _number(figure.after),
                "difference": None if figure.difference is None else float(figure.difference),
            }
            for figure in change.figures
        ],
    }


def _number(text: str) -> float | None:
    return None if text == NULL else float(text)
