"""Events that lie: wrong types, other machines, missing fields, endless texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.end_run.handler import handle as end_run
from lambdas.plan_run.handler import handle as plan_run
from medical_charges.errors import OutputsRefusedError
from medical_charges.storage import S3Store
from tests.functions import LambdaContext, Pipeline, deploy, execution

LONG = "x" * 300_000
OTHER = "arn:aws:states:us-east-1:123456789012:execution:other:one"


@pytest.fixture
def pipeline(bucket: S3Store, monkeypatch: pytest.MonkeyPatch, real_file: bytes) -> Pipeline:
    return deploy(bucket, real_file, monkeypatch)


ROLLBACKS = ("", "../../Run_data", "live", "\0", "'; DROP TABLE ledger; --", "<script>", LONG)


def test_a_rollback_to_what_is_no_run_is_refused_with_a_short_sentence(pipeline: Pipeline) -> None:
    pipeline.finish("one", pipeline.run("one"))
    before = pipeline.served()
    for rollback in ROLLBACKS:
        with pytest.raises(OutputsRefusedError, match="was never published") as refused:
            pipeline.plan("two", rollback=rollback)
        assert len(str(refused.value)) < 200
    assert pipeline.served() == before
    assert pipeline.ledger.lease() is None


ENDED: dict[str, dict[str, Any]] = {
    "an execution of another machine": {"executionArn": OTHER, "status": "FAILED"},
    "an execution that never was": {"executionArn": execution("never"), "status": "ABORTED"},
    "a status that there is not": {"executionArn": execution("two"), "status": "<script>"},
    "a name that is a path": {"executionArn": execution("../one"), "status": "FAILED"},
    "no text": {"executionArn": "", "status": "FAILED"},
    "endless texts": {
        "executionArn": execution("two"),
        "status": "FAILED",
        "error": LONG,
        "cause": LONG,
    },
    "a cause that looks like JSON": {
        "executionArn": execution("two"),
        "status": "FAILED",
        "error": "X",
        "cause": '{"ErrorMessage": ["a", {"b": "c"}], "Cluster": 7}',
    },
}


@pytest.mark.parametrize("case", ENDED)
def test_an_end_of_what_holds_no_lease_changes_nothing(pipeline: Pipeline, case: str) -> None:
    run_id = pipeline.plan("one")["run_id"]
    before, lease = pipeline.ledger.run(run_id), pipeline.ledger.lease()
    end_run({"detail": ENDED[case]}, LambdaContext())
    assert pipeline.ledger.lease() == lease
    assert pipeline.ledger.run(run_id) == before
    assert pipeline.notices() == []


CAUSES = {
    "endless text": LONG,
    "endless JSON": json.dumps({"ErrorMessage": LONG}),
    "JSON of other types": '{"ErrorMessage": ["a"], "Cluster": 7, "errorMessage": {"b": 1}}',
    "JSON cut off": '{"errorMessage": "x',
    "a list": "[1, 2]",
    "deep JSON": "[" * 50_000,
    "deep objects": '{"a":' * 50_000,
    "a number": "7",
    "script": "<script>alert(1)</script>",
    "a terminal's control": "\x1b[2J\x07",
    "a lone surrogate": '{"errorMessage": "\\ud800"}',
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_failure_of_any_cause_is_recorded_and_frees_the_lease(
    pipeline: Pipeline, case: str
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    pipeline.fail("one", "Analyze", run_id, Error="States.TaskFailed", Cause=CAUSES[case])
    assert pipeline.ledger.lease() is None
    entry = pipeline.ledger.run(run_id)
    assert entry["status"] == "failed"
    assert entry["reason"]
    assert len(entry["reason"]) <= 4000
    ((subject, text),) = pipeline.notices()
    assert run_id in subject
    assert "\x1b" not in text


INPUTS: dict[str, dict[str, Any]] = {
    "texts for truths": {"recheck": "", "publish_held": ""},
    "nothing for truths": {"recheck": None, "publish_held": None},
    "an upload that never was": {"detail": {"bucket": {"name": "other"}, "object": {}}},
    "a key that is not decoded": {"detail": {"object": {"key": "a+b%2F..%00", "size": -1}}},
    "a payload of other types": {"detail": [1, "two", {"three": None}], "Records": 7},
}


@pytest.mark.parametrize("case", INPUTS)
def test_a_plan_reads_the_bucket_and_not_the_event(pipeline: Pipeline, case: str) -> None:
    planned = plan_run({"execution": execution("one"), **INPUTS[case]}, LambdaContext())
    assert (planned["decision"], planned["recheck"]) == ("go", False)
    snapshot = json.loads(
        pipeline.store.read(planned["run_uri"].partition("medicalcharges/")[2] + "/snapshot.json")
    )
    assert [key for key, _, _ in snapshot["objects"].values()] == [
        "MedicalCharges/Input_data/Charges.csv"
    ]
