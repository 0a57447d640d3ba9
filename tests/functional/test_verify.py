"""`make verify`: a deployment after a run is in order, and whatever is planted is found."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from ops.checks.verify import Deployment, expected_of, inspect
from tests.functional.live import Execution, Live
from tests.helpers import CHARGES_FILE

PROJECT = "medical-charges"
Planted = contextlib.AbstractContextManager[None]


@pytest.fixture(scope="module")
def deployment(live: Live, first_run: Execution) -> Deployment:
    """The stack with its outputs as they are, and the outputs that it should hold."""
    served = live.ledger.live()
    assert served is not None
    contract = live.stack.contract
    expected = expected_of(contract, CHARGES_FILE)
    outputs = live.stack.terraform.outputs()
    return Deployment(live.stack.pipeline, outputs, contract, expected, served.run_id, 0)


def found_wrong(deployment: Deployment) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for finding in inspect(deployment):
        if finding.level == "fail":
            wrong[finding.check] = f"{wrong.get(finding.check, '')}{finding.found}\n"
    return wrong


def test_a_deployment_after_its_run_is_in_order(deployment: Deployment) -> None:
    findings = inspect(deployment)
    assert [finding for finding in findings if finding.level != "ok"] == []
    assert len(findings) == 13


@contextlib.contextmanager
def for_a_while(plant: Callable[[], object], remove: Callable[[], object]) -> Iterator[None]:
    """Plant a fault, and remove it in any case."""
    plant()
    try:
        yield
    finally:
        remove()


def table(live: Live, change: Callable[[dict[str, Any]], object]) -> Planted:
    """A table of the Catalog, changed."""
    glue, where = live.client("glue"), {"DatabaseName": "medical_charges"}
    found = glue.get_table(**where, Name="charges_by_age")["Table"]
    made = glue.meta.service_model.shape_for("TableInput").members
    original = {field: value for field, value in found.items() if field in made}
    changed = json.loads(json.dumps(original))
    change(changed["StorageDescriptor"])
    update = partial(glue.update_table, **where)
    return for_a_while(partial(update, TableInput=changed), partial(update, TableInput=original))


def a_type_changed(live: Live) -> Planted:
    return table(live, lambda storage: storage["Columns"][1].update(Type="string"))


def a_location_changed(live: Live) -> Planted:
    return table(live, lambda storage: storage.update(Location=f"{storage['Location']}old/"))


def a_byte_changed(live: Live) -> Planted:
    key = live.layout.published("charges_by_age")
    return live.replaced(key, live.read(key).replace(b"1", b"2", 1))


def an_output_gone(live: Live) -> Planted:
    return live.replaced(live.layout.published("comparisons"), None)


def a_page_gone(live: Live) -> Planted:
    return live.replaced(live.layout.dashboard, None)


def a_manifest_of_another_file(live: Live) -> Planted:
    key = live.layout.manifest("charges_by_age")
    return live.replaced(key, live.read(key).replace(b"charges_by_age", b"charges_by_sex"))


@contextlib.contextmanager
def a_cluster_left(live: Live) -> Iterator[None]:
    emr = live.client("emr")
    nodes = {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
    keep = {"KeepJobFlowAliveWhenNoSteps": True}
    profile = live.client("iam").list_instance_profiles()["InstanceProfiles"][0]
    service = profile["Roles"][0]["Arn"].replace("-instances-", "-service-")
    left = emr.run_job_flow(
        Name=f"{PROJECT} run",
        Instances=nodes | keep,
        ReleaseLabel="emr-7.12.0",
        JobFlowRole=profile["InstanceProfileName"],
        ServiceRole=service,
    )
    try:
        yield
    finally:
        emr.terminate_job_flows(JobFlowIds=[left["JobFlowId"]])


def first_alarm(live: Live) -> dict[str, Any]:
    found = live.client("cloudwatch").describe_alarms(AlarmNamePrefix=PROJECT)
    alarm: dict[str, Any] = found["MetricAlarms"][0]
    return alarm


def an_alarm_disarmed(live: Live) -> Planted:
    watch, names = live.client("cloudwatch"), [first_alarm(live)["AlarmName"]]
    return for_a_while(
        partial(watch.disable_alarm_actions, AlarmNames=names),
        partial(watch.enable_alarm_actions, AlarmNames=names),
    )


def an_alarm_raised(live: Live) -> Planted:
    alarm = first_alarm(live)
    put = partial(
        live.client("cloudwatch").set_alarm_state,
        AlarmName=alarm["AlarmName"],
        StateReason="planted",
    )
    return for_a_while(
        partial(put, StateValue="ALARM"), partial(put, StateValue=alarm["StateValue"])
    )


def a_dead_letter(live: Live) -> Planted:
    sqs = live.client("sqs")
    queue = {"QueueUrl": live.stack.terraform.outputs()["dead_letter_queue_url"]}
    return for_a_while(
        partial(sqs.send_message, **queue, MessageBody="planted"),
        partial(sqs.purge_queue, **queue),
    )


def a_rule_disabled(live: Live) -> Planted:
    events = live.client("events")
    rule = events.list_rules(NamePrefix=PROJECT)["Rules"][0]["Name"]
    return for_a_while(
        partial(events.disable_rule, Name=rule), partial(events.enable_rule, Name=rule)
    )


def a_bucket_opened(live: Live) -> Planted:
    s3, bucket, kept = live.client("s3"), {"Bucket": live.bucket}, "PublicAccessBlockConfiguration"
    block = s3.get_public_access_block(**bucket)[kept]
    return for_a_while(
        partial(s3.delete_public_access_block, **bucket),
        partial(s3.put_public_access_block, **bucket, **{kept: block}),
    )


def versions_suspended(live: Live) -> Planted:
    put = partial(live.client("s3").put_bucket_versioning, Bucket=live.bucket)
    return for_a_while(
        partial(put, VersioningConfiguration={"Status": "Suspended"}),
        partial(put, VersioningConfiguration={"Status": "Enabled"}),
    )


def a_lease_taken(live: Live) -> Planted:
    return for_a_while(
        partial(live.ledger.take, "nobody", "no run"), partial(live.ledger.release, "nobody")
    )


PLANTED: dict[str, tuple[Callable[[Live], Planted], str, str]] = {
    "a column's type": (a_type_changed, "Catalog", "columns of the table charges_by_age"),
    "a table's location": (a_location_changed, "Catalog", "charges_by_age is over"),
    "a published byte": (a_byte_changed, "outputs", "charges_by_age is published with other"),
    "an output that is gone": (an_output_gone, "outputs", "comparisons is not published"),
    "a manifest of another file": (a_manifest_of_another_file, "manifests", "other files"),
    "a page that is gone": (a_page_gone, "page", "no page MedicalCharges/Dashboard/index.html"),
    "a cluster that is left": (a_cluster_left, "clusters", "the cluster j-"),
    "an alarm that tells nobody": (an_alarm_disarmed, "alarms", "would tell nobody"),
    "an alarm that is raised": (an_alarm_raised, "alarms", "is raised: planted"),
    "an event that reached nobody": (a_dead_letter, "dead letters", "1 events or calls"),
    "a rule that is disabled": (a_rule_disabled, "triggers", "is disabled"),
    "a bucket that is open": (a_bucket_opened, "buckets", "is not blocked"),
    "a bucket without versions": (versions_suspended, "buckets", "keeps no versions"),
    "a lease that is taken": (a_lease_taken, "run", "the lease is taken"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_what_is_planted_is_found_and_nothing_else(
    case: str, live: Live, deployment: Deployment
) -> None:
    plant, check, found = PLANTED[case]
    with plant(live):
        wrong = found_wrong(deployment)
    assert list(wrong) == [check]
    assert found in wrong[check]


def test_a_run_that_is_not_live_is_found(deployment: Deployment) -> None:
    wrong = found_wrong(replace(deployment, run_id="another-run"))
    assert list(wrong) == ["run"]
    assert "not another-run" in wrong["run"]


@pytest.mark.parametrize(
    ("group", "found"),
    [("/aws/lambda/gone", "there is no log group"), ("/aws/lambda/empty", "no line has arrived")],
)
def test_a_log_group_that_is_gone_or_empty_is_found(
    live: Live, deployment: Deployment, group: str, found: str
) -> None:
    logs = live.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/empty")
    try:
        outputs = {**deployment.outputs, "function_log_groups": {"end_run": group}}
        wrong = found_wrong(replace(deployment, outputs=outputs))
    finally:
        logs.delete_log_group(logGroupName="/aws/lambda/empty")
    assert list(wrong) == ["logs"]
    assert found in wrong["logs"]


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ({"Status": "CREATION_FAILED"}, "its status is CREATION_FAILED"),
        (
            {
                "Status": "UPDATE_SUCCESSFUL",
                "Errors": [{"Type": "COLUMN_NOT_FOUND", "Message": "no column mean_charges"}],
            },
            "COLUMN_NOT_FOUND: no column mean_charges",
        ),
    ],
)
def test_a_dashboard_with_errors_is_found(
    deployment: Deployment,
    version: dict[str, Any],
    found: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class QuickSight:
        def describe_dashboard(self, **asked: str) -> dict[str, Any]:
            assert asked == {"AwsAccountId": "123456789012", "DashboardId": "it"}
            return {"Dashboard": {"Version": version}}

    real = deployment.pipeline.client
    monkeypatch.setattr(
        deployment.pipeline,
        "client",
        lambda service: QuickSight() if service == "quicksight" else real(service),
    )
    shown = {"quicksight_state": "on", "quicksight": "The QuickSight dashboard: https://a/b/it"}
    other = replace(deployment, outputs={**deployment.outputs, **shown})
    assert found_wrong(other) == {"dashboard": f"{found}\n"}
