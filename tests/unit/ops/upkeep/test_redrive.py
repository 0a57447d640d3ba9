"""`make redrive`: dead letters reach their target, and what failed is tried again, once."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import pytest

from lambdas.end_run.handler import handle as end_run
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import S3Store
from ops import account
from ops.pipeline import Ended
from ops.pipeline import Pipeline as Deployed
from ops.show import PlainConsole
from tests.functions import LambdaContext, Pipeline, deploy, execution
from tests.helpers import CONTRACT_FILE, WITHOUT_CUBES

END_RUN = "medical-charges-end-run"


class Commanded:
    """`make redrive` on an account in this process, whose one function is called directly."""

    def __init__(self, functions: Pipeline, contract: Contract, patch: pytest.MonkeyPatch) -> None:
        self.functions = functions
        self.states, self.sqs = boto3.client("stepfunctions"), boto3.client("sqs")
        (machine,) = self.states.list_state_machines()["stateMachines"]
        self.machine = machine["stateMachineArn"]
        self.queue = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        outputs = {
            "bucket_name": "medicalcharges",
            "state_machine_arn": self.machine,
            "ledger_table": "ledger",
            "dead_letter_queue_url": self.queue,
            "function_log_groups": {"end_run": f"/aws/lambda/{END_RUN}"},
        }
        region = {"AWS_REGION": self.states.meta.region_name}
        self.deployed = Deployed(region, outputs, Layout(contract.prefix))
        self.fails, self.followed = False, list[str]()
        real = self.deployed.client
        patch.setattr(account, "_deployed", lambda *_: (self.deployed, outputs))
        patch.setattr(
            self.deployed, "client", lambda name: self if name == "lambda" else real(name)
        )
        patch.setattr(account, "follow", self._follow)

    def _follow(self, _: Deployed, arn: str, __: object) -> Ended:
        self.followed.append(arn)
        return Ended(arn, "SUCCEEDED", "", "")

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto's
        assert FunctionName == END_RUN
        if self.fails:
            return {"FunctionError": "Unhandled"}
        end_run(json.loads(Payload), LambdaContext())
        return {}

    def redrive(self) -> str:
        text = io.StringIO()
        assert account.redrive("terraform", CONTRACT_FILE, PlainConsole(file=text)) == 0
        return text.getvalue()

    def send(self, body: object, **attributes: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.queue,
            MessageBody=json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    def executed(self) -> list[dict[str, Any]]:
        arns = self.deployed.executions()
        inputs = (self.states.describe_execution(executionArn=arn)["input"] for arn in arns)
        return [json.loads(text) for text in inputs]


@pytest.fixture
def command(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Commanded:
    contract = parse_contract(WITHOUT_CUBES)
    return Commanded(deploy(bucket, contract, real_file, monkeypatch), contract, monkeypatch)


UPLOAD = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": "a"}}}


def test_there_is_nothing_to_redrive_where_nothing_failed(command: Commanded) -> None:
    assert command.redrive().startswith("nothing to redrive")
    assert command.followed == []


def test_lost_events_of_the_input_become_one_execution(command: Commanded) -> None:
    for _ in range(12):
        command.send(UPLOAD, TARGET_ARN=command.machine, RULE_ARN="arn", ERROR_CODE="X")
    said = command.redrive()
    assert "12 events of the input had started no execution: execution " in said
    assert (command.executed(), command.left()) == ([{}], 0)
    assert command.redrive().startswith("nothing to redrive")
    assert command.executed() == [{}]


@pytest.mark.parametrize(
    "attributes",
    [
        {"TARGET_ARN": f"arn:aws:lambda:us-east-1:123456789012:function:{END_RUN}"},
        {"RequestID": "1", "ErrorCode": "200", "ErrorMessage": "x"},
    ],
)
def test_a_lost_end_of_an_execution_frees_its_lease(
    attributes: dict[str, str], command: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.upkeep.redrive._HELD_SECONDS", 0)
    command.functions.plan("one")
    detail = {"executionArn": execution("one"), "status": "ABORTED"}
    command.send({"detail": detail}, **attributes)
    command.fails = True
    with pytest.raises(MedicalChargesError, match="failed again on a dead letter, which stays"):
        command.redrive()
    assert command.left() == 1
    command.fails = False
    assert "1 ends of executions were cleaned up after" in command.redrive()
    assert command.functions.ledger.lease() is None
    assert command.left() == 0


def test_a_letter_of_nothing_known_stays(command: Commanded) -> None:
    command.send({"x": 1}, TARGET_ARN="arn:aws:states:us-east-1:123456789012:stateMachine:other")
    assert "1 letters are of nothing known here, and stay" in command.redrive()
    assert (command.executed(), command.left()) == ([], 1)


@pytest.mark.parametrize(
    ("given", "again"),
    [
        (UPLOAD, {}),
        ({"publish_held": True, "detail": 1}, {"publish_held": True}),
        ({"rollback": "run"}, {"rollback": "run"}),
    ],
)
def test_a_failed_execution_is_tried_again_with_what_was_asked_of_it_and_once(
    given: dict[str, Any], again: dict[str, Any], command: Commanded
) -> None:
    text = json.dumps(given)
    arn = command.states.start_execution(stateMachineArn=command.machine, input=text)
    command.states.stop_execution(executionArn=arn["executionArn"])
    said = command.redrive()
    assert f"{arn['executionArn'].rpartition(':')[2]} aborted: execution " in said
    assert command.executed()[1:] == [again]
    assert len(command.followed) == 1
    # It is under way, so there is nothing to do.
    assert command.redrive().startswith("nothing to redrive")
    assert len(command.executed()) == 2


def test_lost_events_and_a_failed_execution_need_one_execution_only(command: Commanded) -> None:
    arn = command.states.start_execution(stateMachineArn=command.machine)["executionArn"]
    command.states.stop_execution(executionArn=arn)
    command.send(UPLOAD, TARGET_ARN=command.machine)
    command.redrive()
    assert len(command.executed()) == 2
