"""The log lines of a run: counts and decisions of every state, and nothing of a row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from medical_charges.analysis.run import write_error
from medical_charges.errors import TooManyRejectedError
from medical_charges.storage import S3Store
from tests.functions import Pipeline, deploy
from tests.helpers import WITHOUT_CUBES

GROUP, REJECTED, MEASURE = "atlantis", "chimera", "7771234.515625"
"""A group of three people, a field that breaks a rule, and a value of the measure."""

HEADER = "age,sex,bmi,children,smoker,region,charges\n"
MARKED = HEADER + (
    f"33,female,27.9,0,yes,{GROUP},{MEASURE}\n" * 3
    + f"44,{REJECTED},27.9,0,yes,{GROUP},{MEASURE}\n"
    + f"44,male,27.9,0,{REJECTED},{GROUP},-{MEASURE}\n"
    + "19,female,27.9,0,yes,southwest,16884.924\n" * 50
)

TEXTS = {
    "level",
    "message",
    "timestamp",
    "service",
    "phase",
    "run_id",
    "decision",
    "function_name",
    "function_memory_size",
    "function_arn",
    "function_request_id",
}
COUNTS = {
    "counted",
    "manifests",
    "objects",
    "objects_new",
    "outputs",
    "rejected",
    "rows",
    "suppressed_rows",
}


@pytest.fixture
def pipeline(bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline whose input holds the marked values."""
    text = WITHOUT_CUBES.replace("northeast,", f"northeast, {GROUP},")
    return deploy(bucket, MARKED.encode(), monkeypatch, text)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged, once it is known to hold no mark."""
    text = capsys.readouterr().err
    for mark in (GROUP, REJECTED, MEASURE, MEASURE.partition(".")[0]):
        assert mark not in text
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_logs_each_state_with_its_id_and_decision_and_nothing_of_a_row(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = pipeline.run("one")
    pipeline.page("one", run_id)
    pipeline.finish("one", run_id)
    lines = lines_of(capsys)
    published = b"".join(pipeline.served().values()).decode()
    assert GROUP in published, "the marked rows are counted"
    assert {line["run_id"] for line in lines} == {run_id}
    assert [(line["phase"], line.get("decision")) for line in lines] == [
        ("PlanRun", "go"),
        ("plan", None),
        ("scan", None),
        ("merge", None),
        ("tables", None),
        ("Analyze", "done"),
        ("CompareRuns", "go"),
        ("PublishOutputs", "done"),
        ("GenerateManifests", "done"),
        ("ValidateManifests", "live"),
        ("WritePage", "done"),
        ("EndRun", "done"),
    ]


def test_a_line_has_counts_seconds_and_texts_of_known_names_only(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.run("one")
    lines = {line["phase"]: line for line in lines_of(capsys)}
    assert set().union(*lines.values()) <= TEXTS | COUNTS | {"seconds", "cold_start"}
    for line in lines.values():
        assert {type(line[name]) for name in COUNTS & line.keys()} <= {int}
    merged, tables = lines["merge"], lines["tables"]
    assert (merged["rows"], merged["counted"], merged["rejected"]) == (55, 53, 2)
    assert tables["suppressed_rows"] > 0
    assert all(lines[phase]["seconds"] >= 0 for phase in ("plan", "scan", "merge", "tables"))
    assert lines["plan"]["objects_new"] == 1


def test_a_failure_logs_its_run_and_not_its_reason(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    examples = {"sex.allowed": [REJECTED]}
    error = TooManyRejectedError(f"{REJECTED} {MEASURE}", {}, examples)
    write_error(pipeline.store, pipeline.contract, run_id, error)
    pipeline.fail("one", "Analyze", run_id, Error="ValueError", Cause=f"{GROUP},{MEASURE}")
    lines = lines_of(capsys)
    assert {line["run_id"] for line in lines} == {run_id}
    assert [(line["phase"], line["decision"]) for line in lines] == [
        ("PlanRun", "go"),
        ("Analyze", "failed"),
        ("EndRun", "failed"),
    ]
