"""Rules across the parts of a contract, such as unknown names and reversed ranges."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from medical_charges.contract.model import COMPARISONS, INPUT, MARGIN, Contract
from medical_charges.contract.naming import PLAIN_TEXT, not_a_label, not_a_name
from medical_charges.contract.parts import days
from medical_charges.contract.parts.days import MOST_PERIODS
from medical_charges.contract.parts.part import NAME_LIMIT
from medical_charges.contract.parts.source import (
    PERSON,
    DateColumn,
    DoubleColumn,
    IntegerColumn,
    StringColumn,
    WholeColumn,
    listed,
)
from medical_charges.contract.pii.names import kind_of_person_data

ARTIFACTS = "artefacts"
"""The folder of the bucket that holds what AWS runs."""


@dataclass(frozen=True)
class Problem:
    """One mistake: its path, what was found there and what is allowed."""

    path: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}: found {self.found}; allowed: {self.allowed}"


def contradictions(contract: Contract) -> Iterator[Problem]:
    """Return every mistake of a contract that is well formed, each with its path."""
    if contract.prefix == ARTIFACTS:
        yield Problem("prefix", show(ARTIFACTS), "a name other than that of the code's folder")
    yield from _column_problems(contract)
    yield from _identifying_problems(contract)
    if problems := list(_edge_problems(contract)):
        # Of what groups by such a band nothing can be said.
        yield from problems
        yield from _measure_problems(contract)
        return
    yield from _band_problems(contract)
    yield from _nesting_problems(contract)
    yield from _measure_problems(contract)
    yield from _analysis_problems(contract)
    yield from _comparison_problems(contract)
    yield from _top_code_problems(contract)
    yield from _unit_problems(contract)
    yield from _rule_problems(contract)
    yield from _dashboard_problems(contract)


def _column_problems(contract: Contract) -> Iterator[Problem]:
    for key, found, wanted in contract.source.contradictions():
        yield Problem(f"source.{key}", found, wanted)
    for name, column in contract.source.columns.items():
        path = f"source.columns.{name}"
        if (allowed := not_a_name(name)) is not None:
            yield Problem(path, show(name), allowed)
        yield from _header_problems(contract, name)
        if isinstance(column, StringColumn):
            yield from _allowed_problems(contract, path, column.allowed or ())
            yield from _spelling_problems(contract, f"{path}.spellings", column)
        elif (
            column.minimum is not None
            and column.maximum is not None
            and column.minimum > column.maximum
        ):
            ends = [column.minimum, column.maximum]
            if isinstance(column, WholeColumn):
                low, high = map(column.shown, map(int, ends))
            else:
                low, high = map(str, ends)
            found = f"minimum {low} over maximum {high}"
            yield Problem(path, found, "a minimum up to the maximum")


def _allowed_problems(contract: Contract, path: str, allowed: tuple[str, ...]) -> Iterator[Problem]:
    repeated = [value for value, times in Counter(allowed).items() if times > 1]
    if repeated:
        yield Problem(f"{path}.allowed", f"{repeated[0]!r} twice", "each value once")
    for value in allowed:
        if (wanted := not_a_label(value) if value else PLAIN_TEXT) is not None:
            yield Problem(f"{path}.allowed", show(value), wanted)
        elif value in contract.source.null_values:
            yield Problem(f"{path}.allowed", show(value), "no text of `null_values`")


_OTHER_SPELLING = (
    "text that is no value of `allowed`, stands for one alone, and is none of `null_values`"
)


def _spelling_problems(contract: Contract, path: str, column: StringColumn) -> Iterator[Problem]:
    """Find further texts for no value, for two, or for nothing."""
    values, nothing = column.allowed or (), contract.source.null_values
    known = dict.fromkeys([*values, *nothing])
    for value, said in column.spellings.items():
        if value not in values:
            texts = _one_of(values) if values else "which is missing"
            yield Problem(f"{path}.{value}", show(value), f"a text of `allowed`: {texts}")
        for text in listed(said):
            if text in known:
                yield Problem(f"{path}.{value}", show(text), _OTHER_SPELLING)
            elif contract.source.trim and text != text.strip(" 	"):
                allowed = "text without spaces around it, which `trim` removes"
                yield Problem(f"{path}.{value}", show(text), allowed)
            known[text] = None


def _header_problems(contract: Contract, name: str) -> Iterator[Problem]:
    """Find spellings that stand for two columns, and units that are parts of numbers."""
    source, column, path = contract.source, contract.source.columns[name], f"source.columns.{name}"
    for spelling in source.spellings(name):
        if spelling != spelling.strip():
            yield Problem(f"{path}.name", show(spelling), "a name without spaces around it")
        elif (first := source.column_called(spelling)) != name:
            yield Problem(path, f"{spelling!r}, which {first} is called too", "a name of its own")
    unit = None if isinstance(column, DateColumn | StringColumn) else column.unit
    if unit and (unit != unit.strip() or any(it in "0123456789+-.," for it in unit)):
        allowed = "text without spaces around it, digits, signs, points and commas"
        yield Problem(f"{path}.unit", show(unit), allowed)


TITLE_LIMIT = 128
"""Maximum length of a dashboard's name in QuickSight."""


