"""A run's staged outputs, read back with Spark and held against its account and its input.

Nothing here shares a line with the kernel: figures are computed anew by Spark's own CSV reader,
casts and aggregates, as long as the input is small enough for that to cost little.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from medical_charges.catalog import tables
from medical_charges.contract import Column, Contract
from medical_charges.contract.model import (
    COMPARISON_COLUMNS,
    MARGIN,
    MEASURE_LIMIT,
    IntegerColumn,
    StringColumn,
)
from medical_charges.cube import rows_of
from medical_charges.layout import Layout
from medical_charges.state import read_state
from medical_charges.storage import ObjectRef, Store

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, SparkSession

RECOMPUTED_BYTES = 32 * 1024 * 1024
"""More input than this, decompressed, is not read again: a run costs what is new."""

RECOMPUTED_OBJECTS = 500
"""Nor are more objects: each is a request."""

RECOMPUTED_HEADERS = 20
"""Nor are objects of more different headers: Spark plans each kind by itself."""

_CORRUPT = "not a row"

Figures = dict[str, Any]
Key = tuple[Any, ...]
_INTEGER = r"^[ \t]*[+-]?[0-9]+[ \t]*$"
_DOUBLE = r"^[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*$"
_LARGEST = sys.float_info.max
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_FIELD = r'(?:"(?:[^"]|"")*"|[^",\r][^,\r]*|)'
_RECORD = re.compile(rf"{_FIELD}(?:,{_FIELD})*")
_PRIVATE_USE = range(0xE000, 0xF900)


@dataclass
class Report:
    """What was checked, and what was found wrong."""

    run_id: str
    checks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    recomputed: str = ""
    """From what the figures were computed anew, or why they were not."""

    def add(self, check: str, problems: Iterator[str]) -> None:
        """Note a check down with what it found."""
        self.checks.append(check)
        self.problems += problems

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "check": "outputs",
            "passed": not self.problems,
            "checks": self.checks,
            "problems": self.problems,
            "recomputed": self.recomputed,
        }


class _NotRecomputedError(Exception):
    """Why the figures are not computed anew."""


class Validation:
    """Checks the staged outputs of one run."""

    def __init__(self, spark: SparkSession, store: Store, contract: Contract, run_id: str) -> None:
        self._spark = spark
        self._store = store
        self._contract = contract
        self._run_id = run_id
        self._layout = Layout(contract.prefix)
        self._summary: dict[str, Any] = json.loads(store.read(self._layout.summary(run_id)))
        self._state = read_state(store, contract, self._summary["state"])

    def run(self) -> Report:
        """Make every check and report."""
        report = Report(self._run_id)
        report.add("the account adds up", self._account_problems())
        for name, columns in self._contract.outputs.items():
            report.add(f"{name}: header", self._header_problems(name, columns))
        if report.problems:
            report.recomputed = "no: other checks have failed"
            return report
        staged = self._staged()
        for name, found in staged.items():
            report.add(f"{name}: rows and totals", self._total_problems(name, found))
        if report.problems:
            report.recomputed = "no: other checks have failed"
            return report
        try:
            accepted = self._accepted(self._read_input())
        except _NotRecomputedError as reason:
            report.recomputed = f"no: {reason}"
            return report
        report.recomputed = f"from {len(self._state.members)} object(s)"
        anew = self._anew(accepted)
        for name in self._contract.analyses:
            if name not in self._summary["withheld"]:
                problems = self._figure_problems(name, staged[name], anew)
                report.add(f"{name}: figures computed anew", problems)
        return report

    def _account_problems(self) -> Iterator[str]:
        summary, state = self._summary, self._state
        rows = sum(member.tally.rows for member in state.members.values())
        rejected = sum(member.tally.rejected for member in state.members.values())
        if not state.members:
            yield f"the state {summary['state']} is not there or does not fit the contract"
        if summary["rows"] != summary["counted"] + summary["rejected"]:
            yield (
                f"{summary['rows']} rows in, but {summary['counted']} counted and "
                f"{summary['rejected']} rejected"
            )
        if (rows, rejected) != (summary["rows"], summary["rejected"]):
            yield (
                f"the objects have {rows} rows, {rejected} of them rejected; the summary says "
                f"{summary['rows']} and {summary['rejected']}"
            )
        if state.members and rows_of(state.cube) != summary["counted"]:
            yield f"the state holds {rows_of(state.cube)} rows instead of {summary['counted']}"

    def _header_problems(self, name: str, columns: tuple[str, ...]) -> Iterator[str]:
        header = self._store.read(self._layout.staged(self._run_id, name)).partition(b"\n")[0]
        expected = ",".join(columns)
        if header != expected.encode():
            found = header.decode(errors="replace")
            yield f"{name} has the header {found!r} instead of {expected!r}"

    def _staged(self) -> dict[str, list[Figures]]:
        """The outputs as the Catalog's types have them; a value of another type fails the job.

        One job reads them all: to start one for each would take longer than the reading.
        """
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as Spark's users write it

        frames = []
        for table in tables(self._contract):
            data = self._store.read(self._layout.staged(self._run_id, table["name"])).decode()
            types = {column["name"]: column["type"] for column in table["columns"]}
            row = F.to_json(F.struct("*"), {"ignoreNullFields": "false"})
            frame = self._frame(data.split("\n")[1:-1], types, mode="FAILFAST")
            frames.append(frame.select(F.lit(table["name"]), row))
        staged: dict[str, list[Figures]] = {name: [] for name in self._contract.outputs}
        for name, values in reduce(lambda left, right: left.union(right), frames).collect():
            staged[name].append(json.loads(values))
        return staged

    def _frame(self, lines: list[str], types: dict[str, str], mode: str) -> DataFrame:
        """Lines of CSV as Spark reads them.

        They reach Spark from here, so that this needs no file system that knows the store.
        """
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as Spark's users write it

        schema = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
        options = {"mode": mode, "escape": '"', "columnNameOfCorruptRecord": _CORRUPT}
        text = self._spark.createDataFrame([(line,) for line in lines], "line string")
        return text.select(F.from_csv("line", schema, options).alias("row")).select("row.*")

    def _total_problems(self, name: str, rows: list[Figures]) -> Iterator[str]:
        if name in self._summary["withheld"]:
            if rows:
                yield f"{name} has {len(rows)} rows, and is to be withheld"
            return
        analysis = self._contract.analyses.get(name)
        columns = self._contract.cubes.get(name, COMPARISON_COLUMNS[:4])
        groups = analysis.group_by if analysis else columns
        keys = [tuple(row[group] for group in groups) for row in rows]
        if len(set(keys)) < len(keys):
            yield f"{name} has a group twice"
        if any(value is None for key in keys for value in key):
            yield f"{name} has a group without a name"
        if not rows:
            yield f"{name} has no rows"
        if name in self._contract.cubes:
            yield from self._cube_problems(name, rows)
            return
        if analysis is None:
            yield from self._comparison_problems(name, rows)
            return
        yield from self._withheld_problems(name, rows)
        if "patients" in analysis.statistics:
            yield from self._patient_problems(name, rows)

    def _comparison_problems(self, name: str, rows: list[Figures]) -> Iterator[str]:
        withheld, least = 0, self._contract.disclosure.minimum_cell
        for row in rows:
            withheld += all(row[column] is None for column in COMPARISON_COLUMNS[4:])
            if any(0 < (row[column] or 0) < least for column in ("n_a", "n_b")):
                yield f"{name} shows a group of fewer than {least} patients"
        if withheld != (said := self._summary["suppressed"].get(name, 0)):
            yield f"{name} withholds {withheld} rows; the summary says {said}"

    def _cube_problems(self, name: str, rows: list[Figures]) -> Iterator[str]:
        withheld, least = 0, self._contract.disclosure.minimum_cell
        counted, filters = self._summary["counted"], self._contract.dashboard.filters
        shown: dict[Key, int] = {}
        for row in rows:
            withheld += row["patients"] is None
            if 0 < (row["patients"] or 0) < least:
                yield f"{name} shows a group of fewer than {least} patients"
            margins = tuple(row[column] == MARGIN for column in filters)
            shown[margins] = shown.get(margins, 0) + (row["patients"] or 0)
        if withheld != (said := self._summary["suppressed"].get(name, 0)):
            yield f"{name} withholds {withheld} rows; the summary says {said}"
        if any(n > counted or (n < counted and not withheld) for n in shown.values()):
            yield f"{name} does not add up to the {counted} patients that were counted"

    def _withheld_problems(self, name: str, rows: list[Figures]) -> Iterator[str]:
        analysis, least = self._contract.analyses[name], self._contract.disclosure.minimum_cell
        extremes = self._contract.disclosure.extremes == "publish"
        sizes = self._sizes(analysis.group_by)
        withheld, unsure, small = 0, 0, False
        for row in rows:
            size = sizes.get(tuple(row[group] for group in analysis.group_by), least)
            empty = all(row[column] is None for column in row if column not in analysis.group_by)
            if not empty:
                small |= size < least or (row.get("patients") or least) < least
            elif size >= least and all(
                _has_none(statistic, size, extremes=extremes) for statistic in analysis.statistics
            ):
                unsure += 1
            else:
                withheld += 1
        said = self._summary["suppressed"].get(name, 0)
        if not withheld <= said <= withheld + unsure:
            yield f"{name} withholds {withheld} rows; the summary says {said}"
        if small:
            yield f"{name} shows a group of fewer than {least} patients"

    def _sizes(self, groups: tuple[str, ...]) -> dict[Key, int]:
        """The people in each group as the state has them, top-coded."""
        tops = [self._contract.disclosure.top_code.get(group) for group in groups]
        sizes: dict[Key, int] = {}
        for key, sums in self._state.cube.get(groups, {}).items():
            coded = tuple(
                v if top is None else min(int(v), top) for v, top in zip(key, tops, strict=True)
            )
            sizes[coded] = sizes.get(coded, 0) + sums.n
        return sizes

    def _patient_problems(self, name: str, rows: list[Figures]) -> Iterator[str]:
        counted = self._summary["counted"]
        shown = sum(row["patients"] or 0 for row in rows)
        withheld = any(row["patients"] is None for row in rows)
        if shown > counted or (shown < counted) != withheld:
            yield f"{name} shows {shown} patients in all; {counted} were counted"

    def _read_input(self) -> dict[tuple[str, ...], list[str]]:
        """The lines that are rows of CSV, by the header that they stand under.

        Raises:
            _NotRecomputedError: that would cost too much, or Spark would read other rows.
        """
        refs = sorted(member.ref for member in self._state.members.values())
        size = sum(ref.size for ref in refs)
        if size > RECOMPUTED_BYTES:
            raise _NotRecomputedError(f"the input is large, {size} bytes")
        if len(refs) > RECOMPUTED_OBJECTS:
            raise _NotRecomputedError(f"the input is many objects, {len(refs)}")
        if self._contract.source.multiline:
            raise _NotRecomputedError("records may be of several lines")
        left = RECOMPUTED_BYTES
        found: dict[tuple[str, ...], list[str]] = {}
        for ref in refs:
            data = self._read(ref, left + 1)
            left -= len(data)
            if left < 0:
                raise _NotRecomputedError(f"the input is large, more than {RECOMPUTED_BYTES} bytes")
            text = data.decode("utf-8-sig", errors="surrogateescape")
            lines = [line for part in text.split("\n") if (line := part.rstrip("\r"))]
            header = tuple(name.strip() for name in next(csv.reader(lines[:1])))
            rows = (
                row for row in lines[1:] if ('"' not in row and "\r" not in row) or _is_csv(row)
            )
            found.setdefault(header, []).extend(rows)
            if len(found) > RECOMPUTED_HEADERS:
                raise _NotRecomputedError(
                    f"the objects have more than {RECOMPUTED_HEADERS} different headers"
                )
        return found

    def _read(self, ref: ObjectRef, limit: int) -> bytes:
        """An object's bytes, decompressed, at most so many."""
        with self._store.open(ref) as stream:
            data = stream.read()
        if not data.startswith(b"\x1f\x8b"):
            return data
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked:
            return unpacked.read(limit)

    def _accepted(self, found: dict[tuple[str, ...], list[str]]) -> DataFrame:
        """The rows that keep the contract's rules, with typed columns, bands and top codes."""
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

        columns = self._contract.source.columns
        mark = _unused(found.values())
        frames = [self._raw(header, lines, mark) for header, lines in found.items()]
        rows = reduce(lambda left, right: left.union(right), frames)
        kept = [_kept(name, column, mark) for name, column in columns.items()]
        measure = columns[self._contract.measure]
        kept.append(F.coalesce(F.abs(self._scaled(measure)) <= MEASURE_LIMIT, F.lit(False)))
        rows = rows.filter(reduce(and_, kept))
        rows = rows.select(*(_typed(name, column) for name, column in columns.items()))
        for name, band in self._contract.bands.items():
            label = F.lit(band.otherwise)
            for below, edge in reversed(list(band.below.items())):
                label = F.when(F.col(_quoted(band.column)) < float(edge), below).otherwise(label)
            rows = rows.withColumn(name, label)
        for name, top in self._contract.disclosure.top_code.items():
            rows = rows.withColumn(name, F.least(F.col(_quoted(name)), F.lit(top)))
        return rows

    def _raw(self, header: tuple[str, ...], lines: list[str], mark: str) -> DataFrame:
        """Rows of as many fields as their header has, as text, in the contract's order.

        A byte that is not UTF-8 becomes the mark.
        """
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

        types = {f"{name} {i}": "string" for i, name in enumerate(header)}
        marked = [line if line.isascii() else _NOT_UTF8.sub(mark, line) for line in lines]
        rows = self._frame(marked, types | {_CORRUPT: "string"}, mode="PERMISSIVE")
        # Spark looks at a record's width only if the corrupt ones are asked for.
        return rows.filter(F.col(_quoted(_CORRUPT)).isNull()).select(
            *(
                F.col(_quoted(f"{name} {header.index(name)}")).alias(name)
                for name in self._contract.source.columns
            )
        )

    def _scaled(self, column: Column) -> SparkColumn:
        """The measure in the last of its decimals, before it is rounded to a whole number."""
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

        measure = F.btrim(F.col(_quoted(self._contract.measure)), F.lit(" \t"))
        if isinstance(column, IntegerColumn):
            return measure.cast("decimal(38,0)")
        return measure.cast("double") * F.lit(10.0**self._contract.decimals)

    def _anew(self, accepted: DataFrame) -> dict[tuple[str, ...], dict[Key, Figures]]:
        """Every grouping set's figures by their groups, computed in one job.

        Spark sums whole numbers: sums of doubles would differ where figures differ little.
        """
        measure, columns = self._contract.measure, self._contract.grouping_columns
        scaled = f"cast({_quoted(measure)} as double) * 1e{self._contract.decimals}D"
        value = f"cast(rint({scaled}) as decimal(16,0))"
        sums = {
            "n": "count(1)",
            "total": f"sum({value})",
            "squares": f"sum({value} * {value})",
            "minimum": f"min({value})",
            "maximum": f"max({value})",
        }
        sets = ", ".join(f"({_listed(group)})" for group in self._contract.grouping_sets)
        selected = [f"grouping({_quoted(name)}) = 0" for name in columns]
        selected += [_quoted(name) for name in columns]
        selected += [f"{expression} AS {_quoted(name)}" for name, expression in sums.items()]
        accepted.createOrReplaceTempView("accepted")
        # All that comes from the contract are names, quoted, and a number.
        query = f"SELECT {', '.join(selected)} FROM accepted GROUP BY GROUPING SETS ({sets})"  # noqa: S608
        anew: dict[tuple[str, ...], dict[Key, Figures]] = {}
        for row in self._spark.sql(query).collect():
            grouped = dict(zip(columns, row[: len(columns)], strict=True))
            values = dict(zip(columns, row[len(columns) : 2 * len(columns)], strict=True))
            found = self._figures(*row[2 * len(columns) :])
            for group in self._contract.grouping_sets:
                if set(group) == {name for name in columns if grouped[name]}:
                    key = tuple(values[name] for name in group)
                    anew.setdefault(group, {})[key] = found
        return anew

    def _figures(
        self, n: int, total: Decimal, squares: Decimal | None, least: Decimal, most: Decimal
    ) -> Figures:
        measure, unit = self._contract.measure, 10**self._contract.decimals
        figures: Figures = {
            "patients": n,
            f"mean_{measure}": float(Fraction(int(total), n * unit)),
            f"minimum_{measure}": int(least) / unit,
            f"maximum_{measure}": int(most) / unit,
        }
        if n < 2:
            figures[f"stddev_{measure}"] = math.nan  # which is close to nothing that is shown
        elif squares is not None:  # as it is if it takes more than 38 digits
            spread = n * int(squares) - int(total) ** 2
            figures[f"stddev_{measure}"] = math.sqrt(Fraction(spread, n * (n - 1) * unit**2))
        return figures

    def _figure_problems(
        self, name: str, staged: list[Figures], anew: dict[tuple[str, ...], dict[Key, Figures]]
    ) -> Iterator[str]:
        groups = self._contract.analyses[name].group_by
        found = anew.get(groups, {})
        accepted = sum(figures["patients"] for figures in found.values())
        if accepted != self._summary["counted"]:
            yield f"Spark accepts {accepted} rows; {self._summary['counted']} were counted"
        if {tuple(row[group] for group in groups) for row in staged} != found.keys():
            yield f"{name} has {len(staged)} groups; Spark finds {len(found)}, or others"
            return
        for row in staged:
            key = tuple(row[group] for group in groups)
            for column, value in found[key].items():
                shown = row.get(column)
                if shown is not None and not _close(shown, value):
                    where = ", ".join(map(str, key))
                    yield f"{name}, {where}: {column} is {shown}; Spark finds {value}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _close(shown: float, anew: float) -> bool:
    return math.isclose(shown, anew, rel_tol=1e-9, abs_tol=2e-6)


