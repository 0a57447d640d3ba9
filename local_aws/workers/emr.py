"""EMR's steps and job runs: spark-submit's arguments, run as a real Spark process here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local_aws.workers.spark import Run, Spark, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from local_aws.workers.objects import ObjectCache

_COMMAND_RUNNER = "command-runner.jar"
_FILE_OPTIONS = frozenset({"--files", "--jars", "--archives", "--properties-file"})


@dataclass(frozen=True)
class StepOutcome:
    """The result of a step."""

    state: str
    failure: dict[str, str] | None = None


class EmrWorker:
    """Runs one step for each caller."""

    def __init__(self, spark: Spark, objects: ObjectCache) -> None:
        self._spark = spark
        self._objects = objects

    def prepare(self, step_id: str) -> Run:
        """Make a folder for a step's logs, and a handle to cancel the step."""
        return self._spark.run_folder(step_id)

    def run(
        self,
        run: Run,
        jar: str,
        arguments: Sequence[str],
        *,
        logs: str | None,
        credentials: Mapping[str, str],
        started: Callable[[], None],
        logs_key: str | None = None,
    ) -> StepOutcome:
        """Run a step to its end.

        EMR writes its logs to `logs`, None if it keeps none, and encrypts them with a key if one is
        named.
        """
        objects = self._objects.acting(credentials)
        try:
            submission, python_path = _resolve(objects, jar, arguments)
            code = self._spark.run(
                run, submission, python_path, credentials=credentials, started=started
            )
        except (ClientError, ValueError, OSError) as error:
            run.note(f"{type(error).__name__}: {error}")
            code = 1
        message, log = run.failure()
        kept = _keep_logs(objects, run, logs, logs_key)
        if code == 0:
            return StepOutcome("COMPLETED")
        if run.cancelled.is_set():
            return StepOutcome("CANCELLED")
        failure = {"Reason": _reason(message), "Message": message}
        return StepOutcome("FAILED", failure | ({"LogFile": kept[log]} if kept else {}))


def _resolve(
    objects: ObjectCache, jar: str, arguments: Sequence[str]
) -> tuple[Submission, list[Path]]:
    if jar != _COMMAND_RUNNER or not arguments or arguments[0] != "spark-submit":
        raise ValueError(
            f"a laptop runs {_COMMAND_RUNNER} with spark-submit, "
            f"not {jar} with {' '.join(arguments[:1]) or 'nothing'}"
        )
    submission = Submission.parse(arguments[1:])
    # As Spark has it: Python imports from the archive itself.
    files = [objects.fetch(name) for name in submission.python_files]
    python_path = [file.parent if file.suffix == ".py" else file for file in files]
    options = [
        _local(objects, value) if option in _FILE_OPTIONS else value
        for option, value in zip(["", *submission.options], submission.options, strict=False)
    ]
    script = _local(objects, submission.script)
    return replace(submission, script=script, options=options), python_path


def _local(objects: ObjectCache, names: str) -> str:
    return ",".join(
        str(objects.fetch(name)) if name.startswith("s3") else name for name in names.split(",")
    )


def _keep_logs(
    objects: ObjectCache, run: Run, logs: str | None, key: str | None
) -> dict[Path, str]:
    if logs is None:
        return {}
    try:
        return {
            log: objects.put(f"{logs}/{log.name}.gz", log.read_bytes(), compress=True, key_arn=key)
            for log in (run.stdout, run.stderr)
        }
    except (ClientError, ValueError) as error:
        run.note(f"logs not kept: {error}")
        return {}


def _reason(message: str) -> str:
    """Return EMR's reason for a failure, as far as it is known."""
    name = message.partition(":")[0]
    return name if name.replace(".", "").replace("_", "").isalnum() else "Unknown Error."
