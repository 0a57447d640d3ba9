"""What each operation needs of the policies of who asks for it.

Operations are named as in a signature. One that is not here is refused to every role, so that
nobody uses an operation whose permissions nobody has looked up.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.emr.models import emr_backends
from moto.emrserverless.models import emrserverless_backends
from moto.kms.models import kms_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local_aws.environment import ACCOUNT, REGION
from local_aws.gate import objects
from local_aws.gate.actors import role_arn, role_of_profile
from local_aws.gate.errors import RefusedError
from local_aws.gate.iam import Call

Given = Mapping[str, Any]
Needs = Callable[[Given], Iterator[Call]]


def of(operation: str, given: Given) -> list[Call]:
    """Return the calls that policies must allow.

    Raises:
        RefusedError: nobody has written down what the operation needs.
    """
    service, _, name = operation.partition(":")
    find = objects.NEEDS.get(name) if service == "s3" else NEEDS.get(operation)
    if find is None:
        message = f"local_aws/gate/needs.py does not say what {operation} needs of a role"
        raise RefusedError("AccessDenied", message, 403)
    return list(find(given))


def _arn(service: str, name: str) -> str:
    if name.startswith("arn:"):
        return name
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def _nothing(_given: Given) -> Iterator[Call]:
    return iter(())


def _on(action: str, parameter: str | None = None, kind: str = "") -> Needs:
    """Return what an operation needs that is one action on the resource of a parameter."""
    service = action.partition(":")[0]

    def needs(given: Given) -> Iterator[Call]:
        if parameter is None:
            yield Call(action)
            return
        name = str(given[parameter])
        yield Call(action, name if name.startswith("arn:") else _arn(service, kind + name))

    return needs


def _by_key(service: str, key: str | None, *actions: str) -> Iterator[Call]:
    """Return the calls of KMS that a service makes in the name of the caller."""
    if not key:
        return
    via = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}
    for action in actions:
        yield Call(f"kms:{action}", key_arn(key), via)


def key_arn(name: str) -> str:
    """Return the ARN of a key that is given by its ARN, its id or its alias."""
    held = kms_backends[ACCOUNT][REGION]
    found: str = held.get_key_id(held.any_id_to_key_id(name))
    return _arn("kms", f"key/{found}")


################################################################################
# DynamoDB
################################################################################


def _items(table: str, *actions: str) -> Iterator[Call]:
    name = table.rpartition("/")[2]
    for action in actions:
        yield Call(f"dynamodb:{action}", _arn("dynamodb", f"table/{name}"))
    held = dynamodb_backends[ACCOUNT][REGION].tables.get(name)
    encryption = (held and held.sse_specification) or {}
    yield from _by_key("dynamodb", encryption.get("KMSMasterKeyId"), "Decrypt")


def _item(action: str) -> Needs:
    return lambda given: _items(given["TableName"], action)


_TRANSACTED = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


def _transaction(given: Given) -> Iterator[Call]:
    for each in given["TransactItems"]:
        for kind, item in each.items():
            yield from _items(item["TableName"], _TRANSACTED[kind])


################################################################################
# EMR
################################################################################


def _clusters(action: str, parameter: str) -> Needs:
    def needs(given: Given) -> Iterator[Call]:
        ids = given[parameter]
        for each in ids if isinstance(ids, list) else [ids]:
            held = emr_backends[ACCOUNT][REGION].clusters.get(each)
            context = _tags("Resource", held.tags if held else [])
            arn = _arn("elasticmapreduce", f"cluster/{each}")
            yield Call(f"elasticmapreduce:{action}", arn, context)

    return needs


def _tags(kind: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    context: dict[str, Any] = {f"aws:{kind}Tag/{it['Key']}": it.get("Value", "") for it in tags}
    return context | ({"aws:TagKeys": [it["Key"] for it in tags]} if kind == "Request" else {})


def passes(role: str, service: str) -> Call:
    """Return what giving a role to a service needs."""
    return Call("iam:PassRole", role_arn(role), {"iam:PassedToService": service})


def _new_cluster(given: Given) -> Iterator[Call]:
    asked = _tags("Request", given.get("Tags", []))
    new = _arn("elasticmapreduce", "cluster/j-NEW")
    yield Call("elasticmapreduce:RunJobFlow", "*", asked)
    if given.get("Tags"):
        yield Call("elasticmapreduce:AddTags", new, asked)
    # It may have no tag yet when these are asked for.
    for policy in ("AutoTerminationPolicy", "ManagedScalingPolicy"):
        if given.get(policy):
            yield Call(f"elasticmapreduce:Put{policy}", new)
    if role := given.get("ServiceRole"):
        yield passes(role, "elasticmapreduce.amazonaws.com")
    if profile := given.get("JobFlowRole"):
        yield passes(role_of_profile(profile) or profile, "ec2.amazonaws.com")


################################################################################
# EMR Serverless
################################################################################

JOBS = "emr-serverless.amazonaws.com"


def _application(action: str) -> Needs:
    def needs(given: Given) -> Iterator[Call]:
        name = given["applicationId"]
        held = emrserverless_backends[ACCOUNT][REGION].applications.get(name)
        tags = [{"Key": key, "Value": value} for key, value in (held.tags if held else {}).items()]
        run = f"/jobruns/{given['jobRunId']}" if "jobRunId" in given else ""
        # A job run has only the tags that were given when it was started.
        context = {} if run else _tags("Resource", tags)
        arn = _arn("emr-serverless", f"/applications/{name}{run}")
        yield Call(f"emr-serverless:{action}", arn, context)

    return needs


def _new_job_run(given: Given) -> Iterator[Call]:
    yield from _application("StartJobRun")(given)
    yield passes(given["executionRoleArn"], JOBS)
    # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    yield from of_encrypted_logs(given)


def of_encrypted_logs(given: Given) -> Iterator[Call]:
    """Return what the key of a job run's logs is needed for, if the logs are to have one."""
    monitoring = (given.get("configurationOverrides") or {}).get("monitoringConfiguration") or {}
    key = (monitoring.get("s3MonitoringConfiguration") or {}).get("encryptionKeyArn")
    if key:
        yield from (Call(f"kms:{action}", key) for action in ("Decrypt", "GenerateDataKey"))


