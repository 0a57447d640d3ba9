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
from medical_charges.dashboard.definition.parts import Definition, Face, Group, Visual
from medical_charges.dashboard.definition.parts import Field as Figure
from medical_charges.dashboard.quicksight.comparisons import comparisons_table
from medical_charges.dashboard.quicksight.fields import (
    Fields,
    Json,
    column,
    labels_of,
    only_shown,
    parameter_names,
)
from medical_charges.dashboard.quicksight.layout import RESPONSIVE, element, layout
from medical_charges.dashboard.quicksight.tiles import Tiles
from medical_charges.dashboard.quicksight.visuals import View, Visuals, alternative_text

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
        made = Tiles(self.contract, self.definition, self.fields, self.id, self.selection)
        shown = []
        for tile in self.definition.tiles:
            if tile.cube is None:
                continue
            if tile.where is None:
                shown.append(f"{self.id}-{tile.id}")
            yield made.tile(tile, tile.cube)
        if shown:
            cube = next(tile.cube for tile in self.definition.tiles if tile.cube)
            total = self.fields.total(cube, selection=self.selection)
            self.filters.append(only_shown(f"{self.id}-tiles", total, self.id, shown))

    def chart(self, visual: Visual, view: View) -> Json:
        return Visuals(self.definition, self.fields, self.id).chart(visual, view)


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
            view = View(
                data_set=visual.output,
                groups=visual.groups,
                values=values,
                category=category,
                series=series,
                more=more,
                figure=visual.face.value.column,
                face=visual.face,
                alt=alternative_text(visual.face, values, more, alone=series is not None),
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
            alt = alternative_text(face, values, more, alone=series is not None)
            view = View(
                data_set=cube,
                groups=visual.filtered_groups,
                values=values,
                category=category,
                series=series,
                more=more,
                figure=people,
                face=face,
                alt=f"{alt} Of the {self.contract.units} selected alone.",
                of_selection=True,
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
