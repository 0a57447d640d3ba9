"""The stack whole: what was uploaded runs, really, from an upload to the notice."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from local_aws import environment, processes, running
from tests.local_aws.endpoints import Endpoint, archive, until

STATES = "arn:aws:states:::"

STEP = """
import sys
import boto3, toy
from pyspark.sql import SparkSession
bucket, what = sys.argv[1:]
if what == "fail":
    raise RuntimeError("no such figures")
session = SparkSession.builder.getOrCreate()
if what == "hang":
    boto3.client("s3").put_object(Bucket=bucket, Key="out/hanging")
    session.sparkContext.parallelize([600]).foreach(__import__("time").sleep)
total = session.sparkContext.parallelize(range(4), 2).map(lambda n: n + toy.ANSWER).sum()
boto3.client("s3").put_object(Bucket=bucket, Key="out/total", Body=str(total))
print("total", total)
"""
JOB = """
import sys
import boto3, toy
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession
options = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
count = SparkSession.builder.getOrCreate().range(toy.ANSWER).count()
boto3.client("s3").put_object(Bucket=options["bucket"], Key="out/job", Body=str(count))
"""
FUNCTION = """
import boto3
def handle(event, context):
    if "uri" in event:
        bucket, _, key = event["uri"].removeprefix("s3://").partition("/")
        return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return {"what": event["key"].rpartition("/")[2]}