def _identifying_problems(contract: Contract) -> Iterator[Problem]:
    for name, column in contract.source.columns.items():
        names = (name, *contract.source.spellings(name))
        kind = next(filter(None, map(kind_of_person_data, names)), None)
        if isinstance(column, DateColumn) and column.identifying is None:
            allowed = "the key `identifying` that says why a day in somebody's life must be there"
            yield Problem(f"source.columns.{name}", "a date", allowed)
            continue
        if kind is not None and column.identifying is None:
            allowed = "no such column, or the key `identifying` that says why it must be there"
            yield Problem(f"source.columns.{name}", f"{kind}, by its name", allowed)


def _edge_problems(contract: Contract) -> Iterator[Problem]:
    """Find bands without edges, or with such as their column cannot have."""
    for name, band in contract.bands.items():
        path, column = f"bands.{name}", contract.source.columns.get(band.column)
        if band.by is None:
            for key in ("below", "otherwise"):
                if not getattr(band, key):
                    yield Problem(f"{path}.{key}", "nothing", "a value is required here")
            yield from _edges_of_another_type(contract, name)
        elif not isinstance(column, DateColumn):
            yield Problem(f"{path}.by", show(band.by), "periods of a column of type date")
        elif column.minimum is None or column.maximum is None:
            allowed = f"the first and the last day, from which the {band.by}s follow"
            yield Problem(f"source.columns.{band.column}", "no minimum or no maximum", allowed)
        elif column.minimum > column.maximum:
            continue  # said of the column
        elif (found := days.periods(band.by, column.minimum, column.maximum)) is None:
            allowed = f"two to {MOST_PERIODS} {band.by}s from the minimum to the maximum"
            yield Problem(f"{path}.by", show(band.by), allowed)
        elif (band.below, band.otherwise) != found:
            yield Problem(path, "edges and `by`", "either of the two")


def _edges_of_another_type(contract: Contract, name: str) -> Iterator[Problem]:
    band = contract.bands[name]
    dated = isinstance(contract.source.columns.get(band.column), DateColumn)
    for label, edge in band.below.items():
        path = f"bands.{name}.below.{label}"
        if dated and not (isinstance(edge, int) and days.is_day(edge)):
            yield Problem(path, show(edge), "a day such as 2026-01-31")
        elif not dated and isinstance(edge, days.DayNumber):
            yield Problem(path, days.text_of(edge), "a number")


def _band_problems(contract: Contract) -> Iterator[Problem]:
    columns = contract.source.columns
    numeric = [n for n, c in columns.items() if not isinstance(c, StringColumn)]
    for name, band in contract.bands.items():
        path = f"bands.{name}"
        if name in columns:
            yield Problem(path, "the name of a column", "a name of its own")
        if band.column not in numeric:
            yield Problem(f"{path}.column", show(band.column), _one_of(numeric))
        elif columns[band.column].nullable:
            yield Problem(f"{path}.column", "a nullable column", "a column that is never empty")
        edges = list(band.below.values())
        if any(low >= high for low, high in pairwise(edges)):
            yield Problem(f"{path}.below", _edges(contract, name), "edges in rising order")
        if band.otherwise in band.below:
            yield Problem(f"{path}.otherwise", show(band.otherwise), "a label not used in below")
        yield from _differencing_problems(contract, name)


def _differencing_problems(contract: Contract, name: str) -> Iterator[Problem]:
    """Find edges that would reveal unpublished groups by subtraction."""
    own, edges = contract.bands[name], set(contract.cuts(name))
    path, column = f"bands.{name}.{'by' if own.by else 'below'}", own.column
    top = contract.disclosure.top_code.get(column)
    if top is not None and max(edges) > top:
        allowed = f"edges up to {top}, from where {column} is one group"
        yield Problem(path, show(max(edges)), allowed)
    grouped = set(contract.grouping_columns)
    for other, band in contract.bands.items():
        if other == name:
            break  # each pair once
        theirs = set(contract.cuts(other))
        nested = edges <= theirs or theirs <= edges
        if band.column == column and {name, other} <= grouped and not nested:
            allowed = f"only edges of {other}, or all of them and more: {_edges(contract, other)}"
            yield Problem(path, _edges(contract, name), allowed)


def _edges(contract: Contract, name: str) -> str:
    band = contract.bands[name]
    if band.by:
        return f"by {band.by}"
    dated = isinstance(contract.source.columns.get(band.column), DateColumn)
    return ", ".join(days.text_of(int(it)) if dated else str(it) for it in band.below.values())


