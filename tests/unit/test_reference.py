"""The published bytes are those of commit 8b91517, and what it stored is not read again.

data/reference.tar.gz holds what that commit made: for each case the published outputs, their
manifests, the data within the dashboard's page, and the checksum of the input. `store/` in it is a
bucket as a run of that commit left it. The files came about so: this module, generated.py and the
data sets were copied to a checkout of 8b91517; there `results` was called for every case, and the
whole bucket was read after the run named `before`; tar packed what came of it, sorted by name.

The store is a bucket: there an object is known by its checksum, wherever the bucket is restored. In
a folder it was known by its inode and time, which no copy of the folder has.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from glue_jobs import analyze
from medical_charges.analysis.summary import read_summary
from medical_charges.contract import load_contract
from medical_charges.dashboard.page import make_page
from medical_charges.layout import Layout
from medical_charges.storage import Store
from ops.folders import publish_staged
from tests.generated import Dataset, dataset, visits, visits_file
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, ROOT, page_data, plan

DATA = ROOT / "tests" / "data"

GENERATED = range(20)
STORED = 11
"""The generated data set of the stored bucket: it holds all objects but the last."""


MEDIAN = "median_charges"
ADDED = {"charges_by_region": MEDIAN, "charges_by_age": MEDIAN, "charges_by_sex_and_smoker": MEDIAN}
"""The last column of outputs of the real file, which they did not have: all else is as it was."""

ADDED_ROWS = ("southeast_southwest", "southeast_southwest_standardized")
"""Comparisons of the real file, which there were not, after all others."""


def case(name: str) -> Dataset:
    """The data set of a case."""
    if name == "real":
        # The contract has come to say where the data are from, which no figure depends on.
        contract = re.sub(rb"^  source:\n(    .*\n)+", b"", CONTRACT_FILE.read_bytes(), flags=re.M)
        return Dataset(contract, {CHARGES_FILE.name: CHARGES_FILE.read_bytes()})
    if name == "visits":
        contract = (DATA / "visits.yaml").read_bytes()
        return Dataset(contract, {"visits.csv": visits_file(visits())})
    return dataset(int(name.removeprefix("generated-")))


CASES = ("real", "visits", *(f"generated-{seed:02d}" for seed in GENERATED))


def put(store: Store, data: Dataset) -> None:
    """Put a data set's objects into its input."""
    for name, content in data.objects.items():
        store.write(f"{prefix(data)}/Input_data/{name}", content)


def prefix(data: Dataset) -> str:
    """The folder of a data set in the bucket."""
    found = re.search(rb'^\s*"?prefix"?: "?([\w-]+)', data.contract, re.MULTILINE)
    assert found
    return found[1].decode()


def results(store: Store, data: Dataset, folder: Path, run_id: str = "run") -> dict[str, bytes]:
    """Analyze and publish the input; return what readers get, and the checksum of the input."""
    contract_file = folder / "contract.yaml"
    contract_file.write_bytes(data.contract)
    contract = load_contract(contract_file)
    layout = Layout(contract.prefix)
    plan(store, contract, run_id)
    arguments = ["--store", store.uri, "--contract", str(contract_file), "--run-id", run_id]
    snapshot = f"{store.uri}/{layout.snapshot(run_id)}"
    assert analyze.main([*arguments, "--snapshot", snapshot]) == 0
    publish_staged(store, layout, read_summary(store, layout, run_id))
    found = {"page.json": figures_of(page_data(make_page(store, contract)))}
    found["input.sha256"] = checksum(before_figures_were_added(data))
    for part in ("Output_data", "Manifest_data"):
        found |= content(store, f"{prefix(data)}/{part}", len(prefix(data)) + 1)
    return found


def figures_of(data: bytes) -> bytes:
    """The figures in a page's data: it may come to draw them and to speak of them otherwise."""
    return json.dumps(json.loads(data)["tables"]).encode()


def checksum(data: Dataset) -> bytes:
    """A checksum of a contract and of every object, by name."""
    files = {"contract": data.contract, **data.objects}
    return "".join(f"{hashlib.sha256(c).hexdigest()} {n}\n" for n, c in files.items()).encode()


def content(store: Store, folder: str, skipped: int = 0) -> dict[str, bytes]:
    """Every object of a folder by its key, less so many characters at its start."""
    return {ref.key[skipped:]: store.read(ref.key) for ref in list(store.list(folder))}


