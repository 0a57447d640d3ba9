"""Glue jobs: the job's script, run with its merged arguments as a real process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local_aws.workers.spark import Run, Spark, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local_aws.workers.objects import ObjectCache

# Glue keeps these to itself or acts on them; a laptop acts on the ones that bring code.
_MODULES = "--additional-python-modules"
_FILES = "--extra-py-files"
_KEPT_BY_GLUE = frozenset(
    {
        _MODULES, _FILES, "--python-modules-installer-option", "--conf", "--extra-jars",
        "--extra-files", "--job-language", "--class", "--user-jars-first", "--library-set",
        "--enable-metrics", "--enable-observability-metrics", "--enable-spark-ui",
        "--enable-continuous-cloudwatch-log", "--enable-continuous-log-filter",
        "--continuous-log-logGroup", "--continuous-log-logStreamPrefix",
        "--continuous-log-conversionPattern", "--spark-event-logs-path",
        "--enable-glue-datacatalog", "--enable-auto-scaling", "--enable-job-insights",
        "--job-bookmark-option", "--datalake-formats", "--customer-driver-env-vars",
        "--customer-executor-env-vars", "--write-shuffle-files-to-s3", "--disable-proxy-v2",
    }
)  # fmt: skip


@dataclass(frozen=True)
class JobOutcome:
    """The result of a job run."""

    state: str
    error: str | None = None


class GlueWorker:
    """Runs one job run for each caller."""

    def __init__(self, spark: Spark, objects: ObjectCache) -> None:
        self._spark = spark
        self._objects = objects

    def prepare(self, run_id: str) -> Run:
        """Make a folder for a run's logs, and a handle to stop the run."""
        return self._spark.run_folder(run_id)

    def run(
        self,
        run: Run,
        command: Mapping[str, str],
        arguments: Mapping[str, str],
        *,
        timeout: float | None,
        credentials: Mapping[str, str],
        started: Callable[[], None],
    ) -> JobOutcome:
        """Run a job to its end; `arguments` are the job's defaults and the run's own, merged."""
        objects = self._objects.acting(credentials)
        try:
            submission = Submission(
                str(objects.fetch(command["ScriptLocation"])),
                [
                    word
                    for name, value in arguments.items()
                    if name not in _KEPT_BY_GLUE
                    for word in (name, value)
                ],
                _configuration(arguments.get("--conf", "")),
            )
            python_path = _python_path(objects, run, arguments)
            code = self._spark.run(
                run,
                submission,
                python_path,
                credentials=credentials,
                started=started,
                timeout=timeout,
                plain=command.get("Name") == "pythonshell",
            )
        except (ClientError, ValueError, OSError, KeyError) as error:
            run.note(f"{type(error).__name__}: {error}")
            code = 1
        if code == 0:
            return JobOutcome("SUCCEEDED")
        if run.cancelled.is_set():
            return JobOutcome("STOPPED")
        if run.timed_out:
            return JobOutcome("TIMEOUT", "Job run reached its timeout")
        message, log = run.failure()
        if log != run.stderr:
            # As Glue's launcher repeats among the errors what Python said when it ended.
            run.note(f"ERROR ProcessLauncher: Error from Python: {message}")
        return JobOutcome("FAILED", message)


def _python_path(objects: ObjectCache, run: Run, arguments: Mapping[str, str]) -> list[Path]:
    found = []
    for name in (arguments.get(_MODULES, "") + "," + arguments.get(_FILES, "")).split(","):
        if not name.strip():
            continue
        if not name.strip().startswith("s3"):
            # From a package index: this environment has its own version, or the import
            # fails and says so.
            run.note(f"not installed from an index: {name.strip()}")
            continue
        path = objects.importable(name.strip())
        if path is None:
            run.note(f"left out, it is for another platform: {name.strip()}")
        else:
            found.append(path)
    return found


def _configuration(text: str) -> list[str]:
    """Split Glue's --conf, in which each setting but the first has its own --conf."""
    settings = [part.strip() for part in text.split("--conf") if part.strip()]
    return Submission.parse(
        [word for setting in settings for word in ("--conf", setting)] + ["script"]
    ).options
