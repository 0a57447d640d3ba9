"""The text of a drafted contract, with the reasons of its choices as comments."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.naming import words
from medical_charges.contract.parts.days import text_of
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.pii.names import kind_of_person_data
from medical_charges.draft.bands import OLDEST, decimals_of, is_age, limits
from medical_charges.draft.choose import Choices
from medical_charges.draft.names import slug, unique
from medical_charges.draft.profile import THRESHOLD, Profile
from medical_charges.draft.sample import Sample, take_sample
from medical_charges.errors import ContractError

_WIDTH = 100
_CHECKSUM = re.compile(r"# checksum of the draft: ([0-9a-f]{16})\n")
_NAME_LENGTH = 55
_REPEATED = 0.95
"""Share of different values of a person's number under which a row is doubted to be a person."""


@dataclass(frozen=True)
class Draft:
    """A contract for files that were looked at."""

    text: str
    """The YAML."""
    contract: Contract
    sample: Sample
    measures: Sequence[str]
    """The columns that could be the measure, the likeliest first."""


def draft_contract(files: Mapping[str, Path], dataset: str, measure: str | None = None) -> Draft:
    """Look at files and write a contract that they fit.

    Args:
        files: the files by name.
        dataset: what the data set is called.
        measure: the column to average; chosen if it is None.

    Raises:
        InputRefusedError: a file is no CSV or Parquet with rows, or nothing can be measured.
    """
    sample = take_sample(files)
    choices = Choices(sample, measure)
    filters = choices.filters()
    while True:
        text = _with_checksum("\n".join(_Text(choices, slug(dataset, "data"), filters).lines()))
        try:
            contract = parse_contract(text, origin="the draft")
        except ContractError:
            # The names of the filter cubes are made of all their columns, and may be too long.
            if not filters:
                raise
            filters = filters[:-1]
            continue
        return Draft(text, contract, sample, choices.measures)


def is_unchanged(text: str) -> bool:
    """Return True if a text is a draft that nobody has edited."""
    found = _CHECKSUM.match(text)
    return found is not None and text == _with_checksum(text[found.end() :].removesuffix("\n"))


def _with_checksum(text: str) -> str:
    checksum = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"# checksum of the draft: {checksum}\n{text}\n"


