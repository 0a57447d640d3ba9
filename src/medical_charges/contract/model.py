"""The contract's types: the content of a dataset's YAML, and what is derived from it.

These types have three uses: `load` checks a file with them, `schema` makes the JSON Schema for
editors, and the rest of the library reads from them what a dataset looks like.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from math import ceil
from typing import Annotated, Any, Self

from pydantic import Field, StrictStr, model_validator

from medical_charges.contract.naming import in_sentence, plural, words
from medical_charges.contract.outputs import (
    COMPARISON_COLUMNS,
    CUBE_FIGURES,
    STATISTICS,
    Output,
    OutputColumn,
)
from medical_charges.contract.parts import days
from medical_charges.contract.parts.analyses import Analysis, Band, Comparison
from medical_charges.contract.parts.dashboard import Dashboard
from medical_charges.contract.parts.part import Name, Noun, Part
from medical_charges.contract.parts.quality import REMOVED_SHARE, Disclosure, Quality
from medical_charges.contract.parts.source import (
    PERSON,
    DateColumn,
    DoubleColumn,
    IntegerColumn,
    Source,
    StringColumn,
    Unit,
    WholeColumn,
)
from medical_charges.hashing import content_hash

COMPARISONS = "comparisons"
"""The output that holds all comparisons."""

MARGIN = "all"
"""A filter's value in the rows that combine all its groups."""

BUCKET = " bucket"
"""Name of the rounded measure in grouping sets: no column's name begins with a space."""

INPUT = "input"
"""Name of the accepted rows where rules are listed together with those of the outputs."""

MEASURE_LIMIT = 2**53
"""Maximum of the scaled measure: integers up to this value are exact as doubles."""

EXACT_LIMIT = 2**51 - 1
"""Maximum of the scaled measure up to which a product of doubles is rounded to the right integer.

The number and the product are each off by 2 ** -53 of them at most, which is less than one half
together."""

MULTILINE_VERSION = 2
"""Raised whenever records that span lines are split or read differently.

Contracts without such records do not depend on it, so their partials stay valid."""


