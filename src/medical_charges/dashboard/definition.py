"""What a data set's dashboard shows, derived from its contract and from nothing else.

QuickSight's definition and the page are both made from this, so that they show the same.

A selection is one value or `all` for each filter. With nothing selected a visual shows its
published output. Otherwise it shows the rows of its cube in which every filter column has the
selected value; where nothing is selected, that is the margin `all`, but for the columns that
the visual groups by, which have each value but `all`. So every group is exactly one row: a sum
of rows, which might leave a withheld one out, is never needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from medical_charges.contract import Contract
from medical_charges.contract.model import COMPARISONS
from medical_charges.contract.naming import in_sentence, words
from medical_charges.contract.outputs import CUBE_FIGURES, STATISTICS, Format
from medical_charges.contract.parts.analyses import Band
from medical_charges.contract.parts.source import IntegerColumn, StringColumn

Kind = Literal["bars", "grouped", "pie", "line"]
"""Bars of groups, of groups within groups; a pie; a line."""


@dataclass(frozen=True)
class Field:
    """A column of an output or a cube, as people read it."""

    column: str
    title: str
    format: Format


@dataclass(frozen=True)
class Group:
    """A column that something is grouped or filtered by."""

    column: str
    title: str
    format: Literal["text", "integer"]
    values: tuple[str, ...] | None
    """Every value in the order to show, or None where the contract does not list them."""
    labels: Mapping[str, str]
    """Labels of values, where they differ from the values."""

    def label(self, value: str) -> str:
        """Return the label of a value."""
        return self.labels.get(value, value)


@dataclass(frozen=True)
class Difference:
    """One comparison, whose rows are in the output of all comparisons."""

    comparison: str
    """The rows' `comparison`."""
    cube: str | None
    """The cube from which it is computed while filtered, if there is one."""
    column: str
    """The column whose groups are compared."""
    groups: tuple[str, str]
    """The difference is the first one's mean less the second one's."""
    within: tuple[str, ...]
    """Their `stratum` is `column=value` of these, joined by `; `, or `all`."""
    names: tuple[str, str]
    """What the two groups are called, in a sentence that begins with the first."""
    standardized: str
    """What both means are standardized over, in a sentence, or nothing."""
    title: str


@dataclass(frozen=True)
class Compared:
    """The chart of all comparisons."""

    id: str
    title: str
    subtitle: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Face:
    """What is drawn of an analysis, and how that is said."""

    title: str
    subtitle: str
    alt: str
    value: Field
    """The value of the bars, slices or the line."""

    @property
    def as_bars(self) -> Face:
        """The face of the same pie with bars for slices."""
        return replace(self, alt=self.alt.replace(_CHARTS["pie"], _CHARTS["bars"], 1))


@dataclass(frozen=True)
class Median:
    """The median that is drawn next to a mean, where there is one."""

    column: str
    subtitle: str
    """The visual's subtitle where medians are drawn."""


@dataclass(frozen=True)
class Visual:
    """One chart."""

    id: str
    """The analysis' name, with a hyphen and the quantity if it is a further chart of it."""
    output: str
    """The published output that it reads while nothing is selected."""
    face: Face
    unshared: Face | None
    """The face where a filter leaves one group, of which every share would be the whole."""
    kind: Kind
    groups: tuple[str, ...]
    """The output's grouping columns; `Definition.groups` describes them."""
    filtered_groups: tuple[str, ...]
    """The columns of the cube that are shown in place of them, one for one."""
    cube: str | None
    """The cube that it reads while filtered."""
    category: tuple[int, ...]
    """Places in `groups` of what stands on the axis, or is a slice."""
    series: int | None
    """The place in `groups` of what has a color each."""
    limits: tuple[str, str] | None
    """The columns with the 95 % confidence limits of the value."""
    median: Median | None
    fields: tuple[Field, ...]
    """Every figure of the output, for tooltips and tables."""

    @property
    def as_bars(self) -> Visual:
        """The same with bars for slices, of which some may be missing."""
        if self.kind != "pie":
            return self
        unshared = self.unshared and self.unshared.as_bars
        return replace(self, kind="bars", face=self.face.as_bars, unshared=unshared)


@dataclass(frozen=True)
class Tile:
    """One figure. People, mean and share are read off one row of the cube of the filters."""

    id: str
    title: str
    kind: Literal["people", "mean", "share", "rejected", "as_of"]
    format: Format
    cube: str | None = None
    where: tuple[str, str] | None = None
    """The people of the share: a filter's column, and its value."""


