"""Layout of a sheet: tiles in a row, charts in two columns, what is wide over both."""

from __future__ import annotations

from medical_charges.dashboard.quicksight.fields import Json

WIDTH = 36
"""The columns of QuickSight's grid."""
_TILE_ROWS, _VISUAL_ROWS, _TEXT_ROWS = 5, 14, 3
_WIDE = {"TableVisual", "LineChartVisual"}
"""Kinds of many columns or places."""
RESPONSIVE = {"ScreenCanvasSizeOptions": {"ResizeOption": "RESPONSIVE"}}


def layout(tiles: list[Json], visuals: list[Json], text: str) -> Json:
    """The layout of a sheet that ends with a text."""
    width = WIDTH // max(len(tiles), 1)
    elements = [
        element(_id(tile), "VISUAL", (place * width, width), (0, _TILE_ROWS))
        for place, tile in enumerate(tiles)
    ]
    left, row = 0, _TILE_ROWS if tiles else 0
    # Those of half the width first: so they leave no holes.
    for visual in sorted(visuals, key=lambda it: bool(it.keys() & _WIDE)):
        span = WIDTH if visual.keys() & _WIDE else WIDTH // 2
        if left + span > WIDTH:
            left, row = 0, row + _VISUAL_ROWS
        elements.append(element(_id(visual), "VISUAL", (left, span), (row, _VISUAL_ROWS)))
        left += span
    row += _VISUAL_ROWS if visuals else 0
    elements.append(element(text, "TEXT_BOX", (0, WIDTH), (row, _TEXT_ROWS)))
    grid = {"Elements": elements, "CanvasSizeOptions": RESPONSIVE}
    return {"Configuration": {"GridLayout": grid}}


def element(name: str, kind: str, across: tuple[int, int], down: tuple[int, int]) -> Json:
    """Return the position and size of an element."""
    return {
        "ElementId": name,
        "ElementType": kind,
        "ColumnIndex": across[0],
        "ColumnSpan": across[1],
        "RowIndex": down[0],
        "RowSpan": down[1],
    }


def _id(visual: Json) -> str:
    return str(next(iter(visual.values()))["VisualId"])
