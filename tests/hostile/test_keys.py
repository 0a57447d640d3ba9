"""Objects of hostile keys, in a bucket: each is read, or ignored with a reason."""

from __future__ import annotations

import json

import pytest

from medical_charges.contract import Contract
from medical_charges.layout import Layout
from medical_charges.storage import S3Store
from tests.functions import Pipeline, deploy

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"

KEYS = (
    "../up.csv",
    "a/../../../up.csv",
    "./here.csv",
    "a//b.csv",
    "/root.csv",
    "a b.csv",
    "a+b.csv",
    "a%2Bb%20c.csv",
    "a=b&c?d#e.csv",
    "caf\u00e9 \u6f22\u5b57 \U0001f9ea.csv",
    "\u202egnp.csv",
    "a\tb\rc.csv",
    "a'; DROP TABLE x; --.csv",
    '"quoted".csv',
    "{{7*7}} ${x} {% $x %}.csv",
    "<script>alert(1)</script>.csv",
    "=cmd|' calc'!A0.csv",
    "$(touch pwned).csv",
    "back\\slash.csv",
    "x" * (1024 - len("MedicalCharges/Input_data/")),
)
"""What comes after the input's folder."""


@pytest.fixture
def pipeline(bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    data = HEADER + GOOD * 20
    found = deploy(bucket, data, monkeypatch)
    bucket.delete("MedicalCharges/Input_data/Charges.csv")
    return found


def test_objects_of_any_key_are_counted_once_each_and_named_as_they_are(
    pipeline: Pipeline, contract: Contract
) -> None:
    for n, key in enumerate(KEYS):
        pipeline.upload(key, HEADER + GOOD * (20 + n))
    run_id = pipeline.run("one")
    layout = Layout(contract.prefix)
    snapshot = json.loads(pipeline.store.read(layout.snapshot(run_id)))
    read = {key for key, _, _ in snapshot["objects"].values()}
    wanted = {f"{layout.input}/{key}" for key in KEYS}
    hidden = {key for key in wanted if any(part.startswith(".") for part in key.split("/"))}
    assert read == wanted - hidden
    assert set(snapshot["ignored"]) == hidden
    assert set(snapshot["ignored"].values()) == {"of its name"}
    summary = json.loads(pipeline.store.read(layout.summary(run_id)))
    rows = [20 + n for n, key in enumerate(KEYS) if f"{layout.input}/{key}" not in hidden]
    assert summary["counted"] == sum(rows)
    outside = [ref.key for ref in pipeline.store.list("") if ".." in ref.key.split("/")]
    assert all(key.startswith(f"{layout.input}/") for key in outside)


def test_a_refused_object_of_a_hostile_key_is_named_in_the_notice(pipeline: Pipeline) -> None:
    key = "<script>alert(1)</script> \x1b]0;x\x07 caf\u00e9+%2B.csv"
    pipeline.upload(key, b"nothing\n")
    with pytest.raises(Exception, match="has no header") as refused:
        pipeline.plan("one")
    cause = json.dumps({"errorType": "InputRefusedError", "errorMessage": str(refused.value)})
    pipeline.fail("one", "PlanRun", Error="InputRefusedError", Cause=cause)
    ((subject, text),) = pipeline.notices()
    assert subject.isprintable()
    assert len(subject) <= 100
    assert "has no header" in text
    assert "\x1b" not in text
