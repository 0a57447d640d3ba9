"""Gaps of the emulator in other services, and the patched behavior."""

from __future__ import annotations

import inspect
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response

from local_aws import environment
from tests.local_aws.endpoints import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.local_aws.endpoints import Endpoint

ANY_S3 = {"source": ["aws.s3"]}


def cluster(endpoint: Endpoint, **more: Any) -> str:
    instances = {
        "KeepJobFlowAliveWhenNoSteps": True,
        "InstanceGroups": [
            {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
        ],
    }
    started = endpoint.client("emr").run_job_flow(
        Name="c",
        ReleaseLabel="emr-7.12.0",
        JobFlowRole="test",
        ServiceRole=endpoint.role,
        Instances=instances,
        **more,
    )
    return str(started["JobFlowId"])


def step(*words: str, **more: Any) -> dict[str, Any]:
    jar = {"Jar": "command-runner.jar", "Args": list(words)}
    return {"Name": "s", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar} | more


def ended_step(endpoint: Endpoint, name: str, step_id: str) -> dict[str, Any]:
    emr = endpoint.client("emr")

    def look() -> dict[str, Any] | None:
        found = emr.describe_step(ClusterId=name, StepId=step_id)["Step"]
        return None if found["Status"]["State"] in {"PENDING", "RUNNING"} else found

    return until(look)


def test_a_step_that_cannot_run_fails_and_says_why(bare: Endpoint, stack: Endpoint) -> None:
    def add(endpoint: Endpoint) -> tuple[str, str]:
        name = cluster(endpoint, LogUri=f"s3://{endpoint.bucket()}/logs/")
        added = endpoint.client("emr").add_job_flow_steps(
            JobFlowId=name, Steps=[step("spark-submit", "s3://nowhere/script.py")]
        )
        return name, added["StepIds"][0]

    name, step_id = add(bare)
    time.sleep(0.5)
    shown = bare.client("emr").describe_step(ClusterId=name, StepId=step_id)["Step"]
    assert shown["Status"]["State"] == "RUNNING"
    name, step_id = add(stack)
    status = ended_step(stack, name, step_id)["Status"]
    assert status["State"] == "FAILED"
    assert "NoSuchBucket" in status["FailureDetails"]["Message"]
    assert status["FailureDetails"]["LogFile"].endswith(f"{name}/steps/{step_id}/stderr.gz")


def test_a_failed_step_ends_a_cluster_that_wants_it(stack: Endpoint) -> None:
    name = cluster(stack)
    emr = stack.client("emr")
    emr.add_job_flow_steps(
        JobFlowId=name, Steps=[step("true", ActionOnFailure="TERMINATE_CLUSTER"), step("true")]
    )

    def look() -> dict[str, Any] | None:
        status = emr.describe_cluster(ClusterId=name)["Cluster"]["Status"]
        return status if status["State"].startswith("TERMINATED") else None

    status = until(look)
    assert status["State"] == "TERMINATED_WITH_ERRORS"
    assert status["StateChangeReason"]["Code"] == "STEP_FAILURE"
    states = [found["Status"]["State"] for found in emr.list_steps(ClusterId=name)["Steps"]]
    assert sorted(states) == ["CANCELLED", "FAILED"]
    with pytest.raises(ClientError, match="may not be modified"):
        emr.add_job_flow_steps(JobFlowId=name, Steps=[step("true")])


def test_a_cluster_whose_bootstrap_script_is_missing_does_not_start(stack: Endpoint) -> None:
    action = {"Name": "b", "ScriptBootstrapAction": {"Path": f"s3://{stack.bucket()}/b.sh"}}
    name = cluster(stack, BootstrapActions=[action])
    status = stack.client("emr").describe_cluster(ClusterId=name)["Cluster"]["Status"]
    assert status["State"] == "TERMINATED_WITH_ERRORS"
    assert status["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"


def test_an_idle_cluster_ends(bare: Endpoint, stack: Endpoint) -> None:
    policy = {"AutoTerminationPolicy": {"IdleTimeout": 1}}
    with pytest.raises(ClientError):
        bare.client("emr").get_auto_termination_policy(ClusterId=cluster(bare, **policy))
    name = cluster(stack, **policy)
    emr = stack.client("emr")
    assert emr.get_auto_termination_policy(ClusterId=name)["AutoTerminationPolicy"] == {
        "IdleTimeout": 1
    }
    until(
        lambda: emr.describe_cluster(ClusterId=name)["Cluster"]["Status"]["State"] == "TERMINATED"
    )


def test_a_cluster_keeps_its_parameters(bare: Endpoint, stack: Endpoint) -> None:
    made = {"ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION"}
    shown = bare.client("emr").describe_cluster(ClusterId=cluster(bare, **made))["Cluster"]
    assert "ScaleDownBehavior" not in shown
    name = cluster(stack, **made)
    emr = stack.client("emr")
    assert emr.describe_cluster(ClusterId=name)["Cluster"].items() >= made.items()
    limits = {"UnitType": "Instances", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": 3}
    emr.put_managed_scaling_policy(ClusterId=name, ManagedScalingPolicy={"ComputeLimits": limits})
    kept = emr.get_managed_scaling_policy(ClusterId=name)["ManagedScalingPolicy"]
    assert kept == {"ComputeLimits": limits}


def test_steps_can_be_cancelled(bare: Endpoint, stack: Endpoint) -> None:
    with pytest.raises(ClientError):
        bare.client("emr").cancel_steps(ClusterId=cluster(bare), StepIds=["s-1"])
    name = cluster(stack)
    emr = stack.client("emr")
    added = emr.add_job_flow_steps(JobFlowId=name, Steps=[step("true")])["StepIds"]
    ended_step(stack, name, added[0])
    answer = emr.cancel_steps(ClusterId=name, StepIds=added)["CancelStepsInfoList"]
    assert answer == [{"StepId": added[0], "Status": "FAILED"}]


def job(endpoint: Endpoint, script: str, **settings: Any) -> str:
    name = f"j-{uuid.uuid4().hex[:12]}"
    uri = endpoint.upload(endpoint.bucket(), "job.py", script)
    endpoint.client("glue").create_job(
        Name=name,
        Role=endpoint.role,
        Command={"Name": "pythonshell", "ScriptLocation": uri},
        **settings,
    )
    return name


def ended_run(endpoint: Endpoint, name: str, run_id: str) -> dict[str, Any]:
    glue = endpoint.client("glue")

    def look() -> dict[str, Any] | None:
        run = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return None if run["JobRunState"] in {"STARTING", "RUNNING", "STOPPING"} else run

    return until(look)


def test_a_job_that_raises_fails_with_its_last_line(bare: Endpoint, stack: Endpoint) -> None:
    script = "import sys\nprint(sys.argv[1:])\nraise ValueError('these rows are bad')\n"

    def run(endpoint: Endpoint) -> dict[str, Any]:
        name = job(endpoint, script, DefaultArguments={"--bucket": "default", "--x": "1"})
        started = endpoint.client("glue").start_job_run(
            JobName=name, Arguments={"--bucket": "given"}
        )
        return ended_run(endpoint, name, started["JobRunId"])

    assert run(bare)["JobRunState"] == "SUCCEEDED"
    failed = run(stack)
    assert failed["JobRunState"] == "FAILED"
    assert failed["ErrorMessage"] == "ValueError: these rows are bad"
    logged = stack.client("logs").get_log_events(
        logGroupName="/aws-glue/jobs/output", logStreamName=failed["Id"]
    )["events"]
    assert "'--bucket', 'given', '--x', '1'" in logged[0]["message"]
    errors = stack.client("logs").filter_log_events(
        logGroupName="/aws-glue/jobs/error", logStreamNames=[failed["Id"]]
    )["events"]
    assert any("ValueError: these rows are bad" in event["message"] for event in errors)


def test_a_job_run_can_be_stopped(bare: Endpoint, stack: Endpoint) -> None:
    with pytest.raises(ClientError):
        bare.client("glue").batch_stop_job_run(JobName="j", JobRunIds=["jr"])
    name = job(stack, "import time\ntime.sleep(60)\n")
    glue = stack.client("glue")
    run_id = glue.start_job_run(JobName=name)["JobRunId"]
    until(
        lambda: glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"] == "RUNNING"
    )
    answer = glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
    assert answer["SuccessfulSubmissions"] == [{"JobName": name, "JobRunId": run_id}]
    assert ended_run(stack, name, run_id)["JobRunState"] == "STOPPED"
    assert glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])["Errors"]


def test_a_job_can_be_updated_and_keeps_its_runs(bare: Endpoint, stack: Endpoint) -> None:
    def update(endpoint: Endpoint, name: str) -> None:
        made = endpoint.client("glue").get_job(JobName=name)["Job"]
        given = {"Role": made["Role"], "Command": made["Command"]}
        given["DefaultArguments"] = {"--color": "blue"}
        endpoint.client("glue").update_job(JobName=name, JobUpdate=given)

    script = "import sys; assert 'blue' in sys.argv"
    with pytest.raises(ClientError, match="UpdateJob"):
        update(bare, job(bare, script))
    name = job(stack, script, Description="before", Tags={"Project": "p"})
    glue = stack.client("glue")
    made = glue.get_job(JobName=name)["Job"]
    before = glue.start_job_run(JobName=name)["JobRunId"]
    assert ended_run(stack, name, before)["JobRunState"] == "FAILED"
    update(stack, name)
    after = glue.start_job_run(JobName=name)["JobRunId"]
    assert ended_run(stack, name, after)["JobRunState"] == "SUCCEEDED"
    assert ended_run(stack, name, before)["JobRunState"] == "FAILED"
    updated = glue.get_job(JobName=name)["Job"]
    assert updated["CreatedOn"] == made["CreatedOn"]
    assert not updated.get("Description"), "an update that leaves a setting out removes it"
    arn = f"arn:aws:glue:{environment.REGION}:{environment.ACCOUNT}:job/{name}"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"Project": "p"}
    with pytest.raises(ClientError, match="EntityNotFound"):
        glue.update_job(JobName="none", JobUpdate={"Role": "r"})


