"""Gaps of the emulator in Step Functions, and the patched behavior."""

from __future__ import annotations

import json
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.endpoints import until

if TYPE_CHECKING:
    from tests.local_aws.endpoints import Endpoint, Execution

PASS = {"Type": "Pass", "End": True}


def job_machine(endpoint: Endpoint, source: str = "print('done')\n") -> str:
    bucket = endpoint.bucket()
    script = endpoint.upload(bucket, "job.py", source)
    name = f"j-{uuid.uuid4().hex[:12]}"
    endpoint.client("glue").create_job(
        Name=name,
        Role=endpoint.role,
        Command={"Name": "pythonshell", "ScriptLocation": script, "PythonVersion": "3.9"},
        ExecutionProperty={"MaxConcurrentRuns": 10},
    )
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": name},
        "End": True,
    }
    return endpoint.machine({"Job": state})


def test_a_state_waits_for_its_job(bare: Endpoint, stack: Endpoint) -> None:
    assert "interrupt_all" in bare.run(job_machine(bare)).described["cause"]
    done = stack.run(job_machine(stack))
    assert done.status == "SUCCEEDED"
    assert done.output["JobRunState"] == "SUCCEEDED"
    assert done.output["CompletedOn"] >= done.output["StartedOn"] > 1.7e12
    assert [kind for kind in done.events if kind.startswith("Task") and "State" not in kind] == [
        "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
    ]  # fmt: skip


def test_expressions_are_evaluated(bare: Endpoint, stack: Endpoint) -> None:
    state = PASS | {"Output": "{% {'sum': $sum($states.input.numbers), 'none': null} %}"}
    given = {"numbers": [1, 2, 3.5]}
    assert "NoneType" in bare.run(bare.machine({"Add": state}), given).described["cause"]
    assert stack.run(stack.machine({"Add": state}), given).output == {"sum": 6.5, "none": None}


@pytest.mark.parametrize("text", ['a "quote"', "back\\slash", "line\nbreak", "ünï 🙂", "{% $x %}"])
def test_a_bound_string_may_hold_anything(stack: Endpoint, text: str) -> None:
    states = {
        "Keep": {
            "Type": "Pass",
            "Assign": {"kept": "{% $states.input.text %}"},
            "Next": "Say",
        },
        "Say": PASS | {"Output": "{% $kept & '!' %}"},
    }
    assert stack.run(stack.machine(states), {"text": text}).output == text + "!"


def test_a_quote_in_a_bound_string_is_not_escaped_by_the_emulator() -> None:
    from moto.stepfunctions.parser.asl.jsonata.jsonata import encode_jsonata_variable_declarations

    assert encode_jsonata_variable_declarations({"$a": 'x"y'}) == '$a:="x"y";'


def test_an_expression_that_fails_can_be_caught(stack: Endpoint) -> None:
    states = {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "{% $error('odd') %}"},
            "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": PASS | {"Output": "caught"},
    }
    assert stack.run(stack.machine(states)).output == "caught"


def test_names_and_digests_can_be_made(stack: Endpoint) -> None:
    state = PASS | {"Output": "{% [$uuid(), $hash('a', 'SHA-256'), $parse('{\"b\": [1]}').b] %}"}
    made, digest, parsed = stack.run(stack.machine({"Make": state})).output
    assert uuid.UUID(made).version == 4
    assert digest.startswith("ca978112ca1bbdca")
    assert parsed in (1, [1])


def waiting_machine(endpoint: Endpoint, **more: Any) -> str:
    url, _ = endpoint.queue()
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sqs:receiveMessage",
        "Parameters": {"QueueUrl": url, "WaitTimeSeconds": 3},
        "End": True,
    }
    return endpoint.machine({"Task": task}, QueryLanguage="JSONPath", **more)


def stopped(endpoint: Endpoint) -> Execution:
    """An execution stopped within its task."""
    execution = endpoint.start(waiting_machine(endpoint))
    steps = endpoint.client("stepfunctions")
    until(
        lambda: (
            "TaskStarted"
            in [e["type"] for e in steps.get_execution_history(executionArn=execution)["events"]]
        )
    )
    steps.stop_execution(executionArn=execution, error="Enough", cause="said so")
    return endpoint.finish(execution)


def test_stopping_gives_its_reason_and_does_not_wait_for_the_task(
    bare: Endpoint, stack: Endpoint
) -> None:
    done = stopped(bare)
    assert "TaskSucceeded" in done.events
    assert "error" not in done.described
    done = stopped(stack)
    assert "TaskSucceeded" not in done.events
    assert done.status == "ABORTED"
    assert (done.described["error"], done.described["cause"]) == ("Enough", "said so")
    assert done.events[-1] == "ExecutionAborted"
    assert done.history[-1]["executionAbortedEventDetails"] == {
        "error": "Enough", "cause": "said so",
    }  # fmt: skip


