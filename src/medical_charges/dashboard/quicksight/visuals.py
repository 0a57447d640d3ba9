"""A visual of QuickSight: its wells, sort order, tooltip and words."""

from __future__ import annotations

from dataclasses import dataclass

from medical_charges.dashboard.definition.parts import Definition, Face, Visual
from medical_charges.dashboard.definition.parts import Field as Figure
from medical_charges.dashboard.quicksight.charts import Wells, chart_of
from medical_charges.dashboard.quicksight.fields import (
    NONE,
    WITHHELD,
    Fields,
    Json,
    column,
    figure_well,
    shown_title,
)


@dataclass(frozen=True)
class View:
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
    face: Face
    alt: str
    of_selection: bool = False
    """True if amounts are fields that are calculated for a selection."""


@dataclass(frozen=True)
class Visuals:
    """The visuals of a sheet in the making."""

    definition: Definition
    fields: Fields
    sheet: str
    """The sheet's id, with which those of its visuals start."""

    def chart(self, visual: Visual, view: View) -> Json:
        """A visual as one of QuickSight's kinds."""
        name = f"{self.sheet}-{visual.id}"
        # With a color for each group QuickSight draws one figure.
        alone = view.series is not None
        drawn = [
            figure_well(
                f"{name}-{it.column}",
                self._drawn(visual, view, it),
                # A group of one has a mean, and no limits; one of few has no median.
                self.fields.format(it.format, NONE if place else WITHHELD),
            )
            for place, it in enumerate(view.values[:1] if alone else view.values)
        ]
        category = [self._group(name, view, view.category)]
        colors = [] if view.series is None else [self._group(name, view, (view.series,))]
        further = [*view.values[1:], *view.more] if alone else view.more
        tips = [(self._figure(view, it), it.title) for it in further]
        for it, (tip, _) in zip(further, tips, strict=True):
            self.fields.in_tooltip(tip, it.format)
        sort = {"CategorySort": [self._sorted(category[0], view)]}
        words_: Json = {
            "VisualId": name,
            "Title": shown_title(view.face.title),
            "VisualContentAltText": view.alt[:1024],
        }
        if visual.median and len(view.values) > 1:
            words_["Subtitle"] = shown_title(visual.median.subtitle)
        elif visual.limits and len(view.values) > 1:
            words_["Subtitle"] = shown_title(view.face.subtitle)
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

    def _group(self, name: str, view: View, places: tuple[int, ...]) -> Json:
        """Groups' labels in a well."""
        sources = tuple(view.groups[place] for place in places)
        label = self.fields.label(view.data_set, sources, view.figure)
        field_id = f"{name}-{'-'.join(sources)}"
        return {"CategoricalDimensionField": {"FieldId": field_id, "Column": label}}

    def _sorted(self, category: Json, view: View) -> Json:
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

    def _axis_titles(self, view: View) -> tuple[Json, Json]:
        """Titles of the axes: QuickSight's own tell how it adds up what is one figure."""
        groups = [self.definition.groups[view.groups[place]].title for place in view.category]
        value, unit = view.values[0], self.definition.unit
        measured = f"{value.title} ({unit})" if unit and value.format == "measure" else value.title
        across, up = (
            {"AxisLabelOptions": [{"CustomLabel": words}]}
            for words in (" and ".join(groups), measured)
        )
        return across, up

    def _drawn(self, visual: Visual, view: View, figure: Figure) -> Json:
        if visual.kind == "pie":
            return self.fields.whole(view.data_set, figure.column, figure.title)
        return self._figure(view, figure)

    def _figure(self, view: View, figure: Figure) -> Json:
        if view.of_selection and figure.format == "measure":
            return column(view.data_set, figure.column)
        return self.fields.figure(view.data_set, figure.column, figure.title)


def alternative_text(face: Face, values: list[Figure], more: list[Figure], *, alone: bool) -> str:
    """Return a chart's alternative text, for the first value alone or for all."""
    text = face.alt.removesuffix(f" {face.subtitle}.")
    also = [] if alone else [it.title for it in values[1:]]
    pointed = [it.title for it in [*(values[1:] if alone else []), *more]]
    if also:
        text += f" Next to it {', '.join(also)}."
    if pointed:
        text += f" On pointing at it also {', '.join(pointed)}."
    return text
