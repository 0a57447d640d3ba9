"""Rules of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from medical_charges.contract.model import MARGIN, Contract
from medical_charges.contract.parts.part import NAME_LIMIT
from medical_charges.contract.rules.groups import group_problems, not_a_group
from medical_charges.contract.rules.problem import Problem, one_of, show

TITLE_LIMIT = 128
"""Maximum length of a dashboard's name in QuickSight."""


def dashboard_problems(contract: Contract) -> Iterator[Problem]:
    """Find filters, charts and words of what is not in the contract."""
    dashboard, path = contract.dashboard, "dashboard"
    for index, name in enumerate(dashboard.filters):
        where = f"{path}.filters[{index}]"
        yield from group_problems(contract, where, name)
        if MARGIN in (contract.groups_listed(name) or ()):
            allowed = f"no group of that name: it stands for everybody where {name} is no filter"
            yield Problem(where, f"{name!r}, which has the group {MARGIN!r}", allowed)
    if len(set(dashboard.filters)) < len(dashboard.filters):
        yield Problem(f"{path}.filters", show(list(dashboard.filters)), "each entry once")
    yield from _filtered_problems(contract)
    for name in dashboard.charts:
        if name not in contract.analyses:
            yield Problem(f"{path}.charts.{name}", show(name), one_of(list(contract.analyses)))
    yield from _pie_problems(contract)
    yield from _naming_problems(contract)
    yield from _label_problems(contract)
    yield from _title_problems(contract)
    yield from _share_problems(contract)
    yield from _cube_problems(contract)


def _filtered_problems(contract: Contract) -> Iterator[Problem]:
    """Check that what replaces a column while a filter is set is a band of it."""
    banded = list(dict.fromkeys(band.column for band in contract.bands.values()))
    for name, shown in contract.dashboard.filtered_as.items():
        where = f"dashboard.filtered_as.{name}"
        if name not in banded:
            yield Problem(where, show(name), one_of(banded))
            continue
        labels = [band for band, spec in contract.bands.items() if spec.column == name]
        if shown not in labels:
            yield Problem(where, show(shown), f"a band of {name}: {one_of(labels)}")
        for both, analysis in contract.analyses.items():
            if contract.dashboard.filters and {name, shown} <= set(analysis.group_by):
                found = f"{show(shown)}, which {both} groups by next to {name}"
                yield Problem(where, found, f"a band that no analysis groups by next to {name}")


def _pie_problems(contract: Contract) -> Iterator[Problem]:
    """Check that the slices of a pie are parts of one whole: people, by one column."""
    for name, kind in contract.dashboard.charts.items():
        if kind != "pie" or name not in contract.analyses:
            continue
        analysis, path = contract.analyses[name], f"dashboard.charts.{name}"
        if len(analysis.group_by) > 1:
            found = f"'pie' of an analysis by {' and '.join(analysis.group_by)}"
            yield Problem(path, found, "'bars', 'line', or an analysis by one column")
        if not {"patients", "share"} & set(analysis.statistics):
            found = f"'pie' of {', '.join(analysis.statistics)}"
            yield Problem(path, found, "'bars', 'line', or an analysis with patients or share")


def _naming_problems(contract: Contract) -> Iterator[Problem]:
    named = [*contract.source.columns, *contract.bands, *contract.analyses]
    named += contract.dashboard.shares
    for name in contract.dashboard.names:
        if name not in named:
            yield Problem(f"dashboard.names.{name}", show(name), one_of(named))


def _label_problems(contract: Contract) -> Iterator[Problem]:
    grouped = [*contract.source.columns, *contract.bands]
    for name, labels in contract.dashboard.labels.items():
        path = f"dashboard.labels.{name}"
        if name not in grouped:
            yield Problem(path, show(name), one_of(grouped))
        elif known := contract.groups_listed(name):
            for value in labels.keys() - set(known):
                yield Problem(f"{path}.{value}", show(value), one_of(list(known)))
        for value, label in labels.items():
            # An expression of QuickSight holds a text between one kind or the other.
            if "'" in label and '"' in label:
                yield Problem(f"{path}.{value}", show(label), "text with one kind of quotes")


def _title_problems(contract: Contract) -> Iterator[Problem]:
    """Find titles that do not fit, or that readers of the dashboard could not distinguish."""
    title = contract.dashboard.title or ""
    if len(title) > TITLE_LIMIT:
        yield Problem("dashboard.title", show(title), f"{TITLE_LIMIT} characters at most")
    together = [analysis.group_by for analysis in contract.analyses.values()]
    together += [*contract.cubes.values(), tuple(contract.dashboard.shares)]
    alike = {
        (one, other): None
        for names in together
        for one, other in combinations(dict.fromkeys(names), 2)
        if contract.called(one).casefold() == contract.called(other).casefold()
    }
    for one, other in alike:
        found = f"{contract.called(other)!r}, which {one} is called too"
        allowed = f"a name that tells it from {one}, which is shown with it"
        yield Problem(f"dashboard.names.{other}", found, allowed)


def _share_problems(contract: Contract) -> Iterator[Problem]:
    filters = contract.dashboard.filters
    for name, share in contract.dashboard.shares.items():
        path = f"dashboard.shares.{name}"
        if share.column not in filters:
            yield Problem(f"{path}.column", show(share.column), one_of(list(filters)))
        elif any(group_problems(contract, path, share.column)):
            continue
        elif (allowed := not_a_group(contract, share.column, share.group)) is not None:
            yield Problem(f"{path}.group", show(share.group), allowed)


def _cube_problems(contract: Contract) -> Iterator[Problem]:
    """Find the mistakes of the filter cubes, whose names are derived from their columns."""
    for columns in contract.filtered_groups:
        cube, listed = contract.cube_output(columns), ", ".join(columns)
        name = cube.name
        found = f"filters that make a cube of {listed}, called {name!r}"
        if len(name) > NAME_LIMIT:
            allowed = f"names that come to {NAME_LIMIT} characters at most"
            yield Problem("dashboard.filters", found, allowed)
        elif name in contract.analyses:
            yield Problem("dashboard.filters", found, "no analysis of that name")
        if set(columns) & {column.name for column in cube.figures}:
            yield Problem("dashboard.filters", found, "no column named like one of its figures")
