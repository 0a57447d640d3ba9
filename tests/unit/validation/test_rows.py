"""The independent reader: it accepts what the kernel accepts, whatever a file looks like."""

from __future__ import annotations

import csv
import gzip
import io
from random import Random
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest

from medical_charges.checks import Check
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from medical_charges.validation import FrameCheck, Frames, validate_outputs
from medical_charges.validation.dqdl import rule_checks
from medical_charges.validation.recount import frames, lines, sums
from medical_charges.validation.recount.lines import Block
from medical_charges.validation.recount.rows import BAD, Rows, fields_of, value_of
from tests.helpers import run, upload
from tests.unit.validation.helpers import GOOD_ROW, RULES, csv_lines, validated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MESSY = b"""\
region,children,note,smoker,sex,age,bmi,charges
northeast,1,"a, quoted \"\"note\"\"",no,male, 30 ,24.95,1000.5
northeast,1,,no,male,+30,25,1e3
northeast,1,,no,male,30.5,25,1000
northeast,1,,no,male,95,25,1000

northeast,1,,no,male,30,NaN,1000
north,1,,no,male,30,25,1000
northeast,1,,no,male,30,25
northeast,1,,no,male,30,25,1000,more
northeast,,,no,male,30,25,1000
"""


def test_the_rows_of_messy_files_are_those_that_the_kernel_accepts(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    quality = contract.quality.model_copy(update={"maximum_rejected_share": 1})
    tolerant = contract.model_copy(update={"quality": quality})
    messy = {
        "messy.csv": MESSY.replace(b"\n", b"\r\n"),
        "marked.csv": b"\xef\xbb\xbf" + MESSY,
        "packed.csv.gz": gzip.compress(b"\r\n\n" + MESSY),
    }
    files = {"Charges.csv": real_file} | messy
    summary, result = validated(store, tolerant, files)
    assert (summary.rejected, summary.counted) == (18, 1338 + 9)
    assert result.problems == []
    assert result.objects == {"read": 4, "on_record": 0}


BROKEN: dict[str, tuple[str, bytes]] = {
    "too few fields": ("fields", b"a,n,1,1,0.5,"),
    "too many fields": ("fields", b"a,n,1,1,0.5,,10.5,"),
    "an odd number of quotes": ("quotes", b'a,"n,1,1,0.5,,10.5'),
    "text behind a quote": ("quotes", b'a,"n"n,1,1,0.5,,10.5'),
    "a carriage return": ("quotes", b"a,n\rn,1,1,0.5,,10.5"),
    "an empty text": ("note.required", b"a,,1,1,0.5,,10.5"),
    "an empty text in quotes": ("note.required", b'a,"",1,1,0.5,,10.5'),
    "an empty number": ("few.required", b"a,n,1,,0.5,,10.5"),
    "a value that is not allowed": ("kind.allowed", b"c,n,1,1,0.5,,10.5"),
    "a Latin-1 letter in any text": ("note.encoding", b"a,caf\xe9,1,1,0.5,,10.5"),
    "a Latin-1 letter in a value": ("kind.encoding", b"\xe9,n,1,1,0.5,,10.5"),
    "a fraction for an integer": ("few.type", b"a,n,1,1.0,0.5,,10.5"),
    "an integer over 64 bits": ("whole.type", b"a,n,9223372036854775808,1,0.5,,10.5"),
    "an integer under 64 bits": ("whole.type", b"a,n,-9223372036854775809,1,0.5,,10.5"),
    "an integer of 50 digits": ("whole.type", b"a,n," + b"9" * 50 + b",1,0.5,,10.5"),
    "a word for a number": ("ratio.type", b"a,n,1,1,half,,10.5"),
    "a number of Java's": ("ratio.type", b"a,n,1,1,0.5d,,10.5"),
    "no number at all": ("ratio.finite", b"a,n,1,1,NaN,,10.5"),
    "an infinity": ("spare.finite", b"a,n,1,1,0.5,-Infinity,10.5"),
    "a number that overflows": ("spare.finite", b"a,n,1,1,0.5,1e400,10.5"),
    "a measure that overflows": ("cost.finite", b"a,n,1,1,0.5,,1e400"),
    "a measure that is too large": ("cost.magnitude", b"a,n,1,1,0.5,,-90071992547409.94"),
    "two signs": ("cost.type", b"a,n,1,1,0.5,,++10.5"),
    "two unlike signs": ("cost.type", b"a,n,1,1,0.5,,+-10.5"),
    "a measure of digits and a letter": ("cost.type", b"a,n,1,1,0.5,," + b"1" * 200_000 + b"x"),
    "a measure of digits, an exponent and a letter": (
        "cost.type",
        b"a,n,1,1,0.5,," + b"1" * 200_000 + b"ex",
    ),
    "under the minimum": ("ratio.minimum", b"a,n,1,1,-1.5,,10.5"),
    "over the maximum": ("few.maximum", b"a,n,1,10,0.5,,10.5"),
}
KEPT: dict[str, bytes] = {
    "quotes around anything": b'"b","n","1","1","0.5","","10.5"',
    "a comma and a quote in quotes": b'b,"n, ""n""",1,1,0.5,,10.5',
    "a quote within a text": b'b,n"n"n,1,1,0.5,,10.5',
    "a text in any script": "b,\ufffd \ue000 \U0001f642,1,1,0.5,,10.5".encode(),
    "spaces and tabs around numbers": b"b,n,\t1 , 1\t,\t0.5 ,, \t10.5\t ",
    "signs and exponents": b"b,n,+1,+1,+5e-1,-.5,+1.05e+1",
    "the largest integer": b"b,n,9223372036854775807,1,0.5,,10.5",
    "the smallest integer": b"b,n,-9223372036854775808,1,0.5,,10.5",
    "an integer with zeros before it": b"b,n," + b"0" * 50 + b"1,1,0.5,,10.5",
    "a number below all doubles": b"b,n,1,1,0.5,1e-400,10.5",
    "the largest measure": b"b,n,1,1,0.5,,90071992547409.92",
    "thousands of zeros before an integer": b"b,n," + b"0" * 5000 + b"1,1,0.5,,10.5",
    "thousands of zeros before and behind a measure": (
        b"b,n,1,1,0.5,," + b"0" * 5000 + b"22517998136852.5" + b"0" * 5000
    ),
    "a number of many decimals": b"b,n,1,1,0.30000000000000004441,,10.0500000000000007105",
    "carriage returns at the end": b"b,n,1,1,0.5,,10.5\r\r",
}


@pytest.mark.parametrize(("rule", "row"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("multiline", [False, True], ids=["lines", "records"])
def test_one_bad_row_is_bad_to_the_validation_too(
    store: LocalStore, rule: str, row: bytes, multiline: bool
) -> None:
    contract = contract_of(multiline=multiline)
    summary, result = validated(store, contract, {"x.csv": csv_lines(GOOD_ROW, row)})
    assert (summary.rules, summary.counted) == ({rule: 1}, 1)
    assert result.problems == []


@pytest.mark.parametrize("row", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("multiline", [False, True], ids=["lines", "records"])
def test_an_unusual_good_row_is_good_to_the_validation_too(
    store: LocalStore, row: bytes, multiline: bool
) -> None:
    contract = contract_of(multiline=multiline)
    summary, result = validated(store, contract, {"x.csv": csv_lines(GOOD_ROW, row)})
    assert (summary.rejected, summary.counted) == (0, 2)
    assert result.problems == []


def fields_for(random: Random) -> dict[str, str]:
    """A record's fields, in most of which nothing is wrong."""
    odd = {
        "kind": ["b", "c", "", '"a"'],
        "note": ["", '"n, n"', 'n"n', "n\rn", "caf\udce9", "\U0001f642", "\0", "\ufeff"],
        "whole": ["1.0", "-0007", " 7\t", "9" * 19, "1_0", "\u0661"],
        "few": ["10", "-1", "+9", ""],
        "ratio": ["nan", "inf", "1e400", "-1", "1.0000001", ".", "5e-1"],
        "spare": ["-Infinity", "1e-400", "\x0b1", "0x1"],
        "cost": [
            "1e400",
            "90071992547409.93",
            "1.005",
            "-.5",
            "1_0",
            "1e1",
            "",
            '"2.5"',
            "2.",
            "007",
        ],
    }
    good = ["a", "n", "1", "1", "0.5", "", str(random.randrange(1000) / 100)]
    return {
        name: random.choice(values) if random.random() < 0.03 else usual
        for (name, values), usual in zip(odd.items(), good, strict=True)
    }


def record_for(random: Random) -> str:
    fields = [*fields_for(random).values()]
    return ",".join(fields + ["more"] * (random.random() < 0.02))


@pytest.mark.parametrize("seed", range(20))
def test_records_are_judged_together_as_each_is_judged_by_itself(
    store: LocalStore, seed: int
) -> None:
    random = Random(seed)
    contract = parse_contract(RULES)
    columns = contract.source.columns
    header = csv_lines().decode().strip().split(",")
    records = [record_for(random) for _ in range(500)]

    def judged(blocks: list[Block]) -> tuple[list[object], list[str]]:
        refused, kept = list[str](), list[object]()
        for block in blocks:
            # New for each, so that nothing is remembered of the others.
            for others, measure in Rows(contract, header).accepted(block, refused.append):
                values = [[others[n].distinct[at] for at in others[n].places] for n in others]
                kept += zip(*values, measure.values.tolist(), measure.wholes.tolist(), strict=True)
        return sorted(kept, key=repr), sorted(refused)

    def alone(record: str) -> tuple[object, ...] | None:
        fields = fields_of(record)
        if fields is None or len(fields) != len(header):
            return None
        *others, cost = [value_of(columns[n], t) for n, t in zip(header, fields, strict=True)]
        if BAD in others or not isinstance(cost, float) or abs(cost * 100) > 2**53:
            return None
        return *others, cost, round(cost * 100)

    one_by_one = {record: alone(record) for record in records}
    right = [found for record in records if (found := one_by_one[record])]
    wrong = [record for record in records if not one_by_one[record]]
    assert right
    assert wrong
    together = judged([block_of(store, *records)])
    assert together == (sorted(right, key=repr), sorted(wrong))
    assert judged([block_of(store, record) for record in records]) == together


def block_of(store: LocalStore, *records: str) -> Block:
    """The block of an object with these records."""
    text = "\n".join(["header", *records, ""])
    store.write("x.csv", text.encode("utf-8", "surrogateescape"))
    (piece,) = lines.pieces(store, "x", next(store.list("")), Dialect())
    (block,) = lines.blocks(store, piece, Dialect())
    return block


def contract_of(*, multiline: bool) -> Contract:
    word = "true" if multiline else "false"
    return parse_contract(RULES.replace("format: csv", f"format: csv\n  multiline: {word}"))


def test_a_quoted_line_break_is_in_one_record_where_the_contract_says_so(store: LocalStore) -> None:
    rows = [GOOD_ROW, b'b,"n\nn\r\nn",1,1,0.5,,10.5', GOOD_ROW]
    summary, result = validated(store, contract_of(multiline=True), {"x.csv": csv_lines(*rows)})
    assert (summary.rows, summary.counted) == (3, 3)
    assert result.problems == []


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_line_break_in_a_quoted_name_is_in_the_header(store: LocalStore, line_end: bytes) -> None:
    data = csv_lines(GOOD_ROW, GOOD_ROW).replace(b"\n", line_end)
    header, _, rows = data.partition(line_end)
    named = header + b',"loaded' + line_end + b'""at"""' + line_end
    wide = b"".join(row + b",x" + line_end for row in rows.split(line_end) if row)
    contract = contract_of(multiline=True)
    summary, result = validated(store, contract, {"x.csv": b"\xef\xbb\xbf\n" + named + wide})
    assert (summary.rows, summary.counted) == (2, 2)
    assert result.problems == []


def test_a_quote_within_a_field_joins_no_lines(store: LocalStore) -> None:
    """As in feet and inches: Python's csv module reads five records here."""
    rows = [b"a,5'10\",1,1,0.5,,10.5", GOOD_ROW, b"b,6'1\",1,1,0.5,,10.5", b'b,"n"n,1,1,0.5,,1']
    contract = contract_of(multiline=True)
    summary, result = validated(store, contract, {"x.csv": csv_lines(*rows, GOOD_ROW)})
    assert (summary.rows, summary.counted, summary.rules) == (5, 4, {"quotes": 1})
    assert result.problems == []


@pytest.mark.parametrize("size", [1, 7, 1 << 13])
def test_records_are_cut_where_pythons_csv_module_cuts_them(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(lines, "_RECORDS_AT_ONCE", size)
    monkeypatch.setattr(lines, "_CHUNK_BYTES", 16)
    dialect = Dialect(multiline=True)
    random = Random(size)
    for _ in range(100):
        text = "".join(random.choices(["a", ",", '"', '""', "\n", "\r\n", ',"'], k=60))
        store.write("x.csv", b"kind\n" + text.encode())
        (piece,) = lines.pieces(store, "x", next(store.list("")), dialect)
        found = [r for block in lines.blocks(store, piece, dialect) for r in block.records]
        right = [fields for fields in csv.reader(io.StringIO(text, newline="")) if fields]
        read = [next(csv.reader(io.StringIO(record, newline=""))) for record in found]
        # A last field that is never closed keeps no line end.
        ends = [[[*some[:-1], some[-1].rstrip("\r\n")] for some in each] for each in (read, right)]
        assert sorted(ends[0]) == sorted(ends[1])


@pytest.mark.parametrize("seed", range(20))
def test_kernel_and_validation_cut_any_records_alike(store: LocalStore, seed: int) -> None:
    random = Random(seed)
    odd = ['n"n', '"n\nn"', '"n""n"', '"n', 'n"', "\r", '\r"n', '"n"n', '"n"\r"n', ""]
    rows = [
        f"a,{random.choice(odd) if random.random() < 0.3 else 'n'},1,1,0.5,,{i}".encode()
        for i in range(60)
    ]
    files = {"x.csv": csv_lines(*rows), "y.csv.gz": gzip.compress(csv_lines(*rows[::-1]))}
    _, result = validated(store, contract_of(multiline=True), files)
    assert result.problems == []


def test_an_integer_measure_that_is_too_large_is_bad_to_the_validation_too(
    store: LocalStore,
) -> None:
    contract = parse_contract(RULES.replace("{type: double, decimals: 2}", "{type: integer}"))
    rows = [b"a,n,1,1,0.5,,%d" % cost for cost in (2**53, -(2**53), 2**53 + 1, -(2**53) - 1)]
    summary, result = validated(store, contract, {"x.csv": csv_lines(*rows, GOOD_ROW)})
    assert summary.rules == {"cost.magnitude": 2, "cost.type": 1}
    assert result.problems == []


def test_the_ends_of_the_measure_are_good_to_the_validation_too(store: LocalStore) -> None:
    contract = parse_contract(RULES.replace("decimals: 2", "decimals: 2, minimum: -1, maximum: 9"))
    rows = [b"a,n,1,1,0.5,,%s" % cost for cost in (b"-1", b"9", b"-1.01", b"9.01", b"9.0e0")]
    summary, result = validated(store, contract, {"x.csv": csv_lines(*rows)})
    assert summary.rules == {"cost.minimum": 1, "cost.maximum": 1}
    assert result.problems == []


def test_a_measure_on_the_edge_of_its_band_is_in_the_upper_one(store: LocalStore) -> None:
    band = "bands:\n  level: {column: cost, below: {low: 10, middle: 20}, otherwise: high}\n"
    text = RULES.replace("measure: cost\n", f"{band}measure: cost\n")
    contract = parse_contract(text.replace("group_by: [kind]", "group_by: [level]"))
    rows = [b"a,n,1,1,0.5,,%s" % cost for cost in (b"9.99", b"10", b"19.99", b"20.00", b"2e1")]
    summary, result = validated(store, contract, {"x.csv": csv_lines(*rows)})
    assert summary.counted == 5
    assert result.problems == []


def test_a_measure_in_the_middle_is_rounded_half_to_even(store: LocalStore) -> None:
    rows = [b"a,n,1,1,0.5,,0.125", b"b,n,1,1,0.5,,0.375"]
    _, result = validated(store, parse_contract(RULES), {"x.csv": csv_lines(*rows)})
    assert result.problems == []


def test_a_large_measure_is_rounded_once_whatever_its_length(store: LocalStore) -> None:
    """Beyond doubles that are exact, between them, and with more digits than any decimal."""
    long_ = b"45035996273704.965" + b"0" * 40 + b"1"
    costs = [b"22517998136852.4748", b"22517998136852.485", b"45035996273704.965", long_]
    rows = [b"%s,n,1,1,0.5,,%s" % (b"ab"[i % 2 :][:1], cost) for i, cost in enumerate(costs)]
    _, result = validated(store, parse_contract(RULES), {"x.csv": csv_lines(*rows)})
    assert result.problems == []


@pytest.mark.parametrize("spare", [b" ", b"kg", b"\t", b"\xc2\xa0", b" kg", b"", b"5 kg", b"kg5"])
def test_a_unit_without_a_number_is_no_empty_field(store: LocalStore, spare: bytes) -> None:
    text = RULES.replace("nullable: true", "nullable: true, unit: kg")
    rows = csv_lines(b"a,n,1,1,0.5,%s,10" % spare, GOOD_ROW)
    summary, result = validated(store, parse_contract(text), {"x.csv": rows})
    assert summary.rejected == (spare not in {b"", b"5 kg", b"kg5"})
    assert result.problems == []


def test_large_figures_that_differ_little_are_computed_exactly(store: LocalStore) -> None:
    rows = [b"a,n,1,1,0.5,,80000000000000.%02d" % (i % 3) for i in range(50)]
    _, result = validated(store, parse_contract(RULES), {"x.csv": csv_lines(*rows)})
    assert result.problems == []


def test_objects_of_many_headers_are_read_together(store: LocalStore) -> None:
    turned = b"\n".join([b"cost,spare,ratio,few,whole,note,kind,more", b"1,,0,1,1,n,b,x", b""])
    files = {f"{i:03d}.csv": turned if i % 2 else csv_lines(GOOD_ROW) for i in range(50)}
    summary, result = validated(store, parse_contract(RULES), files)
    assert summary.counted == 50
    assert result.problems == []
    assert result.objects == {"read": 50, "on_record": 0}


CUTS: dict[str, tuple[Dialect, str, list[str]]] = {
    "comments": (Dialect(comment="#"), "#a\nb#\n#c", ["b#"]),
    "rows of delimiters": (Dialect(skip_blank_rows=True), ",,\na,\n,,\n,b\n,", ["a,", ",b"]),
    "such rows elsewhere": (Dialect(), ",,\na,", [",,", "a,"]),
    "Windows' line ends": (Dialect(), "a\r\n\r\nb\r\n", ["a", "b"]),
    "one of two carriage returns": (Dialect(), "a\r\r\nb\r", ["b", "a\r"]),
    "old line ends": (Dialect(), "a\rb\nc", ["c", "a\rb"]),
    "other quotes": (Dialect(quote="'"), "a\n'b'\n\"c", ["a", '"c', "'b'"]),
}
"""Texts, and their records: the plain ones first."""


@pytest.mark.parametrize(("dialect", "text", "records"), CUTS.values(), ids=CUTS)
def test_a_block_has_the_records_of_its_text(
    store: LocalStore, dialect: Dialect, text: str, records: list[str]
) -> None:
    store.write("x.csv", f"header\n{text}".encode())
    (piece,) = lines.pieces(store, "x", next(store.list("")), dialect)
    blocks = list(lines.blocks(store, piece, dialect))
    assert sorted(r for block in blocks for r in block.records) == sorted(records)
    assert not any("\r" in block.plain or dialect.quote in block.plain for block in blocks)


def test_a_byte_order_mark_within_an_object_is_a_character(store: LocalStore) -> None:
    rows = csv_lines(b"\xef\xbb\xbf" + GOOD_ROW, GOOD_ROW)
    summary, result = validated(store, parse_contract(RULES), {"x.csv": rows})
    assert summary.rules == {"kind.allowed": 1}
    assert result.problems == []


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_pieces_hold_every_line_once_wherever_they_are_cut(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    rows = [b"%s,n,1,1,0.5,,%d" % (b"ab"[i % 2 : i % 2 + 1], i) for i in range(40)]
    data = csv_lines(*rows[:20], b"", b"\r", *rows[20:]).removesuffix(b"\n")
    store.write("x.csv", data)
    ref = next(store.list(""))
    monkeypatch.setattr(lines, "PIECE_BYTES", size)
    monkeypatch.setattr(lines, "_CHUNK_BYTES", 16)
    parts = lines.pieces(store, "x", ref, Dialect())
    assert len(parts) == -(-(len(data) - data.index(b"\n") - 1) // size)
    found = [
        record
        for part in parts
        for block in lines.blocks(store, part, Dialect())
        for record in block.records
    ]
    assert found == [row.decode() for row in rows]


@pytest.mark.spark
def test_spark_recounts_objects_that_are_too_large_for_the_driver(
    spark: SparkSession, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = parse_contract(RULES)
    rows = [b"%s,n,1,1,0.5,,%d" % (b"ab"[i % 2 : i % 2 + 1], i) for i in range(40)]
    files = {"x.csv": csv_lines(*rows), "y.csv.gz": gzip.compress(csv_lines(*rows, b"bad"))}
    upload(store, contract, files)
    summary = run(store, contract)
    monkeypatch.setattr(lines, "PIECE_BYTES", 200)
    monkeypatch.setattr(sums, "DRIVER_BYTES", 0)
    result = validate_outputs(lambda: spark, store, contract, "run")
    assert result.problems == []
    assert (summary.counted, result.objects["read"]) == (80, 2)


@pytest.mark.spark
def test_frames_hold_accepted_rows_and_staged_outputs_with_their_types(
    spark: SparkSession, store: LocalStore, contract: Contract
) -> None:
    summary, _ = validated(store, parse_contract(RULES), {"x.csv": csv_lines(GOOD_ROW, b"bad")})
    seen = list[Frames]()
    left = validate_outputs(
        lambda: spark, store, parse_contract(RULES), "run", recheck=True, frame_checks=[look(seen)]
    )
    assert left.problems == []
    accepted, staged = seen[0].accepted, seen[0].output("cost_by_kind", spark)
    assert [tuple(row) for row in accepted.collect()] == [("a", "n", 1, 1, 0.5, None, 10.5)]
    assert dict(accepted.dtypes)["few"] == "bigint"
    assert [row.asDict() for row in staged.collect()] == [
        {
            "kind": "a",
            "patients": summary.counted,
            "mean_cost": 10.5,
            "minimum_cost": 10.5,
            "maximum_cost": 10.5,
            "stddev_cost": None,
        }
    ]


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:The distutils package is deprecated")  # Spark uses it
@pytest.mark.parametrize("few", [0, 1 << 20], ids=["workers", "driver"])
def test_a_frame_has_every_accepted_row_with_its_types(
    spark: SparkSession, store: LocalStore, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    rows = [
        b'%s,"n,%d",%d,1,0.5,%s,%d.5' % (b"ab"[i % 2 :][:1], i, i, b"2" * (i % 3), i)
        for i in range(40)
    ]
    rows += [row.replace(b'"', b"").replace(b"n,", b"n") for row in rows]
    store.write("x.csv", csv_lines(*rows, b"bad", b"c,n,1,1,0.5,,1"))
    (ref,) = store.list("")
    monkeypatch.setattr(frames, "_FEW_BYTES", few)
    monkeypatch.setattr(frames, "_ROWS_AT_ONCE", 3)
    monkeypatch.setattr(lines, "PIECE_BYTES", 1000)
    found = Frames(lambda: spark, store, parse_contract(RULES), {"x": ref}, {}).accepted
    words = "string string bigint bigint double double double"
    assert [kind for _, kind in found.dtypes] == words.split()
    spares = [None, 2.0, 22.0]
    assert sorted(map(tuple, found.collect()), key=repr) == sorted(
        (
            ("ab"[i % 2], note, i, 1, 0.5, spares[i % 3], i + 0.5)
            for i in range(40)
            for note in (f"n,{i}", f"n{i}")
        ),
        key=repr,
    )


OWN = "rules: { dear: { rule: 'Mean \"cost\" > 9' } }"


@pytest.mark.spark
@pytest.mark.parametrize(("own", "expected"), [("", False), (OWN, True)], ids=["none", "some"])
def test_the_accepted_rows_are_held_while_own_rules_look_at_them_and_no_longer(
    own: str,
    expected: bool,
    spark: SparkSession,
    store: LocalStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract = parse_contract(RULES.replace("share: 1.0", f"share: 1.0, {own}"))
    upload(store, contract, {"x.csv": csv_lines(GOOD_ROW)})
    run(store, contract)
    (ref,) = store.list(Layout(contract.prefix).input)
    looked_at = Frames(lambda: spark, store, contract, {"x": ref}, {})
    held = list[bool]()

    def looking(_: object, frame: DataFrame, *__: object) -> list[Check]:
        held.append(frame.storageLevel.useMemory and frame.storageLevel.useDisk)
        return []

    one = MagicMock()
    monkeypatch.setattr("medical_charges.validation.dqdl.checks.evaluator_of", one)
    monkeypatch.setattr("medical_charges.validation.dqdl.checks.checks_of", looking)
    assert list(rule_checks(looked_at)) == []
    assert held == [expected]
    assert not looked_at.accepted.is_cached


def look(seen: list[Frames]) -> FrameCheck:
    def check(frames: Frames) -> list[Check]:
        seen.append(frames)
        return []

    return check
