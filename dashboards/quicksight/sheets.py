"""QuickSight's sheets: one of everybody, from the published outputs, one of a selection, from
the cubes.

On the second, confidence limits and extremes are left out: a cube has none.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dashboards.definition import COMPARISONS, Definition, Tile, Visual
from dashboards.definition import Field as Figure
from dashboards.quicksight.fields import (
    Fields,
    Json,
    column,
    number_format,
    only_shown,
    parameter_names,
    plain_format,
    values_of,
)
from medical_charges.catalog import tables
from medical_charges.contract import Contract
from medical_charges.contract.model import MARGIN

_WIDTH = 36
_TILE_ROWS, _VISUAL_ROWS = 5, 14
EVERYBODY, SELECTION = "everybody", "selection"

_ABOUT = (
    "<text-box>Rows that were rejected and the moment of the data are in each run's notice and "
    "report. A group of fewer people than {cell} is withheld, with as many others as it takes "
    "that its number cannot be worked out.</text-box>"
)


def definition_of(contract: Contract, definition: Definition) -> Json:
    """A dashboard's definition. Its data sets are named by their outputs; who uses it adds
    their ARNs.
    """  # noqa: D205
    fields = Fields(definition, contract.outputs)
    sheets: list[_Sheet] = [_Everybody(contract, definition, fields)]
    if definition.filters:
        sheets.append(_Selection(contract, definition, fields))
    made = [sheet.made() for sheet in sheets]
    names = parameter_names(definition.filters)
    found: Json = {
        "Sheets": made,
        "CalculatedFields": fields.calculated,
        "ParameterDeclarations": [
            {
                "StringParameterDeclaration": {
                    "ParameterValueType": "SINGLE_VALUED",
                    "Name": name,
                    "DefaultValues": {"StaticValues": [MARGIN]},
                }
            }
            for name in names.values()
        ],
        "FilterGroups": [group for sheet in sheets for group in sheet.filters],
        "AnalysisDefaults": {
            "DefaultNewSheetConfiguration": {
                "SheetContentType": "INTERACTIVE",
                "InteractiveLayoutConfiguration": {"Grid": {"CanvasSizeOptions": _RESPONSIVE}},
            }
        },
    }
    return {name: value for name, value in found.items() if value}


_RESPONSIVE = {"ScreenCanvasSizeOptions": {"ResizeOption": "RESPONSIVE"}}


@dataclass(frozen=True)
class _View:
    """What a visual shows of a data set."""

    data_set: str
    groups: tuple[str, ...]
    values: list[Figure]
    """What is drawn."""
    more: list[Figure]
    """What a tooltip says beside it."""
    figure: str
    """The column that is empty where a group is withheld."""
    alt: str


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
        about = _ABOUT.format(cell=self.definition.minimum_cell)
        return {
            "SheetId": self.id,
            "Name": self.name(),
            "Visuals": [*tiles, *visuals],
            "TextBoxes": [{"SheetTextBoxId": f"{self.id}-about", "Content": about}],
            "Layouts": [self._layout(tiles, visuals)],
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
        name = f"{self.id}-{tile.id}"
        if tile.where is not None:
            value = self.fields.share(cube, tile.title, tile.where, selection=self.selection)
        elif tile.kind == "mean":
            value = self.fields.mean(cube, tile.title)
        else:
            value = self.fields.figure(cube, self.definition.figures[0], tile.title)
        whose = "of the people selected" if self.selection else "of everybody"
        return {
            "KPIVisual": {
                "VisualId": name,
                "Title": _title(tile.title),
                "ChartConfiguration": {
                    "FieldWells": {
                        "Values": [
                            self._value(
                                f"{name}-value", value, tile.format, whole=tile.where is None
                            )
                        ]
                    }
                },
                "VisualContentAltText": f"One figure: {tile.title}, {whose}.",
            }
        }

    def _value(self, name: str, value: Json, form: str, *, whole: bool = True) -> Json:
        """A figure in a well; one that is worked out over rows has no aggregation."""
        unit = self.definition.unit
        return {
            "NumericalMeasureField": {
                "FieldId": name,
                "Column": value,
                "FormatConfiguration": {"FormatConfiguration": number_format(form, unit)},  # type: ignore[arg-type]
            }
            | ({"AggregationFunction": {"SimpleNumericalAggregation": "MAX"}} if whole else {})
        }

    def _group(self, name: str, data_set: str, source: str, figure: str) -> Json:
        """A group's label in a well."""
        label = self.fields.label(data_set, source, figure)
        return {"CategoricalDimensionField": {"FieldId": name, "Column": label}}

    def _sorted(self, field_id: str, data_set: str, source: str) -> Json:
        by = self.fields.order(data_set, source)
        if by is None:
            return {"FieldSort": {"FieldId": field_id, "Direction": "ASC"}}
        least = {"NumericalAggregationFunction": {"SimpleNumericalAggregation": "MIN"}}
        return {"ColumnSort": {"SortBy": by, "Direction": "ASC", "AggregationFunction": least}}

    def _tooltip(self, shown: list[Json], more: list[tuple[Json, str]]) -> Json:
        """What is drawn, and what is not."""
        drawn = [
            {"FieldTooltipItem": {"FieldId": next(iter(it.values()))["FieldId"]}} for it in shown
        ]
        beside = [
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
                "TooltipFields": [*drawn, *beside],
            },
        }

    def chart(self, visual: Visual, view: _View) -> Json:
        """A visual as one of QuickSight's kinds."""
        data_set, groups, values = view.data_set, view.groups, view.values
        name = f"{self.id}-{visual.id}"
        drawn = [
            self._value(f"{name}-{it.column}", self._figure(data_set, it), it.format)
            for it in (values if visual.series is None else values[:1])
        ]
        category = [
            self._group(f"{name}-{groups[place]}", data_set, groups[place], view.figure)
            for place in visual.category
        ]
        colours = (
            []
            if visual.series is None
            else [
                self._group(
                    f"{name}-{groups[visual.series]}", data_set, groups[visual.series], view.figure
                )
            ]
        )
        beside = view.more if visual.series is None else [*values[1:], *view.more]
        tips = [(self._figure(data_set, it), it.title) for it in beside]
        sort = {
            "CategorySort": [
                self._sorted(f"{name}-{groups[place]}", data_set, groups[place])
                for place in visual.category[:1]
            ]
        }
        common: Json = {
            "VisualId": name,
            "Title": _title(visual.title),
            "VisualContentAltText": view.alt[:1024],
        }
        tooltip = {"Tooltip": self._tooltip([*category, *colours, *drawn], tips)}
        if visual.kind == "pie":
            wells = {"PieChartAggregatedFieldWells": {"Category": category, "Values": drawn[:1]}}
            labels = {
                "Visibility": "VISIBLE",
                "CategoryLabelVisibility": "VISIBLE",
                "MeasureLabelVisibility": "VISIBLE",
            }
            config: Json = {"FieldWells": wells, "SortConfiguration": sort, "DataLabels": labels}
            return {"PieChartVisual": common | {"ChartConfiguration": config | tooltip}}
        if visual.kind == "line":
            inner = {"Category": category, "Values": drawn, "Colors": colours}
            blank = {"MissingDataConfigurations": [{"TreatmentOption": "SHOW_AS_BLANK"}]}
            config = {
                "FieldWells": {"LineChartAggregatedFieldWells": inner},
                "SortConfiguration": sort,
                "Type": "LINE",
                # What is withheld is not drawn over.
                "PrimaryYAxisDisplayOptions": blank,
            }
            return {"LineChartVisual": common | {"ChartConfiguration": config | tooltip}}
        inner = {"Category": category, "Values": drawn, "Colors": colours}
        config = {
            "FieldWells": {"BarChartAggregatedFieldWells": inner},
            "SortConfiguration": sort,
            "Orientation": "VERTICAL",
            "BarsArrangement": "CLUSTERED",
        }
        return {"BarChartVisual": common | {"ChartConfiguration": config | tooltip}}

    def _figure(self, data_set: str, figure: Figure) -> Json:
        return self.fields.figure(data_set, figure.column, figure.title)

    def _layout(self, tiles: list[Json], visuals: list[Json]) -> Json:
        elements = []
        row = 0
        width = _WIDTH // max(len(tiles), 1)
        for place, tile in enumerate(tiles):
            elements.append(
                _element(_id(tile), "VISUAL", (place * width, width), (row, _TILE_ROWS))
            )
        row += _TILE_ROWS if tiles else 0
        half = _WIDTH // 2
        for place, visual in enumerate(visuals):
            wide = "TableVisual" in visual
            left = 0 if wide else half * (place % 2)
            span = _WIDTH if wide else half
            at = row + _VISUAL_ROWS * (place // 2)
            elements.append(_element(_id(visual), "VISUAL", (left, span), (at, _VISUAL_ROWS)))
        row += _VISUAL_ROWS * ((len(visuals) + 1) // 2)
        elements.append(_element(f"{self.id}-about", "TEXT_BOX", (0, _WIDTH), (row, 3)))
        grid = {"Elements": elements, "CanvasSizeOptions": _RESPONSIVE}
        return {"Configuration": {"GridLayout": grid}}


class _Everybody(_Sheet):
    id = EVERYBODY

    def visuals(self) -> Iterator[Json]:
        for visual in self.definition.visuals:
            by_column = {it.column: it for it in visual.fields}
            drawn = [visual.value.column]
            # Where there are no whiskers, extremes and limits are series of their own.
            drawn += (visual.limits if visual.kind == "line" else visual.extremes) or ()
            more = [it for it in visual.fields if it.column not in drawn]
            values = [by_column[name] for name in drawn]
            alt, column_ = _alt(visual, values, more), visual.value.column
            view = _View(visual.output, visual.groups, values, more, column_, alt)
            yield self.chart(visual, view)
        if COMPARISONS in self.contract.outputs:
            yield self._comparisons()

    def _comparisons(self) -> Json:
        """All differences in one table: QuickSight has no bars with an interval."""
        name = f"{self.id}-{COMPARISONS}"
        listed = next(it for it in tables(self.contract) if it["name"] == COMPARISONS)["columns"]
        shown = []
        for it in listed:
            entry: Json = {
                "FieldId": f"{name}-{it['name']}",
                "Column": column(COMPARISONS, it["name"]),
            }
            if it["type"] != "string":
                form = (
                    number_format("measure", self.definition.unit)
                    if it["name"] in {"difference", "ci95_low", "ci95_high"}
                    else plain_format(0 if it["type"] == "bigint" else 4)
                )
                entry["FormatConfiguration"] = {
                    "NumberFormatConfiguration": {"FormatConfiguration": form}
                }
            shown.append(entry)
        return {
            "TableVisual": {
                "VisualId": name,
                "Title": _title("Differences of means, with their 95 % intervals"),
                "ChartConfiguration": {
                    "FieldWells": {"TableUnaggregatedFieldWells": {"Values": shown}}
                },
                "VisualContentAltText": (
                    "Table of the differences between the means of two groups: people in each, "
                    "the difference with its 95 % interval, Welch's t, p and Hedges' g."
                ),
            }
        }


class _Selection(_Sheet):
    id = SELECTION
    selection = True

    def name(self) -> str:
        listed = [self.definition.groups[it].title.lower() for it in self.definition.filters]
        return f"By {', '.join(listed)}"

    def visuals(self) -> Iterator[Json]:
        people = self.definition.figures[0]
        for visual in self.definition.visuals:
            if visual.cube is None:
                continue
            cube = visual.cube
            if visual.value.format == "measure":
                mean = self.fields.mean(cube, visual.value.title)
                value = Figure(mean["ColumnName"], visual.value.title, "measure")
                more = [Figure(people, "People", "count")]
            else:
                value, more = Figure(people, "People", "count"), []
            alt = _alt(visual, [value], more) + " Of the people selected alone."
            view = _View(cube, visual.filtered_groups, [value], more, people, alt)
            yield self.chart(visual, view)
            self.filters.append(
                only_shown(
                    f"{self.id}-{visual.id}",
                    self.fields.selected(visual, cube),
                    self.id,
                    [f"{self.id}-{visual.id}"],
                )
            )

    def _figure(self, data_set: str, figure: Figure) -> Json:
        if figure.column == figure.title:
            return column(data_set, figure.title)
        return super()._figure(data_set, figure)

    def controls(self) -> Json:
        parameters = parameter_names(self.definition.filters)
        listed, elements = [], []
        for place, (source, name) in enumerate(parameters.items()):
            group = self.definition.groups[source]
            values = values_of(group)
            cube = next(tile.cube for tile in self.definition.tiles if tile.cube)
            selectable: Json = (
                {"Values": values}
                if values is not None
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
            elements.append(_element(control, "PARAMETER_CONTROL", (4 * place, 4), (0, 2)))
        layout = {"Configuration": {"GridLayout": {"Elements": elements}}}
        return {"ParameterControls": listed, "SheetControlLayouts": [layout]}


def _alt(visual: Visual, values: list[Figure], more: list[Figure]) -> str:
    """What a chart shows, for who cannot see it."""
    plain = visual.alt.removesuffix(f" {visual.subtitle}.")
    also = [it.title for it in (values[1:] if visual.series is None else [])]
    told = [it.title for it in [*(values[1:] if visual.series is not None else []), *more]]
    text = plain
    if also:
        text += f" Beside it {', '.join(also)}."
    if told:
        text += f" On pointing at it also {', '.join(told)}."
    return text


def _title(words: str) -> Json:
    return {"Visibility": "VISIBLE", "FormatText": {"PlainText": words}}


def _id(visual: Json) -> str:
    return str(next(iter(visual.values()))["VisualId"])


def _element(name: str, kind: str, across: tuple[int, int], down: tuple[int, int]) -> Json:
    """Where something lies: in each direction where it begins, and how far it goes."""
    return {
        "ElementId": name,
        "ElementType": kind,
        "ColumnIndex": across[0],
        "ColumnSpan": across[1],
        "RowIndex": down[0],
        "RowSpan": down[1],
    }
