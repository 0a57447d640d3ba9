"""Glue: job runs that run, and what Terraform asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time_millis, utcnow
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.models import FakeJob, FakeJobRun
from moto.glue.responses import GlueResponse
from moto.logs.models import logs_backends

from local_aws.patches.hooks import define, in_background, workers, wrap

if TYPE_CHECKING:
    from pathlib import Path

_GOING = frozenset({"STARTING", "RUNNING", "STOPPING"})
_LOGS = "/aws-glue/jobs"


class JobRun(FakeJobRun):
    """A job run with a process behind it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state = "STARTING"
        self.error: str | None = None
        self.began: float | None = None
        self.seconds = 0
        self.completed_on = None  # type: ignore[assignment]
        self.process = workers().glue.prepare(self.job_run_id)

    @property
    def status(self) -> str | None:
        """The state that the process is in, not the one that a number of looks makes it."""
        return self.state

    @status.setter
    def status(self, value: str) -> None:
        """Moto sets it when it is made."""

    def advance(self) -> None:
        """Looking does not move it."""

    def begin(self) -> None:
        """Its process has its turn."""
        self.began = time.monotonic()
        if self.state == "STARTING":
            self.state = "RUNNING"

    def stop(self) -> bool:
        """End it; False when it has ended already."""
        if self.state not in _GOING:
            return False
        self.state = "STOPPING"
        self.process.cancel()
        return True

    def execute(self, job: Any) -> None:
        """Run it to its end."""
        outcome = workers().glue.run(
            self.process,
            dict(job.command),
            {
                "--JOB_NAME": self.job_name,
                "--JOB_RUN_ID": self.job_run_id,
                **(self.arguments or {}),
            },
            timeout=self.timeout * 60 if self.timeout else None,
            started=self.begin,
        )
        if self.began:
            self.seconds = round(time.monotonic() - self.began)
        backend = job.backend
        for name, file in (("output", self.process.stdout), ("error", self.process.stderr)):
            _keep_log(backend, f"{_LOGS}/{name}", self.job_run_id, file)
        self.error = outcome.error
        self.completed_on = self.modified_on = utcnow()
        self.state = outcome.state

    def as_dict(self) -> dict[str, Any]:
        """As GetJobRun answers."""
        answer = super().as_dict() | {
            "JobRunState": self.state,
            "ExecutionTime": self.seconds,
            "LogGroupName": _LOGS,
            "GlueVersion": "5.1",
        }
        if self.completed_on is None:
            answer.pop("CompletedOn")
        return answer | ({"ErrorMessage": self.error} if self.error else {})


def _keep_log(backend: Any, group: str, stream: str, file: Path) -> None:
    logs = logs_backends[backend.account_id][backend.region_name]
    logs.ensure_log_group(group)
    logs.create_log_stream(group, stream)
    now = int(unix_time_millis())
    events = [
        {"timestamp": now, "message": line}
        for line in file.read_text(errors="replace").splitlines()
        if line.strip()
    ]
    if events:
        logs.put_log_events(group, stream, events)


def run_jobs() -> None:
    """A job run is a state that moves on when it is looked at, and nothing of it runs."""

    @wrap(FakeJob, "start_job_run")
    def start_job_run(original: Any, job: Any, *args: Any, **kwargs: Any) -> str:
        from moto.glue import models  # noqa: PLC0415

        # The class is looked up when a run is made.
        models.FakeJobRun = JobRun  # type: ignore[misc, assignment]
        run_id = str(original(job, *args, **kwargs))
        run = next(run for run in job.job_runs if run.job_run_id == run_id)
        run.arguments = {name: str(value) for name, value in (run.arguments or {}).items()}
        in_background(lambda: run.execute(job), f"job run {run_id}")
        return run_id

    @define(GlueResponse, "batch_stop_job_run")
    def batch_stop_job_run(response: Any) -> ActionResult:
        name = response._get_param("JobName")  # noqa: SLF001
        runs = {run.job_run_id: run for run in response.glue_backend.get_job(name).job_runs}
        stopped, errors = [], []
        for run_id in response._get_param("JobRunIds"):  # noqa: SLF001
            entry = {"JobName": name, "JobRunId": run_id}
            if run_id in runs and runs[run_id].stop():
                stopped.append(entry)
            else:
                detail = {"ErrorCode": "InvalidInputException", "ErrorMessage": "not running"}
                errors.append(entry | {"ErrorDetail": detail})
        return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})


def delete_connections() -> None:
    """A connection cannot be deleted, so Terraform cannot destroy one."""

    @define(GlueResponse, "delete_connection")
    def delete_connection(response: Any) -> EmptyResult:
        name = response._get_param("ConnectionName")  # noqa: SLF001
        if response.glue_backend.connections.pop(name, None) is None:
            raise EntityNotFoundException(f"Connection not found: {name}")
        return EmptyResult()


PATCHES = {"glue: run jobs": run_jobs, "glue: delete connections": delete_connections}