class Contract(Part):
    """Everything that is specific to one dataset."""

    dataset: Name = Field(description="The data set's name.")
    prefix: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")] = Field(
        description="The folder of the bucket that holds everything of this dataset."
    )
    unit: Noun | Unit = Field(
        PERSON, description="What a row of the input is: a singular noun, such as stay or claim."
    )
    source: Source
    bands: Mapping[Name, Band] = Field(default_factory=dict)
    measure: str = Field(description="The column that is summed and averaged.")
    analyses: Annotated[Mapping[Name, Analysis], Field(min_length=1)]
    comparisons: Mapping[Name, Comparison] = Field(
        default_factory=dict, description="Differences of means, all in one further output."
    )
    quality: Quality = Quality()
    disclosure: Disclosure = Disclosure()
    dashboard: Dashboard = Dashboard()

    @model_validator(mode="after")
    def _with_periods(self) -> Self:
        """Give the bands by periods their labels and edges, those that cannot have any aside."""
        bands = {name: self._in_periods(band) for name, band in self.bands.items()}
        return self if bands == dict(self.bands) else self.model_copy(update={"bands": bands})

    def _in_periods(self, band: Band) -> Band:
        column = self.source.columns.get(band.column)
        if band.by is None or band.below or not isinstance(column, DateColumn):
            return band
        if column.minimum is None or column.maximum is None:
            return band
        found = days.periods(band.by, column.minimum, column.maximum)
        below, otherwise = found or ({}, "")
        return band.model_copy(update={"below": below, "otherwise": otherwise})

    @property
    def units(self) -> str:
        """The plural of what a row is."""
        return plural(self.unit) if isinstance(self.unit, str) else self.unit.many

    @property
    def everybody(self) -> str:
        """All rows, in a sentence."""
        return "everybody" if self.units == "people" else f"all {self.units}"

    def called(self, name: str) -> str:
        """Return the heading of a column, a band, an analysis or a share."""
        return self.dashboard.names.get(name) or words(name)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """All outputs: analyses, the comparisons if there are any, filter cubes."""
        found = [self.analysis_output(name) for name in self.analyses]
        if self.comparisons:
            name, *others = self._described(COMPARISON_COLUMNS)
            columns = (replace(name, values=tuple(self.comparisons)), *others)
            found.append(Output(COMPARISONS, "comparisons", columns))
        found += map(self.cube_output, self.filtered_groups)
        return {output.name: output for output in found}

    def analysis_output(self, name: str) -> Output:
        """Return the output of an analysis: grouping columns, then its statistics."""
        analysis = self.analyses[name]
        within = " and ".join(in_sentence(self.called(g)) for g in analysis.group_by[:-1])
        figures = [
            replace(column, empty="withheld") if self.withholds(statistic) else column
            for statistic in analysis.statistics
            for column in STATISTICS[statistic].columns
        ]
        described = self._described(figures, f" within {within}" if within else "")
        return Output(name, "analysis", (*map(self._label, analysis.group_by), *described))

    def cube_output(self, columns: Collection[str]) -> Output:
        """Return the output of a filter cube."""
        labels = map(self._label, columns)
        filters = self.dashboard.filters
        marked = (_with_margin(it, self.everybody) if it.name in filters else it for it in labels)
        return Output(
            self._cube_names[tuple(columns)], "cube", (*marked, *self._described(CUBE_FIGURES))
        )

    def withholds(self, statistic: str) -> bool:
        """Return True if a statistic is never shown because it reveals values of single people."""
        return STATISTICS[statistic].extreme and self.disclosure.extremes == "suppress"

    def _label(self, name: str) -> OutputColumn:
        integer = isinstance(self.source.columns.get(name), IntegerColumn)
        return OutputColumn(
            name,
            "bigint" if integer else "string",
            "label",
            "integer" if integer else "text",
            self.called(name),
            "Grouped by",
            values=self.groups_listed(name),
        )

    def _described(self, columns: Iterable[OutputColumn], within: str = "") -> list[OutputColumn]:
        noun = in_sentence(self.called(self.measure))
        words_ = {"noun": noun, "within": within, "everybody": self.everybody}
        units = {"units": self.units, "Units": words(self.units)}
        return [column.of(self.measure, **words_, **units) for column in columns]

    def groups_listed(self, name: str) -> tuple[str, ...] | None:
        """Return the groups of a band or a text column, if the contract lists them."""
        if name in self.bands:
            return self.bands[name].labels
        column = self.source.columns.get(name)
        return column.allowed if isinstance(column, StringColumn) else None

    @property
    def cubes(self) -> Mapping[str, tuple[str, ...]]:
        """All filter cubes with their grouping columns, the one of the filters alone first."""
        return {name: columns for columns, name in self._cube_names.items()}

    @property
    def without_filters(self) -> Contract:
        """The same contract without filters, whose outputs have no filter cubes."""
        without: dict[str, Any] = {"filters": (), "shares": {}}
        return self.model_copy(update={"dashboard": self.dashboard.model_copy(update=without)})

    @property
    def _cube_names(self) -> dict[tuple[str, ...], str]:
        """The names of the filter cubes; those that would have the same end with a hash."""
        plain = {columns: _cube_name(columns) for columns in self.filtered_groups}
        shared = [name for name, count in Counter(plain.values()).items() if count > 1]
        return {
            columns: f"{name}_{content_hash(columns)[:6]}" if name in shared else name
            for columns, name in plain.items()
        }

    def cube_of(self, analysis: str) -> str | None:
        """Return the filter cube of an analysis, or None if there are no filters."""
        if not self.dashboard.filters:
            return None
        return self._cube_names[self._filtered(self.analyses[analysis].group_by)]

    @property
    def filtered_groups(self) -> tuple[tuple[str, ...], ...]:
        """The grouping columns of the filter cubes: filters alone, or with those of an analysis."""
        if not self.dashboard.filters:
            return ()
        groups = ((), *(analysis.group_by for analysis in self.analyses.values()))
        return tuple(dict.fromkeys(map(self._filtered, groups)))

    def _filtered(self, group_by: tuple[str, ...]) -> tuple[str, ...]:
        filters, bands = self.dashboard.filters, self.dashboard.filtered_as
        # Sorted, so that analyses that group by the same share one cube.
        shown = sorted({bands.get(name, name) for name in group_by if name not in filters})
        return tuple(dict.fromkeys((*filters, *shown)))

    @property
    def grouping_sets(self) -> tuple[tuple[str, ...], ...]:
        """The grouping sets of the analyses and of the outputs that need others, sorted.

        A cube that another set can be added up to has none of its own, nor have its margins. An
        analysis with a median has a second one, with the buckets of the measure.
        """
        sets = {self.with_wholes(analysis.group_by) for analysis in self.analyses.values()}
        known = {frozenset(names) for names in sets}
        compared = {frozenset(self.with_wholes(it.names)) for it in self.comparisons.values()}
        cubes = {frozenset(self.with_wholes(columns)) for columns in self.cubes.values()}
        finest = {c for c in cubes if not any(c < other for other in known | compared | cubes)}
        more = (compared | finest) - known
        plain = sets | {tuple(sorted(names)) for names in more}
        return tuple(sorted(plain | set(self.bucketed_sets)))

    @property
    def bucketed_sets(self) -> tuple[tuple[str, ...], ...]:
        """The grouping sets by the buckets of the measure, of which people alone are counted.

        Each is longer than another set of its names, which is taken for anything but medians.
        """
        groups = (
            self.with_wholes(analysis.group_by)
            for analysis in self.analyses.values()
            if analysis.bucketed
        )
        return tuple(sorted({(*sorted(names), BUCKET) for names in groups}))

    def nested_in(self, name: str) -> tuple[str, ...]:
        """Return the columns and bands that a name lies within, the next ones first."""
        found = list(self.within(name))
        for whole in found:
            found += (it for it in self.within(whole) if it not in found)
        return tuple(found)

    def within(self, name: str) -> tuple[str, ...]:
        """Return what is said that a column or a band lies within."""
        part = self.bands[name] if name in self.bands else self.source.columns.get(name)
        if part is None or isinstance(part, DoubleColumn):
            return ()
        return (part.within,) if isinstance(part.within, str) else part.within

    def wholes_of(self, name: str) -> tuple[str, ...]:
        """Return what the groups of a name lie in, of that which outputs group by."""
        return tuple(it for it in self.nested_in(name) if it in self.grouping_columns)

    def with_wholes(self, names: Collection[str]) -> tuple[str, ...]:
        """Return names with what their groups lie in."""
        return tuple(dict.fromkeys(chain(names, *map(self.wholes_of, names))))

    @property
    def grouping_columns(self) -> tuple[str, ...]:
        """Every column or band that an output groups by, sorted."""
        analyses = (analysis.group_by for analysis in self.analyses.values())
        compared = (comparison.names for comparison in self.comparisons.values())
        return tuple(sorted(set(chain(*analyses, *compared, *self.filtered_groups))))

    def column_of(self, name: str) -> str:
        """Return the source column that a column's or a band's groups are of."""
        return self.bands[name].column if name in self.bands else name

    @property
    def decimals(self) -> int:
        """Number of decimals of the measure; its integers are in units of the last one."""
        column = self.source.columns[self.measure]
        return column.decimals if isinstance(column, DoubleColumn) else 0

    def grouping_set_of(self, names: Collection[str]) -> tuple[str, ...]:
        """Return the smallest grouping set that contains these names, or else finer ones."""
        sets = self.grouping_sets
        having = [held for held in sets if set(names) <= set(held)] or [
            held
            for held in sets
            if all(name in held or any(self.is_finer(it, name) for it in held) for name in names)
        ]
        return min(having, key=lambda held: (len(held), held))

    def group_order(self, name: str) -> tuple[str, ...] | None:
        """Return the clinical order of a band's labels, or None if values sort by themselves."""
        return self.bands[name].labels if name in self.bands else None

    def cuts(self, band: str) -> tuple[float, ...]:
        """Return a band's edges among the possible values of its column: integers for integers."""
        edges = tuple(self.bands[band].below.values())
        column = self.source.columns.get(self.bands[band].column)
        return tuple(map(ceil, edges)) if isinstance(column, WholeColumn) else edges

    def is_finer(self, fine: str, coarse: str) -> bool:
        """Return True if a name is banded, or banded more coarsely, by another."""
        if fine == coarse or coarse not in self.bands:
            return False
        if fine not in self.bands:
            return self.bands[coarse].column == fine
        one, other = (len(set(self.cuts(name))) for name in (fine, coarse))
        same = self.bands[fine].column == self.bands[coarse].column
        return same and (other, fine) < (one, coarse)

    def banded(self, fine: str, value: str | int, coarse: str) -> str | int:
        """Return the coarser group that holds a finer one."""
        if fine == coarse:
            return value
        whole = self.bands[coarse]
        if fine not in self.bands:
            return whole.label_of(int(value))
        place = self.bands[fine].labels.index(str(value))
        return whole.label_of(self.cuts(fine)[place - 1]) if place else whole.labels[0]

    def sort_key(self, names: Collection[str], key: Collection[str | int]) -> tuple[str | int, ...]:
        """Return the sort key of a group: bands in clinical order, everything else by value."""
        return tuple(
            value if (labels := self.group_order(name)) is None else labels.index(str(value))
            for name, value in zip(names, key, strict=True)
        )

    @property
    def schema_hash(self) -> str:
        """Hash of everything that decides the content of a partial.

        That is the source, the bands, the measure and the grouping sets. Quality and disclosure are
        not part of it: they are applied to partials, so changing them reads no input again.
        """
        source = self.source.as_written()
        for column in source["columns"].values():
            del column["identifying"]
        parts: dict[str, Any] = {
            "source": source,
            "bands": self._bands_as_written,
            "measure": self.measure,
            "grouping_sets": self.grouping_sets,
            # The order of columns and of a band's edges matters, and sorted keys lose it.
            "order": {name: band.labels for name, band in self.bands.items()},
        }
        if self.source.multiline:
            parts["multiline"] = MULTILINE_VERSION
        return content_hash(parts)

    @property
    def _bands_as_written(self) -> dict[str, Any]:
        return {name: band.as_written() for name, band in self.bands.items()}

    @property
    def contract_hash(self) -> str:
        """Hash of the whole contract.

        A key that earlier versions did not have is left out while it has its default, so that a
        contract without it keeps its hash.
        """
        parts = self.model_dump(mode="json")
        parts["source"], parts["bands"] = self.source.as_written(), self._bands_as_written
        if self.unit == PERSON:
            del parts["unit"]
        if self.quality.maximum_removed_share == REMOVED_SHARE:
            del parts["quality"]["maximum_removed_share"]
        if self.disclosure.rows_per_person == 1:
            del parts["disclosure"]["rows_per_person"]
        if self.dashboard.source is None:
            del parts["dashboard"]["source"]
        for comparison in parts["comparisons"].values():
            if not comparison["standardized_over"]:
                del comparison["standardized_over"]
        return content_hash(parts)


def _with_margin(label: OutputColumn, everybody: str) -> OutputColumn:
    """Return a filter's column in a cube, where margins are text among the groups."""
    values = None if label.values is None else (*label.values, MARGIN)
    comment = f"Filtered by; {MARGIN} for {everybody}"
    return replace(label, type="string", format="text", comment=comment, values=values)


def _cube_name(columns: Collection[str]) -> str:
    """Return the name of a filter cube; characters that a name may not have become `_`."""
    return re.sub("[^a-z0-9_]", "_", "_".join(("cube", *columns)).lower())
