"""What is published: bands, analyses and comparisons."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictInt, StrictStr, WithJsonSchema

from medical_charges.contract.outputs import STATISTICS
from medical_charges.contract.parts import days
from medical_charges.contract.parts.part import Name, Number, Part
from medical_charges.contract.parts.source import WITHIN

Edge = Annotated[
    Number,
    days.or_day,
    WithJsonSchema({"anyOf": [{"type": "number"}, days.JSON_DAY]}),
]

if TYPE_CHECKING:
    Statistic = str
else:
    Statistic = Literal[tuple(STATISTICS)]


STANDARDIZED = "; standardized over "
"""What stands in a stratum before the columns that a comparison is standardized over."""


class Band(Part):
    """Half-open intervals of numbers or days: a value belongs to the first edge above it."""

    column: str = Field(description="The column that is banded.")
    below: Mapping[Name, Edge] = Field(
        default_factory=dict,
        description="Labels with their upper edges, excluded, in rising order.",
    )
    otherwise: Name = Field("", description="The label of everything from the last edge on.")
    by: days.Period | None = Field(
        None,
        description="In place of edges: the periods from the minimum to the maximum of a date.",
    )
    within: str | tuple[str, ...] = WITHIN

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of their edges."""
        return (*self.below, self.otherwise)

    def label_of(self, value: float) -> str:
        """Return the label of a value."""
        return self.labels[bisect_right(list(self.below.values()), value)]

    def as_written(self) -> dict[str, Any]:
        """Return the band without keys that earlier versions did not have and that are not used."""
        # Of periods the edges are there.
        return self.model_dump(mode="json", exclude={"by"} if self.within else {"by", "within"})


class Analysis(Part):
    """One output: statistics of the measure for each group."""

    group_by: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Columns or bands to group by."
    )
    statistics: Annotated[tuple[Statistic, ...], Field(min_length=1)] = Field(
        description="What is published of each group, in this order."
    )

    @property
    def bucketed(self) -> bool:
        """Whether a statistic is read off counts by the rounded measure."""
        return any(STATISTICS[statistic].bucketed for statistic in self.statistics)


class Comparison(Part):
    """A comparison of two groups of a column, overall or within each stratum."""

    column: str = Field(description="The column or band whose groups are compared.")
    groups: tuple[StrictStr | StrictInt, StrictStr | StrictInt] = Field(
        description="The two groups; the difference is the first one's mean less the second one's."
    )
    within: tuple[str, ...] = Field(
        (), description="Columns or bands in each of whose groups the two are compared."
    )
    standardized_over: tuple[str, ...] = Field(
        (),
        description="Columns or bands whose distribution among all rows weights both means.",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which the compared groups are grouped."""
        return (*self.within, *self.standardized_over, self.column)

    @property
    def suffix(self) -> str:
        """What stands behind the strata of a comparison that is standardized."""
        over = " and ".join(self.standardized_over)
        return f"{STANDARDIZED}{over}" if over else ""
