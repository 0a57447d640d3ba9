"""Roles allow what their actors do, and nothing that AWS would let them say more narrowly.

The state machine's calls are read off its rendered definition, the policies off the planned
stack; what each call needs is written here a second time, from AWS's documentation.
"""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.gate.iam import Call, decide, listed
from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.conftest import Mocked

Json = dict[str, Any]


ACCOUNT = "eu-central-1:123456789012"
CLUSTER = f"arn:aws:elasticmapreduce:{ACCOUNT}:cluster/j-1"
OURS = {"aws:ResourceTag/Project": "medical-charges"}
OUR_NEW = {"aws:RequestTag/Project": "medical-charges"}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
TABLE = f"arn:aws:dynamodb:{ACCOUNT}:table/medical-charges-ledger"
BUCKET = "arn:aws:s3:::medicalcharges"
INTERFACE = f"arn:aws:ec2:{ACCOUNT}:network-interface/eni-1"
VPC = f"arn:aws:ec2:{ACCOUNT}:vpc/vpc-00000000000000001"
INGESTION = (
    f"arn:aws:quicksight:{ACCOUNT}:dataset/medical-charges-charges_by_age/ingestion/20261124T1"
)

# Actions for which the service authorization reference names no resource type.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
NOT_NAMEABLE = {
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
    "elasticmapreduce:ListClusters",
    "elasticmapreduce:RunJobFlow",
    "glue:GetSecurityConfiguration",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}

# Actions on a cluster that may have no tag yet; they bound its size and its idle time.
UNTAGGED = {
    "elasticmapreduce:PutAutoTerminationPolicy",
    "elasticmapreduce:PutManagedScalingPolicy",
}

AWS_MANAGED = {
    "arn:aws:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2",
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
}


def allows(policy: Json, call: Call) -> bool:
    return decide([policy], call).allowed


@pytest.fixture(scope="module")
def policies(resources: dict[str, Json]) -> dict[str, Json]:
    """Each actor's policy."""
    prefix = 'module.iam.aws_iam_role_policy.this["'
    return {
        address.removeprefix(prefix).removesuffix('"]'): json.loads(values["policy"])
        for address, values in resources.items()
        if address.startswith(prefix)
    }


@pytest.fixture(scope="module")
def machine(resources: dict[str, Json]) -> Json:
    found: Json = json.loads(
        resources["module.orchestration.aws_sfn_state_machine.this"]["definition"]
    )
    return found


def _tasks(machine: Json) -> Iterator[Json]:
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        for branch in state.get("Branches", []):
            yield from _tasks(branch)
        if "ItemProcessor" in state:
            yield from _tasks(state["ItemProcessor"])


def _watch(call: str) -> list[Call]:
    rule = f"arn:aws:events:{ACCOUNT}:rule/StepFunctionsGetEventForEMR{call}Rule"
    return [Call(f"events:{do}", rule) for do in ("DescribeRule", "PutRule", "PutTargets")]


def _pass(role: str, service: str) -> Call:
    arn = f"arn:aws:iam::123456789012:role/medical-charges-{role}-eu-central-1"
    return Call("iam:PassRole", arn, {"iam:PassedToService": service})


# https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
EMR = {
    "createCluster.sync": [
        Call("elasticmapreduce:RunJobFlow", "*", OUR_NEW),
        Call("elasticmapreduce:AddTags", CLUSTER, OUR_NEW),
        Call("elasticmapreduce:DescribeCluster", CLUSTER, OURS),
        Call("elasticmapreduce:TerminateJobFlows", CLUSTER, OURS),
        # Asked for while the cluster is made; it may have no tag yet.
        Call("elasticmapreduce:PutAutoTerminationPolicy", CLUSTER),
        Call("elasticmapreduce:PutManagedScalingPolicy", CLUSTER),
        _pass("emr-service", "elasticmapreduce.amazonaws.com"),
        _pass("emr-instances", "ec2.amazonaws.com"),
        *_watch("RunJobFlow"),
    ],
    "addStep.sync": [
        Call("elasticmapreduce:AddJobFlowSteps", CLUSTER, OURS),
        Call("elasticmapreduce:DescribeStep", CLUSTER, OURS),
        Call("elasticmapreduce:CancelSteps", CLUSTER, OURS),
        *_watch("AddJobFlowSteps"),
    ],
    "terminateCluster.sync": [
        Call("elasticmapreduce:TerminateJobFlows", CLUSTER, OURS),
        Call("elasticmapreduce:DescribeCluster", CLUSTER, OURS),
        *_watch("TerminateJobFlows"),
    ],
}