@dataclass(frozen=True)
class Definition:
    """The whole dashboard."""

    dataset: str
    title: str
    measure: str
    measure_title: str
    unit: str | None
    """The unit of the measure: a currency's code, or a word that follows the number."""
    minimum_cell: int
    """The smallest number of rows of a group whose figures are shown."""
    tiles: tuple[Tile, ...]
    visuals: tuple[Visual, ...]
    compared: Compared | None
    filters: tuple[str, ...]
    """Columns that a viewer selects by; `groups` describes them."""
    groups: Mapping[str, Group]
    """Everything that is grouped or filtered by."""
    figures: tuple[str, str, str]
    """The columns of a cube's people, sum and sum of squared deviations from the mean."""
    units: str
    """The plural of what a row is."""
    threshold: str
    """The smallest group whose figures are shown, in words."""
    source: tuple[tuple[str, str], ...]
    """What the contract says of the data, with headings."""
    caveats: str
    """Sentences on figures that are of one row each, and on rounded ones, where there are any."""


def define(contract: Contract) -> Definition:
    """The dashboard of a data set."""
    dashboard, measure = contract.dashboard, contract.measure
    shown = [name for analysis in contract.analyses.values() for name in analysis.group_by]
    compared = [name for it in contract.comparisons.values() for name in it.names]
    columns = dict.fromkeys(
        [*dashboard.filters, *shown, *dashboard.filtered_as.values(), *compared]
    )
    people, total, spread = (column.name.format(measure=measure) for column in CUBE_FIGURES)
    return Definition(
        dataset=contract.dataset,
        title=dashboard.title or words(contract.dataset),
        measure=measure,
        measure_title=contract.called(measure),
        unit=dashboard.unit,
        minimum_cell=contract.disclosure.minimum_rows,
        tiles=_tiles(contract),
        visuals=tuple(visual for name in contract.analyses for visual in _visuals(contract, name)),
        compared=_compared(contract),
        filters=dashboard.filters,
        groups={column: group_of(contract, column) for column in columns},
        figures=(people, total, spread),
        units=contract.units,
        threshold=_threshold(contract),
        source=_source(contract),
        caveats=" ".join(_caveats(contract)),
    )


def _threshold(contract: Contract) -> str:
    disclosure = contract.disclosure
    people = f" ({disclosure.minimum_cell} people)" if disclosure.rows_per_person > 1 else ""
    return f"{disclosure.minimum_rows} {contract.units}{people}"


def _source(contract: Contract) -> tuple[tuple[str, str], ...]:
    source = contract.dashboard.source
    if source is None:
        return ()
    told = {
        "Source": source.origin,
        "Period": source.period,
        "Population": source.population,
        "License": source.license,
        "Contact": source.contact,
    }
    return tuple((name, " ".join(text.split())) for name, text in told.items() if text)


def _caveats(contract: Contract) -> Iterator[str]:
    """Say what minima, maxima and medians are, where some are published."""
    one = contract.unit if isinstance(contract.unit, str) else contract.unit.one
    used = {name for analysis in contract.analyses.values() for name in analysis.statistics}
    shown = any(STATISTICS[name].extreme and not contract.withholds(name) for name in used)
    if shown:
        yield f"A minimum or a maximum is the figure of one {one}."
    if any(STATISTICS[name].bucketed for name in used):
        sides = f"{_threshold(contract)} or more on either side"
        rounded = f"it is rounded, by 0.5% at most, and shown with {sides}"
        yield f"Half of a group have its median or less; {rounded}."


def _tiles(contract: Contract) -> tuple[Tile, ...]:
    cube = next(iter(contract.cubes), None)
    figures = (
        Tile("people", words(contract.units), "people", "count", cube),
        Tile("mean", f"Mean {_inline(contract, contract.measure)}", "mean", "measure", cube),
        *(
            Tile(
                # No share is named like a tile that is always there: no name has a hyphen.
                f"share-{name}",
                contract.called(name),
                "share",
                "share",
                cube,
                (share.column, str(share.group)),
            )
            for name, share in contract.dashboard.shares.items()
        ),
    )
    run = (
        Tile("rejected", "Rows rejected", "rejected", "count"),
        Tile("as_of", "Data as of", "as_of", "text"),
    )
    return (*figures, *run) if cube else run


def _visuals(contract: Contract, name: str) -> Iterator[Visual]:
    """The charts of an analysis: a pie shows people, so the mean has one of its own."""
    kind = _kind(contract, name)
    if kind != "pie":
        several = len(contract.analyses[name].group_by) > 1
        counts = ("share", "patients") if several else ("patients", "share")
        yield _visual(contract, name, name, kind, ("mean", *counts))
        return
    yield _visual(contract, name, name, kind, ("patients", "share"))
    if "mean" in contract.analyses[name].statistics:
        yield _visual(contract, name, f"{name}-mean", "bars", ("mean",))