class _Text:
    """The lines of a contract."""

    def __init__(self, choices: Choices, dataset: str, filters: Sequence[str]) -> None:
        self._choices, self._dataset, self._filters = choices, dataset, filters
        self._measure = choices.profiles[choices.measure]

    def lines(self) -> Iterator[str]:
        """Return the lines of all parts."""
        sample = self._choices.sample
        of = "all" if sample.whole else f"{sample.frame.height:,} of about"
        yield f"# Drafted from {of} {sample.rows:,} rows."
        yield from _comment(
            "Choices that you know more about are marked with `check:`. docs/contract.md says what "
            "every key means."
        )
        yield f"dataset: {self._dataset}"
        yield f"prefix: {words(self._dataset).title().replace(' ', '')}"
        yield from self._unit()
        yield from self._source()
        yield from self._bands()
        others = [name for name in self._choices.measures if name != self._measure.name][:5]
        alternatives = f"  # check: or {', '.join(map(_plain, others))}" if others else ""
        yield f"measure: {_scalar(self._measure.name)}{alternatives}"
        yield from self._analyses()
        yield from self._comparisons()
        yield "quality: { maximum_rejected_share: 0.05 }"
        yield from self._disclosure()
        yield from self._dashboard()

    def _unit(self) -> Iterator[str]:
        yield from _comment(
            "check: a row is taken for a person. If it is a stay or a claim, say so (`unit: stay`) "
            "and how many one person may have (`rows_per_person`, in `disclosure` below)."
        )
        for name, profile in self._choices.profiles.items():
            number = (kind_of_person_data(name) or "").startswith("a number")
            if number and profile.distinct < _REPEATED * profile.rows:
                yield from _comment(
                    f"check: {_plain(name)} has {profile.distinct:,} different values in "
                    f"{profile.rows:,} rows, so a person may have several rows."
                )

    def _source(self) -> Iterator[str]:
        yield "source:"
        yield f"  format: {self._choices.sample.format}"
        yield from _dialect(self._choices.sample.dialect)
        yield from _comment(
            "check: ranges and texts are those of this file. Rows with others are rejected.",
            indent=2,
        )
        yield "  columns:"
        for profile in self._choices.kept:
            yield from self._column(profile)
        for name, reason in self._choices.left_out.items():
            # What its texts hold may be a value: names of columns and kinds are all that is said.
            yield from _comment(f"left out: {_plain(name) or '(no name)'}: {reason}", indent=4)

    def _column(self, profile: Profile) -> Iterator[str]:
        keys: dict[str, str] = {"type": profile.kind}
        if profile.kind == "string":
            texts = sorted(profile.counts)
            keys["allowed"] = _listed(texts)
            if spelled := self._choices.sample.spellings.get(profile.name):
                said = (f"{_scalar(value)}: {_listed(others)}" for value, others in spelled.items())
                keys["spellings"] = f"{{ {', '.join(said)} }}"
        else:
            low, high = limits(profile, whole=self._choices.sample.whole)
            integer, day = profile.kind == "integer", profile.kind == "date"
            ends = (text_of(int(it)) if day else _number(it, whole=integer) for it in (low, high))
            keys |= dict(zip(("minimum", "maximum"), ends, strict=True))
            if day and profile.forms[0] != "%Y-%m-%d":
                keys["format"] = json.dumps(profile.forms[0])
            if day:
                keys["identifying"] = "banded by periods"
            if profile is self._measure and profile.kind == "double":
                keys["decimals"] = str(decimals_of(profile, high))
        if profile.numeric and profile.name in self._choices.sample.units:
            keys["unit"] = json.dumps(self._choices.sample.units[profile.name], ensure_ascii=False)
        if profile.zeros:
            keys["decimal_zeros"] = "true"
        if not self._choices.filled(profile.name):
            keys["nullable"] = "true"
        if whole := self._choices.within.get(profile.name):
            keys["within"] = _scalar(whole)
        yield from self._doubts(profile)
        entry = ", ".join(f"{key}: {value}" for key, value in keys.items())
        yield from _flow(f"    {_scalar(profile.name)}: {{ ", entry, " }")

    def _doubts(self, profile: Profile) -> Iterator[str]:
        """Say what about a column is not certain."""
        required = profile.name in self._choices.required
        if required and profile.empty:
            way_out = (
                "a measure is never empty"
                if profile is self._measure
                else 'with `spellings: { unknown: "" }`, and unknown allowed, they are a group'
                if profile.kind == "string"
                else "with `nullable: true` they are kept, and nothing can be grouped by it"
            )
            yield from _comment(
                f"check: {profile.empty} of {profile.rows} sampled rows have no "
                f"{_plain(profile.name)} and are rejected: {way_out}.",
                indent=4,
            )
        if required and profile.wrong:
            yield from _comment(
                f"check: {profile.wrong} of {profile.rows} sampled rows are rejected, as their "
                f"{_plain(profile.name)} is no {'day' if profile.kind == 'date' else 'number'}.",
                indent=4,
            )
        if not self._choices.filled(profile.name):
            yield from _comment(
                f"{_plain(profile.name)} is often empty: nothing can be grouped by it.", indent=4
            )
        if profile.kind == "date":
            yield from _comment("check: is this day in somebody's life needed?", indent=4)
        if len(profile.forms) > 1:
            others = ", ".join(profile.forms[1:])
            yield from _comment(f"check: the format of days might also be {others}.", indent=4)
        if profile.kind == "string":
            yield from self._doubts_of_spellings(profile)
        folded = {text.strip().casefold() for text in profile.counts}
        if profile.kind == "string" and len(folded) < len(profile.counts):
            yield from _comment(
                "check: some of these texts differ by capitals or spaces alone, and are groups of "
                "their own.",
                indent=4,
            )
        if profile.kind == "string" and len(profile.counts) == 1:
            yield from _comment("one text only, so nothing is grouped by it", indent=4)

    def _doubts_of_spellings(self, profile: Profile) -> Iterator[str]:
        spelled = self._choices.sample.spellings.get(profile.name, {})
        if any(text for texts in spelled.values() for text in texts):
            yield from _comment("check: does each of the spellings stand for its value?", indent=4)
        for value in (value for value, texts in spelled.items() if "" in texts):
            yield from _comment(
                f"check: rows without {_plain(profile.name)} are the group {_plain(value)}; they "
                f"are rejected without this spelling.",
                indent=4,
            )

    def _bands(self) -> Iterator[str]:
        if not self._choices.bands:
            return
        if any(not band.by for band in self._choices.bands.values()):
            yield "# check: the edges are chosen for about as many rows in each band."
        yield "bands:"
        for name, band in self._choices.bands.items():
            yield f"  {name}:"
            yield f"    column: {_scalar(band.column)}"
            if band.by:
                yield f"    by: {band.by}  # check: or year, quarter, month"
            else:
                edges = (f"{label}: {_number(edge)}" for label, edge in band.below.items())
                yield from _flow("    below: { ", ", ".join(edges), " }")
                yield f"    otherwise: {band.otherwise}"
            if whole := self._choices.within.get(name):
                yield f"    within: {_scalar(whole)}"

    def _analyses(self) -> Iterator[str]:
        yield "analyses:"
        measure = slug(self._measure.name, "measure")
        groups = self._choices.analyses
        parts = ["_and_".join(slug(it.name, "column") for it in group) for group in groups]
        names = unique(f"{measure}_by_{part}"[:_NAME_LENGTH].rstrip("_") for part in parts)
        for name, group in zip(names, groups, strict=True):
            figures = "share, mean" if len(group) > 1 else "mean, stddev, ci95"
            yield f"  {name}:"
            yield f"    group_by: [{', '.join(_scalar(it.name) for it in group)}]"
            yield f"    statistics: [patients, {figures}]"

    def _comparisons(self) -> Iterator[str]:
        if (found := self._choices.compared()) is None:
            return
        dimension, one, other = found
        groups = ", ".join(it if dimension.numbers else _scalar(it) for it in (one, other))
        others = [it.name for it in self._choices.dimensions if it is not dimension][:3]
        yield "# check: the difference of the means of two groups" + (
            f"; other columns: {', '.join(map(_plain, others))}" if others else ""
        )
        yield "comparisons:"
        name = f"{slug(dimension.name, 'column')}_compared"
        yield f"  {name}: {{ column: {_scalar(dimension.name)}, groups: [{groups}] }}"

    def _disclosure(self) -> Iterator[str]:
        yield "# Groups of fewer people lose their figures. Extremes are single people's values."
        yield "disclosure:"
        yield f"  minimum_cell: {THRESHOLD}"
        yield "  extremes: suppress"
        yield "  # rows_per_person: 1   # the most rows of one person, if a row is not a person"
        for profile in self._choices.kept:
            if is_age(profile) and profile.kind == "integer" and profile.high >= OLDEST:
                yield f"  top_code: {{ {_scalar(profile.name)}: {OLDEST} }}"
                break

    def _dashboard(self) -> Iterator[str]:
        yield "dashboard:"
        yield f"  title: {_scalar(words(self._dataset))}"
        yield f"  filters: [{', '.join(map(_scalar, self._filters))}]"
        yield "  # check: what is the measure counted in? For example `unit: USD`."


