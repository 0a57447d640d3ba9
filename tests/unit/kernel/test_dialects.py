"""Files in any dialect give what their plain twins give, and keep what is rejected as it was."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Mapping
from random import Random
from typing import Any

import polars as pl
import pytest

from medical_charges.analysis.engine import RANGE_BYTES
from medical_charges.contract import Contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.layout import Layout
from medical_charges.storage import Store
from medical_charges.validation import validate_outputs
from tests.helpers import run, staged, upload
from tests.memory import MemoryStore
from tests.unit.kernel.dialects import ENCODINGS, contract_of, written
from tests.unit.validation.helpers import without_spark

FILES, DAMAGED, AT_ONCE = 300, 100, 10
LAYOUT = Layout("MadeUp")


@pytest.fixture
def store() -> Store:
    """An empty bucket."""
    return MemoryStore()


def outcome(
    store: Store, contract: Contract, data: bytes, size: int = RANGE_BYTES
) -> tuple[dict[str, int], dict[str, bytes]]:
    """The broken rules and the outputs of a run in which kernel and recount agree."""
    upload(store, contract, {"x.csv": data})
    summary = run(store, contract, range_size=size)
    assert validate_outputs(without_spark, store, contract, "run").problems == []
    rows = {"rows": summary.rows, "counted": summary.counted}
    return summary.rules | rows, staged(store, contract)


def quarantined(store: Store) -> Mapping[int, bytes]:
    """The rejected lines by their offsets."""
    files = [
        pl.read_parquet(io.BytesIO(store.read(ref.key)))
        for ref in store.list(f"{LAYOUT.prefix}/Quarantine_data")
    ]
    return {offset: line for file in files for _, offset, line, *_ in file.iter_rows()}


@pytest.mark.parametrize("first", range(0, FILES, AT_ONCE))
def test_a_file_in_any_dialect_gives_the_outputs_of_its_plain_twin(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        file = written(seed)
        odd, plain = MemoryStore(), MemoryStore()
        stored = gzip.compress(file.data) if seed % 4 == 3 else file.data
        found = outcome(odd, file.contract, stored, size=400 if seed % 3 else RANGE_BYTES)
        assert found == outcome(plain, file.plain_contract, file.plain), seed
        lines = quarantined(odd)
        assert len(lines) == len(quarantined(plain))
        for offset, line in lines.items():
            assert file.data[offset - 1 : offset] == b"\n"
            assert file.data[offset : offset + len(line)] == line
            assert file.data[offset + len(line) :][:1] in {b"", b"\r", b"\n"}


@pytest.mark.parametrize("first", range(0, DAMAGED, AT_ONCE))
def test_kernel_and_recount_read_a_damaged_file_alike(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        file, random = written(seed), Random(seed)
        source = file.contract.source
        signs = [source.delimiter, source.quote, source.decimal, source.thousands or "\r"]
        signs += [*',"., \t\x1c\x1d\x1f\n1\0']
        pieces = [sign.encode() for sign in signs] + [b"\xff", b"\x81", b"\xd2\x88"]
        start = file.data.index(b"left out") + 12
        data = file.data
        for _ in range(random.choice([1, 4, 40])):
            at = random.randrange(min(start, len(data)), len(data) + 1)
            data = data[:at] + random.choice(pieces) + data[at + random.randrange(2) :]
        try:
            outcome(MemoryStore(), file.contract, data)
        except InputRefusedError as error:
            if not re.search("no row|holds a value with a comma", str(error)):
                raise


def test_every_encoding_has_ascii_in_common() -> None:
    characters = bytes(range(128))
    assert all(characters.decode(encoding) == characters.decode() for encoding in ENCODINGS)


HEADER = b"town,age,spare,note,cost,left_out\n"
GOOD = "St. Ives,5,,,7.5,"
OPEN: dict[str, dict[str, object]] = {"town": {"allowed": None, "identifying": "made up"}}


def rules_of(store: Store, source: dict[str, object], *rows: bytes) -> dict[str, int]:
    """The rules that rows break under a dialect, and how many rows are counted."""
    data = HEADER + b"\n".join([GOOD.encode(), *rows, b""])
    return outcome(store, contract_of(source, "\u00e9"), data)[0]


def examples(store: Store, rule: str) -> list[str]:
    """What the partial of the only object shows of the fields that break a rule."""
    (partial,) = store.list("MadeUp/Cube_data/partials")
    rules = json.loads(store.read(partial.key))["content"]["tally"]["rules"]
    found: list[str] = rules[rule][1]
    return found


def test_bytes_that_would_be_right_in_another_encoding_are_not_right(store: Store) -> None:
    rows = ["Nord\u00e9,1,,,1,".encode(encoding) for encoding in ("cp1252", "utf-8")]
    assert rules_of(store, {"encoding": "cp1252"}, *rows) == {
        "town.allowed": 1,
        "rows": 3,
        "counted": 2,
    }
    alone = rules_of(store, {"encoding": "cp1252"}, rows[1])
    assert alone == {"town.allowed": 1, "rows": 2, "counted": 1}
    unknown = rules_of(store, {"encoding": "cp1252"}, b"St. Ives,1,,\x81,1,")
    assert unknown == {"note.encoding": 1, "rows": 2, "counted": 1}


def test_unknown_bytes_are_no_letter_of_utf_8_together(store: Store) -> None:
    contract = contract_of({"encoding": "cp1253"}, "λ", OPEN)
    found, _ = outcome(store, contract, HEADER + GOOD.encode() + b"\n\xd2\x88,5,,,1,\n")
    assert found == {"town.encoding": 1, "rows": 2, "counted": 1}
    assert examples(store, "town.encoding") == ["\ufffd\ufffd"]


BLANKS: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "a comma before": ({"delimiter": "\t"}, b",9", "cost.type"),
    "a comma behind": ({"delimiter": "\t"}, b"9,", "cost.type"),
    "a comma behind, trimmed": ({"delimiter": "\t", "trim": True}, b"9,", "cost.type"),
    "a point before": ({"delimiter": "\t", "decimal": ","}, b".5", "cost.type"),
    "a comma between spaces": ({"delimiter": " "}, b",9", "cost.type"),
    "a quotation mark": ({"quote": "\t"}, b'"9', "cost.type"),
    "what stands for the comma": ({"delimiter": "\t"}, b"\x1c9", "cost.type"),
    "what stands for both": ({"delimiter": " ", "quote": "\t"}, b"\x1c9\x1d", "cost.type"),
    "a delimiter that stands for it": ({"delimiter": "\x1c", "quote": "\t"}, b'"9', "cost.type"),
}


@pytest.mark.parametrize("case", BLANKS)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
def test_a_sign_is_no_space_around_a_number_where_a_space_parts_fields(
    store: Store, case: str, alone: bool
) -> None:
    source, cost, rule = BLANKS[case]
    delimiter = str(source.get("delimiter", ",")).encode()
    rows = [[b"Paris", b"5", b"", b"", cost, b""]]
    if not alone:
        rows += [[b"Paris", b"x", b"", b"", b"1", b""]]
    data = b"".join(
        delimiter.join(fields) + b"\n"
        for fields in [HEADER.strip().split(b","), [b"Oslo", b"5", b"", b"", b"1", b""], *rows]
    )
    found, _ = outcome(store, contract_of(source, "x", OPEN), data)
    broken = {rule: 1} if alone else {rule: 1, "age.type": 1}
    assert found == broken | {"rows": len(rows) + 1, "counted": 1}


@pytest.mark.parametrize("case", BLANKS)
def test_no_two_signs_become_the_same(case: str) -> None:
    translator = Translator(contract_of(BLANKS[case][0], "x").source)
    assert len(set(translator.plain(bytes(range(256))))) == 256
    assert translator.original(translator.plain(bytes(range(256)))) == bytes(range(256))


TEXTS: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "a point behind": ({"delimiter": "\t", "decimal": ",", "trim": True}, b"Paris.", "Paris."),
    "a point before": ({"delimiter": " ", "decimal": ",", "trim": True}, b".Paris", ".Paris"),
    "a delimiter": ({"delimiter": " "}, b'"New York"', "New York"),
    "a delimiter that parts thousands": (
        {"delimiter": " ", "thousands": " "},
        b'"New York"',
        "New York",
    ),
    "a delimiter around": (
        {"delimiter": " ", "thousands": " ", "trim": True},
        b'" New York "',
        "New York",
    ),
    "another delimiter": ({"delimiter": "'", "thousands": "'"}, b'"\'t Zand"', "'t Zand"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_group_keeps_its_signs_whatever_parts_fields(store: Store, case: str) -> None:
    source, town, group = TEXTS[case]
    delimiter = str(source["delimiter"]).encode()
    rows = [HEADER.strip().split(b","), [town, b"5", b"", b"", b"1", b""]]
    data = b"".join(delimiter.join(fields) + b"\n" for fields in rows)
    _, outputs = outcome(store, contract_of(source, "x", OPEN), data)
    assert any(f"{group},".encode() in output for output in outputs.values())


def test_a_number_that_stands_for_nothing_is_no_number(store: Store) -> None:
    found = rules_of(store, {"null_values": ["-9"]}, b"St. Ives,-9,,,1,", b"St. Ives,9,-9,,1,")
    assert found == {"age.required": 1, "rows": 3, "counted": 2}


def test_thousands_are_separated_by_the_delimiter_between_quotes_alone(store: Store) -> None:
    quoted = [b'St. Ives,"1,234",,"one, two","-1,234.5",', b'St. Ives,1,,,"1,234",'] * 3
    wrong = [b'St. Ives,"1,23",,,1,', b"St. Ives,1\x1f234,,,1,", b'St. Ives,"1\x1f234",,,1,']
    found = rules_of(store, {"thousands": ","}, *quoted)
    assert found == {"rows": 7, "counted": 7}
    found = rules_of(store, {"thousands": ","}, wrong[1])
    assert found == {"age.type": 1, "rows": 2, "counted": 1}
    found = rules_of(store, {"thousands": ","}, *quoted, *wrong)
    assert found == {"age.type": 3, "rows": 10, "counted": 7}


def test_a_value_of_the_measure_is_no_example_however_it_is_written(store: Store) -> None:
    source = {"delimiter": ";", "decimal": ",", "thousands": "."}
    data = b"town;age;spare;note;cost\nSt. Ives;1.234,5;;;1\nSt. Ives;x1;;;1\nSt. Ives;1;;;1\n"
    upload(store, contract := contract_of(source, "x"), {"x.csv": data})
    run(store, contract)
    assert examples(store, "age.type") == ["x1"]


def test_a_value_of_the_measure_with_its_unit_is_no_example(store: Store) -> None:
    contract = contract_of({}, "x", {"cost": {"unit": "EUR"}})
    data = b"town,age,spare,note,cost\nSt. Ives,1234 EUR,,,1\nSt. Ives,x1,,,1\nSt. Ives,1,,,1\n"
    upload(store, contract, {"x.csv": data})
    assert run(store, contract).rules == {"age.type": 2}
    assert examples(store, "age.type") == ["x1"]


UNITS = {
    **dict.fromkeys([b"19.0", b"+19.", b" 19.00 y", b"y19.0", "\u00a019\u00a0y".encode()], 19),
    **dict.fromkeys([b"-y 19", b"y -19", b"-19y"], -19),
    **dict.fromkeys([b"19.5", b".0", b"1e1.0", b"y", b"yy19", b"y19y", b"19.0.0", b"19 .0"]),
}


@pytest.mark.parametrize(("field", "number"), UNITS.items())
def test_an_integer_with_a_unit_and_a_fraction_of_zeros_is_one(
    store: Store, field: bytes, number: int | None
) -> None:
    least = -99 if number is None else number
    keys = {"age": {"unit": "y", "decimal_zeros": True, "minimum": least, "maximum": number}}
    good = b"%dy" % (number or 1)
    data = b"".join(b"St. Ives,%s,,,1\n" % it for it in (good, field))
    header = b"town,age,spare,note,cost\n"
    found, _ = outcome(store, contract_of({}, "x", keys), header + data)
    assert found == (
        {"rows": 2, "counted": 2} if number else {"age.type": 1, "rows": 2, "counted": 1}
    )