def test_a_connection_has_a_type_and_can_be_deleted(bare: Endpoint, stack: Endpoint) -> None:
    given = {"Name": "net", "ConnectionType": "NETWORK", "ConnectionProperties": {}}

    def shown(endpoint: Endpoint) -> dict[str, Any]:
        endpoint.client("glue").create_connection(ConnectionInput=given)
        return dict(endpoint.client("glue").get_connection(Name="net")["Connection"])

    assert "ConnectionType" not in shown(bare)
    with pytest.raises(ClientError):
        bare.client("glue").delete_connection(ConnectionName="net")
    assert shown(stack)["ConnectionType"] == "NETWORK"
    stack.client("glue").delete_connection(ConnectionName="net")
    with pytest.raises(ClientError, match="EntityNotFound"):
        stack.client("glue").get_connection(Name="net")


def test_rulesets_of_data_quality_come_and_go(bare: Endpoint, stack: Endpoint) -> None:
    given = {
        "Name": "of-a-table",
        "Ruleset": "Rules = [ RowCount > 0 ]",
        "TargetTable": {"DatabaseName": "d", "TableName": "t"},
    }
    with pytest.raises(ClientError):
        bare.client("glue").create_data_quality_ruleset(**given)
    glue = stack.client("glue")
    glue.create_data_quality_ruleset(**given, Tags={"Project": "p"})
    with pytest.raises(ClientError, match="AlreadyExists"):
        glue.create_data_quality_ruleset(**given)
    assert glue.get_data_quality_ruleset(Name="of-a-table").items() >= given.items()
    arn = "arn:aws:glue:us-east-1:123456789012:dataQualityRuleset/of-a-table"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"Project": "p"}
    glue.update_data_quality_ruleset(Name="of-a-table", Ruleset="Rules = [ RowCount > 1 ]")
    assert "> 1" in glue.get_data_quality_ruleset(Name="of-a-table")["Ruleset"]
    glue.delete_data_quality_ruleset(Name="of-a-table")
    with pytest.raises(ClientError, match="EntityNotFound"):
        glue.get_data_quality_ruleset(Name="of-a-table")


