"""QuickSight's sheets: one of everybody, from the published outputs, one of a selection, from
the cubes.

On the second, medians and extremes are left out, and so are visuals of these alone: a cube has
none. Its tiles compare who is selected with everybody.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.sax.saxutils import escape

from medical_charges.contract import Contract
from medical_charges.contract.model import MARGIN
from medical_charges.contract.naming import words
from medical_charges.dashboard.definition.parts import Definition, Face, Group, Tile, Visual
from medical_charges.dashboard.definition.parts import Field as Figure
from medical_charges.dashboard.quicksight.charts import Wells, chart_of
from medical_charges.dashboard.quicksight.comparisons import comparisons_table
from medical_charges.dashboard.quicksight.fields import (
    NONE,
    WITHHELD,
    Fields,
    Json,
    column,
    labels_of,
    only_shown,
    parameter_names,
)
from medical_charges.dashboard.quicksight.layout import RESPONSIVE, element, layout

EVERYBODY, SELECTION = "everybody", "selection"

_OF_A_CUBE = ("patients", "share", "mean")
"""Values that can be drawn for a selection: others do not follow from a row of a cube."""

_ABOUT = (
    "<text-box>A group of fewer than {threshold} is withheld, with as many others as it takes that "
    "its number cannot be worked out.{caveats}{source} The time of the data and the number of "
    "rejected rows stand on the dashboard's page, which its owner can share.</text-box>"
)


def definition_of(contract: Contract, definition: Definition) -> Json:
    """A dashboard's definition. Its data sets are named by their outputs; who uses it adds
    their ARNs.
    """  # noqa: D205
    columns = {
        name: {it.name: it.type for it in output.columns}
        for name, output in contract.outputs.items()
    }
    # A mean of whole numbers has a digit more than they have.
    fields = Fields(definition, columns, decimals=min(contract.decimals + 1, 2))
    sheets: list[_Sheet] = [_Everybody(contract, definition, fields)]
    if definition.filters:
        sheets.append(_Selection(contract, definition, fields))
    made = [sheet.made() for sheet in sheets]
    names = parameter_names(definition.filters)
    found: Json = {
        "Sheets": made,
        "CalculatedFields": fields.calculated,
        "ColumnConfigurations": fields.formatted,
        "ParameterDeclarations": [
            {
                "StringParameterDeclaration": {
                    "ParameterValueType": "SINGLE_VALUED",
                    "Name": name,
                    "DefaultValues": {"StaticValues": [_start(definition.groups[source])]},
                }
            }
            for source, name in names.items()
        ],
        "FilterGroups": [group for sheet in sheets for group in sheet.filters],
        "AnalysisDefaults": {
            "DefaultNewSheetConfiguration": {
                "SheetContentType": "INTERACTIVE",
                "InteractiveLayoutConfiguration": {"Grid": {"CanvasSizeOptions": RESPONSIVE}},
            }
        },
    }
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class _View:
    """The fields of a visual."""

    data_set: str
    groups: tuple[str, ...]
    values: list[Figure]
    """The drawn values."""
    category: tuple[int, ...]
    """Places in `groups` of what stands on the axis, or is a slice."""
    series: int | None
    """The place of what has a color each."""
    more: list[Figure]
    """Further values in the tooltip."""
    figure: str
    """The column that is empty where a group is withheld."""
    alt: str
    face: Face


@dataclass
class _Sheet:
    """A sheet in the making."""

    contract: Contract
    definition: Definition
    fields: Fields
    filters: list[Json] = field(default_factory=list)

    id = ""
    selection = False

    def made(self) -> Json:
        """The sheet, laid out."""
        tiles, visuals = list(self.tiles()), list(self.visuals())
        caveats = f" {self.definition.caveats}".rstrip()
        told = [f" {name}: {escape(text)}." for name, text in self.definition.source]
        about = _ABOUT.format(
            threshold=self.definition.threshold, caveats=caveats, source="".join(told)
        )
        return {
            "SheetId": self.id,
            "Name": self.name(),
            "Visuals": [*tiles, *visuals],
            "TextBoxes": [{"SheetTextBoxId": f"{self.id}-about", "Content": about}],
            "Layouts": [layout(tiles, visuals, f"{self.id}-about")],
            "ContentType": "INTERACTIVE",
        } | self.controls()

    def name(self) -> str:
        return self.definition.title

    def controls(self) -> Json:
        return {}

    def visuals(self) -> Iterator[Json]:
        raise NotImplementedError

    def tiles(self) -> Iterator[Json]:
        """The figures of the row of everybody, or of the selection."""
        shown = []
        for tile in self.definition.tiles:
            if tile.cube is None:
                continue
            if tile.where is None:
                shown.append(f"{self.id}-{tile.id}")
            yield self._tile(tile, tile.cube)
        if shown:
            cube = next(tile.cube for tile in self.definition.tiles if tile.cube)
            total = self.fields.total(cube, selection=self.selection)
            self.filters.append(only_shown(f"{self.id}-tiles", total, self.id, shown))

    def _tile(self, tile: Tile, cube: str) -> Json:
        name, people = f"{self.id}-{tile.id}", self.definition.figures[0]
        if tile.where is not None:
            value = self.fields.share(cube, tile.title, tile.where, selection=self.selection)
        elif tile.kind == "mean":
            value = self.fields.mean(cube, tile.title)
        else:
            value = self.fields.figure(cube, people, tile.title)
        # Who have a share may also be nobody.
        form = self.fields.format(tile.format, WITHHELD if tile.where is None else NONE)
        shown = self._value(f"{name}-value", value, form, whole=tile.where is None)
        config: Json = {"FieldWells": {"Values": [shown]}}
        whose = f"of {self.contract.everybody}"
        if self.selection:
            target, config["KPIOptions"] = self._against_everybody(tile, cube)
            config["FieldWells"]["TargetValues"] = [target]
            whose = (
                f"of the {self.contract.units} selected, compared with {self.contract.everybody}"
            )
        return {
            "KPIVisual": {
                "VisualId": name,
                "Title": _title(tile.title),
                "ChartConfiguration": config,
                "VisualContentAltText": f"One figure: {tile.title}, {whose}.",
            }
        }

    def _against_everybody(self, tile: Tile, cube: str) -> tuple[Json, Json]:
        """The figure of everybody, and how the tile's own compares with it."""
        if tile.where is not None:
            value = self.fields.share(cube, tile.title, tile.where, selection=False)
        else:
            source = "mean" if tile.kind == "mean" else self.definition.figures[0]
            value = self.fields.of_everybody(cube, tile.title, source)
        form, whole = self.fields.format(tile.format, NONE), tile.where is None
        # People are a part of everybody; other figures are more or less than theirs.
        part = tile.kind == "people"
        options = {
            "Comparison": {
                "ComparisonMethod": "PERCENT" if part else "DIFFERENCE",
                "ComparisonFormat": self.fields.comparison("share" if part else tile.format),
            },
            "PrimaryValueDisplayType": "ACTUAL",
        }
        return self._value(f"{self.id}-{tile.id}-everybody", value, form, whole=whole), options

    def _value(self, name: str, value: Json, form: Json, *, whole: bool = True) -> Json:
        """A figure in a well; one that is worked out over rows has no aggregation."""
        return {
            "NumericalMeasureField": {
                "FieldId": name,
                "Column": value,
                "FormatConfiguration": {"FormatConfiguration": form},
            }
            | ({"AggregationFunction": {"SimpleNumericalAggregation": "MAX"}} if whole else {})
        }

    def _group(self, name: str, view: _View, places: tuple[int, ...]) -> Json:
        """Groups' labels in a well."""
        sources = tuple(view.groups[place] for place in places)
        label = self.fields.label(view.data_set, sources, view.figure)
        field_id = f"{name}-{'-'.join(sources)}"
        return {"CategoricalDimensionField": {"FieldId": field_id, "Column": label}}

    def _sorted(self, category: Json, view: _View) -> Json:
        sources = tuple(view.groups[place] for place in view.category)
        by = self.fields.order(view.data_set, sources)
        if by is None:
            field_id = category["CategoricalDimensionField"]["FieldId"]
            return {"FieldSort": {"FieldId": field_id, "Direction": "ASC"}}
        least = {"NumericalAggregationFunction": {"SimpleNumericalAggregation": "MIN"}}
        return {"ColumnSort": {"SortBy": by, "Direction": "ASC", "AggregationFunction": least}}

    def _tooltip(self, shown: list[Json], more: list[tuple[Json, str]]) -> Json:
        """Return the tooltip: the drawn values and others."""
        drawn = [
            {"FieldTooltipItem": {"FieldId": next(iter(it.values()))["FieldId"]}} for it in shown
        ]
        further = [
            {
                "ColumnTooltipItem": {
                    "Column": value,
                    "Label": label,
                    "Visibility": "VISIBLE",
                    "Aggregation": {
                        "NumericalAggregationFunction": {"SimpleNumericalAggregation": "MAX"}
                    },
                }
            }
            for value, label in more
        ]
        return {
            "TooltipVisibility": "VISIBLE",
            "SelectedTooltipType": "DETAILED",
            "FieldBasedTooltip": {
                "AggregationVisibility": "HIDDEN",
                "TooltipTitleType": "PRIMARY_VALUE",
                "TooltipFields": [*drawn, *further],
            },
        }

    def chart(self, visual: Visual, view: _View) -> Json:
        """A visual as one of QuickSight's kinds."""
        name, data_set = f"{self.id}-{visual.id}", view.data_set
        # With a color for each group QuickSight draws one figure.
        alone = view.series is not None
        drawn = [
            self._value(
                f"{name}-{it.column}",
                self._drawn(visual, data_set, it),
                # A group of one has a mean, and no limits; one of few has no median.
                self.fields.format(it.format, NONE if place else WITHHELD),
            )
            for place, it in enumerate(view.values[:1] if alone else view.values)
        ]
        category = [self._group(name, view, view.category)]
        colors = [] if view.series is None else [self._group(name, view, (view.series,))]
        further = [*view.values[1:], *view.more] if alone else view.more
        tips = [(self._figure(data_set, it), it.title) for it in further]
        for it, (tip, _) in zip(further, tips, strict=True):
            self.fields.in_tooltip(tip, it.format)
        sort = {"CategorySort": [self._sorted(category[0], view)]}
        words_: Json = {
            "VisualId": name,
            "Title": _title(view.face.title),
            "VisualContentAltText": view.alt[:1024],
        }
        if visual.median and len(view.values) > 1:
            words_["Subtitle"] = _title(visual.median.subtitle)
        elif visual.limits and len(view.values) > 1:
            words_["Subtitle"] = _title(view.face.subtitle)
        wells = Wells(
            category=category,
            colors=colors,
            values=drawn,
            median=f"{name}-{visual.median.column}" if visual.median else None,
            sort=sort,
            tooltip=self._tooltip([*category, *colors, *drawn], tips),
            axes=self._axis_titles(view),
        )
        return chart_of(visual.kind, wells, words_)

    def _axis_titles(self, view: _View) -> tuple[Json, Json]:
        """Titles of the axes: QuickSight's own tell how it adds up what is one figure."""
        groups = [self.definition.groups[view.groups[place]].title for place in view.category]
        value, unit = view.values[0], self.definition.unit
        measured = f"{value.title} ({unit})" if unit and value.format == "measure" else value.title
        across, up = (
            {"AxisLabelOptions": [{"CustomLabel": words}]}
            for words in (" and ".join(groups), measured)
        )
        return across, up

    def _drawn(self, visual: Visual, data_set: str, figure: Figure) -> Json:
        if visual.kind == "pie":
            return self.fields.whole(data_set, figure.column, figure.title)
        return self._figure(data_set, figure)

    def _figure(self, data_set: str, figure: Figure) -> Json:
        return self.fields.figure(data_set, figure.column, figure.title)