def _needs(task: Json) -> list[Call]:
    """Return the calls that Step Functions makes for one task."""
    service, _, call = task["Resource"].removeprefix("arn:aws:states:::").partition(":")
    arguments = task["Arguments"]
    if service == "elasticmapreduce":
        return EMR[call]
    match f"{service}:{call}":
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
        case "lambda:invoke":
            return [Call("lambda:InvokeFunction", arguments["FunctionName"])]
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
        case "glue:startJobRun.sync":
            job = f"arn:aws:glue:{ACCOUNT}:job/{arguments['JobName']}"
            actions = ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
            return [Call(f"glue:{action}", job) for action in actions]
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonquicksight.html
        case "aws-sdk:quicksight:createIngestion":
            return [Call("quicksight:CreateIngestion", INGESTION)]
        case "aws-sdk:quicksight:describeIngestion":
            return [Call("quicksight:DescribeIngestion", INGESTION)]
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html
        case "sns:publish":
            return [
                Call("sns:Publish", arguments["TopicArn"]),
                Call("kms:Decrypt", KEY),
                Call("kms:GenerateDataKey", KEY),
            ]
        case other:
            pytest.fail(f"{other}: write down what it needs, here and in state_machine.tf")


@pytest.fixture(scope="module")
def calls_of_tasks(machine: Json, resources: dict[str, Json]) -> dict[str, list[Call]]:
    """What Step Functions asks for, by the integration."""
    names = {
        values["arn"]: f"arn:aws:lambda:{ACCOUNT}:function:{values['function_name']}"
        for address, values in resources.items()
        if ".aws_lambda_function." in address
    }
    topic = resources["module.monitoring.aws_sns_topic.notices"]
    names[topic["arn"]] = f"arn:aws:sns:{ACCOUNT}:{topic['name']}"

    found: dict[str, list[Call]] = {}
    for task in _tasks(machine):
        found.setdefault(task["Resource"], []).extend(
            Call(call.action, names.get(call.resource, call.resource), call.context)
            for call in _needs(task)
        )
    return found


def test_the_state_machine_has_the_permissions_of_its_definition(
    calls_of_tasks: dict[str, list[Call]], policies: dict[str, Json]
) -> None:
    refused = {
        (task, call.action, call.resource)
        for task, calls in calls_of_tasks.items()
        for call in calls
        if not allows(policies["state-machine"], call)
    }
    assert refused == set()
    assert len(calls_of_tasks) == 8


# A link to Step Functions' page, perhaps links to others, then the integration.
_DOCUMENTED = (
    r"# https://docs\.aws\.amazon\.com/step-functions/\S+\n"
    r"(?:\s+# \S+\n)*"
    r'\s+"([^"]+)" = \['
)


def test_every_integration_has_its_documentation(machine: Json) -> None:
    text = (ROOT / "terraform/modules/iam/state_machine.tf").read_text()
    documented = set(re.findall(_DOCUMENTED, text))
    used = {task["Resource"].removeprefix("arn:aws:states:::") for task in _tasks(machine)}
    assert used <= documented


def test_the_state_machine_has_no_permission_outside_the_project(
    policies: dict[str, Json],
) -> None:
    foreign = {"aws:ResourceTag/Project": "payroll"}
    policy = policies["state-machine"]
    assert not allows(policy, Call("elasticmapreduce:TerminateJobFlows", CLUSTER, foreign))
    assert not allows(policy, Call("elasticmapreduce:TerminateJobFlows", CLUSTER))
    assert not allows(policy, Call("elasticmapreduce:RunJobFlow", "*"))
    assert not allows(policy, Call("lambda:InvokeFunction", f"arn:aws:lambda:{ACCOUNT}:function:x"))
    assert not allows(policy, Call("glue:StartJobRun", f"arn:aws:glue:{ACCOUNT}:job/x"))
    another = INGESTION.replace("medical-charges", "payroll")
    assert not allows(policy, Call("quicksight:CreateIngestion", another))


