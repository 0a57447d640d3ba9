"""Glue: job runs that run, and calls that Terraform makes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import unix_time_millis, utcnow
from moto.ec2.models import ec2_backends
from moto.glue.exceptions import AlreadyExistsException, EntityNotFoundException
from moto.glue.models import FakeJob, FakeJobRun
from moto.glue.responses import GlueResponse
from moto.logs.models import logs_backends

from local_aws.gate import access, actors
from local_aws.gate.errors import RefusedError
from local_aws.gate.iam import Call
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
        """The state of the process; moto counts calls instead."""
        return self.state

    @status.setter
    def status(self, value: str) -> None:
        """Accept the initial state that moto sets."""

    def advance(self) -> None:
        """Do nothing: the state does not depend on calls."""

    def begin(self) -> None:
        """Note that the process has started."""
        self.began = time.monotonic()
        if self.state == "STARTING":
            self.state = "RUNNING"

    def stop(self) -> bool:
        """Stop the run; return False if it has already ended."""
        if self.state not in _GOING:
            return False
        self.state = "STOPPING"
        self.process.cancel()
        return True

    def execute(self, job: Any) -> None:
        """Run the job to its end."""
        try:
            actor = _actor(job, self.job_run_id)
        except RefusedError as error:
            self.error = str(error)
            self.completed_on = self.modified_on = utcnow()
            self.state = "FAILED"
            return
        outcome = workers().glue.run(
            self.process,
            dict(job.command),
            {
                "--JOB_NAME": self.job_name,
                "--JOB_RUN_ID": self.job_run_id,
                **(self.arguments or {}),
            },
            timeout=self.timeout * 60 if self.timeout else None,
            credentials=actor.variables,
            started=self.begin,
        )
        if self.began:
            self.seconds = round(time.monotonic() - self.began)
        backend = job.backend
        for name, file in (("output", self.process.stdout), ("error", self.process.stderr)):
            if access.may_log(actor, f"{_LOGS}/{name}"):
                _keep_log(backend, f"{_LOGS}/{name}", self.job_run_id, file)
        self.error = outcome.error
        self.completed_on = self.modified_on = utcnow()
        self.state = outcome.state

    def as_dict(self) -> dict[str, Any]:
        """Return the run in the form of GetJobRun."""
        answer = super().as_dict() | {
            "JobRunState": self.state,
            "ExecutionTime": self.seconds,
            "LogGroupName": _LOGS,
            "GlueVersion": "5.1",
        }
        if self.completed_on is None:
            answer.pop("CompletedOn")
        return answer | ({"ErrorMessage": self.error} if self.error else {})


def _actor(job: Any, run_id: str) -> actors.Actor:
    """Return the session of a job's role, in the VPC of its connection if it has one.

    https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
    """
    backend, service = job.backend, "glue.amazonaws.com"
    names = (job.connections or {}).get("Connections", [])
    outside = actors.assume(job.role, service, run_id)
    if job.security_configuration:
        access.check(outside, [Call("glue:GetSecurityConfiguration")])
    vpc = None
    for name in names:
        catalog = f"arn:aws:glue:{backend.region_name}:{backend.account_id}"
        resources = (f"{catalog}:catalog", f"{catalog}:connection/{name}")
        access.check(outside, [Call("glue:GetConnection", it) for it in resources])
        given = backend.connections[name].connection_input
        place = given.get("PhysicalConnectionRequirements", {})
        if place.get("SubnetId"):
            subnet = ec2_backends[backend.account_id][backend.region_name].get_subnet(
                place["SubnetId"]
            )
            vpc = subnet.vpc_id
            access.check(outside, _joining(subnet, place.get("SecurityGroupIdList", [])))
    return actors.assume(job.role, service, run_id, vpc=vpc)


def _joining(subnet: Any, groups: list[str]) -> list[Call]:
    """Return what a job's network interface needs, from its creation to its removal."""
    where = f"arn:aws:ec2:{subnet.ec2_backend.region_name}:{subnet.ec2_backend.account_id}"
    interface = f"{where}:network-interface/eni-new"
    described = (
        "NetworkInterfaces", "RouteTables", "SecurityGroups", "Subnets", "VpcAttribute",
        "VpcEndpoints",
    )  # fmt: skip
    tags = {"aws:TagKeys": "aws-glue-service-resource"}
    within = [interface, f"{where}:subnet/{subnet.id}"]
    within += [f"{where}:security-group/{group}" for group in groups]
    return [
        *(Call(f"ec2:Describe{what}") for what in described),
        *(Call("ec2:CreateNetworkInterface", it) for it in within),
        *(Call(f"ec2:{do}", interface, tags) for do in ("CreateTags", "DeleteTags")),
        Call("ec2:DeleteNetworkInterface", interface, {"ec2:Vpc": f"{where}:vpc/{subnet.vpc_id}"}),
    ]


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
    """Run jobs; moto changes a run's state on each call, and nothing of it runs."""

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