def _nesting_problems(contract: Contract) -> Iterator[Problem]:
    """Find groups that lie in what is no group, or in themselves."""
    columns, bands = contract.source.columns, contract.bands
    paths = {f"source.columns.{name}": name for name in columns}
    paths |= {f"bands.{name}": name for name in bands}
    for path, name in paths.items():
        for whole in contract.within(name):
            if problems := list(_group_problems(contract, f"{path}.within", whole)):
                yield from problems
            elif contract.column_of(name) == contract.column_of(whole):
                yield Problem(f"{path}.within", show(whole), "another column, or a band of another")
            elif name in contract.nested_in(whole):
                found = f"{whole!r}, which lies within {name} itself"
                yield Problem(f"{path}.within", found, "the coarser one of the two alone")


def _measure_problems(contract: Contract) -> Iterator[Problem]:
    columns = contract.source.columns
    numeric = [n for n, c in columns.items() if not isinstance(c, DateColumn | StringColumn)]
    if contract.measure not in numeric:
        yield Problem("measure", show(contract.measure), _one_of(numeric))
    elif columns[contract.measure].nullable:
        yield Problem("measure", "a nullable column", "a column that is never empty")


def _analysis_problems(contract: Contract) -> Iterator[Problem]:
    for name, analysis in contract.analyses.items():
        path = f"analyses.{name}"
        if name == COMPARISONS:
            yield Problem(path, "the name of the comparisons' output", "a name of its own")
        elif name == INPUT:
            yield Problem(path, "what the accepted rows are called", "a name of its own")
        for index, group in enumerate(analysis.group_by):
            yield from _group_problems(contract, f"{path}.group_by[{index}]", group)
        for key in ("group_by", "statistics"):
            values = getattr(analysis, key)
            if len(set(values)) < len(values):
                yield Problem(f"{path}.{key}", show(list(values)), "each entry once")
        if analysis.bucketed and "patients" not in analysis.statistics:
            found = "'median' without 'patients'"
            allowed = "both: a median is shown if people are enough"
            yield Problem(f"{path}.statistics", found, allowed)
        output = contract.analysis_output(name)
        if set(analysis.group_by) & {column.name for column in output.figures}:
            yield Problem(path, "a grouping column named like a statistic", "distinct columns")


def _group_problems(contract: Contract, path: str, name: str) -> Iterator[Problem]:
    """Find the mistakes of grouping by a name."""
    columns = contract.source.columns
    groupable = [n for n, c in columns.items() if not isinstance(c, DateColumn | DoubleColumn)]
    groupable = [n for n in groupable if not columns[n].nullable] + list(contract.bands)
    if isinstance(column := columns.get(name), DateColumn | DoubleColumn):
        allowed = f"{_one_of(groupable)}; band a {column.type} to group by it"
        yield Problem(path, f"{name!r}, a {column.type}", allowed)
    elif name not in groupable:
        yield Problem(path, show(name), _one_of(groupable))


def _comparison_problems(contract: Contract) -> Iterator[Problem]:
    for name, comparison in contract.comparisons.items():
        path = f"comparisons.{name}"
        unknown = list(_group_problems(contract, f"{path}.column", comparison.column))
        yield from unknown
        for index, group in enumerate(comparison.within):
            yield from _group_problems(contract, f"{path}.within[{index}]", group)
        if len(set(comparison.names)) < len(comparison.names):
            found = show(list(comparison.within))
            yield Problem(f"{path}.within", found, "each entry once, and not the column compared")
        if len(set(comparison.groups)) < len(comparison.groups):
            yield Problem(f"{path}.groups", f"{comparison.groups[0]!r} twice", "two groups")
        for index, value in enumerate(comparison.groups if not unknown else ()):
            if (allowed := _not_a_group(contract, comparison.column, value)) is not None:
                yield Problem(f"{path}.groups[{index}]", show(value), allowed)


def _not_a_group(contract: Contract, name: str, value: str | int) -> str | None:
    """Return a description of a column's groups, if the value is not one of them."""
    if name in contract.bands:
        labels = list(contract.bands[name].labels)
        return None if value in labels else _one_of(labels)
    column = contract.source.columns[name]
    if isinstance(column, StringColumn):
        if column.allowed is None:
            return None if isinstance(value, str) else "text"
        return None if value in column.allowed else _one_of(list(column.allowed))
    if not isinstance(value, int):
        return "a whole number"
    if column.minimum is not None and value < column.minimum:
        return f"a number from {column.minimum} on"
    top = contract.disclosure.top_code.get(name, column.maximum)
    return f"a number up to {top}" if top is not None and value > top else None


