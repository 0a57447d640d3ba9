"""The real file is uploaded to a stack that has never run."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from ops.written import Written
from tests.functional.conftest import Newcomer
from tests.functional.live import Execution, Live
from tests.helpers import page_data
from tests.readme import HERE

BEFORE_VALIDATION = ["PlanRun", "Decide", "CreateCluster", "Analyze"]
BEFORE_VALIDATION += ["IsClusterTransient", "TerminateCluster"]
BEFORE_VALIDATION += ["CompareRuns", "IsHeld", "Validate"]
VALIDATION = ["TestAnalysis", "ValidateOutputs"]
AFTER_VALIDATION = ["PublishOutputs", "GenerateManifests", "ValidateManifests"]
AFTER_VALIDATION += ["RefreshDashboards", "WritePage", "Notify", "EndRun", "WasHeld", "Published"]


def test_an_upload_starts_an_execution_that_goes_through_every_state(first_run: Execution) -> None:
    assert (first_run.ended.status, first_run.ended.cause) == ("SUCCEEDED", "")
    assert first_run.entered[:9] == BEFORE_VALIDATION
    # Side by side.
    assert sorted(first_run.entered[9:11]) == VALIDATION
    assert first_run.entered[11:] == AFTER_VALIDATION


def test_every_task_came_to_what_it_should(live: Live, first_run: Execution) -> None:
    results = {state: json.loads(text) for state, text in first_run.results.items()}
    assert results["PlanRun"]["Payload"]["decision"] == "go"
    assert results["CreateCluster"]["Cluster"]["Status"]["State"] == "WAITING"
    assert results["Analyze"]["Step"]["Status"]["State"] == "COMPLETED"
    assert results["TerminateCluster"]["Cluster"]["Status"]["State"] == "TERMINATED"
    for state in VALIDATION:
        assert results[state]["JobRunState"] == "SUCCEEDED"
    assert len(results["PublishOutputs"]["Payload"]["published"]) == 9
    assert len(results["GenerateManifests"]["Payload"]["manifests"]) == 9
    assert results["ValidateManifests"]["Payload"]["live"]
    assert results["WritePage"]["Payload"]["page"] == f"s3://{live.bucket}/{live.layout.dashboard}"
    assert results["EndRun"]["Payload"] == {"pending": False}


def test_the_outputs_are_those_of_the_analysis_byte_for_byte(
    live: Live, first_run: Execution, real_outputs: Mapping[str, bytes]
) -> None:
    assert live.outputs() == real_outputs
    assert len(real_outputs) == 9


def test_the_page_in_the_bucket_shows_the_outputs_to_those_who_have_a_link(
    live: Live, first_run: Execution
) -> None:
    page = live.read(live.layout.dashboard)
    link = live.stack.pipeline.share(60)
    assert got(link) == (HTTPStatus.OK, "text/html", page)
    tables = json.loads(page_data(page.decode()))["tables"]
    assert tables["charges_by_region"]["values"][0][0] == "northeast"
    assert got(link.partition("?")[0])[0] == HTTPStatus.FORBIDDEN


def got(link: str) -> tuple[int, str | None, bytes]:
    """The status, the type and the content that a browser gets."""
    url = urlsplit(link)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    connection.request("GET", f"{url.path}?{url.query}")
    with closing(connection), connection.getresponse() as answer:
        return answer.status, answer.getheader("Content-Type"), answer.read()


def test_every_manifest_names_the_output_of_its_table(live: Live, first_run: Execution) -> None:
    layout, outputs = live.layout, live.stack.contract.outputs
    assert live.keys(f"{layout.manifests}/") == sorted(layout.manifest(name) for name in outputs)
    for name in outputs:
        manifest = json.loads(live.read(layout.manifest(name)))
        uri = f"s3://{live.bucket}/{layout.published(name)}"
        assert manifest["fileLocations"] == [{"URIs": [uri]}]


def test_the_run_is_recorded_its_lease_free_and_its_cluster_gone(
    live: Live, first_run: Execution
) -> None:
    [run] = live.runs(first_run.arn)
    assert run["status"] == "succeeded"
    served = live.ledger.live()
    assert served is not None
    assert served.run_id == run["run_id"]
    assert live.ledger.lease() is None
    assert set(live.clusters().values()) == {"TERMINATED"}


def test_the_readme_s_commands_show_the_figures_and_write_the_page(
    first_run: Execution, newcomer: Newcomer, live: Live
) -> None:
    run, dashboard = HERE
    newcomer.types(dashboard)
    folder = newcomer.out / live.layout.prefix
    printed = newcomer.printed[run]
    assert re.search(r"\n +southeast +364 +14735\.411438 ", printed)
    assert "rows read 1338, counted 1338, rejected 0" in printed
    assert f"results in {folder}\n" in printed
    assert re.search(r"\n  make dashboard \S", printed), "what to do next"
    page = newcomer.out / live.layout.dashboard
    assert newcomer.printed[dashboard].startswith(f"dashboard: {page} (open it in a browser)\n")
    assert page.read_bytes() == live.read(live.layout.dashboard)
    files = {path for path in folder.rglob("*") if path.is_file()}
    found = {path.relative_to(newcomer.out).as_posix() for path in files}
    ignored = f"{live.layout.prefix}/.gitignore"
    assert found == {*live.keys(f"{live.layout.prefix}/"), ignored}


def test_one_notice_says_that_the_run_is_published(live: Live, first_run: Execution) -> None:
    [(subject, text)] = live.notices(first_run.arn)
    [run] = live.runs(first_run.arn)
    assert subject == f"medical-charges: run {run['run_id']} is published"
    assert "\nRows rejected: 0\n" in text
    summary = next(word for word in text.split() if word.endswith("/summary.json"))
    assert json.loads(live.read(summary.partition(f"{live.bucket}/")[2]))["counted"] == 1338


def test_a_folder_mirrors_the_bucket(live: Live, first_run: Execution, tmp_path: Path) -> None:
    folder = tmp_path / live.layout.prefix
    folder.mkdir()
    (folder / "mine").touch()
    (folder / "left by an earlier run").touch()
    written = Written(tmp_path, live.layout.prefix)
    with written.recording():
        (folder / "left by an earlier run").write_text("written")
    assert live.stack.pipeline.mirror(written, remove=True) == {}
    (folder / "mine").unlink()
    (folder / ".gitignore").unlink()
    files = {path for path in folder.rglob("*") if path.is_file()}
    found = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files}
    assert found == {key: live.read(key) for key in live.keys(f"{live.layout.prefix}/")}
    assert live.layout.published("charges_by_age") in found


def test_an_execution_without_anything_new_does_nothing(live: Live, first_run: Execution) -> None:
    served, clusters = live.served(), live.clusters()
    execution = live.execute()
    assert execution.entered == ["PlanRun", "Decide", "SkippedUnchanged"]
    assert execution.ended.status == "SUCCEEDED"
    assert (live.served(), live.clusters()) == (served, clusters)


def test_an_upload_of_a_few_people_is_held(
    live: Live, first_run: Execution, real_file: bytes
) -> None:
    served, key = live.served(), live.input("few.csv")
    few = b"".join(real_file.splitlines(keepends=True)[:4])
    execution = live.run(lambda: live.put(key, few))
    again = live.execute()
    # Without it all is as it was when it was served.
    assert live.run(lambda: live.remove(key)).entered[-1] == "SkippedUnchanged"
    end = ["NotifyHeld", "EndRun", "WasHeld", "Held"]
    assert execution.entered[-6:] == ["CompareRuns", "IsHeld", *end]
    assert again.entered == ["PlanRun", "Decide", *end]
    for one in (execution, again):
        assert one.ended.status == "SUCCEEDED"
        assert "fewer than 11 people" in one.ended.held
        [run] = live.runs(one.arn)
        assert run["status"] == "held"
        [(subject, text)] = live.notices(one.arn)
        assert subject == f"medical-charges: run {run['run_id']} is held"
        assert one.ended.held in text
    assert live.served() == served
