"""The folder that mirrors the bucket: what is written there, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from medical_charges.analysis.earlier import record_versions
from medical_charges.analysis.summary import Summary
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, S3Store
from ops.pipeline import Pipeline
from ops.written import Written

PREFIX = "MedicalCharges"
OUTPUTS = {
    "bucket_name": "medicalcharges",
    "state_machine_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:medical-charges",
    "ledger_table": "ledger",
}


@pytest.fixture
def pipeline(bucket: S3Store) -> Pipeline:
    """A pipeline with one good object."""
    bucket.write(f"{PREFIX}/Output_data/a/a.csv", b"region\n")
    return Pipeline({"AWS_REGION": "us-east-1"}, OUTPUTS, Layout(PREFIX))


def mirror(pipeline: Pipeline, out: Path, *, remove: bool = True) -> dict[str, str]:
    """Mirror the bucket to a folder; return what could not be, with the reasons."""
    written = Written(out, PREFIX)
    with written.recording():
        return pipeline.mirror(written, remove=remove)


def files(folder: Path) -> list[str]:
    """The files of a folder but for the index."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.relative_to(folder).as_posix()
        for path in found
        if not path.name.endswith(".written.json")
    )


GOOD = f"{PREFIX}/Output_data/a/a.csv"
HOSTILE = {
    "": "it ends in a slash",
    "Input_data/": "it ends in a slash",
    "../../outside.csv": "a part of it is empty, `.`, `..`",
    "Input_data/../../../outside.csv": "a part of it is empty, `.`, `..`",
    "/etc/outside.csv": "a part of it is empty, `.`, `..`",
    "Input_data/./a.csv": "a part of it is empty, `.`, `..`",
    f"Input_data/{'é' * 128}.csv": "longer than 255 bytes",
    "Output_data/a": "other keys continue it as a folder",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_key_that_can_be_no_file_is_named_and_the_others_are_mirrored(
    pipeline: Pipeline, bucket: S3Store, tmp_path: Path, name: str
) -> None:
    key = f"{PREFIX}/{name}"
    bucket.write(key, b"" if name.endswith("/") else b"hostile")
    out = tmp_path / "inner" / "out"
    reasons = mirror(pipeline, out)
    assert list(reasons) == [key]
    assert HOSTILE[name] in reasons[key]
    assert files(tmp_path) == [f"inner/out/{PREFIX}/.gitignore", f"inner/out/{GOOD}"]


def test_a_name_as_long_as_a_name_may_be_is_mirrored(
    pipeline: Pipeline, bucket: S3Store, tmp_path: Path
) -> None:
    key = f"{PREFIX}/Input_data/{'é' * 127}x"
    bucket.write(key, b"a")
    assert mirror(pipeline, tmp_path) == {}
    assert (tmp_path / key).read_bytes() == b"a"


def test_what_no_run_has_written_stays(pipeline: Pipeline, bucket: S3Store, tmp_path: Path) -> None:
    notes = [tmp_path / PREFIX / "notes.txt", tmp_path / PREFIX / "Output_data/a/notes.txt"]
    for path in notes:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    for key in ("Run_data/1/plan.json", "Run_data/2/plan.json"):
        bucket.write(f"{PREFIX}/{key}", b"{}")
    mirror(pipeline, tmp_path)
    changed = tmp_path / PREFIX / "Run_data/2/plan.json"
    changed.write_text("my own words")
    bucket.delete(f"{PREFIX}/Run_data/1/plan.json")
    bucket.delete(f"{PREFIX}/Run_data/2/plan.json")
    mirror(pipeline, tmp_path, remove=False)
    assert (tmp_path / PREFIX / "Run_data/1/plan.json").is_file()
    mirror(pipeline, tmp_path)
    assert not (tmp_path / PREFIX / "Run_data/1").exists()
    assert changed.read_text() == "my own words"
    assert [path.read_text() for path in notes] == ["mine", "mine"]


def test_an_object_may_become_a_folder_and_a_folder_an_object(
    pipeline: Pipeline, bucket: S3Store, tmp_path: Path
) -> None:
    key = f"{PREFIX}/Input_data/x"
    bucket.write(key, b"1")
    mirror(pipeline, tmp_path)
    bucket.delete(key)
    bucket.write(f"{key}/y", b"2")
    assert mirror(pipeline, tmp_path) == {}
    bucket.delete(f"{key}/y")
    bucket.write(key, b"3")
    assert mirror(pipeline, tmp_path) == {}
    assert (tmp_path / key).read_bytes() == b"3"


def test_a_file_in_place_of_a_folder_is_named_and_stays(pipeline: Pipeline, tmp_path: Path) -> None:
    mine = tmp_path / PREFIX / "Output_data"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert "is in its place" in mirror(pipeline, tmp_path)[GOOD]
    assert mine.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_a_sentence(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / PREFIX).touch()
    with pytest.raises(MedicalChargesError, match="cannot be used as a folder"):
        mirror(pipeline, tmp_path)


def test_an_empty_bucket_is_given_what_a_run_is_compared_with(
    pipeline: Pipeline, bucket: S3Store, tmp_path: Path
) -> None:
    store, layout = LocalStore(tmp_path), Layout(PREFIX)
    summary = Summary("one", "contract", state=layout.state("s"), staged={"a": "checksum"})
    kept = [layout.staged("one", "a"), layout.summary("one"), layout.state("s"), layout.live]
    for key in (*kept, layout.report("one"), layout.state("other")):
        store.write(key, b'{"run_id": "one", "snapshot": "s", "outputs": {}}')
    record_versions(store, layout, summary)
    pipeline.restore(tmp_path)
    held = {ref.key for ref in bucket.list(f"{PREFIX}/Run_data")}
    held |= {ref.key for ref in bucket.list(f"{PREFIX}/Cube_data")}
    assert held == {*kept, layout.history}


def test_a_bucket_with_a_history_of_its_own_keeps_it(
    pipeline: Pipeline, bucket: S3Store, tmp_path: Path
) -> None:
    store, layout = LocalStore(tmp_path), Layout(PREFIX)
    bucket.write(layout.history, b"{}")
    record_versions(store, layout, Summary("one", "c", layout.state("s"), staged={"a": "sum"}))
    pipeline.restore(tmp_path)
    assert bucket.read(layout.history) == b"{}"
