"""QuickSight's kinds of charts, out of what stands in their wells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medical_charges.dashboard.definition.parts import Kind
from medical_charges.dashboard.quicksight.fields import Json

_INK = "#1A1F27"


@dataclass(frozen=True)
class Wells:
    """What a chart draws, and what is said of it."""

    category: list[Json]
    """Of the axis, or of the slices."""
    colors: list[Json]
    values: list[Json]
    """The drawn one, then limits and the median, if they are drawn too."""
    median: str | None
    """The field of the median, if it is one of the values."""
    sort: Json
    tooltip: Json
    axes: tuple[Json, Json]
    """Titles of the axis of the groups, and of that of the values."""


def chart_of(kind: Kind, wells: Wells, words: Json) -> Json:
    """Return a visual: its kind, with its id and its words."""
    if kind in {"bars", "grouped"} and len(wells.values) > 1:
        name, config = "ComboChartVisual", _bars_with_marks(wells)
    else:
        name, config = _VISUALS[kind], _CONFIGURATIONS[kind](wells)
    common = {"SortConfiguration": wells.sort, "Tooltip": wells.tooltip}
    return {name: words | {"ChartConfiguration": config | common}}


def _pie(wells: Wells) -> Json:
    inner = {"Category": wells.category, "Values": wells.values[:1]}
    return {
        "FieldWells": {"PieChartAggregatedFieldWells": inner},
        "DataLabels": {
            "Visibility": "VISIBLE",
            "CategoryLabelVisibility": "VISIBLE",
            "MeasureLabelVisibility": "VISIBLE",
            "LabelContent": "VALUE_AND_PERCENT",
        },
        # A pie and no ring.
        "DonutOptions": {"ArcOptions": {"ArcThickness": "WHOLE"}},
    }


def _line(wells: Wells) -> Json:
    inner = {"Category": wells.category, "Values": wells.values, "Colors": wells.colors}
    blank = {"MissingDataConfigurations": [{"TreatmentOption": "SHOW_AS_BLANK"}]}
    across, up = wells.axes
    return {
        "FieldWells": {"LineChartAggregatedFieldWells": inner},
        "Type": "LINE",
        "Series": [
            {
                "FieldSeriesItem": {
                    "FieldId": it,
                    "AxisBinding": "PRIMARY_YAXIS",
                    "Settings": {
                        "LineStyleSettings": {
                            "LineStyle": "DASHED" if it == wells.median else "DOTTED"
                        }
                    },
                }
            }
            for it in map(field_id, wells.values[1:])
        ],
        # What is withheld is not drawn over.
        "PrimaryYAxisDisplayOptions": blank,
        "XAxisLabelOptions": across,
        "PrimaryYAxisLabelOptions": up,
    }


def _bars(wells: Wells) -> Json:
    inner = {"Category": wells.category, "Values": wells.values, "Colors": wells.colors}
    across, up = wells.axes
    return {
        "FieldWells": {"BarChartAggregatedFieldWells": inner},
        "DataLabels": {"Visibility": "VISIBLE"},
        "Orientation": "VERTICAL",
        "BarsArrangement": "CLUSTERED",
        "CategoryLabelOptions": across,
        "ValueLabelOptions": up,
    }


def _bars_with_marks(wells: Wells) -> Json:
    """Limits and medians are marks, as bars next to them would be further figures."""
    bars, *marks = wells.values
    inner = {"Category": wells.category, "BarValues": [bars], "LineValues": marks, "Colors": []}
    across, up = wells.axes
    return {
        "FieldWells": {"ComboChartAggregatedFieldWells": inner},
        "BarDataLabels": {"Visibility": "VISIBLE"},
        "SingleAxisOptions": {"YAxisOptions": {"YAxis": "PRIMARY_Y_AXIS"}},
        "CategoryLabelOptions": across,
        "PrimaryYAxisLabelOptions": up,
        "Series": [
            {
                "FieldComboSeriesItem": {
                    "FieldId": it,
                    "Settings": {
                        "LineStyleSettings": {"LineVisibility": "HIDDEN"},
                        "MarkerStyleSettings": {
                            "MarkerVisibility": "VISIBLE",
                            "MarkerShape": "SQUARE" if it == wells.median else "DIAMOND",
                            "MarkerSize": "8px",
                            "MarkerColor": _INK,
                        },
                    },
                }
            }
            for it in map(field_id, marks)
        ],
    }


_VISUALS: Mapping[Kind, str] = {
    "bars": "BarChartVisual",
    "grouped": "BarChartVisual",
    "pie": "PieChartVisual",
    "line": "LineChartVisual",
}
_CONFIGURATIONS: Mapping[Kind, Callable[[Wells], Json]] = {
    "bars": _bars,
    "grouped": _bars,
    "pie": _pie,
    "line": _line,
}


def field_id(value: Json) -> str:
    """Return the field of a figure in a well."""
    return str(value["NumericalMeasureField"]["FieldId"])
