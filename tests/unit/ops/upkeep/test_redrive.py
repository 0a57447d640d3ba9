"""`make redrive`: dead letters reach their target, and what failed is tried again, once."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lambdas.end_run.handler import handle as end_run
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import S3Store
from ops import account
from ops.pipeline import Ended
from ops.pipeline import Pipeline as Deployed
from ops.show import PlainConsole
from tests.functions import LambdaContext, Pipeline, deploy, execution
from tests.helpers import CONTRACT_FILE, ROOT

END_RUN = "medical-charges-end-run"


class Commanded:
    """`make redrive` on an account in this process, whose one function is called directly."""

    def __init__(self, functions: Pipeline, patch: pytest.MonkeyPatch) -> None:
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
        self.deployed = Deployed(region, outputs, Layout(functions.contract.prefix))
        self.fails, self.followed, self.hidden = False, list[str](), list[int]()
        self.patience: Any = None
        real = self.deployed.client
        patch.setattr(account, "_deployed", lambda *_: (self.deployed, outputs))

        def client(name: str, config: Config | None = None) -> Any:
            self.patience = config if name == "lambda" else self.patience
            return self if name == "lambda" else real(name)

        patch.setattr(self.deployed, "client", client)
        patch.setattr(account, "follow", self._follow)

    def _follow(self, _: Deployed, arn: str, __: object) -> Ended:
        self.followed.append(arn)
        return Ended(arn, "SUCCEEDED", "", "")

    def fail(self, given: object) -> str:
        text = json.dumps(given)
        arn = self.states.start_execution(stateMachineArn=self.machine, input=text)["executionArn"]
        self.states.stop_execution(executionArn=arn)
        return arn

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto's
        assert FunctionName == END_RUN
        self.hidden.append(self.count("NotVisible"))
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

    def count(self, which: str) -> int:
        name = f"ApproximateNumberOfMessages{which}"
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=[name])
        return int(found["Attributes"][name])

    def left(self) -> int:
        return self.count("") + self.count("NotVisible")

    def executed(self) -> list[dict[str, Any]]:
        arns = self.deployed.executions()
        inputs = (self.states.describe_execution(executionArn=arn)["input"] for arn in arns)
        return [json.loads(text) for text in inputs]


@pytest.fixture
def command(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Commanded:
    return Commanded(deploy(bucket, real_file, monkeypatch), monkeypatch)


UPLOAD = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": "a"}}}


def test_there_is_nothing_to_redrive_where_nothing_failed(command: Commanded) -> None:
    assert command.redrive().startswith("nothing to redrive")
    assert command.followed == []


def test_lost_events_of_the_input_become_one_execution(command: Commanded) -> None:
    for _ in range(12):
        command.send(UPLOAD, TARGET_ARN=command.machine, RULE_ARN="arn", ERROR_CODE="X")
    said = command.redrive()
    assert "events of the input that had started none: 12: execution " in said
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
    attributes: dict[str, str], command: Commanded
) -> None:
    command.functions.plan("one")
    detail = {"executionArn": execution("one"), "status": "ABORTED"}
    command.send({"detail": detail}, **attributes)
    command.fails = True
    with pytest.raises(MedicalChargesError, match="failed again on a dead letter, which stays"):
        command.redrive()
    assert command.left() == 1
    command.fails = False
    assert "ends of executions that were cleaned up after: 1\n" in command.redrive()
    assert command.functions.ledger.lease() is None
    assert command.left() == 0


def test_a_letter_of_nothing_known_stays(command: Commanded) -> None:
    command.send({"x": 1}, TARGET_ARN="arn:aws:states:us-east-1:123456789012:stateMachine:other")
    assert "letters of nothing known here, which stay in " in command.redrive()
    assert (command.executed(), command.left()) == ([], 1)
    assert "which stay in " in command.redrive(), "it can be read at once"


def test_a_letter_waits_as_long_as_the_function_may_work(command: Commanded) -> None:
    (allowed,) = re.findall(
        r'timeout_seconds = key == "end_run" \? (\d+)',
        (ROOT / "terraform" / "main.tf").read_text(),
    )
    command.functions.plan("one")
    detail = {"executionArn": execution("one"), "status": "ABORTED"}
    command.send({"detail": detail}, RequestID="1")
    command.redrive()
    assert command.patience is not None
    assert command.patience.read_timeout > int(allowed)
    assert command.patience.retries == {"total_max_attempts": 1}, "two would run side by side"


def test_letters_are_received_one_by_one_as_each_is_delivered(command: Commanded) -> None:
    for name in ("one", "two", "three"):
        detail = {"executionArn": execution(name), "status": "ABORTED"}
        command.send({"detail": detail}, RequestID="1")
    command.redrive()
    assert command.hidden == [1, 1, 1], "nobody holds a letter that is not being delivered"


@pytest.mark.parametrize(
    ("given", "again", "named"),
    [
        (UPLOAD, {}, ""),
        ({"recheck": True, "detail": 1}, {"recheck": True}, ""),
        ({"publish_held": True}, {}, "`make execute PUBLISH_HELD=1`"),
        ({"publish_held": False}, {}, ""),
    ],
)
def test_a_failed_execution_is_tried_again_once_but_for_what_a_person_decides(
    given: dict[str, Any], again: dict[str, Any], named: str, command: Commanded
) -> None:
    arn = command.fail(given)
    said = command.redrive()
    assert f"{arn.rpartition(':')[2]} aborted: execution " in said
    assert ("not asked again" in said, named in said) == (bool(named), True)
    assert command.executed()[1:] == [again]
    assert command.followed == command.deployed.executions()[1:]
    # It is under way, so there is nothing to do.
    assert command.redrive().startswith("nothing to redrive")
    assert len(command.executed()) == 2


def test_a_failed_rollback_is_named_and_the_upload_before_it_is_analyzed(
    command: Commanded,
) -> None:
    command.fail(UPLOAD)
    command.fail({"rollback": "my run"})
    said = command.redrive()
    assert "aborted: not asked again: `make rollback RUN='my run'`" in said
    assert command.executed()[2:] == [{}]


def test_a_failed_rollback_alone_starts_nothing_that_would_undo_the_one_before(
    command: Commanded,
) -> None:
    # It is under way, which counts as one that succeeded.
    command.states.start_execution(stateMachineArn=command.machine, input="{}")
    command.fail({"rollback": "typo"})
    assert "`make rollback RUN=typo`" in command.redrive()
    assert (len(command.executed()), command.followed) == (2, [])


def test_what_was_started_is_followed_before_it_is_listed(
    command: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.send(UPLOAD, TARGET_ARN=command.machine)
    monkeypatch.setattr(command.deployed, "executions", lambda **_: [])
    command.redrive()
    assert len(command.followed) == 1


def test_lost_events_and_a_failed_execution_need_one_execution_only(command: Commanded) -> None:
    arn = command.states.start_execution(stateMachineArn=command.machine)["executionArn"]
    command.states.stop_execution(executionArn=arn)
    command.send(UPLOAD, TARGET_ARN=command.machine)
    command.redrive()
    assert len(command.executed()) == 2
