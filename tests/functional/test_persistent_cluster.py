"""The stack is changed to one cluster that stays, with a new package; then a file is removed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from base64 import b64encode
from pathlib import Path

import pytest

from medical_charges.storage import LocalStore
from tests.functional.live import Execution, Live
from tests.functional.test_failures import SLEEPS
from tests.helpers import ROOT, outputs_of
from tests.local_aws.endpoints import until

PACKAGE = "lambdas/write_page.zip"


@pytest.fixture(scope="module")
def changed(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a build in which a function's package is another one."""
    folder = tmp_path_factory.mktemp("changed")
    index = json.loads(Path(str(live.stack.variables["artefacts_index"])).read_text())
    package = folder / "write_page.zip"
    package.write_bytes((ROOT / index["objects"][PACKAGE]["path"]).read_bytes())
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("changed.txt", "")
    sha256 = b64encode(hashlib.sha256(package.read_bytes()).digest()).decode()
    index["objects"][PACKAGE] = {"path": str(package), "sha256": sha256}
    (folder / "index.json").write_text(json.dumps(index))
    return folder / "index.json"


@pytest.fixture(scope="module")
def cluster(live: Live, first_run: Execution, changed: Path) -> str:
    """The cluster that Terraform made while it replaced a function's package."""
    variables = {"emr_cluster": "persistent", "artefacts_index": str(changed)}
    live.stack.terraform.apply({**live.stack.variables, **variables})
    return str(live.stack.terraform.outputs()["emr_cluster_id"])


def test_a_function_runs_the_package_that_was_built_last(
    live: Live, cluster: str, changed: Path
) -> None:
    group = live.stack.terraform.outputs()["function_log_groups"]["write_page"]
    function = group.removeprefix("/aws/lambda/")
    found = live.client("lambda").get_function(FunctionName=function)["Configuration"]
    built = json.loads(changed.read_text())["objects"][PACKAGE]
    assert found["CodeSha256"] == built["sha256"]


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
