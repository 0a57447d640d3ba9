"""What outputs consist of: every column of every output is described here, and only here.

Headers, the Catalog, the rules of Glue Data Quality, QuickSight's data sets, the page, the tables
on the terminal and the JSON Schema are derived from these descriptions. A name, title or comment
may hold `{measure}`, the measure's name, `{noun}`, what people call it within a sentence,
`{within}`, within what a share is taken, `{units}` and `{Units}`, what rows are, and `{everybody}`,
all of them.

How a figure is computed is not said here: `outputs.statistics` and `outputs.welch` publish it, and
`validation.expected` computes it again in another way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

DELIMITER, QUOTE, NULL, HEADER_LINES = ",", '"', "", 1
"""Format of a published CSV: delimiter, quote character, text of a missing figure, and number of
header lines."""


def read_csv(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the columns and the rows of a published CSV, in which no field has quotes."""
    # Not by splitlines, which takes U+2028 and others that a group may hold for line breaks.
    columns, *rows = (line.split(DELIMITER) for line in text.removesuffix("\n").split("\n"))
    return columns, rows


Kind = Literal["analysis", "comparisons", "cube"]

Format = Literal["text", "integer", "count", "measure", "share", "number", "p"]
"""Format of a field for people: a group's label, a group's number, people, the measure, a
percentage, a number without a unit, a probability."""

Empty = Literal["suppressed", "counted", "single", "absent", "untested", "few", "withheld"]
"""Condition under which a figure is missing. Each includes those before it.

suppressed: the row is suppressed, or one of its groups; counted: the row shows counts and shares
alone, as a figure of the measure would confine a suppressed count; single: a group of one; absent:
one of two groups is empty, or has nobody in a layer that is standardized over; untested: Welch's
test does not exist; few: fewer people than the threshold are below a median, or above it; withheld:
always, by the contract."""


Detail = Literal["suppressed", "counted", "shown"]
"""How much a published row shows: no figures, numbers of people and shares alone, or all."""


@dataclass(frozen=True)
class Bounds:
    """The range of a figure, ends included, and the name of the rule that checks it."""

    rule: str
    least: str
    most: str = ""


@dataclass(frozen=True)
class OutputColumn:
    """A column of an output."""

    name: str
    type: Literal["bigint", "double", "string"]
    role: Literal["label", "count", "figure"]
    format: Format
    title: str
    """The heading that people read in place of the name."""
    comment: str
    """The comment in the Catalog."""
    empty: Empty = "suppressed"
    bounds: Bounds | None = None
    values: tuple[str, ...] | None = None
    """All values that a label can have, where the contract lists them."""
    quantity: str = ""
    """The name without the measure: `mean` of `mean_charges`."""

    @property
    def of_counts(self) -> bool:
        """Whether the figure follows from numbers of people alone."""
        return self.format in {"count", "share"}

    def of(self, measure: str, **words: str) -> OutputColumn:
        """The column in the output of a contract."""
        return replace(
            self,
            name=self.name.format(measure=measure),
            title=self.title.format(measure=measure, **words),
            comment=self.comment.format(measure=measure, **words),
            quantity=self.name.removesuffix("_{measure}"),
        )


