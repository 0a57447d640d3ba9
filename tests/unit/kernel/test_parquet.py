"""Parquet gives what the CSV of the same rows gives: outputs, counts, rejected lines."""

from __future__ import annotations

import gzip
import io
import os
import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medical_charges.analysis.engine import RANGE_BYTES
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import ContractError, InputRefusedError
from medical_charges.kernel.parquet import footer, reading, scan, thrift
from medical_charges.kernel.parquet.footer import read_footer
from medical_charges.kernel.parquet.thrift import LIST, Field, Reader, Values
from medical_charges.logs import quiet
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation import validate_outputs
from tests.helpers import WITHOUT_CUBES, run, staged, upload
from tests.memory import MemoryStore
from tests.unit.kernel.parquets import OTHERS, contract_of, csv_of, stored
from tests.unit.validation.helpers import without_spark

FILES, AT_ONCE = int(os.environ.get("PARQUET_FILES", "200")), 10


def quarantined(store: Store) -> Mapping[int, tuple[bytes, str, str]]:
    """The rejected lines with their rules and reasons, by their offsets."""
    files = [
        pl.read_parquet(io.BytesIO(store.read(ref.key)))
        for ref in store.list("MadeUp/Quarantine_data")
    ]
    return {offset: (*found,) for file in files for _, offset, *found in file.iter_rows()}


def outcome(
    contract: Contract, name: str, data: bytes, size: int = RANGE_BYTES
) -> tuple[object, ...]:
    """What a run makes of a file; of Parquet kernel and recount agree."""
    store = MemoryStore()
    upload(store, contract, {name: data})
    try:
        with quiet():
            summary = run(store, contract, range_size=size)
    except InputRefusedError as error:
        return (str(error).replace(name, "the file"),)
    if contract.source.is_parquet:
        assert validate_outputs(without_spark, store, contract, "run").problems == []
    rows = {"rows": summary.rows, "counted": summary.counted}
    return summary.rules | rows, staged(store, contract), quarantined(store)


@pytest.mark.parametrize("first", range(0, FILES, AT_ONCE))
def test_parquet_gives_what_the_csv_of_its_rows_gives(first: int) -> None:
    compared = 0
    for seed in range(first, min(first + AT_ONCE, FILES)):
        file = stored(seed)
        size = 1 + len(file.data) // 4 if seed % 3 else RANGE_BYTES
        found = outcome(file.contract, "x.parquet", file.data, size)
        wanted = outcome(file.csv_contract, "x.csv", file.csv)
        if len(wanted) == 1:
            # No row of it counts, whatever it is.
            assert found == wanted, seed
            continue
        compared += 1
        assert found[:2] == wanted[:2], seed
        assert lines(found[2]) == lines(wanted[2]), seed
    assert compared >= AT_ONCE // 3


def lines(quarantine: object) -> list[object]:
    """The rejected lines in their order."""
    assert isinstance(quarantine, dict)
    return [quarantine[offset] for offset in sorted(quarantine)]


CORRUPTED = int(os.environ.get("PARQUET_COPIES", "30"))


