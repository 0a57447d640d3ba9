"""The functions as the state machine calls them, on AWS within this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from moto.s3.models import s3_backends

from lambdas.compare_runs.handler import handle as compare_runs
from lambdas.end_run.handler import handle as end_run
from lambdas.generate_manifests.handler import handle as generate_manifests
from lambdas.plan_run.handler import handle as plan_run
from lambdas.publish_outputs.handler import handle as publish_outputs
from lambdas.validate_manifests.handler import handle as validate_manifests
from lambdas.write_page.handler import handle as write_page
from local_aws.environment import ACCOUNT
from medical_charges.analysis.engine import in_this_process
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import read_snapshot
from medical_charges.contract import Contract, parse_contract
from medical_charges.layout import Layout
from medical_charges.runs.ledger import Ledger
from medical_charges.storage import S3Store
from medical_charges.validation import Result
from tests.helpers import TWO_OUTPUTS

BUCKET = "medicalcharges"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:medical-charges"
CONTRACT = "artefacts/contract.yaml"
SERVED = ("MedicalCharges/Output_data", "MedicalCharges/Manifest_data")


def execution(name: str) -> str:
    return f"{MACHINE.replace('stateMachine', 'execution')}:{name}"


class LambdaContext:
    function_name = "medical-charges-end-run"
    memory_limit_in_mb = "128"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:medical-charges-end-run"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@dataclass(frozen=True)
class Held:
    """Everything that an account holds of a data set."""

    objects: Mapping[str, bytes]
    ledger: tuple[Mapping[str, Any], ...]


@dataclass
class Pipeline:
    """The functions, and what the machine does between them."""

    store: S3Store
    contract: Contract
    queue: str

    def plan(self, name: str, **asked: bool | str) -> dict[str, Any]:
        return plan_run({"execution": execution(name), **asked}, LambdaContext())

    def analyze(self, run_id: str) -> None:
        """Analyses, and says of the outputs that they were found right."""
        uri = f"{self.store.uri}/{Layout(self.contract.prefix).snapshot(run_id)}"
        snapshot = read_snapshot(uri, self.contract)
        summary = analyze(self.store, self.contract, run_id, snapshot, in_this_process)
        result = Result(run_id, self.contract.contract_hash, staged=summary.staged)
        result.write(self.store, self.contract)

    def staged(self, name: str) -> str:
        """A run up to its staged and validated outputs."""
        run_id = cast("str", self.plan(name)["run_id"])
        self.analyze(run_id)
        return run_id

    def compare(self, name: str, run_id: str) -> dict[str, Any]:
        return compare_runs({"execution": execution(name), "run_id": run_id}, LambdaContext())

    def publish(self, name: str, run_id: str) -> dict[str, Any]:
        return publish_outputs({"execution": execution(name), "run_id": run_id}, LambdaContext())

    def manifests(self, name: str, run_id: str) -> dict[str, Any]:
        return generate_manifests({"execution": execution(name), "run_id": run_id}, LambdaContext())

    def serve(self, name: str, run_id: str) -> dict[str, Any]:
        return validate_manifests({"execution": execution(name), "run_id": run_id}, LambdaContext())

    def page(self, name: str, run_id: str) -> dict[str, Any]:
        return write_page({"execution": execution(name), "run_id": run_id}, LambdaContext())

    def finish(self, name: str, run_id: str, stale: str = "") -> bool:
        event = {"execution": execution(name), "run_id": run_id, "stale": stale}
        return cast("bool", end_run(event, LambdaContext())["pending"])

    def fail(self, name: str, state: str = "Validate", run_id: str = "", **failure: str) -> str:
        event = {
            "execution": execution(name),
            "run_id": run_id,
            "failed_state": state,
            "failure": failure,
        }
        return cast("str", end_run(event, LambdaContext())["reason"])

    def ended(self, name: str, status: str = "ABORTED", **detail: str | None) -> str:
        event = {
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"executionArn": execution(name), "status": status, **detail},
        }
        return cast("str", end_run(event, LambdaContext())["reason"])

    def run(self, name: str, **asked: bool) -> str:
        """A run that goes well, until it has to free the lease."""
        plan = self.plan(name, **asked)
        assert plan["decision"] == "go"
        run_id = cast("str", plan["run_id"])
        self.analyze(run_id)
        assert self.compare(name, run_id)["decision"] == "go"
        self.publish(name, run_id)
        self.manifests(name, run_id)
        self.serve(name, run_id)
        return run_id

    def upload(self, name: str, data: bytes) -> None:
        self.store.write(f"MedicalCharges/Input_data/{name}", data)

    def served(self) -> dict[str, bytes]:
        return {
            ref.key: self.store.read(ref.key)
            for folder in SERVED
            for ref in self.store.list(folder)
        }

    def held(self) -> Held:
        """Return everything that it holds."""
        refs = self.store.list(self.contract.prefix)
        objects = {ref.key: self.store.read(ref.key) for ref in refs}
        return Held(objects, tuple(boto3.resource("dynamodb").Table("ledger").scan()["Items"]))

    def put(self, held: Held) -> None:
        """Put into it, which must be new, what another one held."""
        for key, data in held.objects.items():
            s3_backends[ACCOUNT]["aws"].put_object(BUCKET, key, data)
        table = boto3.resource("dynamodb").Table("ledger")
        for item in held.ledger:
            table.put_item(Item=dict(item))

    @property
    def ledger(self) -> Ledger:
        return Ledger(boto3.resource("dynamodb").Table("ledger"))

    def notices(self) -> list[tuple[str, str]]:
        found = boto3.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        bodies = [json.loads(message["Body"]) for message in found.get("Messages", [])]
        return [(body["Subject"], body["Message"]) for body in bodies]

    def executions(self) -> list[str]:
        client = boto3.client("stepfunctions")
        listed = client.list_executions(stateMachineArn=MACHINE)["executions"]
        return [found["name"] for found in listed]


_left: dict[tuple[str, str, bytes], Held] = {}


def after_a_run(pipeline: Pipeline, name: str) -> Pipeline:
    """A new pipeline after a run that published its input.

    The first that has such an input makes the run; of the others each gets the objects and the
    ledger that it left, and neither executions nor notices.
    """
    contract = pipeline.store.read(CONTRACT)
    made = name, repr(pipeline.held()), contract
    if made in _left:
        pipeline.put(_left[made])
    else:
        pipeline.finish(name, pipeline.run(name))
        _left[made] = pipeline.held()
    return pipeline


_clients: dict[tuple[str, str, str], Any] = {}


def keep_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who asks for a client of a service get the one that was made first so.

    To make one takes longer than to ask it.
    """
    for name in ("client", "resource"):
        monkeypatch.setattr(boto3, name, partial(_kept, name, getattr(boto3, name)))