HANDLER = """
import os, sys
def handle(event, context):
    print("seen", event)
    if "raise" in event:
        raise KeyError(event["raise"])
    if "sleep" in event:
        import time; time.sleep(event["sleep"])
    if "exit" in event:
        os._exit(3)
    return {"event": event, "name": context.function_name, "color": os.environ["COLOR"],
            "left": context.get_remaining_time_in_millis(), "path": sys.path, "pid": os.getpid()}
"""


def invoke(endpoint: Endpoint, function: str, event: Any) -> tuple[Any, str | None]:
    answer = endpoint.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_s_package_runs(bare: Endpoint, stack: Endpoint) -> None:
    settings = {"Environment": {"Variables": {"COLOR": "blue"}}, "Timeout": 3}
    answer = bare.client("lambda").invoke(
        FunctionName=bare.function(HANDLER, **settings), Payload="{}"
    )
    assert b"docker" in answer["Payload"].read().lower()
    name = stack.function(HANDLER, **settings)
    result, error = invoke(stack, name, {"a": 'b"c'})
    assert error is None
    assert (result["event"], result["color"]) == ({"a": 'b"c'}, "blue")
    assert 0 < result["left"] <= 3000
    # Nothing but the package, Lambda's own packages and the standard library.
    assert not [place for place in result["path"] if place.endswith("site-packages")]
    again, _ = invoke(stack, name, {})
    assert again["pid"] == result["pid"]
    raised, error = invoke(stack, name, {"raise": "why"})
    assert (raised["errorType"], raised["errorMessage"], error) == (
        "KeyError", "'why'", "Unhandled",
    )  # fmt: skip
    assert "handler.py" in raised["stackTrace"][0]
    late, _ = invoke(stack, name, {"sleep": 9})
    assert "Task timed out after 3.00 seconds" in late["errorMessage"]
    gone, _ = invoke(stack, name, {"exit": 1})
    assert gone["errorType"] == "Runtime.ExitError"
    assert invoke(stack, name, {})[1] is None