################################################################################
# Messages
################################################################################


def _publish(given: Given) -> Iterator[Call]:
    topic = str(given.get("TopicArn") or given.get("TargetArn"))
    yield Call("sns:Publish", topic)
    held = sns_backends[ACCOUNT][REGION].topics.get(topic)
    key = held.kms_master_key_id if held else None
    yield from _by_key("sns", key, "Decrypt", "GenerateDataKey")


def _queue(action: str, *with_key: str) -> Needs:
    def needs(given: Given) -> Iterator[Call]:
        name = given["QueueUrl"].rpartition("/")[2]
        yield Call(f"sqs:{action}", _arn("sqs", name))
        held = sqs_backends[ACCOUNT][REGION].queues.get(name)
        yield from _by_key("sqs", getattr(held, "kms_master_key_id", None), *with_key)

    return needs


################################################################################
# Others
################################################################################


def _function(given: Given) -> Iterator[Call]:
    name = given["FunctionName"]
    arn = name if name.startswith("arn:") else _arn("lambda", f"function:{name}")
    qualifier = f":{given['Qualifier']}" if given.get("Qualifier") else ""
    yield Call("lambda:InvokeFunction", arn + qualifier)


def _ingestion(action: str) -> Needs:
    def needs(given: Given) -> Iterator[Call]:
        name = f"dataset/{given['DataSetId']}/ingestion/{given['IngestionId']}"
        yield Call(f"quicksight:{action}", _arn("quicksight", name))

    return needs


def _key(action: str) -> Needs:
    return lambda given: iter([Call(f"kms:{action}", key_arn(given["KeyId"]))])


def _events(given: Given) -> Iterator[Call]:
    for each in given["Entries"]:
        bus = each.get("EventBusName", "default")
        yield Call("events:PutEvents", _arn("events", f"event-bus/{bus}"))


NEEDS: dict[str, Needs] = {
    **{
        f"dynamodb:{name}": _item(name)
        for name in ("DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan")
    },
    "dynamodb:TransactWriteItems": _transaction,
    "dynamodb:UpdateItem": _item("UpdateItem"),
    "elasticmapreduce:AddJobFlowSteps": _clusters("AddJobFlowSteps", "JobFlowId"),
    "elasticmapreduce:CancelSteps": _clusters("CancelSteps", "ClusterId"),
    "elasticmapreduce:DescribeCluster": _clusters("DescribeCluster", "ClusterId"),
    "elasticmapreduce:DescribeStep": _clusters("DescribeStep", "ClusterId"),
    "elasticmapreduce:ListClusters": _on("elasticmapreduce:ListClusters"),
    "elasticmapreduce:RunJobFlow": _new_cluster,
    "elasticmapreduce:SetTerminationProtection": _clusters(
        "SetTerminationProtection", "JobFlowIds"
    ),
    "elasticmapreduce:TerminateJobFlows": _clusters("TerminateJobFlows", "JobFlowIds"),
    "emr-serverless:StartJobRun": _new_job_run,
    **{
        f"emr-serverless:{name}": _application(name)
        for name in ("CancelJobRun", "GetApplication", "GetJobRun", "ListJobRuns")
    },
    "events:PutEvents": _events,
    **{
        f"glue:{name}": _on(f"glue:{name}", "JobName", "job/")
        for name in ("BatchStopJobRun", "GetJobRun", "GetJobRuns", "StartJobRun")
    },
    **{f"kms:{name}": _key(name) for name in ("Decrypt", "DescribeKey", "GenerateDataKey")},
    "lambda:Invoke": _function,
    "quicksight:CreateIngestion": _ingestion("CreateIngestion"),
    "quicksight:DescribeIngestion": _ingestion("DescribeIngestion"),
    "sns:Publish": _publish,
    "sqs:ReceiveMessage": _queue("ReceiveMessage", "Decrypt"),
    "sqs:SendMessage": _queue("SendMessage", "Decrypt", "GenerateDataKey"),
    "states:DescribeExecution": _on("states:DescribeExecution", "executionArn"),
    "states:StartExecution": _on("states:StartExecution", "stateMachineArn"),
    "states:StopExecution": _on("states:StopExecution", "executionArn"),
    "sts:GetCallerIdentity": _nothing,
}