def _visual(contract: Contract, name: str, id_: str, kind: Kind, wanted: tuple[str, ...]) -> Visual:
    groups = contract.analyses[name].group_by
    fields = {
        column.quantity: Field(column.name, column.title, column.format)
        for column in contract.outputs[name].figures
    }
    quantity = next(it for it in (*wanted, *fields) if it in fields)
    limits = _pair(fields, "ci95_low", "ci95_high") if quantity == "mean" else None
    median = _median(kind, fields) if quantity == "mean" else None
    series = _series(contract, kind, groups)
    category = tuple(place for place in range(len(groups)) if place != series)
    without = {it: field for it, field in fields.items() if it != "share"}
    first = id_ == name
    unshared = None
    if "share" in fields and without.keys() & {quantity, "patients"}:
        other = "patients" if quantity == "share" else quantity
        unshared = _face(contract, name, kind, without, other, first=first)
    return Visual(
        id=id_,
        output=name,
        face=_face(contract, name, kind, fields, quantity, first=first),
        unshared=unshared,
        kind=kind,
        groups=groups,
        filtered_groups=tuple(contract.dashboard.filtered_as.get(g, g) for g in groups),
        cube=contract.cube_of(name),
        category=category,
        series=series,
        limits=limits,
        median=median,
        fields=tuple(fields.values()),
    )


def _series(contract: Contract, kind: Kind, groups: tuple[str, ...]) -> int | None:
    """Return the place of what has a color each: what is compared, if anything is."""
    if kind not in {"grouped", "line"} or len(groups) < 2:
        return None
    if kind == "line":
        return 0 if _follow(contract, groups[-1]) else len(groups) - 1
    compared = (
        it.column
        for it in contract.comparisons.values()
        if set(it.names) == set(groups) and not it.standardized_over
    )
    return groups.index(next(compared, groups[-1]))


def _face(
    contract: Contract,
    name: str,
    kind: Kind,
    fields: Mapping[str, Field],
    quantity: str,
    *,
    first: bool,
) -> Face:
    groups, value = contract.analyses[name].group_by, fields[quantity]
    what = f"Share of {contract.units}" if quantity == "share" else value.title
    by = " and ".join(_inline(contract, group) for group in groups)
    named = contract.dashboard.names.get(name) if first else None
    subtitle = _subtitle(kind, quantity, fields, contract.units)
    return Face(
        title=named or f"{what} by {by}",
        subtitle=subtitle,
        alt=_alt(contract, kind, value, groups, subtitle),
        value=value,
    )


def _kind(contract: Contract, name: str) -> Kind:
    analysis = contract.analyses[name]
    groups = analysis.group_by
    wanted = contract.dashboard.charts.get(name) or _default(contract, name)
    if wanted != "bars":
        return wanted
    return "grouped" if len(groups) > 1 else "bars"


def _default(contract: Contract, name: str) -> Literal["bars", "pie", "line"]:
    analysis = contract.analyses[name]
    if any(_is_period(contract, group) for group in analysis.group_by):
        return "line"
    if len(analysis.group_by) > 1:
        return "bars"
    (group,) = analysis.group_by
    column = contract.source.columns.get(group)
    coded = group in contract.dashboard.labels
    if isinstance(column, IntegerColumn) and not _is_short(column) and not coded:
        return "line"
    return "pie" if "share" in analysis.statistics and group in contract.bands else "bars"


def _is_short(column: IntegerColumn) -> bool:
    """Return True if its values are so few that they are codes, such as 0 and 1."""
    if column.minimum is None or column.maximum is None:
        return False
    return column.maximum - column.minimum < 3


def _follow(contract: Contract, name: str) -> bool:
    """Return True if groups follow each other on an axis: numbers and periods."""
    return isinstance(contract.source.columns.get(name), IntegerColumn) or _is_period(
        contract, name
    )


def _is_period(contract: Contract, name: str) -> bool:
    band = contract.bands.get(name)
    return band is not None and band.by is not None


def _pair(fields: Mapping[str, Field], low: str, high: str) -> tuple[str, str] | None:
    """The columns of two quantities, if there are both."""
    return (fields[low].column, fields[high].column) if {low, high} <= fields.keys() else None


def _compared(contract: Contract) -> Compared | None:
    """The chart of all comparisons, if there are any."""
    if not contract.comparisons:
        return None
    return Compared(
        id=COMPARISONS,
        title="Differences of means",
        subtitle="With their 95% confidence intervals",
        differences=tuple(_difference(contract, name) for name in contract.comparisons),
    )