def test_a_corrupted_copy_is_read_alike_or_refused_with_a_sentence() -> None:
    answers = Counter[str]()
    for seed in range(CORRUPTED):
        file, random = stored(seed % 20), Random(seed)
        data = bytearray(file.data)
        start = random.choice([0, len(data) // 2, max(0, len(data) - 300)])
        for _ in range(random.choice([1, 3, 30])):
            data[random.randrange(start, len(data))] = random.randrange(256)
        if random.random() < 0.1:
            del data[random.randrange(len(data)) :]
        store = MemoryStore()
        upload(store, file.contract, {"x.parquet": bytes(data)})
        try:
            with quiet():
                run(store, file.contract)
        except InputRefusedError as error:
            answers["named" if re.search(r"x\.parquet|no row in", str(error)) else "unnamed"] += 1
            continue
        problems = validate_outputs(without_spark, store, file.contract, "run").problems
        # What Arrow cannot read stops the run, and nothing else is different.
        assert all("could not be made" in it for it in problems), seed
        answers["read"] += not problems
    assert min(answers["named"], answers["read"]) > 0
    assert not answers["unnamed"]


SMALL = contract_of({"format": "parquet"}, {})


def small(**columns: Any) -> pa.Table:
    """A table that the contract counts, with some columns by other values."""
    rows = max([4, *map(len, columns.values())])
    usual = {
        "town": ["St. Ives"] * rows,
        "age": [5] * rows,
        "spare": [1.5] * rows,
        "seen": [date(2025, 1, 2)] * rows,
        "left": [date(2025, 1, 2)] * rows,
        "note": ["n"] * rows,
        "cost": [7.25] * rows,
    }
    return pa.table(usual | columns)


def written(table: pa.Table, **options: Any) -> bytes:
    """A table as Parquet."""
    data = io.BytesIO()
    pq.write_table(table, data, **options)
    return data.getvalue()


def test_a_rejected_row_is_kept_with_its_number_and_the_record_that_it_would_be() -> None:
    table = small(town=["St. Ives", "a, b", None, "St. Ives"], cost=[1.0, 2.5, 3.0, float("nan")])
    table = table.add_column(0, "left out", pa.array([[1]] * 4))
    *_, found = outcome(SMALL, "x.parquet", written(table, row_group_size=3))
    assert {row: (line, rule) for row, (line, rule, _) in found.items()} == {  # type: ignore[attr-defined]
        1: (b'"a, b",5,1.5,2025-01-02,2025-01-02,n,2.5', "town.allowed"),
        2: (b",5,1.5,2025-01-02,2025-01-02,n,3.0", "town.required"),
        3: (b"St. Ives,5,1.5,2025-01-02,2025-01-02,n,nan", "cost.finite"),
    }


def with_element(name: int, element: thrift.Field) -> bytes:
    """A file whose footer has another part about its first column."""
    data = written(small())
    length = int.from_bytes(data[-8:-4], "little")
    tree = thrift.Reader(data[-8 - length : -8]).struct()
    elements = tree[2].value.values
    elements[1] = {**elements[1], name: element}
    changed = thrift.written(tree)
    return data[: -8 - length] + changed + len(changed).to_bytes(4, "little") + b"PAR1"


_NAME, _LOGICAL, _DECIMAL = 4, 10, 5

REFUSED: dict[str, tuple[bytes, str]] = {
    "a name that is a number": (
        with_element(_NAME, thrift.Field(thrift.I64, -5)),
        "x.parquet is a damaged Parquet file: a name is missing",
    ),
    "a name that is an endless number": (
        with_element(_NAME, thrift.Field(thrift.I64, 2**45)),
        "x.parquet is a damaged Parquet file: a name is missing",
    ),
    "a decimal that is a number": (
        with_element(
            _LOGICAL, thrift.Field(thrift.STRUCT, {_DECIMAL: thrift.Field(thrift.I32, 1)})
        ),
        "x.parquet is a damaged Parquet file: a part is missing",
    ),
    "truth": (
        written(small(age=[True] * 4)),
        "the column 'age' as boolean, .* write it as text or as whole numbers",
    ),
    "moments": (
        written(small(seen=[datetime(2025, 1, 2, 3)] * 4)),
        "'seen' as timestamp, .* without a time",
    ),
    "bytes": (written(small(note=[b"x"] * 4)), "'note' as binary, .* STRING"),
    "lists": (written(small(note=[["x"]] * 4)), "'note' as nested, "),
    "parts": (written(small(cost=[{"cost": 1.5}] * 4)), "'cost' as nested, "),
    "more digits": (
        written(small(cost=pa.array([Decimal(1)] * 4, pa.decimal256(50, 0)))),
        "'cost' as decimal of more than 38 digits, ",
    ),
    "a missing column": (
        written(small().rename_columns({"town": "towns"})),
        "lacks the column town; its header has 'towns' for 'town'",
    ),
    "a column twice": (
        written(small().append_column("age", pa.array([1] * 4))),
        "has the column 'age' 2 times",
    ),
    "other columns": (written(pa.table({"x": [1]})), "lacks the columns town, age, "),
    "no rows": (written(small()[:0]), "only headers were found"),
    "no end": (written(small())[:-1], "is cut off: it starts as Parquet"),
    "a wrong length": (written(small())[:-8] + b"\xff" * 4 + b"PAR1", "longer than itself"),
    "encrypted": (written(small())[:-4] + b"PARE", "is encrypted Parquet"),
    "the magic alone": (b"PAR1PAR1", "is cut off"),
    "a footer of zeros": (b"PAR1" + bytes(9) + b"\5\0\0\0PAR1", "is damaged|is a damaged"),
    "a CSV": (b"town,age\n", "is not a Parquet file; a contract with `source.format: csv`"),
    "a ZIP": (b"PK\3\4" + bytes(99), "is not a Parquet file: it looks like a ZIP archive"),
    "gzip": (gzip.compress(written(small())), "looks like compressed by gzip"),
    "a group that needs quotes": (
        written(small(note=["a,b"] * 4)),
        "x.parquet: the column 'note' holds a value with a comma",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_sentence(case: str) -> None:
    data, sentence = REFUSED[case]
    contract = SMALL
    if case == "a group that needs quotes":
        contract = contract_of({"format": "parquet"}, {"note": {"nullable": False}})
        grouped = contract.analyses["a"].model_copy(update={"group_by": ("note",)})
        contract = contract.model_copy(update={"analyses": {"a": grouped}})
    (found,) = outcome(contract, "x.parquet", data)
    assert re.search(sentence, str(found).replace("the file", "x.parquet"))


def test_columns_that_no_contract_reads_are_no_harm_where_it_ignores_them() -> None:
    table = small()
    for number, other in enumerate(OTHERS):
        values = other.take(pa.array([0] * 4, pa.int32()))
        table = table.add_column(number, f"other {number}", values)
    counts, *_ = outcome(SMALL, "x.parquet", written(table))
    assert counts == {"rows": 4, "counted": 4}


def test_a_csv_contract_refuses_parquet_and_says_what_reads_it() -> None:
    (found,) = outcome(contract_of({}, {}), "x.csv", written(small()))
    assert "looks like a Parquet file; a contract with `source.format: parquet` reads it" in str(
        found
    )


def test_a_folder_of_both_formats_is_refused_with_the_names_of_the_others() -> None:
    for contract, name in ((SMALL, "a.csv"), (contract_of({}, {}), "b.parquet")):
        store = MemoryStore()
        files = {"a.csv": stored(0).csv, "b.parquet": written(small())}
        upload(store, contract, files)
        with pytest.raises(InputRefusedError, match="keep the others in another folder") as refused:
            run(store, contract)
        assert re.findall(r"[ab]\.\w+", str(refused.value)) == [name]


def test_a_record_of_more_than_16_mib_is_refused() -> None:
    table = small(note=["n", "x" * (1 << 24), "n", "n"], town=["?"] * 4)
    (found,) = outcome(SMALL, "x.parquet", written(table))
    assert "the row 1 is longer than 16,777,216 bytes" in str(found)
    (found,) = outcome(SMALL, "x.parquet", written(pa.concat_tables([table[2:], table])))
    assert "the row 3 is longer" in str(found)
    (found,) = outcome(
        SMALL, "x.parquet", written(pa.concat_tables([table[2:], table]), row_group_size=3)
    )
    assert "the row 3 is longer" in str(found)


@pytest.mark.parametrize("kind", [pa.bool8(), pa.opaque(pa.int64(), "kind", "vendor")], ids=str)
def test_types_that_a_writer_notes_next_to_parquets_are_read_as_parquets(kind: Any) -> None:
    values = pa.array([0, 1, 1, 0], kind.storage_type)
    table = small(age=[5] * 4)
    place = table.schema.get_field_index("age")
    table = table.set_column(place, "age", pa.ExtensionArray.from_storage(kind, values))
    counts, *_ = outcome(SMALL, "x.parquet", written(table))
    assert counts == {"rows": 4, "counted": 4}


def test_a_schema_is_read_from_the_start_of_a_long_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    upload(store, SMALL, {"x.parquet": written(small(cost=[*range(900)]), row_group_size=1)})
    (ref,) = store.list("")
    whole = read_footer(store, ref, schema_alone=True)
    read: list[int] = []
    wide = store.read_range

    def seen(ref: ObjectRef, start: int, end: int) -> bytes:
        read.append(end - start)
        return wide(ref, start, end)

    monkeypatch.setattr(store, "read_range", seen)
    monkeypatch.setattr(footer, "_TAIL_BYTES", 1000)
    for start, most in ((4000, 5000), (10, None)):
        monkeypatch.setattr(footer, "_SCHEMA_BYTES", start)
        read.clear()
        found = read_footer(store, ref, schema_alone=True)
        assert [it.name for it in found.columns] == [it.name for it in whole.columns]
        assert found.rows == 900
        assert most is None or sum(read) <= most


def test_a_row_group_that_does_not_fit_into_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "_GROUP_BYTES", 100)
    (found,) = outcome(SMALL, "x.parquet", written(small()))
    assert "it has a row group of 4 rows, whose columns that are read take" in str(found)


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_how_many_rows_and_groups_are_read_at_once_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    data = written(small(cost=[*range(50), None, -1.5]), row_group_size=5)
    whole = outcome(SMALL, "x.parquet", data)
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(reading, "_TOGETHER_BYTES", 50 * rows)
    monkeypatch.setattr(scan, "_GROUPS_AT_ONCE", rows)
    monkeypatch.setattr(scan, "_AT_ONCE", rows)
    assert outcome(SMALL, "x.parquet", data, len(data) // rows) == whole


def reordered(data: bytes, order: list[int]) -> bytes:
    """An object whose footer lists its row groups in another order than they are stored in."""
    length = int.from_bytes(data[-8:-4], "little")
    footer = Reader(data[-8 - length : -8]).struct()
    kind, groups = footer[4].value
    footer[4] = Field(LIST, Values(kind, [groups[place] for place in order]))
    new = thrift.written(footer)
    return data[: -8 - length] + new + len(new).to_bytes(4, "little") + b"PAR1"


def test_rows_are_numbered_as_the_footer_lists_row_groups_wherever_these_are() -> None:
    data = written(small(cost=[None if i % 4 else i for i in range(43)]), row_group_size=9)
    data = reordered(data, [2, 0, 4, 1, 3])
    *_, rejected = whole = outcome(SMALL, "x.parquet", data)
    rows = pq.read_table(io.BytesIO(data))["cost"].to_pylist()
    assert [*rejected] == [row for row, cost in enumerate(rows) if cost is None]  # type: ignore[misc]
    assert all(outcome(SMALL, "x.parquet", data, len(data) // n) == whole for n in (2, 3, 5, 9))


def test_sums_of_amounts_that_would_overflow_are_exact() -> None:
    table = small(cost=[2e13 - i for i in range(3000)])
    data = written(table, row_group_size=500)
    found, _, rejected = outcome(SMALL, "x.parquet", data)
    assert (found, rejected) == ({"rows": 3000, "counted": 3000}, {})


@pytest.mark.parametrize(
    "amount",
    ["16835812451769.0644", "11580308747218.8857", "19214044821398.4556", "-8625580335045.5659"],
)
def test_a_decimal_number_of_more_digits_than_a_double_has_is_rounded_as_its_text(
    amount: str,
) -> None:
    table = small(cost=pa.array([Decimal(amount)] * 4, pa.decimal128(20, 4)))
    found = outcome(SMALL, "x.parquet", written(table))
    assert found[:2] == outcome(contract_of({}, {}), "x.csv", csv_of(table, "%Y-%m-%d"))[:2]


def test_partials_of_csv_are_known_and_the_format_is_part_of_what_parquet_depends_on() -> None:
    said, unsaid = contract_of({"format": "csv"}, {}), contract_of({}, {})
    assert said.schema_hash == unsaid.schema_hash
    assert SMALL.schema_hash != said.schema_hash


@pytest.mark.parametrize("key", ["delimiter: ';'", "decimal: ','", "multiline: false"])
def test_a_key_of_the_dialect_of_a_csv_is_refused_next_to_parquet(key: str) -> None:
    text = WITHOUT_CUBES.replace("format: csv", f"format: parquet\n  {key}")
    with pytest.raises(ContractError, match="allowed: no such key where `format` is parquet"):
        parse_contract(text)