def test_a_job_that_ends_with_its_execution_is_no_failure(stack: Endpoint) -> None:
    machine, steps = (
        job_machine(stack, "import time\ntime.sleep(60)\n"),
        stack.client("stepfunctions"),
    )
    executions = [stack.start(machine) for _ in range(8)]
    for execution in executions:
        until(partial(submitted, stack, execution))
        steps.stop_execution(executionArn=execution)
    assert {stack.finish(execution).status for execution in executions} == {"ABORTED"}


def submitted(endpoint: Endpoint, execution: str) -> bool:
    return "TaskSubmitted" in events(endpoint, execution)


def events(endpoint: Endpoint, execution: str) -> list[str]:
    found = endpoint.client("stepfunctions").get_execution_history(executionArn=execution)
    return [event["type"] for event in found["events"]]


def test_an_execution_out_of_time_ends_its_history(bare: Endpoint, stack: Endpoint) -> None:
    done = bare.run(waiting_machine(bare, TimeoutSeconds=1))
    assert done.events[-1] != "ExecutionTimedOut"
    assert "stopDate" not in done.described
    done = stack.run(waiting_machine(stack, TimeoutSeconds=1))
    assert (done.status, done.events[-1]) == ("TIMED_OUT", "ExecutionTimedOut")
    assert done.described["stopDate"] > done.described["startDate"]


def test_every_output_is_json(bare: Endpoint, stack: Endpoint) -> None:
    state = {"Say": {"Type": "Pass", "Result": "yes", "End": True}}
    of = {"QueryLanguage": "JSONPath"}
    assert bare.run(bare.machine(state, **of)).described["output"] == "yes"
    assert stack.run(stack.machine(state, **of)).described["output"] == '"yes"'


def test_executions_need_no_name(bare: Endpoint, stack: Endpoint) -> None:
    def start_twice(endpoint: Endpoint) -> set[str]:
        machine = endpoint.machine({"Do": PASS})
        steps = endpoint.client("stepfunctions")
        for _ in range(2):
            steps.start_execution(stateMachineArn=machine, input="{}")
        listed = steps.list_executions(stateMachineArn=machine)["executions"]
        return {execution["name"] for execution in listed}

    # The second is refused, or, while the first is under way, is the same one without a name.
    with pytest.raises((ClientError, KeyError), match=r"ExecutionAlreadyExists|name"):
        start_twice(bare)
    assert len(start_twice(stack)) == 2


def test_a_failure_of_the_states_family_can_be_passed_on(bare: Endpoint, stack: Endpoint) -> None:
    fail = {"Type": "Fail", "ErrorPath": "$.Error", "Cause": "passed on"}
    given = {"Error": "States.TaskFailed"}
    machine = {"QueryLanguage": "JSONPath"}
    assert bare.run(bare.machine({"F": fail}, **machine), given).described["error"] == (
        "States.Runtime"
    )
    done = stack.run(stack.machine({"F": fail}, **machine), given)
    assert (done.described["error"], done.described["cause"]) == ("States.TaskFailed", "passed on")


def test_a_definition_can_be_validated(bare: Endpoint, stack: Endpoint) -> None:
    good = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    with pytest.raises(ClientError):
        bare.client("stepfunctions").validate_state_machine_definition(definition=good)
    validate = stack.client("stepfunctions").validate_state_machine_definition
    assert validate(definition=good)["result"] == "OK"
    refused = validate(definition=json.dumps({"States": {}}))
    assert refused["result"] == "FAIL"
    assert refused["diagnostics"]


def test_a_machine_s_versions_can_be_listed(bare: Endpoint, stack: Endpoint) -> None:
    with pytest.raises(ClientError):
        bare.client("stepfunctions").list_state_machine_versions(
            stateMachineArn=bare.machine({"A": PASS})
        )
    steps = stack.client("stepfunctions")
    made = steps.create_state_machine(
        name=f"m-{uuid.uuid4().hex[:12]}",
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
        roleArn=stack.role,
        publish=True,
    )
    listed = steps.list_state_machine_versions(stateMachineArn=made["stateMachineArn"])
    assert [version["stateMachineVersionArn"] for version in listed["stateMachineVersions"]] == [
        made["stateMachineVersionArn"]
    ]


def test_status_events_of_executions_are_sent(bare: Endpoint, stack: Endpoint) -> None:
    def statuses(endpoint: Endpoint) -> list[str]:
        url, queue = endpoint.queue()
        machine = endpoint.machine({"A": {"Type": "Succeed"}}, QueryLanguage="JSONPath")
        pattern = {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {"stateMachineArn": [machine]},
        }
        endpoint.rule(pattern, {"Arn": queue})
        done = endpoint.run(machine, {"a": 1})
        time.sleep(0.5)
        events = [json.loads(message["Body"]) for message in endpoint.messages(url)]
        assert all(event["detail"]["executionArn"] == done.arn for event in events)
        return sorted(event["detail"]["status"] for event in events)

    assert statuses(bare) == []
    assert statuses(stack) == ["RUNNING", "SUCCEEDED"]
