"""The stack is changed to one cluster that stays; then a file is taken out of the input."""

from __future__ import annotations

import json

import pytest

from medical_charges.storage import LocalStore
from tests.functional.live import Execution, Live
from tests.functional.test_failures import SLEEPS
from tests.helpers import outputs_of
from tests.local_aws.endpoints import until


@pytest.fixture(scope="module")
def cluster(live: Live, first_run: Execution) -> str:
    """The cluster that Terraform made."""
    live.stack.terraform.apply({**live.stack.variables, "emr_cluster": "persistent"})
    return str(live.stack.terraform.outputs()["emr_cluster_id"])


@pytest.fixture(scope="module")
def execution(live: Live, cluster: str) -> Execution:
    """The execution that the removal of an input file started."""
    key = live.keys(f"{live.layout.input}/")[-1]
    return live.run(lambda: live.remove(key))


def test_a_run_takes_the_cluster_that_is_there_and_leaves_it(
    live: Live, cluster: str, execution: Execution
) -> None:
    assert execution.ended.status == "SUCCEEDED", execution.ended.cause
    assert not {"CreateCluster", "TerminateCluster"} & set(execution.entered)
    assert json.loads(execution.results["Analyze"])["Step"]["Status"]["State"] == "COMPLETED"
    assert live.clusters()[cluster] == "WAITING"


def test_a_deleted_file_leaves_the_outputs(
    live: Live, execution: Execution, store: LocalStore
) -> None:
    names = [key.rpartition("/")[2] for key in live.keys(f"{live.layout.input}/")]
    files = {name: live.read(live.input(name)) for name in names}
    [run] = live.runs(execution.arn)
    summary = json.loads(live.read(live.layout.summary(run["run_id"])))
    assert summary["objects"] == len(files)
    assert "charges_by_region" not in summary["waiting"]
    expected = live.expected(outputs_of(store, live.stack.contract, files), summary)
    assert expected.items() <= live.outputs().items()


def test_a_failure_ends_the_step_and_never_the_cluster(
    live: Live, cluster: str, execution: Execution, real_file: bytes
) -> None:
    served = live.served()
    with live.replaced("artefacts/analyze.py", SLEEPS):
        known = live.stack.pipeline.executions()
        live.put(live.input("late.csv"), real_file)
        arn = live.stack.pipeline.await_execution(known, 60)
        assert arn
        until(lambda: live.clusters()[cluster] == "RUNNING")
        live.client("stepfunctions").stop_execution(executionArn=arn, cause="enough")
        stopped = live.finish(arn)
    assert stopped.ended.status == "ABORTED"
    [(_, text)] = live.notices(arn)
    assert "enough" in text
    until(lambda: live.clusters()[cluster] == "WAITING")
    assert live.steps(cluster)[0]["Status"]["State"] == "CANCELLED"
    assert live.ledger.lease() is None
    assert live.served() == served
