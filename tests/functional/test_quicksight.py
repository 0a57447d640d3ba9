"""The stack is applied with QuickSight on, once there is something to show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import environment
from tests.functional.live import Execution, Live
from tests.functional.test_failures import NOTHING, raising

ACCOUNT = {"AwsAccountId": environment.ACCOUNT}
DASHBOARD = ACCOUNT | {"DashboardId": "medical-charges-dashboard"}
WANTED = {
    "quicksight_user": "alice",
    "quicksight_readers": "nurses",
    "quicksight_ready": "true",
}


@pytest.fixture(scope="module")
def quicksight(live: Live, first_run: Execution) -> Any:
    """QuickSight, with what Terraform made in it."""
    found = live.client("quicksight")
    with pytest.raises(ClientError):
        found.describe_dashboard(**DASHBOARD)
    assert live.stack.terraform.outputs()["quicksight_state"] == "off"
    # Every test that follows plans and applies with it.
    live.stack = replace(live.stack, variables={**live.stack.variables, **WANTED})
    applied = live.terraform("apply", "-auto-approve", "-refresh=false")
    assert applied.returncode == 0, applied.stdout[-3000:] + applied.stderr
    return found


def data_set(output: str) -> dict[str, str]:
    return ACCOUNT | {"DataSetId": f"medical-charges-{output}"}


def loaded(live: Live, quicksight: Any, run_id: str | None = None) -> dict[str, tuple[int, int]]:
    """By output, the rows that the latest ingestion, or a run's, loaded and dropped."""
    found = {}
    for name in live.stack.contract.outputs:
        ingestions = quicksight.list_ingestions(**data_set(name))["Ingestions"]
        ingestion = next(it for it in ingestions if it["IngestionId"].startswith(run_id or ""))
        rows = ingestion["RowInfo"]
        found[name] = (rows["RowsIngested"], rows["RowsDropped"])
    return found


def published(live: Live) -> dict[str, tuple[int, int]]:
    return {name: (text.count(b"\n") - 1, 0) for name, text in live.outputs().items()}


def test_the_dashboard_shows_every_output_to_its_owner_and_its_readers(
    live: Live, quicksight: Any
) -> None:
    shown = quicksight.describe_dashboard(**DASHBOARD)["Dashboard"]["Version"]
    sets = {arn.rpartition("/")[2] for arn in shown["DataSetArns"]}
    assert sets == {f"medical-charges-{name}" for name in live.stack.contract.outputs}
    told = live.stack.terraform.outputs()["quicksight"]
    assert told.endswith("/sn/dashboards/medical-charges-dashboard")
    permissions = quicksight.describe_dashboard_permissions(**DASHBOARD)["Permissions"]
    names = [it["Principal"].partition(":")[2].rpartition(":")[2] for it in permissions]
    assert names == ["user/default/alice", "group/default/nurses"]


def test_every_data_set_holds_the_rows_of_its_file(live: Live, quicksight: Any) -> None:
    assert loaded(live, quicksight) == published(live)


def test_a_plan_is_empty_then(live: Live, quicksight: Any) -> None:
    planned = live.terraform("plan", "-detailed-exitcode")
    assert planned.returncode == 0, planned.stdout + planned.stderr


MISSING = "charges_by_age"


@pytest.fixture(scope="module")
def stale(live: Live, quicksight: Any, real_file: bytes) -> Execution:
    """A run while one of the data sets is gone, and the page cannot be written."""
    kept = quicksight.describe_data_set(**data_set(MISSING))["DataSet"]
    quicksight.delete_data_set(**data_set(MISSING))
    more = b"\n".join(real_file.splitlines()[:201]) + b"\n"
    with (
        live.replaced("artefacts/test_analysis.py", NOTHING),
        live.changed_function("write-page", raising),
    ):
        execution = live.run(lambda: live.put(live.input("shown.csv"), more))
    fields = ("Name", "PhysicalTableMap", "LogicalTableMap", "ImportMode")
    quicksight.create_data_set(**data_set(MISSING), **{field: kept[field] for field in fields})
    return execution


def test_a_run_that_cannot_be_shown_is_published_and_marked(
    live: Live, quicksight: Any, stale: Execution
) -> None:
    assert stale.ended.status == "SUCCEEDED", stale.ended.cause
    [run] = live.runs(stale.arn)
    served = live.ledger.live()
    assert served is not None
    assert served.run_id == run["run_id"]
    assert run["status"] == "dashboards stale"
    of_data_set, of_page = run["reason"].split("; ")
    assert of_data_set.startswith(f"{MISSING}: the ingestion is refused")
    assert "QuickSight.ResourceNotFoundException" in of_data_set
    assert of_page.startswith("the page was not written: RuntimeError: ")
    [(subject, text)] = live.notices(stale.arn)
    assert subject.endswith("is published, dashboards stale")
    assert f"Dashboards stale: {run['reason']}" in text


def test_the_next_run_loads_every_file_that_it_publishes(
    live: Live, quicksight: Any, stale: Execution
) -> None:
    with live.replaced("artefacts/test_analysis.py", NOTHING):
        execution = live.run(lambda: live.remove(live.input("shown.csv")))
    assert execution.ended.status == "SUCCEEDED", execution.ended.cause
    [run] = live.runs(execution.arn)
    assert run["status"] == "succeeded"
    assert loaded(live, quicksight, run["run_id"]) == published(live)
