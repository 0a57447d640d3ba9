"""EMR: steps that run, clusters that end, and the policies that Terraform sets."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.emr.models import Cluster, ElasticMapReduceBackend, Step
from moto.emr.responses import ElasticMapReduceResponse

from local_aws.gate import access, actors, needs
from local_aws.gate.errors import RefusedError
from local_aws.patches.hooks import define, in_background, log, workers, wrap

if TYPE_CHECKING:
    from local_aws.workers.spark import Run

_OPEN = frozenset({"PENDING", "RUNNING"})
_ENDED = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"})


class _Queue:
    """The steps of one cluster, run in order."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._lock = threading.RLock()
        self._runs: dict[str, Run] = {}
        self._busy = False
        self._idle_timer: threading.Timer | None = None
        self.idle_seconds: int | None = None

    def start(self) -> None:
        """Start the pending steps."""
        with self._lock:
            if self._idle_timer:
                self._idle_timer.cancel()
            if self._busy or self._cluster.state in _ENDED:
                return
            if self._next() is None:
                self._wait()
                return
            self._busy = True
            self._cluster.state = "RUNNING"
        in_background(self._work, f"cluster {self._cluster.id}")

    def cancel(self, step: Any) -> bool:
        """Cancel a step; return False if it has already ended."""
        with self._lock:
            if step.state not in _OPEN:
                return False
            if step.state == "PENDING":
                step.state = "CANCELLED"
                step.end_date_time = utcnow()
                return True
            run = self._runs.get(step.id)
        if run:
            run.cancel()
        return True

    def end(self) -> None:
        """Cancel all steps, because the cluster ends."""
        if self._idle_timer:
            self._idle_timer.cancel()
        for step in self._cluster.steps:
            self.cancel(step)

    def _next(self) -> Any:
        return next((step for step in self._cluster.steps if step.state == "PENDING"), None)

    def _work(self) -> None:
        try:
            while True:
                with self._lock:
                    step = self._next()
                    if step is None or self._cluster.state in _ENDED:
                        self._busy = False
                        break
                    run = self._runs[step.id] = workers().emr.prepare(step.id)
                    step.state = "RUNNING"
                    step.start()
                self._execute(step, run)
        except BaseException:
            self._busy = False
            raise
        if self._cluster.state not in _ENDED:
            if self._cluster.keep_job_flow_alive_when_no_steps:
                self._wait()
            else:
                end_cluster(self._cluster, "ALL_STEPS_COMPLETED", "Steps completed")

    def _execute(self, step: Any, run: Run) -> None:
        cluster = self._cluster
        logs = cluster.log_uri and f"{cluster.log_uri.rstrip('/')}/{cluster.id}/steps/{step.id}"
        outcome = workers().emr.run(
            run,
            step.jar,
            list(step.args),
            logs=logs or None,
            credentials=cluster.actor.variables,
            started=lambda: None,
        )
        step.end_date_time = utcnow()
        step.failure_details = outcome.failure
        step.state = outcome.state
        if outcome.state != "FAILED":
            return
        if step.action_on_failure in {"TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW"}:
            end_cluster(cluster, "STEP_FAILURE", "Shut down as step failed", errors=True)
        elif step.action_on_failure == "CANCEL_AND_WAIT":
            for later in cluster.steps:
                if later.state == "PENDING":
                    self.cancel(later)

    def _wait(self) -> None:
        self._cluster.state = "WAITING"
        if self.idle_seconds:
            self._idle_timer = threading.Timer(
                self.idle_seconds,
                end_cluster,
                (self._cluster, "INTERNAL_ERROR", "Cluster terminated: it was idle"),
            )
            self._idle_timer.daemon = True
            self._idle_timer.start()