def test_a_function_s_new_settings_hold_at_once(stack: Endpoint) -> None:
    name = stack.function(HANDLER, Environment={"Variables": {"COLOR": "blue"}})
    invoke(stack, name, {})
    stack.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": {"COLOR": "red"}}
    )
    assert invoke(stack, name, {})[0]["color"] == "red"


def test_an_event_invocation_is_not_waited_for(stack: Endpoint) -> None:
    name = stack.function(HANDLER, Environment={"Variables": {"COLOR": "blue"}})
    answer = stack.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"exit": 1})
    )
    assert answer["StatusCode"] == 202
    assert "FunctionError" not in answer


def test_a_function_keeps_its_dead_letter_queue(bare: Endpoint, stack: Endpoint) -> None:
    def shown(endpoint: Endpoint) -> Mapping[str, Any]:
        name = endpoint.function(HANDLER, DeadLetterConfig={"TargetArn": endpoint.queue()[1]})
        return dict(endpoint.client("lambda").get_function_configuration(FunctionName=name))

    assert "DeadLetterConfig" not in shown(bare)
    assert shown(stack)["DeadLetterConfig"]["TargetArn"].startswith("arn:aws:sqs:")


def received(endpoint: Endpoint, url: str, *, wait: float = 0.5) -> list[Any]:
    time.sleep(wait)
    return [json.loads(message["Body"]) for message in endpoint.messages(url)]


