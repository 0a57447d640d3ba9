"""The same rows give the same bytes, however they arrive and however the work is cut up."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from medical_charges.analysis.engine import Results, in_this_process, on_spark
from medical_charges.contract import Contract, parse_contract
from medical_charges.kernel.range import Range
from medical_charges.kernel.work import Worker
from medical_charges.storage import LocalStore
from tests.helpers import (
    ROOT,
    WITHOUT_CUBES,
    csv_of,
    outputs_of,
    rows,
    run,
    staged,
    upload,
)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(WITHOUT_CUBES)


def lines_of(data: bytes) -> tuple[bytes, list[bytes]]:
    header, *lines = data.splitlines()
    return header, lines


def joined(header: bytes, lines: Sequence[bytes], end: bytes = b"\n") -> bytes:
    return end.join([header, *lines]) + end


def shuffled(lines: Sequence[bytes], seed: int = 1) -> list[bytes]:
    return random.Random(seed).sample(lines, len(lines))


def reordered(data: bytes) -> bytes:
    fields = [line.split(b",") for line in data.splitlines()]
    order = [6, 2, 0, 5, 1, 4, 3]
    return b"\n".join(b",".join(row[i] for i in order) for row in fields) + b"\n"


def quoted(data: bytes) -> bytes:
    return b"\n".join(
        b",".join(b'"' + field + b'"' for field in line.split(b",")) for line in data.splitlines()
    )


def seven_objects(data: bytes) -> dict[str, bytes]:
    header, lines = lines_of(data)
    return {f"part-{i}.csv": joined(header, lines[i::7]) for i in range(7)}


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, real_file: bytes
) -> dict[str, bytes]:
    store = LocalStore(tmp_path_factory.mktemp("expected"))
    return outputs_of(store, contract, {"Charges.csv": real_file})


@pytest.mark.parametrize(
    "variant",
    ["seven objects", "shuffled", "gzip", "crlf", "bom", "reordered", "quoted", "empty lines"],
)
def test_the_outputs_do_not_depend_on_how_the_rows_are_written(
    variant: str,
    store: LocalStore,
    contract: Contract,
    real_file: bytes,
    expected: dict[str, bytes],
) -> None:
    header, lines = lines_of(real_file)
    files = {
        "seven objects": lambda: seven_objects(real_file),
        "shuffled": lambda: {"a.csv": joined(header, shuffled(lines))},
        "gzip": lambda: {"a.csv.gz": gzip.compress(real_file)},
        "crlf": lambda: {"a.csv": joined(header, lines, b"\r\n")},
        "bom": lambda: {"a.csv": b"\xef\xbb\xbf" + real_file},
        "reordered": lambda: {"a.csv": reordered(real_file)},
        "quoted": lambda: {"a.csv": quoted(real_file)},
        "empty lines": lambda: {"a.csv": b"\n" + joined(header, lines, b"\n\n")},
    }[variant]()
    assert outputs_of(store, contract, files) == expected


def test_the_outputs_do_not_depend_on_ranges_of_4_kb(
    store: LocalStore, contract: Contract, real_file: bytes, expected: dict[str, bytes]
) -> None:
    assert outputs_of(store, contract, {"a.csv": real_file}, range_size=4096) == expected


@pytest.mark.spark
@pytest.mark.parametrize("partitions", [1, 2, 8])
def test_the_outputs_do_not_depend_on_the_number_of_spark_partitions(
    partitions: int,
    store: LocalStore,
    contract: Contract,
    real_file: bytes,
    spark: Any,
    expected: dict[str, bytes],
) -> None:
    seen: list[int] = []

    def engine(worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
        ranges = [part for task in tasks for part in task]
        dealt = [ranges[i::partitions] for i in range(partitions)]
        seen.append(len(dealt))
        return on_spark(lambda: spark)(worker, dealt)

    upload(store, contract, {"a.csv": real_file})
    run(store, contract, engine=engine, range_size=4096)
    assert seen == [partitions]
    assert staged(store, contract) == expected


def test_two_runs_of_which_the_second_adds_the_missing_half(
    store: LocalStore, contract: Contract, real_file: bytes, expected: dict[str, bytes]
) -> None:
    header, lines = lines_of(real_file)
    upload(store, contract, {"first.csv": joined(header, lines[:669])})
    run(store, contract, "first")
    assert staged(store, contract, "first") != expected
    upload(store, contract, {"second.csv": joined(header, lines[669:])})
    assert run(store, contract, "second").objects_read == 1
    assert staged(store, contract, "second") == expected


TIES = parse_contract("""
dataset: ties
prefix: Ties
source:
  format: csv
  columns:
    group: {type: string}
    value: {type: double, decimals: 6}
