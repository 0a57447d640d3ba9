"""The decisions of a draft: which columns are kept, what is measured, grouped and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import polars as pl

from medical_charges.contract.model import MEASURE_LIMIT
from medical_charges.contract.naming import not_a_label, words
from medical_charges.contract.nesting import lies_within
from medical_charges.contract.outputs import COMPARISON_COLUMNS, CUBE_FIGURES, STATISTICS
from medical_charges.draft.bands import (
    OLDEST,
    Banding,
    banding_of,
    below_of,
    is_age,
    label_of,
    limits,
    number_in,
    periods_of,
)
from medical_charges.draft.names import numbered, slug
from medical_charges.draft.profile import THRESHOLD, Profile, days_in, profile_of, words_of
from medical_charges.draft.sample import Sample
from medical_charges.errors import InputRefusedError

FLAWED_SHARE = 0.02
"""Share of the rows that the columns that every row must have may cost together."""

MEASURE_FLAWED_SHARE = 0.04
"""Share of the rows that the measure may cost. Every row must have it, so it comes before what
others may cost, and stays below what a drafted contract lets a file reject."""

ANALYSES, FILTERS, BANDED = 5, 3, 4
GROUPS_SHOWN, NUMBERS_SHOWN = 20, 12
"""The most groups of a column that is grouped by, and of one of numbers; more are banded."""

GROUPS_FILTERED = 6
ROWS_PER_GROUP = 30
"""The least rows for each combination of two columns."""

SMALL_CELLS = 6
"""The most cells of a filter cube that may be under the threshold: protecting them takes time."""

_MONEY = frozenset(
    re.split(
        " ",
        "amount balance bill billed billing charge charges claim claims cost costs expenditure "
        "expense expenses fee fees income paid pay payment payments premium price revenue salary "
        "spend spending total betrag kosten preis montant cout prix importe costo coste precio",
    )
)
_MONEY_ENDS = ("amt", "chg", "cost", "costs", "charge", "charges", "dol", "eur", "usd")
"""Ends of names such as `meddol` and `totcost`."""

_LENGTHS = frozenset(re.split(" ", "days duration hours length los minutes stay"))
_TRAITS = frozenset(re.split(" ", "age bmi children code count day height month weight year zip"))


@dataclass(frozen=True, eq=False)
class Dimension:
    """What can be grouped by: a column or a band, and how many sampled rows each group has."""

    name: str
    sizes: Mapping[str, int]
    of: pl.Expr
    numbers: bool = False
    """True if the groups are whole numbers."""


class Choices:
    """What a contract for a sample says.

    Raises:
        InputRefusedError: no column can be measured, or the one that was asked for cannot be.
    """

    def __init__(self, sample: Sample, measure: str | None) -> None:
        self.sample = sample
        self.profiles = {
            name: profile_of(name, sample.frame[name], (head[name] for head in sample.heads))
            for name in sample.frame.columns
        }
        self.left_out = dict(sample.unusable)
        self._leave_out_unusable(measure)
        self.measures = self._measures()
        self.measure = self._measure(measure)
        spent = self.profiles[self.measure].flaws
        self._budget = max(0, FLAWED_SHARE * sample.frame.height - spent)
        self.required = {self.measure}
        """Columns that every row must have."""
        self.bands: dict[str, Banding] = {}
        columns = self._groupable()
        banded = self._banded()
        self.dimensions = columns + banded or [self._measure_by_itself()]
        self.filterable = [it for it in columns if len(it.sizes) <= GROUPS_FILTERED]
        self._leave_out_unused()
        self.within = dict(self._nested())
        self.analyses = list(self._analyses(columns, banded))

    @property
    def kept(self) -> list[Profile]:
        """The columns of the contract, in the order of the header."""
        return [it for name, it in self.profiles.items() if name not in self.left_out]

    def filled(self, name: str) -> bool:
        """Return True if a column must be there in every row."""
        return name in self.required or not self.profiles[name].empty

    def _leave_out_unusable(self, measure: str | None) -> None:
        for name, profile in self.profiles.items():
            if (reason := _unusable(profile, measured=name == measure)) is not None:
                self.left_out[name] = reason

    def _measures(self) -> list[str]:
        """Return the columns that can be measured, the likeliest first."""
        able = [it for it in self.kept if _measurable(it)]
        varied = [it for it in able if it.distinct > max(NUMBERS_SHOWN, it.rows // 100)] or able
        places = {it.name: place for place, it in enumerate(varied)}
        varied.sort(key=lambda it: (-_likely(it), -places[it.name]))
        return [it.name for it in varied]

    def _measure(self, asked: str | None) -> str:
        if asked is None:
            if not self.measures:
                raise InputRefusedError(
                    "no column could be the measure: it must hold numbers in almost every row, "
                    "and identify nobody; left out were "
                    + ("; ".join(f"{name}: {why}" for name, why in self.left_out.items()) or "none")
                )
            return self.measures[0]
        if asked not in self.measures:
            able = [it.name for it in self.kept if _measurable(it)]
            if asked not in able:
                allowed = ", ".join(able) or "none"
                raise InputRefusedError(
                    f"the column {asked!r} cannot be the measure: {self._unmeasured(asked)}; "
                    f"those that can: {allowed}"
                )
        return asked

    def _unmeasured(self, name: str) -> str:
        """Return the reason why a column cannot be the measure."""
        profile = self.profiles.get(name)
        if profile is None:
            return "there is no such column"
        if name in self.left_out:
            return self.left_out[name]
        if not profile.numeric:
            return "it holds no numbers"
        if not _has_numbers(profile):
            share = profile.flaws / profile.rows
            return (
                f"{profile.flaws:,} of {profile.rows:,} rows have no number in it ({share:.1%}, "
                f"over {MEASURE_FLAWED_SHARE:.0%})"
            )
        return "its numbers are too large to be summed exactly"

    def _afford(self, profile: Profile) -> bool:
        """Require a column of every row, if few are lost by that."""
        if profile.name not in self.required:
            if profile.flaws > self._budget:
                return False
            self._budget -= profile.flaws
            self.required.add(profile.name)
        return True

    def _groupable(self) -> list[Dimension]:
        found: list[Dimension] = []
        called: set[str] = set()
        figures = _figure_names(self.measure)
        for profile in sorted(self.kept, key=self._merit):
            title = words(profile.name).casefold()
            most = NUMBERS_SHOWN if profile.numeric else GROUPS_SHOWN
            fits = 2 <= len(profile.counts) <= most and not profile.running
            if profile.name == self.measure or profile.name in figures or title in called:
                continue
            if is_age(profile) and profile.high >= OLDEST:
                continue  # its bands end where ages are one group
            if fits and self._afford(profile):
                called.add(title)
                of = pl.col(profile.name)
                if profile.kind == "integer":
                    of = number_in(profile.name).cast(pl.Int64, strict=False).cast(pl.String)
                number = profile.kind == "integer"
                found.append(Dimension(profile.name, profile.counts, of, number))
        return found

    def _merit(self, profile: Profile) -> tuple[float, bool, bool]:
        """Return a key by which words with many rows in each of few groups come first."""
        scale = self.sample.rows / max(1, self.sample.frame.height)
        small = sum(n for n in profile.counts.values() if n * scale < THRESHOLD)
        return round(small / max(1, profile.rows), 2), profile.numeric, len(profile.counts) > 8

    def _banded(self) -> list[Dimension]:
        """Band numbers with many values, age and body mass index first."""
        numbers = [
            it
            for it in self.kept
            if it.numeric
            and it.distinct > NUMBERS_SHOWN
            and it.name != self.measure
            and not it.running
        ]
        numbers.sort(key=lambda it: not words_of(it.name) & {"age", "bmi"})
        found: list[Dimension] = []
        for profile in [it for it in self.kept if it.kind == "date"] + numbers:
            if len(found) < BANDED and (dimension := self._band(profile)) is not None:
                found.append(dimension)
        return found

    def _band(self, profile: Profile) -> Dimension | None:
        if profile.kind == "date":
            texts = self.sample.frame[profile.name]
            number, banding = pl.lit(days_in(texts, profile.forms[0])), periods_of(profile)
        else:
            number = number_in(profile.name)
            values = self.sample.frame.select(number)[profile.name].drop_nulls()
            banding = banding_of(profile, values)
        if banding is None or not self._afford(profile):
            return None
        return self._add(banding, number)

    def _add(self, banding: Banding, number: pl.Expr) -> Dimension:
        """Add bands under a name of their own."""
        taken = {*self.profiles, *self.bands}
        titles = {words(name).casefold() for name in taken}
        name = next(
            name
            for name in numbered(f"{slug(banding.column, 'number')}_{banding.by or 'group'}")
            if name not in taken and words(name).casefold() not in titles
        )
        self.bands[name] = banding
        labels = [*banding.below, banding.otherwise]
        band = pl.lit(banding.otherwise)
        for label, edge in reversed([*banding.below.items()]):
            band = pl.when(number < edge).then(pl.lit(label)).otherwise(band)
        band = pl.when(number.is_not_null()).then(band).alias(name)
        found = self.sample.frame.select(band)[name].drop_nulls().value_counts()
        return Dimension(name, dict.fromkeys(labels, 0) | dict(found.rows()), band)

    def _measure_by_itself(self) -> Dimension:
        """Group by bands of the measure, where there is nothing else."""
        profile = self.profiles[self.measure]
        edge = limits(profile, whole=False)[1] or 1.0
        alone = Banding(self.measure, below_of([edge], profile), f"from_{label_of(edge)}")
        number = number_in(self.measure)
        values = self.sample.frame.select(number)[self.measure].drop_nulls()
        return self._add(banding_of(profile, values) or alone, number)

    def _leave_out_unused(self) -> None:
        """Leave out columns that would only reject rows, or whose digits are taken for a person's.

        Those of the measure and of a banded column are amounts.
        """
        amounts = {self.measure, *(band.column for band in self.bands.values())}
        for profile in self.kept:
            if profile.amount and profile.name not in amounts:
                self.left_out[profile.name] = profile.person
            if profile.wrong and profile.name not in self.required:
                wrong = f"{profile.wrong} of the sampled values are no {_KINDS[profile.kind]}"
                self.left_out[profile.name] = wrong

    def _analyses(
        self, columns: list[Dimension], banded: list[Dimension]
    ) -> Iterator[tuple[Dimension, ...]]:
        """Yield what is grouped by: single columns and bands first, then pairs."""
        turns = [*columns[:1], *banded[:1], *columns[1:2], *banded[1:2], *columns[2:], *banded[2:]]
        singles = turns or self.dimensions
        rows = self.sample.rows
        pairs = [
            (one, other)
            for one, other in combinations(columns[:3] + banded[:1], 2)
            if len(one.sizes) * len(other.sizes) * ROWS_PER_GROUP <= rows
        ]
        paired = pairs[: max(2, ANALYSES - len(singles))]
        yield from ((it,) for it in singles[: ANALYSES - len(paired)])
        yield from paired

    def _nested(self) -> Iterator[tuple[str, str]]:
        """Yield columns and bands with what each of their groups lies in, the finest there is."""
        several = [it for it in self.dimensions if len(it.sizes) > 1]
        for fine in several:
            coarser = [it for it in several if len(it.sizes) < len(fine.sizes)]
            for coarse in sorted(coarser, key=lambda it: -len(it.sizes)):
                if self._column(fine) != self._column(coarse) and self._lies_within(fine, coarse):
                    yield fine.name, coarse.name
                    break

    def _column(self, dimension: Dimension) -> str:
        band = self.bands.get(dimension.name)
        return band.column if band else dimension.name

    def _lies_within(self, fine: Dimension, coarse: Dimension) -> bool:
        pairs = self.sample.frame.select(fine.of.alias("fine"), coarse.of.alias("coarse"))
        found = pairs.drop_nulls().group_by("fine", "coarse").len().rows()
        return lies_within({(str(one), str(other)): rows for one, other, rows in found})

    def compared(self) -> tuple[Dimension, str, str] | None:
        """Return the groups to compare: those of a column with two, else the two largest ones."""
        two = [it for it in self.dimensions if len(it.sizes) == 2]
        chosen = (two or self.dimensions)[0]
        largest = sorted(chosen.sizes, key=lambda group: -chosen.sizes[group])[:2]
        return (chosen, largest[0], largest[1]) if len(largest) == 2 else None

    def filters(self) -> list[str]:
        """Return columns to filter by, as many as leave few small groups in the filter cubes."""
        able = [it for it in self.filterable if "all" not in it.sizes][:FILTERS]
        for count in range(len(able), 0, -1):
            if self._small_cells(able[:count]) <= SMALL_CELLS:
                return [it.name for it in able[:count]]
        return []

    def _small_cells(self, filters: Sequence[Dimension]) -> int:
        """Return how many cells of the filter cubes would be under the threshold."""
        names = {it.name for it in filters}
        scale = self.sample.rows / max(1, self.sample.frame.height)
        cubes = {
            tuple(dict.fromkeys([*filters, *(it for it in group if it.name not in names)]))
            for group in [(), *self.analyses]
        }
        small = 0
        for cube in cubes:
            if prod(len(it.sizes) for it in cube) > self.sample.rows:
                return SMALL_CELLS + 1
            cells = self.sample.frame.select(it.of.alias(it.name) for it in cube)
            counts = cells.drop_nulls().group_by(cells.columns).len()["len"]
            small += int((counts * scale < THRESHOLD).sum())
        return small


_KINDS = {"integer": "whole numbers", "double": "numbers", "date": "days", "string": "text"}


def _unusable(profile: Profile, *, measured: bool) -> str | None:
    """Return the reason why a column is left out, or None."""
    name = profile.name
    if profile.person and not (profile.amount and (measured or words_of(name) & _MONEY)):
        return profile.person
    if profile.empty == profile.rows:
        return "always empty"
    if profile.kind == "string":
        if not profile.counts:
            return f"{profile.distinct} different texts: too many to be groups"
        if any(map(not_a_label, profile.counts)) or any("\ufffd" in it for it in profile.counts):
            return "its texts hold commas, quotes, formulas, or characters that are not UTF-8"
        if profile.distinct > max(GROUPS_SHOWN, profile.rows // 4):
            return f"{profile.distinct} different texts in {profile.rows} rows: no groups"
    if profile.running and profile.rows >= 20 and not (measured or words_of(name) & _MONEY):
        return "numbers the rows"
    return None


def _measurable(profile: Profile) -> bool:
    return (
        profile.numeric
        and _has_numbers(profile)
        and max(abs(profile.low), abs(profile.high)) <= MEASURE_LIMIT
    )


def _has_numbers(profile: Profile) -> bool:
    return profile.flaws <= MEASURE_FLAWED_SHARE * profile.rows


def _likely(profile: Profile) -> float:
    """Return how likely a column is what is to be averaged."""
    found = words_of(profile.name)
    money = bool(found & _MONEY) or any(word.endswith(_MONEY_ENDS) for word in found)
    score = 4.0 * money + 2.0 * bool(found & _LENGTHS) - 2.0 * bool(found & _TRAITS)
    return score + (profile.kind == "double") + profile.distinct / max(1, profile.rows)


def _figure_names(measure: str) -> set[str]:
    """Return the names of all columns that outputs have in addition to groups."""
    columns = [*COMPARISON_COLUMNS, *CUBE_FIGURES]
    columns += [column for spec in STATISTICS.values() for column in spec.columns]
    return {column.of(measure, **_NOTHING).name for column in columns}


_NOTHING = dict.fromkeys(("noun", "within", "everybody", "units", "Units"), "")
