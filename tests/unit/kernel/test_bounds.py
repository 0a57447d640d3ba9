"""Limits that bound memory lose nothing, and are refused with a sentence."""

from __future__ import annotations

import gzip
import io

import polars as pl
import pytest

from medical_charges.aggregates.cube import CELL_LIMIT, check_size
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel import blocks, scan, work
from medical_charges.storage import LocalStore
from tests.helpers import WITHOUT_CUBES, run, upload

HEADER = b"age,sex,bmi,children,smoker,region,charges,note\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924,\n"
LIMIT = 1000


@pytest.fixture
def contract() -> Contract:
    return parse_contract(WITHOUT_CUBES.replace("share: 0.05", "share: 0.95"))


def quarantined(store: LocalStore) -> list[list[tuple[int, bytes]]]:
    files = [store.read(ref.key) for ref in store.list("MedicalCharges/Quarantine_data")]
    frames = [pl.read_parquet(io.BytesIO(file)) for file in files]
    return [list(frame.select("offset", "line").iter_rows()) for frame in frames]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("limit", ["_FILE_LINES", "_FILE_BYTES"])
def test_rejected_rows_are_kept_once_each_in_files_of_bounded_size(
    limit: str,
    zipped: bool,
    store: LocalStore,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan, "_VALIDATED_AT_ONCE", 2)
    monkeypatch.setattr(work, limit, 3 if limit == "_FILE_LINES" else 11)
    bad = [b"bad %d" % i for i in range(9)]
    data = HEADER + GOOD + b"\n".join(bad) + b"\n" + GOOD
    upload(store, contract, {"a.csv": gzip.compress(data) if zipped else data})
    summary = run(store, contract)
    files = quarantined(store)
    assert (summary.rows, summary.rejected) == (11, 9)
    assert [len(file) for file in files] == [4, 4, 1]
    assert [row for file in files for row in file] == [(data.index(line), line) for line in bad]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("start", [b"", b'19,"'])
def test_a_record_over_the_limit_is_refused_and_one_of_it_is_read(
    start: bytes,
    zipped: bool,
    store: LocalStore,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (blocks, scan):
        monkeypatch.setattr(module, "RECORD_LIMIT", LIMIT)
    monkeypatch.setattr(scan, "_PIECE_BYTES", LIMIT // 4)

    def analyze(length: int) -> int:
        data = HEADER + GOOD + start.ljust(length - 1, b"a") + b"\n" + GOOD
        upload(store, contract, {"a.csv": gzip.compress(data) if zipped else data})
        return run(store, contract, range_size=LIMIT).rejected

    assert analyze(LIMIT) == 1
    with pytest.raises(InputRefusedError, match=r"a\.csv: a record from byte \d+ on is longer"):
        analyze(4 * LIMIT)


def test_many_further_columns_and_objects_share_their_warnings(
    store: LocalStore, contract: Contract
) -> None:
    names = [f"c{i}" for i in range(30)]
    header = HEADER.rstrip().replace(b"note", ",".join(names).encode())
    row = GOOD.rstrip() + b"," * 29
    files = {f"{i}.csv": header + b"\n" + (row + b"\n") * (i + 20) for i in range(3)}
    upload(store, contract, files)
    *named, more = run(store, contract).warnings
    key = "MedicalCharges/Input_data/0.csv and 2 more"
    assert len(named) == 10
    assert named[0] == f"{key}: the column 'c0' is not in the contract and is ignored"
    assert more == f"{key}: 20 more columns are not in the contract and are ignored"


def test_a_grouping_set_may_have_as_many_groups_as_the_limit_and_no_more() -> None:
    check_size(("age",), CELL_LIMIT)
    with pytest.raises(InputRefusedError, match="grouping by age gives more than 100,000 groups"):
        check_size(("age",), CELL_LIMIT + 1)