def test_glue_may_not_delete_a_network_interface_of_another_vpc(
    policies: dict[str, Json],
) -> None:
    foreign = {"ec2:Vpc": VPC.replace("vpc-0", "vpc-9")}
    assert not allows(policies["glue"], Call("ec2:DeleteNetworkInterface", INTERFACE, foreign))
    assert not allows(policies["glue"], Call("ec2:DeleteNetworkInterface", INTERFACE))


def _paths(*folders: str) -> list[str]:
    return [f if f == "artefacts" else f"MedicalCharges/{f}_data" for f in folders]


def _objects(action: str, *folders: str) -> list[Call]:
    return [Call(f"s3:{action}", f"{BUCKET}/{path}/some/object") for path in _paths(*folders)]


def _lists(*folders: str) -> list[Call]:
    return [
        Call("s3:ListBucket", BUCKET, {"s3:prefix": f"{path}/some"}) for path in _paths(*folders)
    ]


LIST = Call("s3:ListBucket", BUCKET)
LIVE = f"{BUCKET}/MedicalCharges/Run_data/live.json"
DATA_KEY = [Call("kms:Decrypt", KEY), Call("kms:GenerateDataKey", KEY)]
LEDGER = [
    Call(f"dynamodb:{do}", TABLE) for do in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
]

USES = {
    "plan-run": [
        *LEDGER,
        Call("dynamodb:ConditionCheckItem", TABLE),
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Input", "Cube", "Run"),
        *_objects("PutObject", "Run", "Output", "Manifest"),
        *_objects("DeleteObject", "Output", "Manifest"),
        Call("s3:DeleteObject", LIVE),
    ],
    "compare-runs": [
        *LEDGER,
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Cube", "Run"),
        *_objects("PutObject", "Run"),
    ],
    "publish-outputs": [
        *LEDGER,
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Run"),
        *_objects("PutObject", "Run", "Output"),
        *_objects("DeleteObject", "Output"),
    ],
    "generate-manifests": [
        *LEDGER,
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts"),
        *_objects("PutObject", "Manifest"),
        *_objects("DeleteObject", "Manifest"),
    ],
    "validate-manifests": [
        *LEDGER,
        Call("dynamodb:ConditionCheckItem", TABLE),
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Run", "Output", "Manifest"),
        Call("s3:PutObject", LIVE),
    ],
    "write-page": [
        *LEDGER,
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Run", "Output", "Manifest"),
        Call("s3:PutObject", f"{BUCKET}/MedicalCharges/Dashboard/index.html"),
    ],
    "end-run": [
        *LEDGER,
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "Run"),
        *_objects("PutObject", "Run", "Output", "Manifest"),
        *_objects("DeleteObject", "Output", "Manifest"),
        Call("s3:DeleteObject", LIVE),
        Call("elasticmapreduce:ListClusters"),
        Call("elasticmapreduce:DescribeCluster", CLUSTER, OURS),
        Call("elasticmapreduce:TerminateJobFlows", CLUSTER, OURS),
        Call("sns:Publish", f"arn:aws:sns:{ACCOUNT}:medical-charges-notices"),
        Call("states:StartExecution", f"arn:aws:states:{ACCOUNT}:stateMachine:medical-charges"),
        Call("sqs:SendMessage", f"arn:aws:sqs:{ACCOUNT}:medical-charges-dead-letters"),
    ],
    "emr-instances": [
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Input", "Cube", "Run"),
        *_objects("PutObject", "Cube", "Quarantine", "Run"),
        *_objects("DeleteObject", "Quarantine"),
        Call("s3:PutObject", "arn:aws:s3:::medicalcharges-logs/emr/j-1/steps/s-1/stderr.gz"),
        Call("s3:GetObject", "arn:aws:s3:::al2023-repos-eu-central-1-de612dc2/core/x.rpm"),
    ],
    "emr-service": [_pass("emr-instances", "ec2.amazonaws.com"), Call("kms:Decrypt", KEY)],
    "glue": [
        *DATA_KEY,
        LIST,
        *_objects("GetObject", "artefacts", "Input", "Cube", "Output", "Quarantine", "Run"),
        *_objects("PutObject", "Run"),
        *_objects("DeleteObject", "Run"),
        Call("s3:PutObject", f"{BUCKET}/MedicalCharges/Cube_data/reconciled/some/object"),
        Call("glue:GetConnection", f"arn:aws:glue:{ACCOUNT}:connection/medical-charges-private"),
        Call("ec2:CreateNetworkInterface", INTERFACE),
        # Whether its tag is still there or not.
        Call("ec2:DeleteNetworkInterface", INTERFACE, {"ec2:Vpc": VPC}),
        Call("logs:PutLogEvents", f"arn:aws:logs:{ACCOUNT}:log-group:/aws-glue/jobs:log-stream:1"),
    ],
    "events": [
        Call("states:StartExecution", f"arn:aws:states:{ACCOUNT}:stateMachine:medical-charges")
    ],
}