def _top_code_problems(contract: Contract) -> Iterator[Problem]:
    columns = contract.source.columns
    integers = [n for n, c in columns.items() if isinstance(c, IntegerColumn)]
    for name in contract.disclosure.top_code:
        if name not in integers:
            yield Problem(f"disclosure.top_code.{name}", show(name), _one_of(integers))


def _unit_problems(contract: Contract) -> Iterator[Problem]:
    """Check that a row is either a person, or one of so many that a person may have."""
    given, several = contract.disclosure.model_fields_set, contract.disclosure.rows_per_person
    if contract.unit == PERSON and several > 1:
        yield Problem("unit", show(PERSON), f"another noun, as a person may have {several} rows")
    if contract.unit != PERSON and "rows_per_person" not in given:
        allowed = f"the largest number of {contract.units} that one person may have"
        yield Problem("disclosure.rows_per_person", "nothing", allowed)


RULE_TYPES = (
    "ColumnCorrelation", "ColumnCount", "ColumnDataType", "ColumnExists", "ColumnLength",
    "ColumnNamesMatchPattern", "ColumnValues", "Completeness", "CustomSql", "DistinctValuesCount",
    "IsComplete", "IsPrimaryKey", "IsUnique", "Mean", "RowCount", "StandardDeviation", "Sum",
    "UniqueValueRatio", "Uniqueness",
)  # fmt: skip
"""Rule types of DQDL that Glue and the local evaluator interpret in the same way."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"[A-Za-z_]\w*")
_HISTORY = ("last", "index")


def _rule_problems(contract: Contract) -> Iterator[Problem]:
    for name, own in contract.quality.rules.items():
        path = f"quality.rules.{name}"
        if own.output is not None and own.output not in contract.outputs:
            yield Problem(f"{path}.output", show(own.output), _one_of(list(contract.outputs)))
        words = _WORD.findall(_QUOTED.sub("", own.rule))
        types = [word for word in words if word[0].isupper() and not word.isupper()]
        unknown = [word for word in types if word not in RULE_TYPES]
        if unknown or not types:
            found = unknown[0] if unknown else own.rule
            yield Problem(
                f"{path}.rule", show(found), f"rules of the types {_one_of([*RULE_TYPES])}"
            )
        elif "threshold" in words:
            allowed = "a rule for all rows; `CustomSql` can count those that break it"
            yield Problem(f"{path}.rule", "a threshold", allowed)
        elif any(word in _HISTORY for word in words):
            yield Problem(f"{path}.rule", "what earlier runs gave", "numbers")


def _dashboard_problems(contract: Contract) -> Iterator[Problem]:
    dashboard, path = contract.dashboard, "dashboard"
    for index, name in enumerate(dashboard.filters):
        where = f"{path}.filters[{index}]"
        yield from _group_problems(contract, where, name)
        if MARGIN in (contract.groups_listed(name) or ()):
            allowed = f"no group of that name: it stands for everybody where {name} is no filter"
            yield Problem(where, f"{name!r}, which has the group {MARGIN!r}", allowed)
    if len(set(dashboard.filters)) < len(dashboard.filters):
        yield Problem(f"{path}.filters", show(list(dashboard.filters)), "each entry once")
    yield from _filtered_problems(contract)
    for name in dashboard.charts:
        if name not in contract.analyses:
            yield Problem(f"{path}.charts.{name}", show(name), _one_of(list(contract.analyses)))
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
            yield Problem(where, show(name), _one_of(banded))
            continue
        labels = [band for band, spec in contract.bands.items() if spec.column == name]
        if shown not in labels:
            yield Problem(where, show(shown), f"a band of {name}: {_one_of(labels)}")
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
            yield Problem(f"dashboard.names.{name}", show(name), _one_of(named))


def _label_problems(contract: Contract) -> Iterator[Problem]:
    grouped = [*contract.source.columns, *contract.bands]
    for name, labels in contract.dashboard.labels.items():
        path = f"dashboard.labels.{name}"
        if name not in grouped:
            yield Problem(path, show(name), _one_of(grouped))
        elif known := contract.groups_listed(name):
            for value in labels.keys() - set(known):
                yield Problem(f"{path}.{value}", show(value), _one_of(list(known)))
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
            yield Problem(f"{path}.column", show(share.column), _one_of(list(filters)))
        elif any(_group_problems(contract, path, share.column)):
            continue
        elif (allowed := _not_a_group(contract, share.column, share.group)) is not None:
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


def _one_of(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names)) or "none of this contract's columns fits"


def show(value: object) -> str:
    """Return a found value for a message: shortened, and a container only by its kind."""
    if isinstance(value, (dict, list)):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    return shortened(repr(value))


def shortened(text: str) -> str:
    """Return a text for a message: its start, if it is long."""
    return text if len(text) <= 80 else text[:77] + "..."
