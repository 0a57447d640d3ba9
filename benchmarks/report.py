"""The measurements as tables and a plot in docs/performance.md."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import vl_convert

from benchmarks.data import REAL, row_bytes
from benchmarks.results import Results, spread
from benchmarks.scenarios import CHECK, FORMATS, MERGE
from benchmarks.subjects import OURS, SUBJECTS

PLOT = Path("images") / "performance.svg"
_PEERS = tuple(name for name in SUBJECTS if name != OURS)
_SPARKS = ("spark_plain", "spark_scan")
_TOOLS = ("polars", "duckdb", "pandas", "pyspark")
_NONE = "not measured"


@dataclass(frozen=True)
class Bar:
    """A target ratio."""

    what: str
    wanted: float
    reached: float | None
    least: bool = True
    """True if higher is better."""

    @property
    def row(self) -> str:
        """Return the target as a row of a table."""
        sign = "at least" if self.least else "at most"
        if self.reached is None:
            return f"| {self.what} | {sign} {self.wanted:g} | {_NONE} | |"
        met = self.reached >= self.wanted if self.least else self.reached <= self.wanted
        return (
            f"| {self.what} | {sign} {self.wanted:g} | {self.reached:.2f} | "
            f"{'yes' if met else '**no**'} |"
        )


def write_report(results: Results, rows: int, cores: int, objects: int, page: Path) -> None:
    """Put tables and a plot of the results between the page's markers.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = "<!-- measured: begin -->", "<!-- measured: end -->"
    before, begun, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"the page lacks {begin} or {end}")
    lines = _lines(results, rows, cores, objects)
    page.write_text("\n".join((f"{before}{begin}\n", *lines, f"\n{end}{after}")))
    (page.parent / PLOT).write_text(_plot(results, rows))


def _lines(results: Results, rows: int, cores: int, objects: int) -> Iterator[str]:
    rounds = max((m.round + 1 for m in results.all), default=0)
    tools = ", ".join(f"{tool} {version(tool)}" for tool in _TOOLS)
    memory = psutil.virtual_memory().total / 2**30
    yield (
        f"Measured on {datetime.now(UTC):%d %B %Y}: {_processor()}, {cores} of {os.cpu_count()} "
        f"cores, {memory:.0f} GiB; Linux {platform.release()}, Python "
        f"{platform.python_version()}, {tools}. {rows:,} rows; medians of up to {rounds} rounds, "
        f"in brackets the lowest and the highest."
    )
    yield ""
    yield f"![Seconds of each subject, whole and steady]({PLOT.as_posix()})"
    yield ""
    yield "| subject | whole process, s | million rows a second | steady, s | peak memory, MiB |"
    yield "|---|---|---|---|---|"
    yield from (_subject(results, name, rows) for name in SUBJECTS)
    yield ""
    yield "| bar | wanted | reached | met |"
    yield "|---|---|---|---|"
    yield from (bar.row for bar in bars(results, rows))
    yield ""
    yield "| this project alone | s | peak memory, MiB |"
    yield "|---|---|---|"
    yield from _alone(results, rows, objects)
    yield ""
    yield "| what a large input is estimated from | rate |"
    yield "|---|---|"
    yield from _rates(results, rows, cores)


def _subject(results: Results, name: str, rows: int) -> str:
    whole, steady = results.median("whole", name, rows), results.median("steady", name, rows)
    speed = f"{rows / whole / 1e6:.2f}" if whole else _NONE
    return (
        f"| {SUBJECTS[name].title} | {_time(results, 'whole', name, rows)} | {speed} | "
        f"{_time(results, 'steady', name, rows) if steady else _NONE} | "
        f"{_memory(results.peak('whole', name, rows))} |"
    )