def end_cluster(cluster: Any, code: str, message: str, *, errors: bool = False) -> None:
    """Terminate a cluster with a reason, and end its steps and its nodes."""
    if cluster.state in _ENDED:
        return
    cluster.end_datetime = utcnow()
    cluster.change_code = code
    cluster.last_state_change_reason = message
    cluster.state = "TERMINATED_WITH_ERRORS" if errors else "TERMINATED"
    if hasattr(cluster, "queue"):
        cluster.queue.end()
    nodes = [node.ec2_instance.id for node in cluster.ec2_instances if node.ec2_instance]
    if nodes:
        cluster.emr_backend.ec2_backend.terminate_instances(nodes)


def run_steps() -> None:
    """Run steps; in moto a step stays in its first state, and nothing of it runs."""

    @define(Cluster, "add_steps")
    def add_steps(cluster: Any, steps: Any) -> list[Any]:
        added = [Step(state="PENDING", **step) for step in steps]
        cluster.steps += added
        # Within the constructor: the cluster is not there yet, and starts them itself.
        if hasattr(cluster, "queue"):
            cluster.queue.start()
        return added

    @wrap(ElasticMapReduceBackend, "run_job_flow")
    def run_job_flow(original: Any, backend: Any, **kwargs: Any) -> Any:
        cluster = original(backend, **kwargs)
        cluster.queue = _Queue(cluster)
        try:
            cluster.actor = _actor(cluster)
        except RefusedError as error:
            end_cluster(cluster, "VALIDATION_ERROR", str(error), errors=True)
            return cluster
        missing = _missing_bootstrap_script(cluster)
        if missing:
            end_cluster(cluster, "BOOTSTRAP_FAILURE", missing, errors=True)
        elif cluster.steps:
            cluster.queue.start()
        return cluster

    @define(Cluster, "terminate")
    def terminate(cluster: Any) -> None:
        end_cluster(cluster, "USER_REQUEST", "Terminated by user request")

    @wrap(ElasticMapReduceBackend, "add_job_flow_steps")
    def add_job_flow_steps(original: Any, backend: Any, job_flow_id: str, steps: Any) -> Any:
        cluster = backend.clusters.get(job_flow_id)
        if cluster is None or cluster.state in _ENDED:
            raise _invalid(
                f"A job flow that is shutting down, terminated, or finished may not be modified: "
                f"{job_flow_id}"
            )
        return original(backend, job_flow_id, steps)

    Step.status = property(_step_status)  # type: ignore[assignment, method-assign]
    Cluster.status = property(_cluster_status)  # type: ignore[assignment, method-assign]


def _step_status(step: Any) -> dict[str, Any]:
    status: dict[str, Any] = {
        "State": step.state,
        "StateChangeReason": {},
        "Timeline": {
            "CreationDateTime": step.creation_date_time,
            "StartDateTime": step.start_date_time,
            "EndDateTime": step.end_date_time,
        },
    }
    if getattr(step, "failure_details", None):
        status["FailureDetails"] = step.failure_details
    return status


def _cluster_status(cluster: Any) -> dict[str, Any]:
    reason = {
        "Code": getattr(cluster, "change_code", None),
        "Message": getattr(cluster, "last_state_change_reason", None),
    }
    return {
        "State": cluster.state,
        "StateChangeReason": {key: value for key, value in reason.items() if value},
        "Timeline": {
            "CreationDateTime": cluster.creation_datetime,
            "ReadyDateTime": cluster.ready_datetime,
            "EndDateTime": cluster.end_datetime,
        },
    }


def _actor(cluster: Any) -> actors.Actor:
    """Return the session of the nodes' role, if EMR may make nodes that have it."""
    role = actors.role_of_profile(cluster.role)
    if role is None:
        raise RefusedError("ValidationException", f"Invalid InstanceProfile: {cluster.role}.")
    emr, ec2 = "elasticmapreduce.amazonaws.com", "ec2.amazonaws.com"
    service = actors.assume(cluster.service_role, emr, cluster.id, source=cluster.arn)
    access.check(service, [needs.passes(role, ec2)])
    subnet = cluster.ec2_subnet_id
    vpc = cluster.emr_backend.ec2_backend.get_subnet(subnet).vpc_id if subnet else None
    return actors.assume(role, ec2, cluster.id, vpc=vpc)