measure: value
analyses:
  by_group: {group_by: [group], statistics: [patients, share, mean, minimum, maximum, stddev, ci95]}
disclosure: {minimum_cell: 1}
""")


def tied_file(seed: int) -> tuple[list[tuple[str, str]], dict[str, Fraction]]:
    """Rows whose groups' means lie exactly between two sixth decimals, and those means."""
    random_ = random.Random(seed)
    values, means = [], {}
    for group in "abcde"[: random_.randint(1, 5)]:
        n = 2 * random_.randint(1, 20)
        units = [random_.randint(-(10**10), 10**10) for _ in range(n - 1)]
        # The sum leaves n / 2 when it is divided by n.
        units.append((n // 2 - sum(units)) % n + n * random_.randint(-5, 5))
        assert sum(units) % n == n // 2
        means[group] = Fraction(sum(units), n * 10**6)
        for unit in units:
            sign, digits = ("-" if unit < 0 else ""), f"{abs(unit):07d}"
            values.append((group, f"{sign}{digits[:-6]}.{digits[-6:]}"))
    return values, means


def half_even(value: Fraction) -> Fraction:
    return Fraction(round(value * 10**6), 10**6)


@pytest.mark.parametrize("batch", range(4))
def test_means_on_rounding_ties_are_right_and_the_same_for_every_cut(
    batch: int, tmp_path: Path
) -> None:
    """200 files in all, 50 a batch."""
    for seed in range(batch * 50, batch * 50 + 50):
        values, means = tied_file(seed)
        random_ = random.Random(seed)
        header = ("group", "value")
        whole = {"a.csv": csv_of(header, values)}
        mixed = random_.sample(values, len(values))
        cut = random_.randint(0, len(mixed))
        parts = {"b.csv": csv_of(header, mixed[:cut]), "c.csv": csv_of(header, mixed[cut:])}
        first = outputs_of(LocalStore(tmp_path / f"{seed}a"), TIES, whole)
        second = outputs_of(
            LocalStore(tmp_path / f"{seed}b"), TIES, parts, range_size=random_.randint(1, 300)
        )
        assert first == second
        for row in rows(first["by_group"]):
            assert Fraction(row["mean_value"]) == half_even(means[row["group"]])


def test_the_engines_agree(
    store: LocalStore, contract: Contract, real_file: bytes, expected: dict[str, bytes]
) -> None:
    """Results that come in another order than they were planned change nothing."""

    def backwards(worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
        return iter(list(in_this_process(worker, tasks))[::-1])

    upload(store, contract, seven_objects(real_file))
    run(store, contract, engine=backwards, range_size=1000)
    assert staged(store, contract) == expected


ANALYZE = """
import sys
from pathlib import Path
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import take_snapshot
from medical_charges.contract import load_contract
from medical_charges.analysis.engine import in_this_process
from medical_charges.storage import open_store
store, contract = open_store(sys.argv[1]), load_contract(Path(sys.argv[2]))
snapshot = take_snapshot(store, contract)
summary = analyze(store, contract, "run", snapshot, in_this_process)
print(summary.staged)
assert any(summary.suppressed.get(name) for name in contract.cubes)
"""


def test_suppression_does_not_depend_on_the_hash_seed(
    store: LocalStore, real_file: bytes, tmp_path: Path
) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text(
        WITHOUT_CUBES + "dashboard: { filters: [smoker], filtered_as: { age: age_decade } }\n"
    )
    header, lines = lines_of(real_file)
    # So few people that many rows of the filter cubes must go, in one of many ways.
    few = random.Random(0).sample(lines, 400)
    store.write("MedicalCharges/Input_data/a.csv", joined(header, few))
    command = [
        sys.executable,
        "-c",
        ANALYZE,
        store.uri,
        str(contract),
    ]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    found = {
        subprocess.run(
            command,
            env=environment | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1