def _alone(results: Results, rows: int, objects: int) -> Iterator[str]:
    for what, scenario in (
        (f"1 % new next to {rows:,} rows, steady", "increment"),
        ("the new rows alone, steady", "increment alone"),
        (f"1 % new next to {rows:,} rows, whole process", "increment whole"),
        (f"{objects:,} objects, none known", "many first"),
        (f"{objects:,} objects, one in a thousand new", "many"),
        ("the new objects alone", "many alone"),
        (f"one of {objects:,} objects removed", "many removed"),
    ):
        peak = _memory(results.peak(scenario, OURS))
        yield f"| {what} | {_time(results, scenario, OURS)} | {peak} |"
    for size in (rows // 4, rows, rows * 2):
        peak = _memory(results.peak("whole", OURS, size))
        yield f"| {size:,} rows, steady | {_time(results, 'steady', OURS, size)} | {peak} |"
    one = _time(results, "steady, 1 core", OURS, rows)
    yield f"| {rows:,} rows, steady on one core | {one} | |"


def _rates(results: Results, rows: int, cores: int) -> Iterator[str]:
    row = row_bytes(REAL)
    scanned = results.median("steady", OURS, rows)
    merged = [m.rows / m.seconds for m in results.of(MERGE, OURS)]
    checked = [m.rows * row / m.seconds for m in results.of(CHECK, OURS)]
    scan = f"{rows * row / scanned / cores / 1e6:.0f} MB a second" if scanned else _NONE
    merge = f"{statistics.median(merged) / 1e6:.1f} million a second" if merged else _NONE
    check = f"{statistics.median(checked) / 1e6:.0f} MB a second" if checked else _NONE
    yield f"| bytes scanned by a core | {scan} |"
    yield f"| groups merged by the driver | {merge} |"
    yield f"| bytes recounted by a core in ValidateOutputs | {check} |"


def bars(results: Results, rows: int) -> list[Bar]:
    """Return the targets with the measured ratios."""

    def steady(name: str, size: int = rows) -> float | None:
        return results.median("steady", name, size)

    def whole(name: str) -> float | None:
        return results.median("whole", name, rows)

    fastest = _least(steady(name) for name in _PEERS)
    fastest_spark = _least(whole(name) for name in _SPARKS)
    increment, alone = (results.median(s, OURS) for s in ("increment", "increment alone"))
    many, few = (results.median(s, OURS) for s in ("many", "many alone"))
    formats = [results.median(scenario, OURS, rows) for scenario in FORMATS.values()]
    small, large = rows // 4, rows * 2
    growth = _ratio(steady(OURS, large), steady(OURS, small))
    return [
        Bar("plain PySpark, whole", 7, _ratio(whole("spark_plain"), whole(OURS))),
        Bar("one-scan PySpark, steady", 4, _ratio(steady("spark_scan"), steady(OURS))),
        Bar(
            "steady time against DuckDB's cube query",
            1,
            _ratio(steady(OURS), steady("duckdb_cube")),
            least=False,
        ),
        Bar(
            "steady time against Polars' cube query",
            1.3,
            _ratio(steady(OURS), steady("polars_cube")),
            least=False,
        ),
        Bar("DuckDB's five queries, steady", 2.5, _ratio(steady("duckdb_five"), steady(OURS))),
        Bar("1 % new: the fastest peer's full computation", 3, _ratio(fastest, increment)),
        Bar("1 % new: against the new rows alone", 1.5, _ratio(increment, alone), least=False),
        Bar(
            "1 % new: the fastest Spark peer, whole",
            5,
            _ratio(fastest_spark, results.median("increment whole", OURS)),
        ),
        Bar("few of many objects new: against them alone", 3, _ratio(many, few), least=False),
        Bar(
            f"peak memory, {large:,} against {small:,} rows",
            1.1,
            _ratio(results.peak("whole", OURS, large), results.peak("whole", OURS, small)),
            least=False,
        ),
        Bar(
            f"exponent of steady time from {small:,} to {large:,} rows",
            1.05,
            math.log(growth) / math.log(large / small) if growth else None,
            least=False,
        ),
        Bar("rows a processor second of Parquet against CSV", 3, _ratio(*formats)),
        Bar(
            "one core against all, steady",
            1.7,
            _ratio(results.median("steady, 1 core", OURS, rows), steady(OURS)),
        ),
    ]


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part and whole else None


def _least(values: Iterator[float | None]) -> float | None:
    return min((value for value in values if value), default=None)


def _time(results: Results, scenario: str, name: str, rows: int | None = None) -> str:
    seconds = results.seconds(scenario, name, rows)
    median = results.median(scenario, name, rows)
    return f"{median:.2f} ({spread(seconds)})" if median else _NONE


def _memory(peak: int | None) -> str:
    return f"{peak / 2**20:,.0f}" if peak else ""


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _plot(results: Results, rows: int) -> str:
    values = [
        {"subject": SUBJECTS[name].title, "run": run, "seconds": round(median, 2)}
        for name in SUBJECTS
        for run in ("whole", "steady")
        if (median := results.median(run, name, rows))
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 520,
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {"field": "subject", "type": "nominal", "sort": None, "title": None},
            "yOffset": {"field": "run", "sort": ["whole", "steady"]},
            "x": {"field": "seconds", "type": "quantitative", "title": f"s, {rows:,} rows"},
            "color": {
                "field": "run",
                "sort": ["whole", "steady"],
                "scale": {"range": ["#0072B2", "#E69F00"]},
                "title": None,
            },
        },
        "config": {"axis": {"labelLimit": 320}, "background": "white"},
    }
    return str(vl_convert.vegalite_to_svg(json.dumps(spec)))
