"""What a dashboard consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from medical_charges.contract.outputs import Format

Kind = Literal["bars", "grouped", "pie", "line"]
"""Bars of groups, of groups within groups; a pie; a line."""

CHARTS: Mapping[Kind, str] = {
    "bars": "Bar chart",
    "grouped": "Grouped bar chart",
    "pie": "Pie chart",
    "line": "Line chart",
}


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
    suffix: str
    """What stands in the rows' `stratum` behind the strata, if anything does."""
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
        return replace(self, alt=self.alt.replace(CHARTS["pie"], CHARTS["bars"], 1))


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