def _has_none(statistic: str, size: int, *, extremes: bool) -> bool:
    """Whether a group of this size has none of a statistic, though nothing is withheld."""
    if statistic in {"minimum", "maximum"}:
        return not extremes
    return statistic in {"stddev", "ci95"} and size < 2


def _is_csv(line: str) -> bool:
    """Whether every quote of a line stands around a field, or inside one."""
    return _RECORD.fullmatch(line) is not None


def _unused(texts: Iterable[list[str]]) -> str:
    """A character of private use that stands nowhere."""
    used = {c for lines in texts for line in lines if not line.isascii() for c in line}
    return next(c for c in map(chr, _PRIVATE_USE) if c not in used)


def _kept(name: str, column: Column, mark: str) -> SparkColumn:
    """Whether a field of text keeps its column's rules."""
    from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

    text = F.col(_quoted(name))
    if isinstance(column, StringColumn):
        kept = text.isin(*column.allowed) if column.allowed else ~text.contains(mark)
    else:
        whole = isinstance(column, IntegerColumn)
        kept = text.rlike(_INTEGER if whole else _DOUBLE)
        trimmed = F.btrim(text, F.lit(" \t"))
        number = trimmed.cast("decimal(38,0)" if whole else "double")
        # As a double a text may be infinite; as a bigint Spark would take it for nothing.
        kept &= trimmed.cast("bigint").isNotNull() if whole else F.abs(number) <= _LARGEST
        if column.minimum is not None:
            kept &= number >= column.minimum
        if column.maximum is not None:
            kept &= number <= column.maximum
    kept = F.coalesce(kept, F.lit(False))
    return kept | text.isNull() if column.nullable else kept


def _typed(name: str, column: Column) -> SparkColumn:
    from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

    if isinstance(column, StringColumn):
        return F.col(_quoted(name))
    kind = "bigint" if isinstance(column, IntegerColumn) else "double"
    return F.btrim(F.col(_quoted(name)), F.lit(" \t")).cast(kind).alias(name)