def test_events_of_created_and_deleted_objects_are_those_of_s3(
    bare: Endpoint, stack: Endpoint
) -> None:
    def told(endpoint: Endpoint) -> list[Any]:
        bucket = endpoint.bucket(events=True, versioned=True)
        url, queue = endpoint.queue()
        pattern = ANY_S3 | {"detail": {"bucket": {"name": [bucket]}}}
        endpoint.rule(pattern, {"Arn": queue})
        s3 = endpoint.client("s3")
        s3.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1234")
        s3.delete_object(Bucket=bucket, Key="in/a.csv")
        return sorted(received(endpoint, url), key=lambda event: event["time"])

    assert sorted(event["detail-type"] for event in told(bare)) == [
        "Object Created", "Object Tags Added",
    ]  # fmt: skip
    made, deleted = sorted(told(stack), key=lambda event: event["detail-type"])
    assert made["id"] != deleted["id"]
    assert made["detail-type"] == "Object Created"
    assert made["detail"]["reason"] == "PutObject"
    assert made["detail"]["object"].items() >= {"key": "in/a.csv", "size": 4}.items()
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["deletion-type"] == "Delete Marker Created"


def test_a_deleted_object_s_versions_can_be_removed_before_its_bucket(
    bare: Endpoint, stack: Endpoint
) -> None:
    def remove(endpoint: Endpoint) -> None:
        bucket, s3 = endpoint.bucket(versioned=True), endpoint.client("s3")
        endpoint.upload(bucket, "key", "text")
        s3.delete_object(Bucket=bucket, Key="key")
        versioning = {"Status": "Suspended"}
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
        found = s3.list_object_versions(Bucket=bucket)
        for version in found["DeleteMarkers"] + found["Versions"]:
            s3.delete_object(Bucket=bucket, Key="key", VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=bucket)

    with pytest.raises(ClientError):
        remove(bare)
    remove(stack)


def test_content_filters_are_honored(stack: Endpoint) -> None:
    bucket = stack.bucket(events=True)
    url, queue = stack.queue()
    thing = {"key": [{"prefix": "in/"}], "size": [{"numeric": [">", 0]}]}
    stack.rule(ANY_S3 | {"detail": {"bucket": {"name": [bucket]}, "object": thing}}, {"Arn": queue})
    stack.upload(bucket, "in/empty", b"")
    stack.upload(bucket, "out/a", b"1")
    stack.upload(bucket, "in/a", b"1")
    assert [event["detail"]["object"]["key"] for event in received(stack, url)] == ["in/a"]


def put(endpoint: Endpoint, source: str, detail: Any) -> None:
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps(detail)}
    endpoint.client("events").put_events(Entries=[entry])


def test_rules_reach_machines_functions_topics_and_queues(bare: Endpoint, stack: Endpoint) -> None:
    source = f"s-{uuid.uuid4().hex}"
    states = {"A": {"Type": "Succeed"}}
    machine = bare.machine(states, QueryLanguage="JSONPath")
    bare.rule({"source": [source]}, {"Arn": machine})
    with pytest.raises(ClientError):
        put(bare, source, {})

    machine = stack.machine(states, QueryLanguage="JSONPath")
    transformer = {
        "InputPathsMap": {"who": "$.detail.who", "all": "$.detail"},
        "InputTemplate": '{"hello": "dear <who>", "all": <all>}',
    }
    stack.rule({"source": [source]}, {"Arn": machine, "InputTransformer": transformer})
    url, queue = stack.queue()
    stack.rule({"source": [source]}, {"Arn": queue, "InputPath": "$.detail"})
    topic = stack.client("sns").create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
    mail, box = stack.queue()
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=box)
    stack.rule({"source": [source]}, {"Arn": topic, "Input": '"fixed"'})
    name = stack.function(HANDLER, Environment={"Variables": {"COLOR": "blue"}})
    stack.rule({"source": [source]}, {"Arn": name})

    put(stack, source, {"who": 'J"R'})
    steps = stack.client("stepfunctions")
    started = until(lambda: steps.list_executions(stateMachineArn=machine)["executions"])
    given = json.loads(steps.describe_execution(executionArn=started[0]["executionArn"])["input"])
    assert given == {"hello": 'dear J"R', "all": {"who": 'J"R'}}
    assert received(stack, url) == [{"who": 'J"R'}]
    assert received(stack, mail)[0]["Message"] == '"fixed"'
    logs = stack.client("logs")
    group = f"/aws/lambda/{name.rpartition(':')[2]}"
    until(lambda: "seen" in str(logs.filter_log_events(logGroupName=group)["events"]))