"""


def wheel(answer: int) -> bytes:
    return archive(
        {"toy/__init__.py": f"ANSWER = {answer}\n", "toy-1.dist-info/METADATA": "Name: toy\n"}
    )


def task(service: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": STATES + service, "Arguments": arguments, **more}


class Toy:
    """A small pipeline with everything in it that the real one has."""

    def __init__(self, stack: Endpoint) -> None:
        self.stack = stack
        self.bucket = stack.bucket(events=True, versioned=True)
        stack.upload(self.bucket, "code/toy-1-py3-none-any.whl", wheel(42))
        stack.upload(self.bucket, "code/step.py", STEP)
        stack.upload(self.bucket, "code/job.py", JOB)
        self.library = f"s3://{self.bucket}/code/toy-1-py3-none-any.whl"
        self.job = f"j-{uuid.uuid4().hex[:12]}"
        stack.client("glue").create_job(
            Name=self.job,
            Role=stack.role,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/code/job.py"},
            GlueVersion="5.1",
            DefaultArguments={
                "--bucket": "another",
                "--additional-python-modules": self.library,
                "--python-modules-installer-option": "--no-index",
            },
        )
        self.topic = stack.client("sns").create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]
        self.mail, box = stack.queue()
        stack.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=box)
        self.machine = stack.machine(self.states())
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {
                "bucket": {"name": [self.bucket]},
                "object": {"key": [{"prefix": "in/"}], "size": [{"numeric": [">", 0]}]},
            },
        }
        stack.rule(pattern, {"Arn": self.machine, "RoleArn": stack.role})

    def states(self) -> dict[str, Any]:
        function = self.stack.function(FUNCTION)
        arguments = [
            "spark-submit", "--master", "yarn", "--deploy-mode", "cluster",
            "--num-executors", "4", "--executor-memory", "40g",
            "--conf", "spark.yarn.maxAppAttempts=1",
            "--py-files", self.library, f"s3://{self.bucket}/code/step.py", self.bucket,
        ]  # fmt: skip
        words = "{% $append(" + json.dumps(arguments) + ", $what) %}"
        invoke = "lambda:invoke"
        read = task(
            invoke,
            {"FunctionName": function, "Payload": {"uri": "{% $states.input %}"}},
            Output="{% $states.result.Payload %}",
            End=True,
        )
        branches = [
            {
                "StartAt": "Job",
                "States": {
                    "Job": task(
                        "glue:startJobRun.sync",
                        {"JobName": self.job, "Arguments": {"--bucket": self.bucket}},
                        Output="{% $states.result.JobRunState %}",
                        End=True,
                    )
                },
            },
            {"StartAt": "Rest", "States": {"Rest": {"Type": "Pass", "Output": 1, "End": True}}},
        ]
        return {
            "Plan": task(
                invoke,
                {
                    "FunctionName": function,
                    "Payload": {"key": "{% $states.input.detail.object.key %}"},
                },
                Assign={"what": "{% $states.result.Payload.what %}"},
                Next="Cluster",
            ),
            "Cluster": task(
                "elasticmapreduce:createCluster.sync",
                {
                    "Name": "{% 'toy ' & $what %}",
                    "ReleaseLabel": "emr-7.12.0",
                    "LogUri": f"s3://{self.bucket}/logs/",
                    "ServiceRole": self.stack.role,
                    "JobFlowRole": "test",
                    "Instances": {
                        "KeepJobFlowAliveWhenNoSteps": True,
                        "InstanceGroups": [
                            {
                                "InstanceRole": "MASTER",
                                "InstanceType": "m5.xlarge",
                                "InstanceCount": 1,
                            }
                        ],
                    },
                },
                Assign={"cluster": "{% $states.result.ClusterId %}"},
                Next="Step",
            ),
            "Step": task(
                "elasticmapreduce:addStep.sync",
                {
                    "ClusterId": "{% $cluster %}",
                    "Step": {
                        "Name": "analyze",
                        "ActionOnFailure": "CONTINUE",
                        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": words},
                    },
                },
                Catch=[
                    {
                        "ErrorEquals": ["States.TaskFailed"],
                        "Assign": {"failure": "{% $parse($states.errorOutput.Cause) %}"},
                        "Next": "CleanUp",
                    }
                ],
                Next="End",
            ),
            "CleanUp": task(
                "elasticmapreduce:terminateCluster.sync",
                {"ClusterId": "{% $cluster %}"},
                Next="Failed",
            ),
            "Failed": {
                "Type": "Fail",
                "Error": "StepFailed",
                "Cause": "{% $failure.Step.Status.FailureDetails.Message & ' see ' "
                "& $failure.Step.Status.FailureDetails.LogFile %}",
            },
            "End": task(
                "elasticmapreduce:terminateCluster.sync",
                {"ClusterId": "{% $cluster %}"},
                Next="Jobs",
            ),
            "Jobs": {"Type": "Parallel", "Branches": branches, "Next": "Read"},
            "Read": {
                "Type": "Map",
                "Items": [f"s3://{self.bucket}/out/total", f"s3://{self.bucket}/out/job"],
                "ItemProcessor": {"StartAt": "One", "States": {"One": read}},
                "Assign": {"figures": "{% $states.result %}"},
                "Next": "Tell",
            },
            "Tell": task(
                "sns:publish",
                {"TopicArn": self.topic, "Message": "{% $join($figures, ' and ') %}"},
                Output="{% $figures %}",
                End=True,
            ),
        }

    def upload(self, name: str) -> str:
        """Upload a file and return the execution that it starts."""
        steps = self.stack.client("stepfunctions")

        def started() -> set[str]:
            found = steps.list_executions(stateMachineArn=self.machine)["executions"]
            return {str(execution["executionArn"]) for execution in found}

        before = started()
        self.stack.upload(self.bucket, f"in/{name}", b"a,b\n1,2\n")
        return until(lambda: started() - before).pop()

    def cluster_state(self, history: Any) -> str:
        created = next(
            json.loads(event["taskSucceededEventDetails"]["output"])
            for event in history
            if event.get("taskSucceededEventDetails", {}).get("resource") == "createCluster.sync"
        )
        emr = self.stack.client("emr")
        shown = emr.describe_cluster(ClusterId=created["ClusterId"])["Cluster"]
        return str(shown["Status"]["State"])


def test_an_upload_starts_an_execution_that_runs_to_its_end(stack: Endpoint) -> None:
    toy = Toy(stack)
    done = stack.finish(toy.upload("run"))
    assert done.described.get("cause") is None
    assert done.output == ["174", "42"]
    resources = [
        event["taskSucceededEventDetails"]["resource"]
        for event in done.history
        if event["type"] == "TaskSucceeded"
    ]
    assert resources == [
        "invoke", "createCluster.sync", "addStep.sync", "terminateCluster.sync",
        "startJobRun.sync", "invoke", "invoke", "publish",
    ]  # fmt: skip
    assert json.loads(stack.messages(toy.mail)[0]["Body"])["Message"] == "174 and 42"
    assert toy.cluster_state(done.history) == "TERMINATED"

    # The library in the bucket is what runs: another one there gives other figures here.
    stack.upload(toy.bucket, "code/toy-1-py3-none-any.whl", wheel(1))
    glue = stack.client("glue")
    run_id = glue.start_job_run(JobName=toy.job, Arguments={"--bucket": toy.bucket})["JobRunId"]
    until(
        lambda: (
            glue.get_job_run(JobName=toy.job, RunId=run_id)["JobRun"]["JobRunState"]
            not in {"STARTING", "RUNNING"}
        ),
    )
    s3 = stack.client("s3")
    assert s3.get_object(Bucket=toy.bucket, Key="out/job")["Body"].read() == b"1"


def test_a_failing_step_is_caught_with_its_reason_and_its_log(stack: Endpoint) -> None:
    toy = Toy(stack)
    done = stack.finish(toy.upload("fail"))
    assert (done.status, done.described["error"]) == ("FAILED", "StepFailed")
    message, _, log = done.described["cause"].partition(" see ")
    assert message == "RuntimeError: no such figures"
    bucket, _, key = log.removeprefix("s3://").partition("/")
    kept = stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert b"no such figures" in gzip.decompress(kept)
    assert toy.cluster_state(done.history) == "TERMINATED"


def test_stopping_an_execution_ends_its_spark(stack: Endpoint, state: Path) -> None:
    toy = Toy(stack)
    execution = toy.upload("hang")
    until(lambda: "Contents" in hanging(stack, toy))
    sessions = list((state / "processes").iterdir())
    spark = [s for s in sessions if len(processes.session_members(int(s.name))) > 1]
    assert spark
    stack.client("stepfunctions").stop_execution(executionArn=execution)
    done = stack.finish(execution)
    assert done.status == "ABORTED"
    for session in spark:
        until(lambda session=session: not alive(int(session.name)))  # type: ignore[misc]
    # No Catch runs: the cluster is left to who listens for the event.
    assert toy.cluster_state(done.history) in {"WAITING", "RUNNING"}


def hanging(stack: Endpoint, toy: Toy) -> Any:
    return stack.client("s3").list_objects_v2(Bucket=toy.bucket, Prefix="out/hanging")


def alive(session: int) -> bool:
    return any(processes.is_running(member) for member in processes.session_members(session))


def serving(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local_aws", "--state", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.stdout.close()
    return process


def start_something(folder: Path) -> int:
    """Leave a job run going; its process."""
    found = running(folder)
    assert found
    assert found.environment()["AWS_ENDPOINT_URL"] == found.endpoint
    endpoint = Endpoint(found.endpoint)
    script = endpoint.upload(endpoint.bucket(), "j.py", "import time\ntime.sleep(600)\n")
    glue = endpoint.client("glue")
    command = {"Name": "pythonshell", "ScriptLocation": script}
    glue.create_job(Name="j", Role=endpoint.role, Command=command)
    glue.start_job_run(JobName="j")
    return int(until(lambda: list((folder / "processes").iterdir()))[0].name)


def test_ending_a_stack_ends_everything_that_it_started(tmp_path: Path) -> None:
    # Ctrl-C reaches all processes of a terminal, and its parent may end the stack as well.
    at_once = (signal.SIGINT, signal.SIGINT, signal.SIGTERM)
    for numbers, code in (((signal.SIGTERM,), 0), (at_once, 0), ((signal.SIGKILL,), -9)):
        folder = tmp_path / numbers[0].name
        process = serving(folder)
        child = start_something(folder)
        assert alive(child)
        for number in numbers:
            process.send_signal(number)
        assert process.wait(60) == code
        until(lambda child=child: not alive(child))  # type: ignore[misc]
        assert running(folder) is None


def test_a_process_that_has_a_dead_stack_s_number_is_not_taken_for_it(tmp_path: Path) -> None:
    process = serving(tmp_path)
    process.kill()
    process.wait()
    file = tmp_path / "stack.json"
    left = json.loads(file.read_text())
    file.write_text(json.dumps(left | {"pid": os.getpid()}))
    assert running(tmp_path) is None
    # In a process of its own: what a stack changes in moto stays for the tests that follow.
    process = serving(tmp_path)
    assert running(tmp_path)
    assert json.loads(file.read_text())["pid"] == process.pid
    process.terminate()
    assert process.wait() == 0
    assert not file.exists()


def test_two_stacks_do_not_share_a_state_folder(
    tmp_path: Path, stack: Endpoint, state: Path
) -> None:
    found = running(state)
    assert found
    assert found.endpoint == stack.url
    refused = subprocess.run(
        [sys.executable, "-m", "local_aws", "--state", str(state)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "already serves" in refused.stderr


SAYING = """
import logging, pathlib, sys
logging.basicConfig()
from local_aws import serve
with serve(pathlib.Path(sys.argv[1])):
    logging.getLogger("moto.some.state").error("all that it knows")
"""


def test_messages_of_the_emulator_about_a_failing_state_go_to_a_file_only(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", SAYING, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "all that it knows" not in said.stderr + said.stdout
    assert "all that it knows" in (tmp_path / "log").read_text()


def test_terraform_finds_a_provider_mirror(tmp_path: Path, monkeypatch: Any) -> None:
    mirror = tmp_path / "mirror"
    (mirror / environment.MIRROR_FOLDER).mkdir(parents=True)
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    monkeypatch.setenv("TF_PLUGIN_DIR", str(mirror))
    variables = environment.terraform(tmp_path)
    assert str(mirror) in Path(variables["TF_CLI_CONFIG_FILE"]).read_text()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "terraform.rc"))
    assert "TF_CLI_CONFIG_FILE" not in environment.terraform(tmp_path)