def _missing_bootstrap_script(cluster: Any) -> str | None:
    """Return a bootstrap script that does not exist; on EMR the nodes then do not start."""
    for action in cluster.bootstrap_actions:
        path = action.script_path or ""
        if path.startswith("s3"):
            try:
                workers().objects.acting(cluster.actor.variables).fetch(path)
            except (ClientError, ValueError) as error:
                log.warning("bootstrap action %s: %s", action.name, error)
                return f"On the primary instance, bootstrap action {action.name} failed: {error}"
    return None


def _invalid(message: str) -> Exception:
    from moto.emr.exceptions import InvalidRequestException  # noqa: PLC0415

    return InvalidRequestException(message)


def cancel_steps() -> None:
    """Add CancelSteps, which moto lacks."""

    @define(ElasticMapReduceResponse, "cancel_steps")
    def cancel(response: Any) -> ActionResult:
        cluster = response.backend.clusters[response._get_param("ClusterId")]  # noqa: SLF001
        steps = {step.id: step for step in cluster.steps}
        told = []
        for step_id in response._get_param("StepIds"):  # noqa: SLF001
            done = step_id in steps and cluster.queue.cancel(steps[step_id])
            told.append({"StepId": step_id, "Status": "SUBMITTED" if done else "FAILED"})
        return ActionResult({"CancelStepsInfoList": told})


_POLICIES = {
    "auto_termination": "AutoTerminationPolicy",
    "managed_scaling": "ManagedScalingPolicy",
}


def keep_policies() -> None:
    """Add auto-termination, managed scaling and instance fleets, which moto lacks.

    Terraform reads them of every cluster. Without them an idle cluster never ends.
    """
    for name, parameter in _POLICIES.items():
        _keep_policy(name, parameter)

    @define(ElasticMapReduceResponse, "list_instance_fleets")
    def list_instance_fleets(_response: Any) -> ActionResult:
        return ActionResult({"InstanceFleets": []})

    @wrap(ElasticMapReduceResponse, "run_job_flow")
    def run_job_flow(original: Any, response: Any) -> Any:
        result = original(response)
        cluster = response.backend.clusters[result.result["JobFlowId"]]
        for parameter in _POLICIES.values():
            _set_policy(cluster, parameter, response._get_param(parameter))  # noqa: SLF001
        cluster.scale_down_behavior = response._get_param("ScaleDownBehavior")  # noqa: SLF001
        return result


def _keep_policy(name: str, parameter: str) -> None:
    def cluster_of(response: Any) -> Any:
        return response.backend.describe_cluster(response._get_param("ClusterId"))  # noqa: SLF001

    @define(ElasticMapReduceResponse, f"put_{name}_policy")
    def put(response: Any) -> EmptyResult:
        _set_policy(
            cluster_of(response),
            parameter,
            response._get_param(parameter),  # noqa: SLF001
        )
        return EmptyResult()

    @define(ElasticMapReduceResponse, f"get_{name}_policy")
    def get(response: Any) -> ActionResult:
        policy = getattr(cluster_of(response), parameter, None)
        return ActionResult({parameter: policy} if policy else {})

    @define(ElasticMapReduceResponse, f"remove_{name}_policy")
    def remove(response: Any) -> EmptyResult:
        _set_policy(cluster_of(response), parameter, None)
        return EmptyResult()


def _set_policy(cluster: Any, parameter: str, policy: Any) -> None:
    plain = policy.original_dict() if policy else None
    setattr(cluster, parameter, plain)
    if parameter == "AutoTerminationPolicy" and hasattr(cluster, "queue"):
        cluster.queue.idle_seconds = plain and plain.get("IdleTimeout")
        cluster.queue.start()


PATCHES = {
    "emr: run steps": run_steps,
    "emr: cancel steps": cancel_steps,
    "emr: keep policies": keep_policies,
}