def _difference(contract: Contract, name: str) -> Difference:
    comparison = contract.comparisons[name]
    group = group_of(contract, comparison.column)
    first, second = map(str, comparison.groups)
    # A bare value says little without its column.
    bare = not group.labels.keys() & {first, second}
    names = (
        f"{group.title} {first}" if bare else group.label(first),
        second if bare else in_sentence(group.label(second)),
    )
    within, over = (
        " and ".join(_inline(contract, it) for it in columns)
        for columns in (comparison.within, comparison.standardized_over)
    )
    columns = {*contract.dashboard.filters, *comparison.names}
    cube = next((cube for cube, held in contract.cubes.items() if set(held) == columns), None)
    standardized = f"standardized over {over}" if over else ""
    return Difference(
        comparison=name,
        # The weights are of everybody: a selection has others.
        cube=None if over else cube,
        column=comparison.column,
        groups=(first, second),
        within=comparison.within,
        names=names,
        standardized=standardized,
        title=" less ".join(names)
        + (f" by {within}" if within else "")
        + (f", {standardized}" if over else ""),
    )


def group_of(contract: Contract, name: str) -> Group:
    """A column or band by which something is grouped, as people read it."""
    column, band = contract.source.columns.get(name), contract.bands.get(name)
    values: tuple[str, ...] | None = None
    labels: dict[str, str] = {}
    if band is not None:
        values, labels = band.labels, _band_labels(contract, band)
    elif isinstance(column, StringColumn):
        values = column.allowed
    elif isinstance(column, IntegerColumn):
        top = contract.disclosure.top_code.get(name)
        labels = {} if top is None else {str(top): f"{top}+"}
        if _is_short(column) and column.minimum is not None and column.maximum is not None:
            values = tuple(map(str, range(column.minimum, column.maximum + 1)))
    return Group(
        column=name,
        title=contract.called(name),
        format="integer" if isinstance(column, IntegerColumn) and values is None else "text",
        values=values,
        labels=labels | dict(contract.dashboard.labels.get(name, {})),
    )


def _band_labels(contract: Contract, band: Band) -> dict[str, str]:
    """Return the labels of a band's groups: their edges if these are whole numbers."""
    if not isinstance(contract.source.columns[band.column], IntegerColumn):
        return {label: words(label) for label in band.labels}
    edges = list(band.below.values())
    inner = [f"{low}–{high - 1}" for low, high in pairwise(edges)]  # noqa: RUF001 - from, to
    texts = [f"Under {edges[0]}", *inner, f"{edges[-1]}+"]
    return dict(zip(band.labels, texts, strict=True))


def _subtitle(kind: Kind, quantity: str, fields: Mapping[str, Field], units: str) -> str:
    text = ""
    counted = f"number of {units}"
    if quantity == "mean" and _pair(fields, "ci95_low", "ci95_high"):
        text = f"mean with 95% confidence {'band' if kind == 'line' else 'interval'}"
    elif kind == "pie":
        text = counted + (" and share of all" if "share" in fields else "")
    elif quantity == "share":
        text = in_sentence(fields["share"].title)
        text += f", and in brackets the {counted}" if "patients" in fields else ""
    elif quantity == "patients":
        shared = fields.get("share")
        text = counted + (f", and in brackets the {in_sentence(shared.title)}" if shared else "")
    return text[:1].upper() + text[1:]


def _median(kind: Kind, fields: Mapping[str, Field]) -> Median | None:
    """The median, if it is published next to the mean."""
    if "median" not in fields:
        return None
    subtitle = _subtitle(kind, "mean", fields, "")
    text = f"{subtitle}, and median" if subtitle else "Mean and median"
    return Median(fields["median"].column, text)


_CHARTS: Mapping[Kind, str] = {
    "bars": "Bar chart",
    "grouped": "Grouped bar chart",
    "pie": "Pie chart",
    "line": "Line chart",
}


def _alt(
    contract: Contract, kind: Kind, value: Field, groups: tuple[str, ...], subtitle: str
) -> str:
    listed = [group_of(contract, name) for name in groups]
    described = [
        group.title
        + (f" ({', '.join(map(group.label, group.values))})" if group.values is not None else "")
        for group in listed
    ]
    by = " and ".join(map(in_sentence, described))
    text = f"{_CHARTS[kind]} of {in_sentence(value.title)} by {by}."
    return f"{text} {subtitle}." if subtitle else text


def _inline(contract: Contract, name: str) -> str:
    """The same within a sentence."""
    return in_sentence(contract.called(name))
