"""Ten files arrive at once, one of them twice, on a stack whose library has been replaced."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from medical_charges.storage import LocalStore
from tests.functional.live import Execution, Live, all_at_once
from tests.helpers import outputs_of
from tests.local_aws.endpoints import until

MARK = "made by a replaced wheel"

# Says so in every summary.
REPLACED = f"""

_Summary = Summary


class Summary(_Summary):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.warnings.append({MARK!r})
"""


def replaced(wheel: bytes) -> bytes:
    """The library with another analysis in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(
                name,
                text + REPLACED.encode() if name == "medical_charges/analysis/run.py" else text,
            )
    return target.getvalue()


@dataclass(frozen=True)
class Uploads:
    """The outcome of ten uploads."""

    files: dict[str, bytes]
    executions: list[Execution]
    runs: list[dict[str, Any]]


def eleven(executions: list[str], known: list[str]) -> list[str]:
    new = [arn for arn in executions if arn not in known]
    return new if len(new) == 11 else []


@pytest.fixture(scope="module")
def uploads(live: Live, first_run: Execution, real_file: bytes) -> Uploads:
    header, *rows = real_file.splitlines()
    # People of an age that is top-coded, too few to be shown.
    rare = b"95,female,25,0,no,northeast,1000"
    files = {
        f"part-{i}.csv": b"\n".join([header, rare, *rows[100 * i : 100 * i + 100]])
        for i in range(10)
    }
    known, runs = live.stack.pipeline.executions(), live.runs()
    [wheel] = [key for key in live.keys("artefacts/library/") if key.endswith(".whl")]
    puts = [partial(live.put, live.input(name), data) for name, data in files.items()]
    with live.replaced(wheel, replaced(live.read(wheel))):
        all_at_once([*puts, puts[4]])
        new = until(lambda: eleven(live.stack.pipeline.executions(), known))
        executions = [live.finish(arn) for arn in new]
        # One that follows a run for which the others set pending is started by no upload.
        uploaded = {*known, *new}
        executions += [
            live.finish(arn) for arn in live.stack.pipeline.executions() if arn not in uploaded
        ]
    before = {run["run_id"] for run in runs}
    return Uploads(files, executions, [run for run in live.runs() if run["run_id"] not in before])


@pytest.fixture(scope="module")
def served(live: Live, uploads: Uploads) -> dict[str, Any]:
    """The summary of the run that is served."""
    found = live.ledger.live()
    assert found
    return dict(json.loads(live.read(live.layout.summary(found.run_id))))


def test_every_upload_starts_an_execution_and_none_fails(uploads: Uploads) -> None:
    following = [one for one in uploads.executions if ":after-" in one.arn]
    assert len(uploads.executions) - len(following) == 11
    assert len({one.arn for one in following}) == len(following) > 0
    assert {execution.ended.status for execution in uploads.executions} == {"SUCCEEDED"}


def test_at_most_three_runs_do_the_work_one_at_a_time(uploads: Uploads) -> None:
    assert len([run for run in uploads.runs if run["status"] == "succeeded"]) <= 3
    assert {run["status"] for run in uploads.runs} <= {"succeeded", "skipped"}
    assert all(one["ended"] <= other["started"] for one, other in pairwise(uploads.runs))


def test_every_row_is_counted_once_and_the_last_snapshot_is_live(
    live: Live, uploads: Uploads, served: dict[str, Any], store: LocalStore
) -> None:
    names = [key.rpartition("/")[2] for key in live.keys(f"{live.layout.input}/")]
    files = {name: live.read(live.input(name)) for name in names}
    assert uploads.files.items() <= files.items()
    assert served["objects"] == len(files)
    assert served["counted"] == sum(len(data.splitlines()) - 1 for data in files.values())
    assert "charges_by_region" not in served["waiting"]
    expected = live.expected(outputs_of(store, live.stack.contract, files), served)
    assert expected.items() <= live.outputs().items()


def test_what_ran_is_the_uploaded_wheel(
    live: Live, served: dict[str, Any], first_run: Execution
) -> None:
    assert MARK in served["warnings"]
    [first] = live.runs(first_run.arn)
    assert MARK not in live.read(live.layout.summary(first["run_id"])).decode()


def test_an_execution_publishes_an_earlier_run_again(live: Live, uploads: Uploads) -> None:
    latest = live.ledger.live()
    assert latest
    outputs = live.outputs()
    published = [run["run_id"] for run in live.runs() if "snapshot" in run]
    earlier = next(run_id for run_id in published if run_id != latest.run_id)
    there = live.finish(live.stack.pipeline.execute(rollback=earlier))
    assert there.ended.status == "SUCCEEDED"
    assert not {"CreateCluster", "Analyze", "Validate"} & set(there.entered)
    assert live.outputs() == {
        name: live.read(live.layout.staged(earlier, name)) for name in outputs
    }
    assert json.loads(live.read(live.layout.live))["run_id"] == earlier
    back = live.finish(live.stack.pipeline.execute(rollback=latest.run_id))
    assert back.ended.status == "SUCCEEDED"
    assert live.outputs() == outputs


def test_every_table_reads_back_through_the_catalog_alone(
    live: Live, uploads: Uploads, tmp_path: Path
) -> None:
    database = live.stack.terraform.outputs()["glue_database"]
    tables = live.client("glue").get_tables(DatabaseName=database)["TableList"]
    published = live.outputs()
    assert {table["Name"] for table in tables} == published.keys()
    withheld = 0
    for table in tables:
        found = through_the_catalog(live, table, tmp_path)
        header, *rows = csv.reader(io.StringIO(published[table["Name"]].decode()))
        columns = table["StorageDescriptor"]["Columns"]
        assert header == [column["Name"] for column in columns]
        kinds = [column["Type"] for column in columns]
        assert found == [
            tuple(typed(field, kind) for field, kind in zip(row, kinds, strict=True))
            for row in rows
        ]
        withheld += sum(value is None for row in found for value in row)
    assert withheld


def through_the_catalog(live: Live, table: dict[str, Any], folder: Path) -> list[Any]:
    """A table's rows, by nothing but what its entry says."""
    storage = table["StorageDescriptor"]
    serde = storage["SerdeInfo"]
    assert serde["SerializationLibrary"].endswith(".LazySimpleSerDe")
    assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    bucket, _, prefix = storage["Location"].removeprefix("s3://").partition("/")
    assert bucket == live.bucket
    (folder / table["Name"]).mkdir()
    for number, key in enumerate(live.keys(prefix)):
        (folder / table["Name"] / str(number)).write_bytes(live.read(key))
    return duckdb.read_csv(
        f"{folder / table['Name']}/*",
        header=False,
        columns={column["Name"]: column["Type"] for column in storage["Columns"]},
        skiprows=int(table["Parameters"]["skip.header.line.count"]),
        sep=serde["Parameters"]["field.delim"],
        na_values=serde["Parameters"]["serialization.null.format"],
        # This serde knows no quotes.
        quotechar="",
        escapechar="",
    ).fetchall()


def typed(field: str, kind: str) -> str | int | float | None:
    """A field of the CSV as its column's type has it."""
    if not field:
        return None
    types: dict[str, type[str | int | float]] = {"string": str, "bigint": int, "double": float}
    return types[kind](field)