class _Everybody(_Sheet):
    id = EVERYBODY

    def visuals(self) -> Iterator[Json]:
        for visual in self.definition.visuals:
            # Where there are no whiskers, limits and medians are series of their own. These stand
            # in place of a color for each group, but on a line, which cannot go from group to
            # group.
            marks = _marks(visual)
            drawn = [visual.face.value.column, *marks]
            values = [it for name in drawn for it in visual.fields if it.column == name]
            more = [it for it in visual.fields if it.column not in drawn]
            apart = bool(marks) and visual.kind != "line"
            category, series = _places(visual, apart=apart)
            view = _View(
                data_set=visual.output,
                groups=visual.groups,
                values=values,
                category=category,
                series=series,
                more=more,
                figure=visual.face.value.column,
                alt=_alt(visual.face, values, more, alone=series is not None),
                face=visual.face,
            )
            yield self.chart(visual, view)
        if compared := self.definition.compared:
            name = f"{self.id}-{compared.id}"
            yield comparisons_table(self.contract, compared, self.fields, name)


class _Selection(_Sheet):
    id = SELECTION
    selection = True

    def name(self) -> str:
        listed = [self.definition.groups[it].title.lower() for it in self.definition.filters]
        return f"By {', '.join(listed)}"

    def visuals(self) -> Iterator[Json]:
        people, title = self.definition.figures[0], words(self.contract.units)
        for published in self.definition.visuals:
            # Of what is selected parts may be withheld, and the others would fill a pie.
            visual = replace(published.as_bars, median=None)
            cube, face = visual.cube, visual.unshared or visual.face
            if cube is None or self._quantity(visual) not in _OF_A_CUBE:
                continue
            if face.value.format == "measure":
                values, more = (
                    list(self._mean(visual, face, cube)),
                    [Figure(people, title, "count")],
                )
            else:
                values, more = [Figure(people, title, "count")], []
            category, series = _places(visual, apart=len(values) > 1 and visual.kind != "line")
            alt = _alt(face, values, more, alone=series is not None)
            view = _View(
                data_set=cube,
                groups=visual.filtered_groups,
                values=values,
                category=category,
                series=series,
                more=more,
                figure=people,
                alt=f"{alt} Of the {self.contract.units} selected alone.",
                face=face,
            )
            yield self.chart(visual, view)
            self.filters.append(
                only_shown(
                    f"{self.id}-{visual.id}",
                    self.fields.selected(visual, cube),
                    self.id,
                    [f"{self.id}-{visual.id}"],
                )
            )

    def _mean(self, visual: Visual, face: Face, cube: str) -> Iterator[Figure]:
        """The mean of a cube's rows, with its limits where the published one has some."""
        mean = self.fields.mean(cube, face.value.title)
        yield Figure(mean["ColumnName"], face.value.title, "measure")
        for name, sign in zip(visual.limits or (), "-+", strict=False):
            (title,) = (it.title for it in visual.fields if it.column == name)
            yield Figure(self.fields.limit(cube, title, sign)["ColumnName"], title, "measure")

    def _quantity(self, visual: Visual) -> str:
        """Return the quantity that is drawn without a selection."""
        figures = self.contract.outputs[visual.output].figures
        return next(it.quantity for it in figures if it.name == visual.face.value.column)

    def _figure(self, data_set: str, figure: Figure) -> Json:
        if figure.format == "measure":
            return column(data_set, figure.column)
        return super()._figure(data_set, figure)

    def controls(self) -> Json:
        parameters = parameter_names(self.definition.filters)
        listed, elements = [], []
        for place, (source, name) in enumerate(parameters.items()):
            group = self.definition.groups[source]
            labels = labels_of(group)
            cube = next(tile.cube for tile in self.definition.tiles if tile.cube)
            selectable: Json = (
                {"Values": list(labels.values())}
                if labels is not None
                else {"LinkToDataSetColumn": column(cube, source)}
            )
            control = f"{self.id}-control-{name}"
            listed.append(
                {
                    "Dropdown": {
                        "ParameterControlId": control,
                        "Title": group.title,
                        "SourceParameterName": name,
                        "Type": "SINGLE_SELECT",
                        "SelectableValues": selectable,
                        "DisplayOptions": {"SelectAllOptions": {"Visibility": "HIDDEN"}},
                    }
                }
            )
            elements.append(element(control, "PARAMETER_CONTROL", (4 * place, 4), (0, 2)))
        layout = {"Configuration": {"GridLayout": {"Elements": elements}}}
        return {"ParameterControls": listed, "SheetControlLayouts": [layout]}