def _kept(kind: str, make: Callable[..., Any], service: str, **options: Any) -> Any:
    said = {name: vars(it) if isinstance(it, Config) else it for name, it in options.items()}
    key = kind, service, repr(sorted(said.items()))
    if key not in _clients:
        _clients[key] = make(service, **options)
    return _clients[key]


_parsed_once = cache(parse_contract)


def deploy(
    bucket: S3Store,
    real_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
    contract: str = TWO_OUTPUTS,
) -> Pipeline:
    """Everything the functions need, with a contract and the real file in the input."""
    keep_clients(monkeypatch)
    # Every function reads the contract, which says the same to all.
    monkeypatch.setattr("medical_charges.contract.uri.parse_contract", _parsed_once)
    boto3.client("dynamodb").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    topic = boto3.client("sns").create_topic(Name="notices")["TopicArn"]
    queue = boto3.client("sqs").create_queue(QueueName="notices")["QueueUrl"]
    boto3.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:notices"
    )
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    # Needed once another test has served the stack in this process: the emulator stays patched.
    boto3.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=json.dumps(policy))
    boto3.client("stepfunctions").create_state_machine(
        name="medical-charges",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/machine",
    )
    environment = {
        "BUCKET": "medicalcharges",
        "CONTRACT_URI": f"s3://medicalcharges/{CONTRACT}",
        "CODE_VERSION": "code-1",
        "LEDGER_TABLE": "ledger",
        "LEASE_SECONDS": "600",
        "TOPIC_ARN": topic,
        "STATE_MACHINE_ARN": MACHINE,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    bucket.write(CONTRACT, contract.encode())
    found = Pipeline(bucket, parse_contract(contract), queue)
    found.upload("Charges.csv", real_file)
    return found


def whereabouts(contract: Contract) -> tuple[dict[str, str], dict[str, str], Layout]:
    """Where the deployed pipeline is, as commands for an account look for it."""
    states = boto3.client("stepfunctions")
    (machine,) = states.list_state_machines()["stateMachines"]
    outputs = {
        "bucket_name": "medicalcharges",
        "state_machine_arn": machine["stateMachineArn"],
        "ledger_table": "ledger",
    }
    return {"AWS_REGION": states.meta.region_name}, outputs, Layout(contract.prefix)