def _dialect(dialect: Dialect) -> Iterator[str]:
    """Return the keys of a dialect that is not the plain one."""
    keys = ("delimiter", "decimal", "thousands", "encoding", "skip_blank_rows")
    for key in keys:
        if (value := getattr(dialect, key)) != getattr(Dialect(), key):
            yield f"  {key}: {json.dumps(value)}"
    if dialect.null_values:
        yield "  # check: where the other values are numbers, these stand for nothing."
        yield f"  null_values: {_listed(dialect.null_values)}"
    if dialect.multiline:
        yield "  multiline: true  # quoted fields hold line breaks"


def _comment(text: str, indent: int = 0) -> list[str]:
    start = " " * indent + "# "
    return textwrap.wrap(
        text, _WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )


def _flow(start: str, entries: str, end: str) -> Iterator[str]:
    """Return a flow mapping or list, with its entries on more lines where one is too long."""
    if len(start + entries + end) <= _WIDTH:
        yield start + entries + end
        return
    indent = " " * (len(start) - len(start.lstrip()) + 2)
    yield start.rstrip()
    line = indent
    for entry in entries.split(", "):
        if len(line) + len(entry) > _WIDTH and line.strip():
            yield line.rstrip()
            line = indent
        line += f"{entry}, "
    yield line.rstrip().removesuffix(",")
    yield f"{indent[:-2]}{end.strip()}"


_PLAIN = re.compile(r"[A-Za-z][\w-]*(?: [\w-]+)*")
_NO_TEXT = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])


def _scalar(text: str) -> str:
    """Return a text as a scalar of YAML."""
    if _PLAIN.fullmatch(text) and text.isascii() and text.lower() not in _NO_TEXT:
        return text
    escaped = (_escaped(character) for character in text)
    return f'"{"".join(escaped)}"'


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_scalar, texts))}]"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _plain(text: str) -> str:
    """Return a text for a comment, on one line."""
    return "".join(character for character in text if character.isprintable())


def _number(value: float, *, whole: bool = False) -> str:
    return str(int(value)) if whole or value == int(value) else f"{value:.12g}"