def _marks(visual: Visual) -> tuple[str, ...]:
    """The columns that are marks on the drawn value: its limits and the median."""
    median = (visual.median.column,) if visual.median else ()
    return (*(visual.limits or ()), *median)


def _start(group: Group) -> str:
    """What a control has before anything is selected."""
    labels = labels_of(group)
    return MARGIN if labels is None else labels[MARGIN]


def _places(visual: Visual, *, apart: bool = False) -> tuple[tuple[int, ...], int | None]:
    """Places of the groups on the axis, and of those with a color each.

    All are on the axis if they are to stand apart, or if none would be there otherwise.
    """
    if apart or not visual.category:
        return tuple(range(len(visual.groups))), None
    return visual.category, visual.series


def _alt(face: Face, values: list[Figure], more: list[Figure], *, alone: bool) -> str:
    """Return a chart's alternative text, for the first value alone or for all."""
    text = face.alt.removesuffix(f" {face.subtitle}.")
    also = [] if alone else [it.title for it in values[1:]]
    pointed = [it.title for it in [*(values[1:] if alone else []), *more]]
    if also:
        text += f" Next to it {', '.join(also)}."
    if pointed:
        text += f" On pointing at it also {', '.join(pointed)}."
    return text


def _title(words: str) -> Json:
    return {"Visibility": "VISIBLE", "FormatText": {"PlainText": words}}