def update_jobs() -> None:
    """Add UpdateJob; without it Terraform cannot apply another contract to a job."""

    @define(GlueResponse, "update_job")
    def update_job(response: Any) -> ActionResult:
        name = response.parameters["JobName"]
        jobs, before = response.glue_backend.jobs, response.glue_backend.get_job(name)
        # As on AWS: what an update leaves out is as if it had never been given.
        response.body = json.dumps({"Name": name, **response.parameters["JobUpdate"]})
        response.create_job()
        jobs[name].created_on, jobs[name].job_runs = before.created_on, before.job_runs
        return ActionResult({"JobName": name})


def delete_connections() -> None:
    """Add DeleteConnection; without it Terraform cannot destroy a connection."""

    @define(GlueResponse, "delete_connection")
    def delete_connection(response: Any) -> EmptyResult:
        name = response._get_param("ConnectionName")  # noqa: SLF001
        if response.glue_backend.connections.pop(name, None) is None:
            raise EntityNotFoundException(f"Connection not found: {name}")
        return EmptyResult()


def keep_rulesets() -> None:
    """Add rulesets of Data Quality, which moto lacks."""

    def found(response: Any) -> dict[str, dict[str, Any]]:
        backend = response.glue_backend
        if not hasattr(backend, "rulesets"):
            backend.rulesets = {}
        return backend.rulesets  # type: ignore[no-any-return]

    def named(response: Any) -> dict[str, Any]:
        name = response._get_param("Name")  # noqa: SLF001
        if name not in found(response):
            raise EntityNotFoundException(f"Data Quality Ruleset not found: {name}")
        return found(response)[name]

    @define(GlueResponse, "create_data_quality_ruleset")
    def create_data_quality_ruleset(response: Any) -> ActionResult:
        given = dict(response.parameters)
        name, tags = given["Name"], given.pop("Tags", {})
        given.pop("ClientToken", None)
        if name in found(response):
            raise AlreadyExistsException("Data Quality Ruleset")
        now = utcnow()
        found(response)[name] = given | {"CreatedOn": now, "LastModifiedOn": now}
        response.glue_backend.tag_resource(_ruleset_arn(response, name), tags)
        return ActionResult({"Name": name})

    @define(GlueResponse, "get_data_quality_ruleset")
    def get_data_quality_ruleset(response: Any) -> ActionResult:
        return ActionResult(named(response))

    @define(GlueResponse, "update_data_quality_ruleset")
    def update_data_quality_ruleset(response: Any) -> ActionResult:
        given = {n: value for n, value in response.parameters.items() if n != "Name"}
        named(response).update(given | {"LastModifiedOn": utcnow()})
        return ActionResult({"Name": response.parameters["Name"]} | given)

    @define(GlueResponse, "delete_data_quality_ruleset")
    def delete_data_quality_ruleset(response: Any) -> EmptyResult:
        name = named(response)["Name"]
        del found(response)[name]
        response.glue_backend.tagger.delete_all_tags_for_resource(_ruleset_arn(response, name))
        return EmptyResult()


def _ruleset_arn(response: Any, name: str) -> str:
    backend = response.glue_backend
    where = f"{backend.region_name}:{backend.account_id}"
    return f"arn:{backend.partition}:glue:{where}:dataQualityRuleset/{name}"


PATCHES = {
    "glue: run jobs": run_jobs,
    "glue: update jobs": update_jobs,
    "glue: delete connections": delete_connections,
    "glue: keep rulesets": keep_rulesets,
}
