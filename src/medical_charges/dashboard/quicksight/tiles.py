"""The tiles of QuickSight's sheets, each of one figure."""

from __future__ import annotations

from dataclasses import dataclass

from medical_charges.contract import Contract
from medical_charges.dashboard.definition.parts import Definition, Tile
from medical_charges.dashboard.quicksight.fields import (
    NONE,
    WITHHELD,
    Fields,
    Json,
    figure_well,
    shown_title,
)


@dataclass(frozen=True)
class Tiles:
    """The tiles of a sheet in the making."""

    contract: Contract
    definition: Definition
    fields: Fields
    sheet: str
    selection: bool
    """True if they compare who is selected with everybody."""

    def tile(self, tile: Tile, cube: str) -> Json:
        """Return a tile, whose figure follows from a cube."""
        name, people = f"{self.sheet}-{tile.id}", self.definition.figures[0]
        if tile.where is not None:
            value = self.fields.share(cube, tile.title, tile.where, selection=self.selection)
        elif tile.kind == "mean":
            value = self.fields.mean(cube, tile.title)
        else:
            value = self.fields.figure(cube, people, tile.title)
        # Who have a share may also be nobody.
        form = self.fields.format(tile.format, WITHHELD if tile.where is None else NONE)
        shown = figure_well(f"{name}-value", value, form, whole=tile.where is None)
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
                "Title": shown_title(tile.title),
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
        return figure_well(f"{self.sheet}-{tile.id}-everybody", value, form, whole=whole), options