def test_undeliverable_events_go_to_the_dead_letter_queue(stack: Endpoint) -> None:
    url, queue = stack.queue()
    source = f"s-{uuid.uuid4().hex}"
    gone = f"arn:aws:states:{environment.REGION}:{environment.ACCOUNT}:stateMachine:gone"
    stack.rule({"source": [source]}, {"Arn": gone, "DeadLetterConfig": {"Arn": queue}})
    put(stack, source, {"a": 1})
    letter = until(lambda: stack.messages(url))[0]
    assert json.loads(letter["Body"])["detail"] == {"a": 1}
    assert letter["MessageAttributes"]["TARGET_ARN"]["StringValue"] == gone


def test_disabled_rules_and_schedules_do_not_fire(bare: Endpoint, stack: Endpoint) -> None:
    def fired(endpoint: Endpoint) -> int:
        url, queue = endpoint.queue()
        source = f"s-{uuid.uuid4().hex}"
        endpoint.rule({"source": [source]}, {"Arn": queue}, State="DISABLED")
        endpoint.rule(None, {"Arn": queue}, ScheduleExpression="rate(1 day)")
        put(endpoint, source, {})
        return len(received(endpoint, url))

    assert fired(bare) > 0
    assert fired(stack) == 0


def test_a_policy_that_wants_tls_does_not_shut_everybody_out(
    bare: Endpoint, stack: Endpoint
) -> None:
    def bucket(endpoint: Endpoint) -> str:
        name = endpoint.bucket()
        deny = {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:*",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        tls = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        secret = deny | {"Resource": f"arn:aws:s3:::{name}/secret/*"}
        endpoint.client("s3").put_bucket_policy(
            Bucket=name,
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls, secret]}),
        )
        return name

    with pytest.raises(ClientError, match=r"403|AccessDenied"):
        bare.upload(bucket(bare), "a", b"1")
    name = bucket(stack)
    stack.upload(name, "a", b"1")
    with pytest.raises(ClientError, match=r"403|AccessDenied"):
        stack.upload(name, "secret/a", b"1")


def test_a_bucket_says_that_its_events_go_to_eventbridge(bare: Endpoint, stack: Endpoint) -> None:
    def told(endpoint: Endpoint) -> bool:
        found = endpoint.client("s3").get_bucket_notification_configuration(
            Bucket=endpoint.bucket(events=True)
        )
        return "EventBridgeConfiguration" in found

    assert not told(bare)
    assert told(stack)


def test_rules_of_security_groups_are_described_and_missed_by_their_name(
    bare: Endpoint, stack: Endpoint
) -> None:
    def rule(endpoint: Endpoint) -> tuple[Any, str]:
        ec2 = endpoint.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
        pair = {"GroupId": group, "Description": "among us"}
        lists = ec2.describe_managed_prefix_lists()["PrefixLists"]
        listed = {"PrefixListId": lists[0]["PrefixListId"], "Description": "among us"}
        ec2.authorize_security_group_egress(
            GroupId=group,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "PrefixListIds": [listed]}
            ],
        )
        outward = ec2.describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group]}]
        )["SecurityGroupRules"]
        described = [found for found in outward if found.get("Description") == "among us"]
        assert len(described) == (1 if endpoint is stack else 0)
        made = ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [pair]}
            ],
        )["SecurityGroupRules"][0]
        shown = ec2.describe_security_group_rules(
            SecurityGroupRuleIds=[made["SecurityGroupRuleId"]]
        )["SecurityGroupRules"][0]
        revoke = {"GroupId": group, "SecurityGroupRuleIds": [made["SecurityGroupRuleId"]]}
        ec2.revoke_security_group_ingress(**revoke)
        with pytest.raises(ClientError) as second:
            ec2.revoke_security_group_ingress(**revoke)
        return shown.get("Description"), second.value.response["Error"]["Code"]

    assert rule(bare) == (None, "InvalidPermission.NotFound")
    assert rule(stack) == ("among us", "InvalidSecurityGroupRuleId.NotFound")


def test_an_operation_that_is_not_there_is_refused_at_once(bare: Endpoint, stack: Endpoint) -> None:
    with pytest.raises(ClientError) as refused:
        bare.client("glue").list_data_quality_rulesets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    with pytest.raises(ClientError, match="list_data_quality_rulesets") as refused:
        stack.client("glue").list_data_quality_rulesets()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="implemented"):
        stack.client("ec2").describe_spot_datafeed_subscription()


def test_a_budget_is_described_completely(bare: Endpoint, stack: Endpoint) -> None:
    who = {"SubscriptionType": "EMAIL", "Address": "a@example.org"}
    notification = {
        "NotificationType": "ACTUAL",
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": 80.0,
    }

    def ask(endpoint: Endpoint) -> Any:
        name = f"b-{uuid.uuid4().hex[:8]}"
        budgets = endpoint.client("budgets")
        budgets.create_budget(
            AccountId=environment.ACCOUNT,
            Budget={
                "BudgetName": name,
                "TimeUnit": "MONTHLY",
                "BudgetType": "COST",
                "BudgetLimit": {"Amount": "1", "Unit": "USD"},
            },
            NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [who]}],
        )
        return budgets.describe_subscribers_for_notification(
            AccountId=environment.ACCOUNT, BudgetName=name, Notification=notification
        )["Subscribers"]

    with pytest.raises(ClientError):
        ask(bare)
    assert ask(stack) == [who]


def test_of_many_conditional_writes_one_wins(stack: Endpoint) -> None:
    # On the bare emulator it is a matter of chance: nothing keeps the others out.
    assert "lock" not in inspect.getsource(DynamoHandler.put_item).lower()
    assert "lock" not in inspect.getsource(S3Response.put_object).split("lock_", 1)[0].lower()
    table, bucket = f"t-{uuid.uuid4().hex[:8]}", stack.bucket()
    stack.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def take(name: str) -> tuple[bool, bool]:
        results = []
        writes: list[Callable[[], Any]] = [
            lambda: stack.client("dynamodb").put_item(
                TableName=table,
                Item={"pk": {"S": "lease"}},
                ConditionExpression="attribute_not_exists(pk)",
            ),
            lambda: stack.client("s3").put_object(Bucket=bucket, Key="lease", IfNoneMatch="*"),
        ]
        for write in writes:
            try:
                write()
                results.append(True)
            except ClientError:
                results.append(False)
        return results[0], results[1]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(take, [str(number) for number in range(16)]))
    assert [sum(result) for result in zip(*won, strict=True)] == [1, 1]


def test_an_instance_connect_endpoint_comes_and_goes(bare: Endpoint, stack: Endpoint) -> None:
    def made(endpoint: Endpoint) -> str:
        ec2 = endpoint.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
        created = ec2.create_instance_connect_endpoint(SubnetId=subnet, PreserveClientIp=False)
        return str(created["InstanceConnectEndpoint"]["InstanceConnectEndpointId"])

    with pytest.raises(ResponseParserError):
        made(bare)
    name = made(stack)
    ec2 = stack.client("ec2")
    describe = ec2.describe_instance_connect_endpoints
    shown = describe(InstanceConnectEndpointIds=[name])["InstanceConnectEndpoints"]
    assert [endpoint["State"] for endpoint in shown] == ["create-complete"]
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=name)
    with pytest.raises(ClientError, match=r"InvalidInstanceConnectEndpointId\.NotFound"):
        describe(InstanceConnectEndpointIds=[name])