@cache
def archive() -> Mapping[str, bytes]:
    """Every file of data/reference.tar.gz."""
    with tarfile.open(DATA / "reference.tar.gz") as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read() for name, file in files.items() if file is not None}


def reference(folder: str) -> dict[str, bytes]:
    """The files of a folder of the archive."""
    start = f"{folder}/"
    found = {n.removeprefix(start): c for n, c in archive().items() if n.startswith(start)}
    if "page.json" in found:
        found["page.json"] = figures_of(found["page.json"])
    return found


def before_figures_were_added(data: Dataset) -> Dataset:
    """A data set with the contract as it was."""
    lines = data.contract.replace(b", median]\n", b"]\n").splitlines(keepends=True)
    added = tuple(f"  {name}: ".encode() for name in ADDED_ROWS)
    return Dataset(b"".join(it for it in lines if not it.startswith(added)), data.objects)


def as_it_was(output: str, data: bytes) -> bytes:
    """An output of the real file without the column or the rows that it has come to have."""
    if output == "comparisons":
        lines = data.splitlines(keepends=True)
        kept, added = lines[: -len(ADDED_ROWS)], lines[-len(ADDED_ROWS) :]
        assert [line.split(b",")[0].decode() for line in added] == [*ADDED_ROWS]
        return b"".join(kept)
    if output not in ADDED:
        return data
    rows = [line.rpartition(b",") for line in data.splitlines()]
    assert rows[0][2] == ADDED[output].encode()
    return b"".join(row + b"\n" for row, _, _ in rows)


