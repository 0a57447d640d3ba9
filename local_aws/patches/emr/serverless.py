"""EMR Serverless: applications as Terraform reads them, and job runs that run."""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.emrserverless.exceptions import ValidationException
from moto.emrserverless.models import EMRServerlessBackend, JobRun
from moto.emrserverless.responses import EMRServerlessResponse

from local_aws.gate import actors, needs
from local_aws.gate.errors import RefusedError
from local_aws.patches.hooks import in_background, workers, wrap

if TYPE_CHECKING:
    from local_aws.workers.emr import StepOutcome

_OPEN = frozenset({"SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED"})
_STATES = {"COMPLETED": "SUCCESS", "FAILED": "FAILED", "CANCELLED": "CANCELLED"}
_DETAILS = 256
"""Maximum length of what a job run says of its state."""
_RUNNER = "command-runner.jar"

_starting = threading.Lock()


class _Job:
    """A job run with a process behind it."""

    def __init__(self, backend: Any, application: Any, run: Any) -> None:
        self._backend = backend
        self._application = application
        self.run = run
        self.process = workers().emr.prepare(run.id)

    def execute(self) -> None:
        """Run the job to its end."""
        try:
            actor = self._actor()
        except RefusedError as error:
            self._become("FAILED", str(error))
            return
        outcome = self._outcome(actor)
        failure = (outcome.failure or {}).get("Message", "")
        self._become(_STATES[outcome.state], f"Job failed: {failure}" if failure else "")
        _stop_when_idle(self._backend, self._application)

    def cancel(self) -> None:
        """Cancel the job, if it has not ended."""
        if self.run.state in _OPEN:
            self._become("CANCELLING")
            self.process.cancel()

    def _outcome(self, actor: actors.Actor) -> StepOutcome:
        run, submit = self.run, self.run.job_driver["sparkSubmit"]
        monitoring = (run.configuration_overrides or {}).get("monitoringConfiguration", {})
        place = monitoring.get("s3MonitoringConfiguration", {})
        uri = place.get("logUri", "").rstrip("/")
        logs = f"{uri}/applications/{run.application_id}/jobs/{run.id}/SPARK_DRIVER"
        return workers().emr.run(
            self.process,
            _RUNNER,
            [
                "spark-submit",
                *shlex.split(submit.get("sparkSubmitParameters", "")),
                submit["entryPoint"],
                *submit.get("entryPointArguments", []),
            ],
            logs=logs if uri else None,
            logs_key=place.get("encryptionKeyArn"),
            credentials=actor.variables,
            started=lambda: self._become("RUNNING"),
        )

    def _become(self, state: str, details: str = "") -> None:
        if state == "RUNNING" and self.run.state not in _OPEN:
            return
        self.run.state = state
        self.run.state_details = details[:_DETAILS] or state.capitalize()
        self.run.updated_at = utcnow()

    def _actor(self) -> actors.Actor:
        """Return the session of the job's role, in the VPC of its application if it has one."""
        network = self.run.network_configuration or {}
        vpc = None
        for subnet in network.get("subnetIds", [])[:1]:
            backend = ec2_backends[self._backend.account_id][self._backend.region_name]
            vpc = backend.get_subnet(subnet).vpc_id
        return actors.assume(self.run.execution_role_arn, needs.JOBS, self.run.id, vpc=vpc)


def _stop_when_idle(backend: Any, application: Any) -> None:
    configuration = application.auto_stop_configuration
    if not configuration.get("enabled"):
        return
    seen = len(backend.job_runs.get(application.id, []))

    def stop() -> None:
        runs = backend.job_runs.get(application.id, [])
        if len(runs) == seen and not any(run.state in _OPEN for run in runs):
            application.state = "STOPPED"

    timer = threading.Timer(configuration["idleTimeoutMinutes"] * 60, stop)
    timer.daemon = True
    timer.start()


def make_applications() -> None:
    """Make an application as the service does: created, not started, and of its architecture.

    In moto it is started at once, so that Terraform waits in vain, and its architecture is lost.
    """

    @wrap(EMRServerlessResponse, "create_application")
    def create_application(original: Any, response: Any) -> ActionResult:
        answer: ActionResult = original(response)
        made: Any = answer.result
        application = response.emrserverless_backend.applications[made["applicationId"]]
        application.state = "CREATED"
        application.architecture = response._get_param("architecture") or "X86_64"  # noqa: SLF001
        return answer


def run_jobs() -> None:
    """Run jobs, once for each token; in moto a job run has succeeded as soon as it is there."""

    @wrap(EMRServerlessBackend, "start_job_run")
    def start_job_run(original: Any, backend: Any, **given: Any) -> Any:
        application = backend.get_application(given["application_id"])
        with _starting:
            for run in backend.job_runs.get(application.id, []):
                if run.client_token == given["client_token"]:
                    return run
            may_start = application.auto_start_configuration.get("enabled")
            if application.state != "STARTED" and not may_start:
                raise ValidationException(f"Application {application.id} is not started.")
            run = original(backend, **_plain(given))
            application.state = "STARTED"
            run.state, run.created_by = "SUBMITTED", f"arn:aws:iam::{backend.account_id}:root"
            run.state_details = "Submitted"
            run.created_at = run.updated_at = utcnow()
            run.job = _Job(backend, application, run)
        in_background(run.job.execute, f"job run {run.id}")
        return run

    @wrap(EMRServerlessBackend, "cancel_job_run")
    def cancel_job_run(
        _original: Any, backend: Any, application_id: str, job_run_id: str
    ) -> tuple[str, str]:
        run = backend.get_job_run(application_id, job_run_id)
        if run.state not in _OPEN:
            raise ValidationException(f"Job run {job_run_id} is in state {run.state}.")
        run.job.cancel()
        return application_id, job_run_id

    @wrap(EMRServerlessBackend, "list_job_runs")
    def list_job_runs(original: Any, backend: Any, application_id: str, **given: Any) -> Any:
        # In moto an application without a job run is not found.
        backend.get_application(application_id)
        backend.job_runs.setdefault(application_id, [])
        return original(backend, application_id=application_id, **given)


def _plain(value: Any) -> Any:
    """Return what moto has read, with the names that were sent."""
    if hasattr(value, "original_dict"):
        return value.original_dict()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


# A job run has no attribute of this name before it is made.
JobRun.job = None  # type: ignore[attr-defined]

PATCHES = {
    "emr serverless: make applications": make_applications,
    "emr serverless: run jobs": run_jobs,
}
