"""The stack as the tests take hold of it: as a user would, by its endpoint alone."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from local_aws import environment
from medical_charges.layout import Layout
from medical_charges.runs.ledger import Ledger
from ops.pipeline import Ended
from ops.stack import Deployed
from tests.local_aws.endpoints import until

T = TypeVar("T")


@dataclass(frozen=True)
class Execution:
    """An execution that has ended."""

    arn: str
    ended: Ended
    entered: list[str]
    """The states in the order in which it entered them."""
    results: dict[str, Any]
    """By state, what its task came to, as text."""


@dataclass
class Live:
    """The stack, applied."""

    stack: Deployed
    _told: list[tuple[str, str]] = field(default_factory=list)

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.stack.contract.prefix)

    @cached_property
    def bucket(self) -> str:
        return self.stack.pipeline.bucket

    def client(self, service: str) -> Any:
        return client(self.stack.endpoint, service)

    # What the bucket holds

    def keys(self, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def put(self, key: str, data: bytes) -> None:
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=data)

    def remove(self, key: str) -> None:
        self.client("s3").delete_object(Bucket=self.bucket, Key=key)

    def input(self, name: str) -> str:
        return f"{self.layout.input}/{name}"

    def served(self) -> dict[str, bytes]:
        """Everything that readers see: outputs and manifests."""
        folders = (self.layout.output, self.layout.manifests)
        return {key: self.read(key) for folder in folders for key in self.keys(f"{folder}/")}

    def outputs(self) -> dict[str, bytes]:
        """The published outputs by name."""
        published = {name: self.layout.published(name) for name in self.stack.contract.outputs}
        return {name: self.read(key) for name, key in published.items()}

    def expected(self, made: Mapping[str, bytes], summary: Mapping[str, Any]) -> dict[str, bytes]:
        """What a run publishes of rows from which these outputs are made, apart from cubes.

        An output that waits is as the run made it that the summary names.
        """
        waiting = summary["waiting"]
        return {
            name: self.read(self.layout.staged(waiting[name], name)) if name in waiting else data
            for name, data in made.items()
            if name not in self.stack.contract.cubes
        }

    @contextlib.contextmanager
    def replaced(self, key: str, data: bytes | None) -> Iterator[None]:
        """An artifact with other content for a while, or without any."""
        original = self.read(key)
        if data is None:
            self.remove(key)
        else:
            self.put(key, data)
        try:
            yield
        finally:
            self.put(key, original)

    @contextlib.contextmanager
    def changed_function(self, name: str, package: Callable[[bytes], bytes]) -> Iterator[None]:
        """A function with another package for a while."""
        function = f"medical-charges-{name}"
        path = self.stack.terraform.folder / "artefacts/lambdas" / f"{name.replace('-', '_')}.zip"
        functions, original = self.client("lambda"), path.read_bytes()
        functions.update_function_code(FunctionName=function, ZipFile=package(original))
        try:
            yield
        finally:
            functions.update_function_code(FunctionName=function, ZipFile=original)

    @contextlib.contextmanager
    def changed_machine(self, change: Callable[[str], str]) -> Iterator[None]:
        """The state machine with another definition for a while."""
        states, arn = self.client("stepfunctions"), self.stack.pipeline.machine
        original = states.describe_state_machine(stateMachineArn=arn)["definition"]
        changed = change(original)
        assert changed != original
        states.update_state_machine(stateMachineArn=arn, definition=changed)
        try:
            yield
        finally:
            states.update_state_machine(stateMachineArn=arn, definition=original)

    # What runs

    def run(self, start: Callable[[], object]) -> Execution:
        """Do something that starts one execution, and see it to its end."""
        known = self.stack.pipeline.executions()
        start()
        arn = self.stack.pipeline.await_execution(known, 60)
        assert arn, "no execution was started"
        return self.finish(arn)

    def execute(self) -> Execution:
        """Start an execution as the console does, and see it to its end."""
        return self.finish(self.stack.pipeline.execute())

    def finish(self, arn: str) -> Execution:
        """See an execution, and what its end starts, to the end."""
        ended = self.stack.pipeline.follow(arn, lambda _: None)
        self.settle()
        entered, results, state = [], {}, {}
        for event in self.history(arn):
            if details := event.get("stateEnteredEventDetails"):
                entered.append(details["name"])
                state[event["id"]] = details["name"]
            else:
                state[event["id"]] = state.get(event["previousEventId"], "")
            if details := event.get("taskSucceededEventDetails"):
                results[state[event["id"]]] = details.get("output", "")
        return Execution(arn, ended, entered, results)

    def history(self, arn: str) -> list[Any]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]

    def settle(self) -> None:
        """Wait until nothing runs and nobody holds the lease."""
        states, machine = self.client("stepfunctions"), self.stack.pipeline.machine

        def quiet() -> bool:
            running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
            return not running["executions"] and self.ledger.lease() is None

        until(quiet)

    @cached_property
    def _table(self) -> Any:
        resource = boto3.Session(**_CREDENTIALS).resource(
            "dynamodb", endpoint_url=self.stack.endpoint
        )
        return resource.Table(self.stack.terraform.outputs()["ledger_table"])

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self._table)

    def runs(self, execution: str | None = None) -> list[dict[str, Any]]:
        """The ledger's runs, of one execution or of all, in the order of their start."""
        entries = [item for item in self._table.scan()["Items"] if item["pk"].startswith("run#")]
        found = [item for item in entries if execution in {None, item["execution"]}]
        return sorted(found, key=lambda item: str(item.get("started", item.get("ended"))))

    def clusters(self) -> dict[str, str]:
        """The state of every cluster that there has ever been."""
        pages = self.client("emr").get_paginator("list_clusters").paginate()
        return {it["Id"]: it["Status"]["State"] for page in pages for it in page["Clusters"]}

    def steps(self, cluster: str) -> list[Any]:
        return list(self.client("emr").list_steps(ClusterId=cluster)["Steps"])

    # What people are told

    @cached_property
    def inbox(self) -> str:
        """A queue that gets what subscribers of the notices get."""
        queue = self.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
        self.client("sns").subscribe(
            TopicArn=self.stack.terraform.outputs()["topic_arn"],
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{environment.REGION}:{environment.ACCOUNT}:inbox",
        )
        return str(queue)

    def notices(self, execution: str) -> list[tuple[str, str]]:
        """Subjects and texts of the notices that name an execution; waits for the first."""

        def look() -> list[tuple[str, str]]:
            self._receive()
            return [notice for notice in self._told if execution in notice[1]]

        return until(look)

    def all_notices(self) -> list[tuple[str, str]]:
        """Every notice so far."""
        self._receive()
        return self._told

    def _receive(self) -> None:
        queue = self.client("sqs")
        while found := queue.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                body = json.loads(message["Body"])
                self._told.append((body["Subject"], body["Message"]))
                queue.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])

    def log_of(self, notice: str) -> str:
        """The log that a notice names, read where it says that it lies."""
        place = next(
            line.removeprefix("Log: ") for line in notice.splitlines() if line.startswith("Log: ")
        )
        if place.startswith("s3://"):
            bucket, _, key = place.removeprefix("s3://").partition("/")
            body = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            return gzip.decompress(body).decode()
        found = re.fullmatch(r"log group (\S+?)(?:, stream (\S+))?", place)
        assert found, place
        streams = {"logStreamNames": [found[2]]} if found[2] else {}
        events = self.client("logs").filter_log_events(logGroupName=found[1], **streams)["events"]
        return "\n".join(event["message"] for event in events)

    # Terraform

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform as the stack was applied."""
        tool = self.stack.terraform
        settings = [f"-var={name}={value}" for name, value in self.stack.variables.items()]
        state = f"-state={tool.folder / 'terraform.tfstate'}"
        return subprocess.run(
            [
                tool.program, f"-chdir={tool.directory}", arguments[0], "-input=false",
                "-no-color", state, *settings, *arguments[1:],
            ],
            env=dict(tool.environment) | {"TF_DATA_DIR": str(tool.folder / "data")},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip


_CREDENTIALS: Mapping[str, Any] = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": environment.REGION,
}


@cache
def client(endpoint: str, service: str) -> Any:
    """A client of one service of the endpoint."""
    session: Any = boto3.Session(**_CREDENTIALS)
    return session.client(service, endpoint_url=endpoint, config=Config(max_pool_connections=20))


def all_at_once(calls: list[Callable[[], object]]) -> None:
    """Make calls side by side."""
    with ThreadPoolExecutor(len(calls)) as pool:
        for call in [pool.submit(call) for call in calls]:
            call.result()


# By service, what lists its things, where they are in the answer, and what names one of them.
_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("glue", "get_databases", "DatabaseList", "Name"),
    ("glue", "list_jobs", "JobNames", ""),
    ("glue", "get_connections", "ConnectionList", "Name"),
    ("glue", "get_security_configurations", "SecurityConfigurations", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("events", "list_rules", "Rules", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
)


def inventory(endpoint: str) -> set[str]:
    """Everything that an account holds of what the stack is made of."""
    found = set()
    for service, operation, field_, name in _LISTS:
        answer = getattr(client(endpoint, service), operation)()
        things = [
            thing[name] if name else thing
            for thing in answer.get(field_, [])
            # An endpoint is listed for a while after it has gone.
            if not name or thing.get("State") != "deleted"
        ]
        found |= {f"{service} {operation} {thing}" for thing in things}
    kms = client(endpoint, "kms")
    aliases = kms.list_aliases()["Aliases"]
    # Services make keys of their own when something is encrypted first; nobody can delete them.
    managed = {it["TargetKeyId"] for it in aliases if it["AliasName"].startswith("alias/aws/")}
    for key in {key["KeyId"] for key in kms.list_keys()["Keys"]} - managed:
        # A key can only be asked to end, in days to come.
        if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion":
            found.add(f"kms {key}")
    for cluster in client(endpoint, "emr").list_clusters()["Clusters"]:
        if not cluster["Status"]["State"].startswith("TERMINATED"):
            found.add(f"emr {cluster['Id']}")
    quicksight = client(endpoint, "quicksight")
    for kind in ("data_sources", "data_sets", "themes", "analyses", "dashboards"):
        answer = getattr(quicksight, f"list_{kind}")(AwsAccountId=environment.ACCOUNT)
        things = next(value for value in answer.values() if isinstance(value, list))
        found |= {f"quicksight {thing['Arn']}" for thing in things}
    policies = client(endpoint, "iam").list_policies(Scope="Local")["Policies"]
    return found | {f"iam {policy['PolicyName']}" for policy in policies}