@dataclass(frozen=True)
class Output:
    """A published table: its columns, those that name the group first."""

    name: str
    kind: Kind
    columns: tuple[OutputColumn, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(column.name for column in self.columns)

    @property
    def labels(self) -> tuple[OutputColumn, ...]:
        """The columns that say what a row is of."""
        return tuple(column for column in self.columns if column.role == "label")

    @property
    def figures(self) -> tuple[OutputColumn, ...]:
        """All other columns: what a suppressed row loses."""
        return self.columns[len(self.labels) :]

    def detail(self, fields: Mapping[str, str]) -> Detail:
        """Return how much a published row shows, by the texts of its columns.

        Figures that are not among the columns, as of an earlier contract, are left aside.
        """
        figures = [column for column in self.figures if column.name in fields]
        told = {column.of_counts for column in figures if fields[column.name] != NULL}
        if not told:
            return "suppressed"
        measured = any(not column.of_counts for column in figures)
        return "counted" if told == {True} and measured else "shown"

    @property
    def rising(self) -> dict[str, list[str]]:
        """Figures that rise from one to the next, by the name of the rule that says so."""
        names = {column.quantity: column.name for column in self.figures}
        rules = {
            rule: [names[q] for q in order if q in names]
            for rule, order in RISING[self.kind].items()
        }
        return {rule: columns for rule, columns in rules.items() if len(columns) > 1}


@dataclass(frozen=True)
class StatisticSpec:
    """A statistic that an analysis may publish of each group."""

    columns: tuple[OutputColumn, ...]
    extreme: bool = False
    """True if it reveals single people's values, which a contract may withhold."""
    bucketed: bool = False
    """True if it is read off counts by the rounded measure."""


def _count(name: str, title: str, comment: str) -> OutputColumn:
    return OutputColumn(name, "bigint", "count", "count", title, comment)


def _label(name: str, title: str, comment: str) -> OutputColumn:
    return OutputColumn(name, "string", "label", "text", title, comment)


def _figure(
    name: str,
    format_: Format,
    title: str,
    comment: str,
    *,
    empty: Empty = "suppressed",
    bounds: Bounds | None = None,
) -> OutputColumn:
    return OutputColumn(name, "double", "figure", format_, title, comment, empty, bounds)


def _statistic(
    *columns: OutputColumn, extreme: bool = False, bucketed: bool = False
) -> StatisticSpec:
    return StatisticSpec(columns, extreme, bucketed)


_PEOPLE = _count("patients", "{Units}", "{Units} in the group")
_OF_MEAN = "End of the 95 % t interval of the mean"
_OF_DIFFERENCE = "End of the 95 % interval of the difference, by Welch's t"

STATISTICS: Mapping[str, StatisticSpec] = {
    "patients": _statistic(_PEOPLE),
    "share": _statistic(
        _figure(
            "share", "share", "Share{within}",
            "Share of the {units}, of all or within all but the last grouping column",
            bounds=Bounds("share", "0", "1"),
        ),
    ),
    "mean": _statistic(
        _figure(
            "mean_{measure}", "measure", "Mean {noun}", "Mean of {measure}", empty="counted"
        ),
    ),
    "total": _statistic(
        _figure("total_{measure}", "measure", "Total {noun}", "Sum of {measure}", empty="counted"),
    ),
    "minimum": _statistic(
        _figure("minimum_{measure}", "measure", "Minimum", "Least {measure}", empty="counted"),
        extreme=True,
    ),
    "maximum": _statistic(
        _figure("maximum_{measure}", "measure", "Maximum", "Greatest {measure}", empty="counted"),
        extreme=True,
    ),
    "stddev": _statistic(
        _figure(
            "stddev_{measure}", "measure", "Standard deviation",
            "Sample standard deviation of {measure}",
            empty="single", bounds=Bounds("deviation", "0"),
        ),
    ),
    "standard_error": _statistic(
        _figure(
            "standard_error_{measure}", "measure", "Standard error",
            "Standard error of the mean of {measure}",
            empty="single", bounds=Bounds("standard_error", "0"),
        ),
    ),
    "ci95": _statistic(
        _figure("ci95_low", "measure", "95% interval from", _OF_MEAN, empty="single"),
        _figure("ci95_high", "measure", "95% interval to", _OF_MEAN, empty="single"),
    ),
    "median": _statistic(
        _figure(
            "median_{measure}", "measure", "Median",
            "Median of {measure}, at most 0.5 % off; none with too few {units} on a side",
            empty="few",
        ),
        bucketed=True,
    ),
}  # fmt: skip
"""The statistics of analyses, in the order of the JSON Schema."""

COMPARISON_COLUMNS = (
    _label("comparison", "Comparison", "The comparison's name"),
    _label("stratum", "Among", "Within whom the two groups are compared; all for {everybody}"),
    _label("group_a", "First group", "One group"),
    _label("group_b", "Second group", "The other group"),
    _count("n_a", "{Units} in the first", "{Units} in group a"),
    _count("n_b", "{Units} in the second", "{Units} in group b"),
    _figure(
        "difference", "measure", "Difference of means",
        "Mean of {measure} in group a less that in group b; standardized where the stratum says so",
        empty="absent",
    ),
    _figure("ci95_low", "measure", "95% interval from", _OF_DIFFERENCE, empty="untested"),
    _figure("ci95_high", "measure", "95% interval to", _OF_DIFFERENCE, empty="untested"),
    _figure("t", "number", "Welch's t", "Welch's t", empty="untested"),
    _figure(
        "df", "number", "Degrees of freedom",
        "Its degrees of freedom, by Welch and Satterthwaite", empty="untested",
        bounds=Bounds("df", "0.999998"),
    ),
    _figure("p", "p", "p", "Its p, two-sided", empty="untested", bounds=Bounds("p", "0", "1")),
    _figure(
        "hedges_g", "number", "Hedges' g",
        "Hedges' g, the difference in pooled deviations, corrected for small samples",
        empty="untested",
    ),
)  # fmt: skip

CUBE_FIGURES = (
    _PEOPLE,
    _figure("sum_{measure}", "measure", "Sum of {noun}", "Sum of {measure}", empty="counted"),
    _figure(
        "m2_{measure}", "number", "Sum of squares",
        "Sum of the squared deviations of {measure} from the mean of the group",
        empty="counted",
        bounds=Bounds("squares", "0"),
    ),
)  # fmt: skip
"""The figures of each group in a filter cube, from which any mean and deviation can be computed."""

RISING: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "analysis": {
        "minimum_mean_maximum": ("minimum", "mean", "maximum"),
        "ci95_around_mean": ("ci95_low", "mean", "ci95_high"),
    },
    "comparisons": {"ci95_around_difference": ("ci95_low", "difference", "ci95_high")},
    "cube": {},
}
"""Rules that figures rise from one to the next, and the quantities of which this holds."""