def without_added(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the real file without the columns and rows of ADDED, which must be there."""
    found = dict(files)
    tables = json.loads(files["page.json"])
    compared = "Output_data/comparisons/comparisons.csv"
    found[compared] = as_it_was("comparisons", files[compared])
    for values in tables["comparisons"]["values"]:
        del values[-len(ADDED_ROWS) :]
    for output, column in ADDED.items():
        key = f"Output_data/{output}/{output}.csv"
        rows = [line.rpartition(b",") for line in files[key].splitlines()]
        found[key] = as_it_was(output, files[key])
        assert tables[output]["columns"].pop() == column
        values = tables[output]["values"].pop()
        assert [value.encode() for value in values] == [last for _, _, last in rows[1:]]
    return found | {"page.json": json.dumps(tables).encode()}


def differences(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> Iterator[str]:
    """A sentence for every file that is not as it was."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} was not there"
        elif expected[name] != found[name]:
            yield f"{name}: {first_difference(expected[name], found[name])}"


def first_difference(expected: bytes, found: bytes) -> str:
    """Return the first difference of two files, with both continuations."""
    same = next(
        (i for i, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other),
        min(len(expected), len(found)),
    )
    line = expected.count(b"\n", 0, same) + 1
    # A page's data is one line: a few characters before the place are enough.
    start = max(expected.rfind(b"\n", 0, same) + 1, same - 60)
    was, is_ = (text[start:].split(b"\n")[0][:120].decode() for text in (expected, found))
    return f"line {line} was {was!r} and is {is_!r}"


COUNTS_ALONE = {"real": 137, "generated-10": 64, "generated-14": 40, "generated-15": 23}
"""How many rows of a case show counts alone now: their means, deviations and sums confined counts
that were suppressed."""

OF_COUNTS = {"patients", "share", "n_a", "n_b"}


def protected(
    expected: Mapping[str, bytes], found: Mapping[str, bytes]
) -> tuple[dict[str, bytes], int]:
    """The files as they were, less what rows with counts alone have lost, and how many these are.

    A file is taken as it is now if nothing but such rows is another in it.
    """
    files, number = dict(expected), 0
    for name in expected.keys() & found.keys():
        if name.endswith(".csv"):
            lines = (of[name].decode().split("\n") for of in (expected, found))
            rows = lost_measures(*([line.split(",") for line in of] for of in lines))
            number += rows or 0
            if rows:
                files[name] = found[name]
        elif name == "page.json":
            was, now = (json.loads(of[name]) for of in (expected, found))
            if was.keys() == now.keys() and all(
                lost_measures(as_rows(was[table]), as_rows(now[table])) is not None for table in was
            ):
                files[name] = found[name]
    return files, number


def as_rows(table: Mapping[str, list[Any]]) -> list[list[str]]:
    """A table of the page as a CSV has it."""
    return [table["columns"], *(list(row) for row in zip(*table["values"], strict=True))]


def lost_measures(was: list[list[str]], now: list[list[str]]) -> int | None:
    """How many rows have lost all that tells the measure; None if anything else is another."""
    if len(was) != len(now) or was[0] != now[0]:
        return None
    header, number = was[0], 0
    for before, after in zip(was, now, strict=True):
        if before == after:
            continue
        number += 1
        for column, old, new in zip(header, before, after, strict=True):
            if new != old and (new or column in OF_COUNTS):
                return None
        counts = [new for column, new in zip(header, after, strict=True) if column in OF_COUNTS]
        # An output without counts has nothing else to show.
        if counts and not any(counts):
            return None
    return number


@pytest.mark.parametrize("name", CASES)
def test_published_bytes_are_unchanged(name: str, bucket: Store, tmp_path: Path) -> None:
    data = case(name)
    put(bucket, data)
    expected, found = reference(name), results(bucket, data, tmp_path)
    assert expected
    if name == "real":
        found = without_added(found)
    expected, rows = protected(expected, found)
    assert list(differences(expected, found)) == []
    assert rows == COUNTS_ALONE.get(name, 0)


@pytest.fixture
def stored(bucket: Store) -> Store:
    """The bucket as the old code left it."""
    for key, data in reference("store").items():
        bucket.write(key, data)
    return bucket


def partials(store: Store) -> dict[str, bytes]:
    """Return what is stored of each object: its sums and its rejected rows."""
    folder = prefix(dataset(STORED))
    quarantine = content(store, f"{folder}/Quarantine_data")
    return content(store, f"{folder}/Cube_data/partials") | quarantine


def counts(store: Store, run_id: str = "run") -> tuple[int, int]:
    """Return the number of objects of a run, and of those that it read."""
    folder = prefix(dataset(STORED))
    summary: dict[str, Any] = json.loads(store.read(f"{folder}/Run_data/{run_id}/summary.json"))
    return summary["objects"], summary["objects_read"]


def stored_dataset(count: int) -> Dataset:
    """The data set of the stored bucket with its first objects only."""
    data = dataset(STORED)
    return Dataset(data.contract, dict(list(data.objects.items())[:count]))


def test_the_stored_bucket_has_several_objects_one_with_rejected_rows(stored: Store) -> None:
    keys = partials(stored)
    assert sum("/partials/" in key for key in keys) == 3
    assert len({key.split("/")[2] for key in keys if "/Quarantine_data/" in key}) == 1
    assert counts(stored, "before") == (3, 3)


@pytest.mark.parametrize("lost", ["nothing", "the state"])
def test_a_stored_bucket_is_continued_without_reading_an_object_again(
    lost: str, stored: Store, tmp_path: Path
) -> None:
    before = partials(stored)
    if lost == "the state":
        # Without it the sums of every object are merged again.
        stored.delete(f"{prefix(dataset(STORED))}/Cube_data/latest.json")
    found = results(stored, stored_dataset(3), tmp_path)
    assert counts(stored) == (3, 0)
    expected, _ = protected(reference("stored-3"), found)
    assert list(differences(expected, found)) == []
    assert partials(stored) == before


def test_a_further_object_alone_is_read(stored: Store, tmp_path: Path) -> None:
    data = dataset(STORED)
    put(stored, data)
    found = results(stored, data, tmp_path)
    assert counts(stored) == (4, 1)
    assert list(differences(reference(f"generated-{STORED}"), found)) == []


def test_without_one_of_its_objects_nothing_is_read(stored: Store, tmp_path: Path) -> None:
    data = stored_dataset(2)
    (removed,) = stored_dataset(3).objects.keys() - data.objects.keys()
    stored.delete(f"{prefix(data)}/Input_data/{removed}")
    found = results(stored, data, tmp_path)
    assert counts(stored) == (2, 0)
    expected, _ = protected(reference("stored-2"), found)
    assert list(differences(expected, found)) == []


def test_a_difference_is_named_with_its_file_and_line() -> None:
    expected = {"a.csv": b"x\n1,2\n3,4\n", "b.csv": b"", "page.json": b"0" * 200 + b"1"}
    found = {"a.csv": b"x\n1,2\n3,5\n", "c.csv": b"", "page.json": b"0" * 200 + b"2"}
    assert list(differences(expected, found)) == [
        "a.csv: line 3 was '3,4' and is '3,5'",
        "b.csv is missing",
        "c.csv was not there",
        f"page.json: line 1 was '{'0' * 60}1' and is '{'0' * 60}2'",
    ]
