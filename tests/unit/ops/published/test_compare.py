"""`make compare`: what two publications differ in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from medical_charges.analysis.earlier import Earlier, read_history, write_earlier
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.runs.publish import read_live
from medical_charges.storage import LocalStore, S3Store, Store
from ops import __main__ as ops
from ops.folders import publish_staged
from ops.published.compare import compare, lines
from tests.helpers import WITHOUT_CUBES, run, upload
from tests.unit.runs.test_hold import of_one_region, part

REGION, AGE, BMI = "charges_by_region", "charges_by_age", "charges_by_bmi_category"
SMALL = (
    WITHOUT_CUBES.partition("  smokers_by_region:\n")[0]
    + "disclosure: { minimum_cell: 11, extremes: publish, top_code: { age: 90 } }\n"
)
"""Three analyses by one column each: to protect these is quick."""


FIRST, SECOND, THIRD, FOURTH = (f"2026112{day}T101500000Z-abc" for day in (1, 2, 3, 4))
LAYOUT = Layout("MedicalCharges")


def analyzed(store: LocalStore, run_id: str, *, over: bool = False, text: str = SMALL) -> Summary:
    """A run up to its staged outputs; `over` if it is asked to publish whatever that discloses."""
    contract, live = parse_contract(text), read_live(store, LAYOUT)
    history = {} if over else read_history(store, LAYOUT)
    write_earlier(store, LAYOUT, run_id, Earlier(live.run_id if live else None, history, over))
    return run(store, contract, run_id)


def publish(store: LocalStore, run_id: str, *, over: bool = False, text: str = SMALL) -> None:
    publish_staged(store, LAYOUT, analyzed(store, run_id, over=over, text=text))


def add(store: LocalStore, name: str, data: bytes) -> None:
    upload(store, parse_contract(SMALL), {name: data})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, real_file: bytes) -> Path:
    """A folder with two publications: the real file, and twenty people of the southeast more."""
    folder = tmp_path_factory.mktemp("published")
    store = LocalStore(folder)
    add(store, "one.csv", real_file)
    publish(store, FIRST)
    add(store, "two.csv", of_one_region(real_file, 20))
    publish(store, SECOND)
    return folder


@pytest.fixture
def store(published: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(published, tmp_path / "out")
    return LocalStore(tmp_path / "out")


@pytest.fixture
def contract() -> Contract:
    return parse_contract(SMALL)


def rewrite(store: Store, name: str, rows: Iterable[bytes]) -> None:
    """Replace the rows of an output of the second run."""
    key = LAYOUT.staged(SECOND, name)
    header = store.read(key).split(b"\n")[0]
    store.write(key, b"\n".join([header, *rows, b""]))


def rows_of(store: Store, name: str) -> list[bytes]:
    return store.read(LAYOUT.staged(SECOND, name)).split(b"\n")[1:-1]


def test_the_two_latest_publications_are_compared(store: LocalStore, contract: Contract) -> None:
    found = compare(store, contract)
    assert [run.run_id for run in found.runs] == [FIRST, SECOND]
    assert [run.counted for run in found.runs] == [1338, 1358]
    region = found.changes[REGION]
    assert {figure.group for figure in region.figures} == {("southeast",)}
    patients = next(figure for figure in region.figures if figure.column == "patients")
    assert (patients.before, patients.after, patients.difference) == ("364", "384", Decimal(20))
    assert not found.changes[AGE], "it waits"
    text = list(lines(found))
    assert "people 1,338 -> 1,358 (+20)" in text
    assert f"{AGE}: same" in text
    assert any(it.startswith("  region=southeast: patients 364 -> 384 (+20); mean_") for it in text)


def test_rows_and_figures_that_come_and_go_are_named(store: LocalStore, contract: Contract) -> None:
    rows = rows_of(store, BMI)
    assert [row.split(b",")[0] for row in rows] == [
        b"underweight",
        b"normal",
        b"overweight",
        b"obese",
    ]
    hidden = b"normal" + b"," * rows[1].count(b",")
    rewrite(store, BMI, [rows[0], hidden, rows[2], b"gigantic,50,0.1,2.5,1"])
    change = compare(store, contract).changes[BMI]
    assert change.added == [("gigantic",)]
    assert change.removed == [("obese",)]
    assert {figure.group for figure in change.lost} == {("normal",)}
    assert len(change.lost) == rows[1].count(b",")
    assert not change.gained
    back = compare(store, contract, SECOND, FIRST).changes[BMI]
    assert back.gained
    assert not back.lost
    assert back.added == change.removed
    text = "\n".join(lines(compare(store, contract)))
    assert "rows added 1, rows removed 1" in text
    assert "figures no longer shown 4" in text
    assert "  bmi_category=gigantic: added" in text
    assert "-> not shown" in text


def test_an_output_that_is_withheld_as_a_whole_has_lost_no_rows(
    store: LocalStore, contract: Contract
) -> None:
    key = LAYOUT.summary(SECOND)
    summary = json.loads(store.read(key)) | {"withheld": {BMI: "too small"}}
    store.write(key, json.dumps(summary).encode())
    rewrite(store, BMI, [])
    found = compare(store, contract)
    assert not found.changes[BMI].removed
    assert f"{BMI}: withheld as a whole now" in list(lines(found))


def test_runs_are_named_in_either_order(store: LocalStore, contract: Contract) -> None:
    first, second = FIRST, SECOND
    back = compare(store, contract, second, first)
    assert [run.run_id for run in back.runs] == [second, first]
    for given in ({"run_a": first}, {"run_b": second}, {"run_a": second}):
        assert [run.run_id for run in compare(store, contract, **given).runs] == [first, second]


def test_a_run_that_readers_never_had_is_refused(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    add(store, "few.csv", part(real_file, 100, 3))
    assert analyzed(store, THIRD).replaces_nothing
    for run_id in (THIRD, "20260101T000000000Z-000000000000"):
        with pytest.raises(OutputsRefusedError, match="never published") as refused:
            compare(store, contract, run_b=run_id)
        assert f"kept: {FIRST}, {SECOND}" in str(refused.value)


def test_one_publication_is_compared_with_nothing(
    tmp_path: Path, contract: Contract, real_file: bytes
) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(OutputsRefusedError, match=r"no two publications .* kept: none"):
        compare(store, contract)
    add(store, "one.csv", real_file)
    publish(store, FIRST)
    with pytest.raises(OutputsRefusedError, match="no two publications"):
        compare(store, contract)
    with pytest.raises(OutputsRefusedError, match="with itself"):
        compare(store, contract, FIRST, FIRST)


def test_runs_of_different_contracts_are_refused(store: LocalStore, contract: Contract) -> None:
    publish(store, THIRD, over=True, text=SMALL.replace("cell: 11", "cell: 12"))
    with pytest.raises(OutputsRefusedError, match="contract was replaced between"):
        compare(store, contract)


def test_a_contract_of_other_columns_is_refused(store: LocalStore, contract: Contract) -> None:
    other = parse_contract(SMALL.replace("[patients, share, mean, stddev]", "[patients, mean]"))
    with pytest.raises(OutputsRefusedError, match="name the contract of the run"):
        compare(store, other)


@pytest.mark.parametrize("gone", ["summary.json", "outputs/"])
def test_a_run_whose_files_are_gone_is_refused(
    store: LocalStore, contract: Contract, gone: str
) -> None:
    folder = LAYOUT.run(FIRST)
    for ref in list(store.list(folder)):
        if ref.key.startswith(f"{folder}/{gone}"):
            store.delete(ref.key)
    with pytest.raises(OutputsRefusedError, match=r"emptied|no longer has"):
        compare(store, contract)


# --- what a comparison discloses


def test_nothing_is_disclosed_by_publications_that_were_protected_together(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    add(store, "three.csv", of_one_region(real_file, 20, start=40))
    publish(store, THIRD)
    for runs in ((FIRST, THIRD), (THIRD, FIRST)):
        found = compare(store, contract, *runs)
        assert found.unprotected == ()
        assert "anyone who has both knows all of this" in list(lines(found))[-1]


def test_a_publication_that_started_over_is_not_to_be_passed_on(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    """A person was added, and the operator published that all the same."""
    add(store, "one.csv", real_file + b"\n" + real_file.splitlines()[1])
    publish(store, THIRD, over=True)
    found = compare(store, contract)
    assert REGION in found.unprotected
    assert "Do not pass this on" in list(lines(found))[-1]
    assert "fewer than 11 people" in list(lines(found))[-1]


def test_what_follows_a_publication_that_started_over_is_protected_against_it(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    publish(store, THIRD, over=True)
    add(store, "three.csv", of_one_region(real_file, 20, start=40))
    publish(store, FOURTH)
    found = compare(store, contract)
    assert [run.run_id for run in found.runs] == [THIRD, FOURTH]
    assert found.changes[REGION]
    assert found.unprotected == ()


# --- the command


def run_command(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str, str]:
    file = tmp_path / "contract.yaml"
    file.write_text(SMALL)
    code = ops.main(["compare", "--out", store.uri, "--contract", str(file), *more])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_prints_text_or_json(
    store: LocalStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, _ = run_command(store, tmp_path, capsys)
    assert (code, text.splitlines()[1]) == (0, "people 1,338 -> 1,358 (+20)")
    code, text, _ = run_command(store, tmp_path, capsys, "--json")
    found: dict[str, Any] = json.loads(text)
    assert (code, found["counted"]) == (0, {"before": 1338, "after": 1358})
    assert (found["run_a"], found["run_b"]) == (FIRST, SECOND)
    assert found["outputs"][REGION]["figures"][0] == {
        "group": {"region": "southeast"},
        "column": "patients",
        "before": 364,
        "after": 384,
        "difference": 20,
    }


def test_any_label_is_json(
    store: LocalStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = "caf\u00e9 \x85 \x9b1m \u202e \u2028" + " long" * 4000
    rewrite(store, BMI, [f"{label},50,0.1,2.5,1".encode()])
    _, text, _ = run_command(store, tmp_path, capsys, "--json")
    assert json.loads(text)["outputs"][BMI]["added"] == [{"bmi_category": label}]


def test_the_command_reads_a_bucket_as_a_folder(
    store: LocalStore, bucket: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ref in store.list("MedicalCharges"):
        bucket.write(ref.key, store.read(ref.key))
    there, here = (run_command(it, tmp_path, capsys)[1].splitlines() for it in (bucket, store))
    assert there[:-1] == here[:-1]


def test_the_command_says_why_it_cannot(
    store: LocalStore, aws: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = run_command(store, tmp_path, capsys, "--run-a=x")
    assert (code, error.partition(",")[0]) == (1, "error: run 'x' was never published here")
    code, _, error = run_command(S3Store("s3://missing"), tmp_path, capsys)
    assert (code, error[:35]) == (1, "error: AWS cannot be asked, or refu")