XRAY = (
    "GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments",
)  # fmt: skip
TRACE = [Call(f"xray:{do}") for do in XRAY]
FUNCTIONS = (
    "compare-runs", "end-run", "generate-manifests", "plan-run", "publish-outputs",
    "validate-manifests", "write-page",
)  # fmt: skip
A_FUNCTION = f"arn:aws:lambda:{ACCOUNT}:function"
GLUE_LOGS = f"arn:aws:logs:{ACCOUNT}:log-group:/aws-glue/jobs"

# What a platform asks for with an actor's role, before, during and after the actor's own calls.
PLATFORM = {
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    # https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
    **{
        name: [
            *(
                Call(
                    f"logs:{do}",
                    f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/medical-charges-{name}"
                    ":log-stream:1",
                )
                for do in ("CreateLogStream", "PutLogEvents")
            ),
            *TRACE,
        ]
        for name in FUNCTIONS
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    "state-machine": [
        # Mocked functions all have one ARN; each of them is called by some state.
        *(
            Call("lambda:InvokeFunction", f"{A_FUNCTION}:medical-charges-{name}")
            for name in FUNCTIONS
        ),
        *TRACE,
        *(
            Call(f"logs:{do}")
            for do in (
                "CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups",
                "DescribeResourcePolicies", "GetLogDelivery", "ListLogDeliveries",
                "PutResourcePolicy", "UpdateLogDelivery",
            )
        ),
    ],
    # https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
    # https://docs.aws.amazon.com/glue/latest/dg/create-service-policy.html
    "glue": [
        Call("glue:GetConnection", f"arn:aws:glue:{ACCOUNT}:catalog"),
        Call("glue:GetSecurityConfiguration"),
        *(
            Call("ec2:CreateNetworkInterface", f"arn:aws:ec2:{ACCOUNT}:{where}-00000000000000001")
            for where in ("subnet/subnet", "security-group/sg")
        ),
        *(
            Call(f"ec2:Describe{what}")
            for what in (
                "NetworkInterfaces", "RouteTables", "SecurityGroups", "Subnets", "VpcAttribute",
                "VpcEndpoints",
            )
        ),
        *(
            Call(f"ec2:{do}", INTERFACE, {"aws:TagKeys": "aws-glue-service-resource"})
            for do in ("CreateTags", "DeleteTags")
        ),
        Call("logs:AssociateKmsKey", GLUE_LOGS),
        Call("logs:CreateLogGroup", GLUE_LOGS),
        Call("logs:CreateLogStream", f"{GLUE_LOGS}:log-stream:1"),
    ],
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-encryption-enable.html
    "emr-service": [
        *(
            Call(f"kms:{do}", KEY)
            for do in (
                "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
                "ReEncryptFrom", "ReEncryptTo",
            )
        ),
        Call("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}),
    ],
    "emr-instances": [
        *(
            Call(f"kms:{do}", KEY)
            for do in ("DescribeKey", "Encrypt", "ReEncryptFrom", "ReEncryptTo")
        ),
        Call("s3:AbortMultipartUpload", "arn:aws:s3:::medicalcharges-logs/emr/j-1/x.gz"),
        # https://docs.aws.amazon.com/emr/latest/ManagementGuide/private-subnet-iampolicy.html
        Call("s3:GetObject", "arn:aws:s3:::prod.eu-central-1.appinfo.src/x"),
        Call("s3:GetObject", "arn:aws:s3:::repo.eu-central-1.emr.amazonaws.com/x.rpm"),
    ],
}  # fmt: skip

# Actions that none of those calls needs, and why they are allowed.
SPARE = {
    "iam:CreateServiceLinkedRole": (
        "only in an account in which EMR has never run: it makes its role for cleaning up"
    ),
    "kms:DescribeKey": "what AWS's examples for users of a key have; it shows no content",
    "s3:AbortMultipartUpload": (
        "of Glue's role: an upload in parts, which only a file of over 8 MB would be"
    ),
    "s3:GetBucketLocation": (
        "asked for by the S3 clients of Spark, of EMR and of Glue, which no job here uses so far"
    ),
}


@pytest.fixture(scope="module")
def needed(calls_of_tasks: dict[str, list[Call]], policies: dict[str, Json]) -> dict[str, Any]:
    """Every call that an actor's role must allow."""
    tasks = [call for calls in calls_of_tasks.values() for call in calls]
    own = USES | {"state-machine": tasks}
    return {actor: [*own[actor], *PLATFORM.get(actor, [])] for actor in policies}


def test_platforms_may_do_their_work(
    needed: dict[str, list[Call]], policies: dict[str, Json]
) -> None:
    assert [
        (actor, call)
        for actor, calls in needed.items()
        for call in calls
        if not allows(policies[actor], call)
    ] == []


def _without_one_action(policy: Json) -> Iterator[tuple[str, Json]]:
    for place, statement in enumerate(policy["Statement"]):
        for action in listed(statement["Action"]):
            rest = [other for other in listed(statement["Action"]) if other != action]
            statements = list(policy["Statement"])
            statements[place] = statement | {"Action": rest}
            yield action, policy | {"Statement": statements}


def test_no_action_can_be_taken_away_unseen(
    needed: dict[str, list[Call]], policies: dict[str, Json]
) -> None:
    unseen = {
        (actor, action)
        for actor, policy in policies.items()
        for action, less in _without_one_action(policy)
        if all(allows(less, call) for call in needed[actor])
    }
    assert {action for _, action in unseen} == set(SPARE)
    # The others' uploads in parts are EMR's own, which are needed.
    assert {actor for actor, action in unseen if action == "s3:AbortMultipartUpload"} == {"glue"}


def test_no_resource_can_be_denied_unseen(
    needed: dict[str, list[Call]], policies: dict[str, Json]
) -> None:
    unseen = set()
    for actor, policy in policies.items():
        for resource in {it for one in policy["Statement"] for it in listed(one["Resource"])}:
            deny = {"Effect": "Deny", "Action": "*", "Resource": resource}
            less = policy | {"Statement": [*policy["Statement"], deny]}
            if all(allows(less, call) for call in needed[actor]):
                unseen.add((actor, resource))
    service = "elasticmapreduce.amazonaws.com"
    cleanup = f"role/aws-service-role/{service}/AWSServiceRoleForEMRCleanup"
    # Of iam:CreateServiceLinkedRole, which is spare.
    assert unseen == {("state-machine", f"arn:aws:iam::123456789012:{cleanup}")}


@pytest.mark.parametrize("actor", USES)
def test_every_actor_may_do_its_work(actor: str, policies: dict[str, Json]) -> None:
    assert [call for call in USES[actor] if not allows(policies[actor], call)] == []


@pytest.mark.parametrize("actor", [name for name in USES if name.count("-")])
def test_no_role_of_a_run_has_permissions_beyond_its_part(
    actor: str, policies: dict[str, Json]
) -> None:
    policy = policies[actor]
    # Input belongs to users, code to the build; and another bucket to somebody else.
    for folder in ("Input", "artefacts"):
        for action in ("PutObject", "DeleteObject"):
            assert [c for c in _objects(action, folder) if allows(policy, c)] == []
    assert not allows(policy, Call("s3:GetObject", "arn:aws:s3:::payroll/2026.csv"))
    assert not allows(policy, Call("s3:ListBucket", "arn:aws:s3:::payroll"))


def test_quicksight_reads_published_objects_only(mocked: Mocked) -> None:
    state = mocked.states["dashboards"]["root_module"]["child_modules"]
    iam = next(it for it in state if it["address"] == "module.iam")
    found = {it["address"]: it["values"] for it in iam["resources"]}
    name = 'module.iam.aws_iam_role_policy.this["quicksight"]'
    policy = json.loads(found[name]["policy"])
    published = ("Manifest", "Output")
    needed = [
        *_objects("GetObject", *published),
        *_objects("GetObjectVersion", *published),
        *_lists(*published),
        LIST,
        Call("s3:GetBucketLocation", BUCKET),
        Call("kms:Decrypt", KEY),
    ]
    assert [call for call in needed if not allows(policy, call)] == []
    folders = ("artefacts", "Input", "Cube", "Quarantine", "Run")
    foreign = [
        *_objects("GetObject", *folders),
        *_objects("GetObjectVersion", *folders),
        *_objects("PutObject", *published),
        *_lists(*folders),
        Call("s3:ListBucket", BUCKET, {"s3:prefix": ""}),
    ]
    assert [call for call in foreign if allows(policy, call)] == []
    trust = json.loads(found[name.replace("role_policy", "role")]["assume_role_policy"])
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": "quicksight.amazonaws.com"}


def test_the_actors_are_those_that_this_file_knows(policies: dict[str, Json]) -> None:
    assert set(policies) == {*USES, "state-machine"}


def test_no_resource_is_a_wildcard_where_aws_lets_one_be_named(
    policies: dict[str, Json],
) -> None:
    for actor, policy in policies.items():
        for statement in policy["Statement"]:
            actions = listed(statement["Action"])
            assert statement["Effect"] == "Allow"
            assert not [action for action in actions if "*" in action], actor
            if "*" in listed(statement["Resource"]):
                assert set(actions) <= NOT_NAMEABLE, (actor, actions)
            for resource in listed(statement["Resource"]):
                # A cluster has no name before it is made; its tag stands for it.
                if re.fullmatch(r"arn:aws:elasticmapreduce:[^/]+/\*", resource):
                    assert "Condition" in statement or set(actions) <= UNTAGGED, (actor, actions)
                assert not re.fullmatch(r"arn:aws:\w+:[^:]*:[^:]*:\*", resource), (actor, resource)


def test_only_known_managed_policies_are_attached(resources: dict[str, Json]) -> None:
    attached = {
        values["policy_arn"]
        for address, values in resources.items()
        if "aws_iam_role_policy_attachment" in address
    }
    assert attached <= AWS_MANAGED


def test_a_service_may_assume_its_role_for_this_project_only(resources: dict[str, Json]) -> None:
    for address, values in resources.items():
        if ".aws_iam_role.this" not in address:
            continue
        (statement,) = json.loads(values["assume_role_policy"])["Statement"]
        assert set(statement["Principal"]) == {"Service"}
        if re.search(r'"(state-machine|events|emr-service)"', address):
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


# boto3's calls in the code that AWS runs, by what they need. A call that is not here is one
# whose permission nobody has thought of yet.
CALLS = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "delete_item": "dynamodb:DeleteItem",
    "delete_object": "s3:DeleteObject",
    "describe_cluster": "elasticmapreduce:DescribeCluster",
    "get_item": "dynamodb:GetItem",
    "get_object": "s3:GetObject",
    "list_clusters": "elasticmapreduce:ListClusters",
    "list_objects_v2": "s3:ListBucket",
    "publish": "sns:Publish",
    "put_item": "dynamodb:PutItem",
    "put_object": "s3:PutObject",
    "start_execution": "states:StartExecution",
    "terminate_job_flows": "elasticmapreduce:TerminateJobFlows",
    "transact_write_items": "dynamodb:ConditionCheckItem",
    "update_item": "dynamodb:UpdateItem",
}


def _operations() -> set[str]:
    import botocore.session
    from botocore import xform_name

    session = botocore.session.Session()
    services = ["s3", "dynamodb", "emr", "sns", "stepfunctions", "glue", "quicksight", "sqs", "kms"]
    return {
        xform_name(operation)
        for service in services
        for operation in session.get_service_model(service).operation_names
    }


def _called() -> set[str]:
    found = set()
    for folder in ("src", "glue_jobs", "lambdas"):
        for file in (ROOT / folder).rglob("*.py"):
            if "boto3" not in (text := file.read_text()) and file.name != "ledger.py":
                continue
            for node in ast.walk(ast.parse(text)):
                match node:
                    case ast.Call(func=ast.Attribute(attr=name)):
                        found.add(name)
                    case ast.Constant(value=str(name)):
                        found.add(name)  # paginators and waiters are asked for by name
                    case _:
                        pass
    return found & _operations()


def test_every_call_in_the_code_has_a_permission_that_somebody_holds() -> None:
    called = _called()
    assert called <= set(CALLS)
    held = {call.action for calls in USES.values() for call in calls}
    assert {CALLS[name] for name in called} <= held
