"""Corrupted copies of the real file end in right outputs and quarantine, or in a clear refusal.

FUZZ_COPIES sets how many copies are tried; a copy is made by its number alone.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import polars as pl
import pytest

from medical_charges.analysis.engine import Engine, in_this_process, on_spark
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.outputs import Output
from medical_charges.errors import InputRefusedError, MedicalChargesError, TooManyRejectedError
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, Store
from tests import oracle
from tests.helpers import WITHOUT_CUBES, run
from tests.memory import MemoryStore

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COPIES = int(os.environ.get("FUZZ_COPIES", "200"))
COPIES_ON_SPARK = 20
REAL = parse_contract(WITHOUT_CUBES)
# With these nothing is withheld and no share of bad rows is too large: every figure is seen.
OPEN = REAL.model_copy(
    update={
        "quality": REAL.quality.model_copy(update={"maximum_rejected_share": 1.0}),
        "disclosure": REAL.disclosure.model_copy(update={"minimum_cell": 1}),
    }
)
FIELDS = [
    *("", " ", "NaN", "nan", "inf", "-Infinity", "null", "-1", "121", "1e308", "1e-5", "9" * 25),
    *("19.0", "+19", " 19", "19 ", "1_9", "0x13", "YES", "No", "Female", "north east", "é", "18,5"),
    *('"yes"', '"no', 'fe"male', '""', '" 19"', "9007199254.740993", "1.0000005", "-0", "1e3"),
]
BLOBS = [b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"\r", b"\r\r", b"\x1a", b"\xe9"]

Corruption = Callable[[Random, list[bytes]], None]


def _place(random: Random, lines: list[bytes]) -> int:
    """A line, seldom the header."""
    first = 0 if random.random() < 0.01 or len(lines) < 2 else 1
    return random.randrange(first, len(lines)) if lines else -1


def _on_a_line(change: Callable[[Random, bytes], bytes]) -> Corruption:
    """A corruption of some lines, from one to many."""

    def corrupt(random: Random, lines: list[bytes]) -> None:
        for _ in range(random.choice([1, 1, 3, 20, 200]) if lines else 0):
            index = _place(random, lines)
            lines[index] = change(random, lines[index])

    return corrupt


def _flip_byte(random: Random, line: bytes) -> bytes:
    at = random.randrange(len(line) + 1)
    return line[:at] + bytes([random.randrange(256)]) + line[at + 1 :]


def _flip_bit(random: Random, line: bytes) -> bytes:
    if not line:
        return line
    at = random.randrange(len(line))
    return line[:at] + bytes([line[at] ^ 1 << random.randrange(8)]) + line[at + 1 :]


def _cut(random: Random, line: bytes) -> bytes:
    return line[: random.randrange(len(line) + 1)]


def _add_column(random: Random, line: bytes) -> bytes:
    return line.rstrip(b"\r\n") + random.choice([b",", b",1", b",,", b',"x,y"']) + b"\n"


def _insert(choices: list[bytes]) -> Callable[[Random, bytes], bytes]:
    def change(random: Random, line: bytes) -> bytes:
        at = random.randrange(len(line) + 1)
        return line[:at] + random.choice(choices) + line[at:]

    return change


def _replace_field(random: Random, line: bytes) -> bytes:
    fields = line.rstrip(b"\r\n").split(b",")
    fields[random.randrange(len(fields))] = random.choice(FIELDS).encode()
    return b",".join(fields) + b"\n"


def _quote_fields(random: Random, line: bytes) -> bytes:
    fields = line.rstrip(b"\r\n").split(b",")
    return b",".join(b'"%s"' % f if random.random() < 0.5 else f for f in fields) + b"\n"


def _drop_lines(random: Random, lines: list[bytes]) -> None:
    start = _place(random, lines)
    del lines[max(start, 0) : start + random.choice([1, 5, 500])]


def _repeat_header(random: Random, lines: list[bytes]) -> None:
    if lines:
        lines.insert(_place(random, lines), random.choice([b"", b"\xef\xbb\xbf"]) + lines[0])


def _all_crlf(random: Random, lines: list[bytes]) -> None:
    lines[:] = [line.replace(b"\n", b"\r\n") for line in lines]


def _reorder_columns(random: Random, lines: list[bytes]) -> None:
    width = lines[0].count(b",") + 1 if lines else 1
    order = random.sample(range(width), width)
    for index, line in enumerate(lines):
        fields = line.rstrip(b"\r\n").split(b",")
        if len(fields) == width:
            lines[index] = b",".join(fields[i] for i in order) + b"\n"


def _widen(random: Random, lines: list[bytes]) -> None:
    at = random.choice([0, 3, 99])
    for index, line in enumerate(lines):
        fields = line.rstrip(b"\r\n").split(b",")
        fields.insert(at, b"note" if index == 0 else random.choice([b"", b"x", b"1"]))
        lines[index] = b",".join(fields) + b"\n"


def _damage_header(random: Random, lines: list[bytes]) -> None:
    if not lines:
        return
    header = lines[0]
    lines[0] = random.choice(
        [
            header.upper(),
            header.replace(b"bmi", b"body"),
            header.replace(b",", b";"),
            header.replace(b"smoker", b"region"),
            b'"' + header,
            b"\n\r\n" + header,
            header.replace(b",", b" , "),
            header.replace(b"age", b'"age"'),
            b"",
            header[:9],
        ]
    )


CORRUPTIONS: list[Corruption] = [
    _on_a_line(_flip_byte),
    _on_a_line(_flip_bit),
    _on_a_line(_cut),
    _on_a_line(_add_column),
    _on_a_line(_insert([b'"'])),
    _on_a_line(_insert([b'"', b'""'])),
    _on_a_line(_insert([b",", b"\n", b"\r\n", b"\n\n", b" "])),
    _on_a_line(_insert(BLOBS)),
    _on_a_line(_replace_field),
    _on_a_line(_replace_field),
    _on_a_line(_quote_fields),
    _on_a_line(lambda _, line: b"\n" + line),
    _on_a_line(lambda _, line: line.replace(b"\n", b"\r\n")),
    _on_a_line(lambda _, line: line.replace(b",", b";")),
    _drop_lines,
    _repeat_header,
    _all_crlf,
]
RARE: list[Corruption] = [
    _reorder_columns,
    _widen,
    _damage_header,
    lambda random, lines: lines.__delitem__(slice(random.choice([0, 1, 2]), None)),
    lambda _, lines: lines.__delitem__(slice(0, 1)),
]


def corrupted(number: int, data: bytes) -> bytes:
    """The copy of this number."""
    random = Random(number)
    lines = data.splitlines(keepends=True)
    if random.random() < 0.15:
        lines += lines[1:] * 2  # long enough that its end is not looked at beforehand
    for _ in range(random.randint(1, 5)):
        random.choice(CORRUPTIONS)(random, lines)
    if random.random() < 0.2:
        random.choice(RARE)(random, lines)
    copy = b"".join(lines)
    if random.random() < 0.1:
        copy = b"\xef\xbb\xbf" + copy
    if random.random() < 0.1:
        copy = copy[: random.randrange(len(copy) + 1)]
    if random.random() < 0.15:
        copy = gzip.compress(copy, mtime=0)
        damage = random.random()
        if damage < 0.15:
            copy = copy[: random.randrange(len(copy) + 1)]
        elif damage < 0.3:
            copy = _flip_bit(random, copy)
    return copy


def _plain(copy: bytes) -> bytes | None:
    """The copy as text, or None if it is gzip and damaged."""
    if not copy.startswith(b"\x1f\x8b"):
        return copy
    try:
        return gzip.decompress(copy)
    except (EOFError, OSError, zlib.error):
        return None


def _header(text: bytes) -> tuple[tuple[str | None, ...], int] | None:
    """Return the column of each field and the start of the lines, if there is a valid header."""
    start = 3 if text.startswith(b"\xef\xbb\xbf") else 0
    start += len(text[start:]) - len(text[start:].lstrip(b"\r\n"))
    line, newline, _ = text[start:].partition(b"\n")
    try:
        fields = next(csv.reader([line.decode().removesuffix("\r")], strict=True), [])
    except (csv.Error, UnicodeDecodeError):
        return None
    names = [field.strip() for field in fields]
    if b"\0" in line or any(names.count(column) != 1 for column in REAL.source.columns):
        return None
    columns = tuple(name if name in REAL.source.columns else None for name in names)
    return columns, start + len(line) + len(newline)


@cache
def _row(line: bytes, columns: tuple[str | None, ...]) -> oracle.Row | None:
    return oracle.row_of(line, columns, REAL)


def _quarantined(store: Store) -> dict[int, bytes]:
    """The lines in quarantine by where they stand."""
    found: dict[int, bytes] = {}
    for ref in store.list(f"{REAL.prefix}/Quarantine_data"):
        frame = pl.read_parquet(io.BytesIO(store.read(ref.key)))
        for key, offset, line, rule, reason in frame.iter_rows():
            assert key == f"{REAL.prefix}/Input_data/copy.csv"
            assert rule
            assert reason
            assert offset not in found
            found[offset] = line
    return found


def _analyze(store: Store, contract: Contract, copy: bytes, engine: Engine, cut: int) -> str:
    """Run a copy to its end and check that; says which end it was."""
    store.write(f"{Layout(contract.prefix).input}/copy.csv", copy)
    text = _plain(copy)
    try:
        summary = run(store, contract, "run", engine, cut)
    except MedicalChargesError as error:
        _check_refusal(error, text, contract)
        return type(error).__name__
    assert text is not None
    _check_outputs(store, contract, text, summary)
    return "analyzed"


def _is_protected(
    found: list[list[str]], expected: list[list[str]], output: Output, lost: tuple[int, int]
) -> bool:
    """Return True if the rows are the expected ones, but for as many as were said to be protected.

    Some have lost all figures, some have kept those that follow from counts.
    """
    groups = len(output.labels)
    of_counts = [column.of_counts for column in output.figures]
    empty = [row[:groups] for row in found if not any(row[groups:])]
    small = [row[:groups] for row in expected if not any(row[groups:])]
    counted = 0
    for row, wanted in zip(found, expected, strict=True):
        if row[:groups] != wanted[:groups]:
            return False
        if row == wanted or row[:groups] in empty:
            continue
        alone = [text if of else "" for text, of in zip(wanted[groups:], of_counts, strict=True)]
        if row[groups:] != alone:
            return False
        counted += 1
    no_small_one_shows = all(group in empty for group in small)
    return no_small_one_shows and (len(empty), counted) == lost


def _check_outputs(store: Store, contract: Contract, text: bytes, summary: Summary) -> None:
    header = _header(text)
    assert header is not None
    columns, start = header
    lines = dict(oracle.lines_of(text, start))
    quarantined = _quarantined(store)
    assert quarantined == {at: line for at, line in lines.items() if _row(line, columns) is None}
    rows = [row for line in lines.values() if (row := _row(line, columns)) is not None]
    assert summary.rows == len(lines) == summary.counted + summary.rejected
    assert (summary.counted, summary.rejected) == (len(rows), len(quarantined))
    for name, expected in oracle.tables(rows, contract).items():
        staged = store.read(Layout(contract.prefix).staged(summary.run_id, name)).decode()
        first, *others = staged.removesuffix("\n").split("\n")
        assert first == ",".join(contract.outputs[name].header)
        if name in summary.withheld:
            assert others == []
            continue
        found = [other.split(",") for other in others]
        lost = summary.suppressed.get(name, 0), summary.counts_only.get(name, 0)
        assert _is_protected(found, expected, contract.outputs[name], lost)


def _check_refusal(error: MedicalChargesError, text: bytes | None, contract: Contract) -> None:
    message = str(error)
    assert message
    assert "\n" not in message
    assert "Traceback" not in message
    assert type(error) in {InputRefusedError, TooManyRejectedError}
    header = None if text is None else _header(text)
    if text is None or header is None:
        assert isinstance(error, InputRefusedError)
        return
    columns, start = header
    lines = [line for _, line in oracle.lines_of(text, start)]
    bad = sum(_row(line, columns) is None for line in lines)
    for line in lines:
        # No row is told, and a short piece of one only as the example of a field.
        assert len(line) < 20 or line.decode(errors="replace") not in message
    if isinstance(error, TooManyRejectedError):
        assert bad > contract.quality.maximum_rejected_share * len(lines)
        assert f"{bad} of {len(lines)} rows break a rule" in message
    else:
        assert bad == len(lines), message


def _options(number: int) -> tuple[Contract, int]:
    random = Random(-number - 1)
    return random.choice([OPEN, OPEN, OPEN, REAL]), random.choice([700, 5_000, 30_000, 1 << 27])


@pytest.mark.parametrize("number", range(COPIES))
def test_a_corrupted_copy_ends_in_right_outputs_or_a_clear_refusal(
    number: int, real_file: bytes
) -> None:
    contract, cut = _options(number)
    _analyze(MemoryStore(), contract, corrupted(number, real_file), in_this_process, cut)


@pytest.mark.spark
@pytest.mark.parametrize("number", range(COPIES_ON_SPARK))
def test_a_corrupted_copy_ends_the_same_way_on_spark(
    number: int, real_file: bytes, tmp_path: Path, spark: SparkSession
) -> None:
    contract, cut = _options(number)
    copy, ends = corrupted(number, real_file), []
    for name, engine in (("here", in_this_process), ("spark", on_spark(lambda: spark))):
        store = LocalStore(tmp_path / name)
        ends.append(_analyze(store, contract, copy, engine, max(cut, 16_000)))
    assert ends[0] == ends[1]


def test_the_copies_reach_every_end(real_file: bytes) -> None:
    ends = [
        _analyze(MemoryStore(), REAL, corrupted(number, real_file), *how)
        for number, how in ((n, (in_this_process, 1 << 27)) for n in range(40))
    ]
    assert set(ends) == {"analyzed", "InputRefusedError", "TooManyRejectedError"}
    assert ends.count("analyzed") > len(ends) / 3
