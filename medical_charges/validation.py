"""A run's staged outputs, read back with Spark and held against its account and its input.

Nothing here shares a line with the kernel: figures are computed anew by Spark's own CSV reader,
casts and aggregates, as long as the input is small enough for that to cost little.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from medical_charges.catalog import tables
from medical_charges.contract import Column, Contract
from medical_charges.contract.model import IntegerColumn, StringColumn
from medical_charges.cube import rows_of
from medical_charges.layout import Layout
from medical_charges.state import read_state
from medical_charges.storage import ObjectRef, Store

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, SparkSession

RECOMPUTED_BYTES = 32 * 1024 * 1024
"""More input than this is not read again: a run costs what is new."""

_CORRUPT = "not a row"

Figures = dict[str, Any]
Key = tuple[Any, ...]
_INTEGER = r"^[ \t]*[+-]?[0-9]+[ \t]*$"
_DOUBLE = r"^[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*$"


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
        for name in self._contract.analyses:
            report.add(f"{name}: header", self._header_problems(name))
        if report.problems:
            report.recomputed = "no: other checks have failed"
            return report
        staged = self._staged()
        for name, found in staged.items():
            report.add(f"{name}: rows and totals", self._total_problems(name, found))
        reason = self._why_not_recomputed()
        if reason or report.problems:
            report.recomputed = f"no: {reason or 'other checks have failed'}"
            return report
        report.recomputed = f"from {len(self._state.members)} object(s)"
        anew = self._anew()
        for name, found in staged.items():
            report.add(f"{name}: figures computed anew", self._figure_problems(name, found, anew))
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

    def _header_problems(self, name: str) -> Iterator[str]:
        header = self._store.read(self._layout.staged(self._run_id, name)).partition(b"\n")[0]
        expected = ",".join(self._contract.output_columns(name))
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
        staged: dict[str, list[Figures]] = {name: [] for name in self._contract.analyses}
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
        groups = self._contract.analyses[name].group_by
        keys = [tuple(row[group] for group in groups) for row in rows]
        if len(set(keys)) < len(keys):
            yield f"{name} has a group twice"
        if any(value is None for key in keys for value in key):
            yield f"{name} has a group without a name"
        if not rows:
            yield f"{name} has no rows"
        withheld = sum(all(row[c] is None for c in row if c not in groups) for row in rows)
        if withheld != self._summary["suppressed"].get(name, 0):
            said = self._summary["suppressed"].get(name, 0)
            yield f"{name} withholds {withheld} rows; the summary says {said}"
        if "patients" in self._contract.analyses[name].statistics:
            yield from self._patient_problems(name, rows, withheld)

    def _patient_problems(self, name: str, rows: list[Figures], withheld: int) -> Iterator[str]:
        counted = self._summary["counted"]
        shown = sum(row["patients"] or 0 for row in rows)
        if shown > counted or (shown < counted) != bool(withheld):
            yield f"{name} shows {shown} patients in all; {counted} were counted"
        least = self._contract.disclosure.minimum_cell
        if any(row["patients"] is not None and row["patients"] < least for row in rows):
            yield f"{name} shows a group of fewer than {least} patients"

    def _why_not_recomputed(self) -> str:
        size = sum(ref.size for ref in self._refs())
        if size > RECOMPUTED_BYTES:
            return f"the input is large, {size} bytes"
        if self._contract.source.multiline:
            return "records may be of several lines"
        if "quotes" in self._summary["rules"]:
            return "Spark takes lines with an odd number of quotes apart in another way"
        return ""

    def _refs(self) -> list[ObjectRef]:
        return sorted(member.ref for member in self._state.members.values())

    def _accepted(self) -> DataFrame:
        """The rows that keep the contract's rules, with typed columns, bands and top codes."""
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

        columns = self._contract.source.columns
        rows = reduce(lambda left, right: left.unionByName(right), map(self._raw, self._refs()))
        rows = rows.filter(reduce(and_, (_kept(name, column) for name, column in columns.items())))
        rows = rows.select(*(_typed(name, column) for name, column in columns.items()))
        for name, band in self._contract.bands.items():
            label = F.lit(band.otherwise)
            for below, edge in reversed(list(band.below.items())):
                label = F.when(F.col(_quoted(band.column)) < float(edge), below).otherwise(label)
            rows = rows.withColumn(name, label)
        for name, top in self._contract.disclosure.top_code.items():
            rows = rows.withColumn(name, F.least(F.col(_quoted(name)), F.lit(top)))
        return rows

    def _raw(self, ref: ObjectRef) -> DataFrame:
        """An object's rows of as many fields as its header has, as text."""
        from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

        with self._store.open(ref) as stream:
            data = stream.read()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        text = data.decode("utf-8-sig", errors="replace")
        lines = [line for line in (part.removesuffix("\r") for part in text.split("\n")) if line]
        names = [name.strip() for name in next(csv.reader(lines[:1]))]
        types = {f"{name} {i}": "string" for i, name in enumerate(names)}
        rows = self._frame(lines[1:], types | {_CORRUPT: "string"}, mode="PERMISSIVE")
        wanted = self._contract.source.columns
        # Spark looks at a record's width only if the corrupt ones are asked for.
        return rows.filter(F.col(_quoted(_CORRUPT)).isNull()).select(
            *(
                F.col(_quoted(f"{name} {i}")).alias(name)
                for i, name in enumerate(names)
                if name in wanted
            )
        )

    def _anew(self) -> dict[tuple[str, ...], dict[Key, Figures]]:
        """Every grouping set's figures by their groups, computed in one job."""
        measure, columns = self._contract.measure, self._contract.grouping_columns
        value = f"round(cast({_quoted(measure)} as double), {self._contract.decimals})"
        figures = {
            "patients": "count(1)",
            f"mean_{measure}": f"avg({value})",
            f"stddev_{measure}": f"stddev_samp({value})",
            f"minimum_{measure}": f"min({value})",
            f"maximum_{measure}": f"max({value})",
        }
        sets = ", ".join(f"({_listed(group)})" for group in self._contract.grouping_sets)
        selected = [f"grouping({_quoted(name)}) = 0" for name in columns]
        selected += [_quoted(name) for name in columns]
        selected += [f"{expression} AS {_quoted(name)}" for name, expression in figures.items()]
        self._accepted().createOrReplaceTempView("accepted")
        # All that comes from the contract are names, quoted, and a number.
        query = f"SELECT {', '.join(selected)} FROM accepted GROUP BY GROUPING SETS ({sets})"  # noqa: S608
        anew: dict[tuple[str, ...], dict[Key, Figures]] = {}
        for row in self._spark.sql(query).collect():
            grouped = dict(zip(columns, row[: len(columns)], strict=True))
            values = dict(zip(columns, row[len(columns) : 2 * len(columns)], strict=True))
            found = dict(zip(figures, row[2 * len(columns) :], strict=True))
            for group in self._contract.grouping_sets:
                if set(group) == {name for name in columns if grouped[name]}:
                    key = tuple(values[name] for name in group)
                    anew.setdefault(group, {})[key] = found
        return anew

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


def _kept(name: str, column: Column) -> SparkColumn:
    """Whether a field of text keeps its column's rules."""
    from pyspark.sql import functions as F  # noqa: N812, PLC0415 - as above

    text = F.col(_quoted(name))
    if isinstance(column, StringColumn):
        kept = text.isin(*column.allowed) if column.allowed else text.isNotNull()
    else:
        kept = text.rlike(_INTEGER if isinstance(column, IntegerColumn) else _DOUBLE)
        number = F.trim(text).cast(
            "decimal(38,9)" if isinstance(column, IntegerColumn) else "double"
        )
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
    return F.trim(F.col(_quoted(name))).cast(kind).alias(name)
