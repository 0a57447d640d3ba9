"""Files of hostile bytes: each is read, or refused with a sentence, and never a traceback."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import medical_charges as mc
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.local import command
from tests.helpers import WITHOUT_CUBES

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"
DATA = HEADER + GOOD * 100


def _nested(data: bytes, times: int) -> bytes:
    for _ in range(times):
        data = gzip.compress(data)
    return data


CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes alone": (lambda: bytes(4096), "has no header|holds binary data|UTF-16"),
    "a zero byte in a row": (lambda: DATA + GOOD.replace(b"yes", b"y\0s"), "smoker.allowed 1"),
    "a zero byte in the header": (lambda: DATA.replace(b"age", b"a\0e", 1), "holds binary data"),
    "bytes that are not UTF-8": (lambda: DATA + GOOD.replace(b"yes", b"\xff\xfe"), "encoding 1"),
    "a surrogate in UTF-8": (lambda: DATA + GOOD.replace(b"yes", b"\xed\xa0\x80"), "encoding 1"),
    "an overlong slash": (lambda: DATA + GOOD.replace(b"yes", b"\xc0\xaf"), "encoding 1"),
    "a header that is not UTF-8": (lambda: b"\xff" + DATA, "has the byte 0xff"),
    "random bytes": (lambda: bytes(range(256)) * 64, "is not a CSV|has no header|holds binary"),
    "a gzip in a gzip": (lambda: _nested(DATA, 2), "is not a CSV file|has no line end|has no head"),
    "a gzip of nothing": (lambda: gzip.compress(b""), "is empty"),
    "a gzip with junk behind it": (
        lambda: gzip.compress(DATA) + b"junk" * 9,
        "a damaged gzip file",
    ),
    "a gzip cut in its header": (lambda: gzip.compress(DATA)[:12], "is empty|damaged|has no line"),
    "a gzip with a wrong checksum": (
        lambda: gzip.compress(DATA)[:-8] + bytes(8),
        "cannot be decompressed",
    ),
    "quotes alone": (lambda: DATA + b'"' * 9999 + b"\n", "quotes 1"),
    "commas alone": (lambda: DATA + b"," * 99999 + b"\n", "fields 1"),
    "carriage returns alone": (lambda: DATA + b"\r" * 9999 + b"\n", "quotes 1|fields 1"),
    "a number of a million digits": (
        lambda: DATA + GOOD.replace(b"19,", b"9" * 10**6 + b","),
        "age.type 1",
    ),
    "an exponent of a million digits": (
        lambda: DATA + GOOD.replace(b"16884.924", b"1e" + b"9" * 10**6),
        "charges.finite 1",
    ),
    "digits of other scripts": (
        lambda: DATA + GOOD.replace(b"19,", "\u0661\u0669,".encode()),
        "age.type 1",
    ),
    "the same column 5,000 times": (
        lambda: HEADER.rstrip() + b",age" * 5000 + b"\n" + GOOD,
        "has the column 'age' 5001 times",
    ),
    "a header of a million columns": (
        lambda: HEADER.rstrip() + b",x" * 10**6 + b"\n" + GOOD,
        "has no line end .* in its first 65536 bytes",
    ),
    "a column of control characters": (
        lambda: HEADER.rstrip() + b",\x1b]0;x\x07\n" + (GOOD.rstrip() + b",1\n") * 100,
        r"the column '\\x1b]0;x\\x07' is not in the contract and is ignored",
    ),
    "a column of a page's script": (
        lambda: HEADER.rstrip() + b",<script>\n" + (GOOD.rstrip() + b",1\n") * 100,
        "the column '<script>' is not in the contract and is ignored",
    ),
}
"""Contents, with what is said of them: as an error, a warning or a count of rejected rows."""


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(WITHOUT_CUBES)


def said(file: Path, contract: Contract) -> str:
    """All that an analysis says, whether it ends well or not."""
    try:
        found = mc.analyze(file, contract).summary
    except MedicalChargesError as error:
        return str(error)
    rules = [f"{rule} {count}" for rule, count in found.rules.items()]
    return "\n".join([*found.warnings, *rules])


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_answered_with_a_sentence(
    case: str, tmp_path: Path, contract: Contract
) -> None:
    data, sentence = CASES[case]
    file = tmp_path / "hostile.csv"
    file.write_bytes(data())
    answer = said(file, contract)
    assert re.search(sentence, answer), answer[:500]
    assert "16884" not in answer, "a row of the file"
    assert len(answer) < 5000


NAMES = (
    b"<img src=x onerror=alert(1)>.csv",
    b"=cmd|' calc'!A0.csv",
    b"$(touch pwned).csv",
    b"-rf.csv",
    b"%2e%2e%2f.csv",
    b"a\nb.csv",
    b"\x1b[2J.csv",
    "\u202egnp.csv".encode(),
    b"[red]markup.csv",
    b"x" * 251 + b".csv",
)


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_file_of_a_hostile_name_is_read_and_its_name_printed_without_control(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text(WITHOUT_CUBES)
    folder = tmp_path / "files"
    folder.mkdir()
    file = folder / os.fsdecode(name)
    file.write_bytes(DATA)
    arguments = ["--contract", str(contract)]
    assert command.main(["check", *arguments, "--", str(file)]) == 0
    file.write_bytes(b"nothing\n")
    assert command.main(["check", *arguments, "--", str(file)]) == 3
    printed = capsys.readouterr()
    told = printed.out + printed.err
    assert "has no header" in told
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contract.yaml", "files"]


def test_a_file_whose_name_is_no_text_is_refused_with_a_sentence(
    tmp_path: Path, contract: Contract
) -> None:
    (tmp_path / os.fsdecode(b"\xff.csv")).write_bytes(DATA)
    for source in (tmp_path, tmp_path / os.fsdecode(b"\xff.csv")):
        assert "is not UTF-8; rename the file" in said(source, contract)
