"""A file that was cut off, or put together from two, is refused by its end."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from medical_charges.contract import parse_contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.header import HEAD_BYTES
from medical_charges.local.files import data_files, refuse_wrong_files
from tests.helpers import WITHOUT_CUBES

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"
FEW, MANY = HEADER + GOOD * 40, HEADER + GOOD * 8_000


def refusal(tmp_path: Path, files: dict[str, bytes], text: str = WITHOUT_CUBES) -> str:
    """What is said of files; nothing if they are taken."""
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    try:
        refuse_wrong_files(data_files(tmp_path), parse_contract(text))
    except InputRefusedError as error:
        return str(error).replace("MedicalCharges/Input_data/", "")
    return ""


@pytest.mark.parametrize("start", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (
            b"19,female,27.9",
            (
                "x.csv ends in the middle of a row: its last line has no line end, and too "
                "few fields: 3 under a header of 7; get the whole file, or remove that line"
            ),
        ),
        (
            b'19,"fem',
            "x.csv ends in the middle of a row: its last line has no line end, and an odd",
        ),
        (b"\0" * 4096, "x.csv ends with 4,096 zero bytes: it was not written to its end"),
        (b"\0\n", "x.csv ends with 1 zero byte"),
        (
            GOOD.replace(b",", b";") * 200,
            "x.csv is separated by semicolons at its end, and by commas at its start",
        ),
        (
            GOOD.decode().encode("utf-16-le") * 200,
            "x.csv is not a CSV file: it holds binary data at its end",
        ),
        (
            GOOD.replace(b"southwest", b"s\xfcdwest") * 200,
            (
                "x.csv is not UTF-8: at its end it has the byte 0xfc; save it as UTF-8, or say "
                "what it is (for example `source.encoding: cp1252`)"
            ),
        ),
    ],
    ids=["cut", "cut in quotes", "zeros", "one zero", "semicolons", "UTF-16", "cp1252"],
)
def test_a_wrong_end_is_said(start: bytes, end: bytes, sentence: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, {"x.csv": start + end}).startswith(sentence)


@pytest.mark.parametrize(
    "end",
    [
        b"",
        GOOD.rstrip(b"\n"),
        b"\n\r\n",
        b"\x1a",
        b"3 rows\n",
        GOOD.rstrip(b"\n") + b",",
        GOOD.replace(b",", b";"),
        GOOD.replace(b"southwest", b"s\xfcdwest"),
    ],
    ids=[
        "none", "no newline", "blank lines", "control Z", "a footer", "a field more",
        "one row of another delimiter", "one row of another encoding",
    ],
)  # fmt: skip
def test_an_end_that_a_run_can_read_is_taken(end: bytes, tmp_path: Path) -> None:
    assert refusal(tmp_path, {"x.csv": FEW + end}) == ""
    assert refusal(tmp_path, {"x.csv": MANY + end}) == ""


def test_the_share_that_a_run_may_reject_is_the_share_of_the_last_lines(tmp_path: Path) -> None:
    other = GOOD.replace(b",", b";")
    assert refusal(tmp_path, {"x.csv": HEADER + GOOD * 19 + other}) == ""
    assert "semicolons" in refusal(tmp_path, {"x.csv": HEADER + GOOD * 18 + other})
    # Of a large file, what stands before its last 64 KiB is the run's.
    rows = (HEAD_BYTES // len(GOOD) + 1) * GOOD
    assert refusal(tmp_path, {"x.csv": HEADER + GOOD * 5_000 + other * 100 + rows}) == ""


@pytest.mark.parametrize(
    "end",
    [
        b"# made by a program",
        b"#19,fem\n# made by a program\r",
        b"#;;;;;;\n" * 200,
        b"# S\xfcdwest\n" * 200,
        b"3 rows\n# made by a program",
        b"3 rows\n  ",
        b",,,",
        b",,,\r\n,,,\r\n",
        b"3 rows\n,,,",
        b";;;;;;\n,,,",
    ],
)
def test_lines_that_a_contract_leaves_out_are_left_out_of_the_end(
    end: bytes, tmp_path: Path
) -> None:
    text = WITHOUT_CUBES.replace(
        "format: csv", 'format: csv\n  comment: "#"\n  skip_blank_rows: true'
    )
    assert refusal(tmp_path, {"x.csv": FEW + end, "y.csv": MANY + end}, text) == ""
    last = end.rstrip(b"\r\n") + b"\n19,fem"
    assert "too few fields: 2" in refusal(tmp_path, {"x.csv": MANY + last}, text)


@pytest.mark.parametrize(("end", "said"), [(b",,,", "4 under a"), (b"# made", "1 under a")])
def test_they_are_rows_where_the_contract_says_nothing(
    end: bytes, said: str, tmp_path: Path
) -> None:
    assert f"too few fields: {said}" in refusal(tmp_path, {"x.csv": FEW + end})


def test_the_middle_of_a_long_record_is_no_line(tmp_path: Path) -> None:
    header, rows = HEADER.replace(b"\n", b",note\n"), GOOD.replace(b"\n", b",a\n") * 40
    for note in (b"b" * HEAD_BYTES, b";" * HEAD_BYTES, b"\xc3\xbc" * HEAD_BYTES):
        data = header + rows + GOOD.replace(b"\n", b"," + note)
        assert refusal(tmp_path, {"x.csv": data, "y.csv": data + b"\n"}) == ""
    assert "zero bytes" in refusal(tmp_path, {"x.csv": data + b"\0\0"})
    assert "65,536 zero bytes" in refusal(tmp_path, {"x.csv": data + b"\0" * 2 * HEAD_BYTES})


def test_every_wrong_file_is_named_at_once(tmp_path: Path) -> None:
    files = {"a.csv": MANY + b"19,fem", "b.csv": b"\n", "c.csv": FEW, "d.csv": FEW + b"\0"}
    said = refusal(tmp_path, files).split("\n")
    assert [sentence.split()[0] for sentence in said] == ["b.csv", "a.csv", "d.csv"]
    files = {f"{i:02}.csv": FEW + b"\0" for i in range(13)}
    assert refusal(tmp_path, files | {"b.csv": FEW}).split("\n")[-2:] == [
        "09.csv ends with 1 zero byte: it was not written to its end",
        "and 5 more objects",
    ]


def test_a_file_whose_start_is_refused_has_one_sentence(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"x.csv": GOOD + b"19,fem"}).count("x.csv") == 1


def test_the_end_of_a_gzipped_file_is_the_runs(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"x.csv.gz": gzip.compress(FEW + b"19,fem")}) == ""


def test_records_that_span_lines_may_end_anywhere(tmp_path: Path) -> None:
    text = WITHOUT_CUBES.replace("format: csv", "format: csv\n  multiline: true")
    data = HEADER.replace(b"\n", b",note\n") + GOOD.replace(b"\n", b',"a\nb"\n') * 2_000
    assert refusal(tmp_path, {"x.csv": data.rstrip(b"\n")}, text) == ""
    assert "zero bytes" in refusal(tmp_path, {"x.csv": data + b"\0\0"}, text)


def test_the_dialect_of_the_contract_is_that_of_the_end(tmp_path: Path) -> None:
    text = WITHOUT_CUBES.replace(
        "format: csv", 'format: csv\n  delimiter: ";"\n  encoding: cp1252\n  trim: true'
    )
    data = (FEW + GOOD.replace(b"southwest", b"s\xfcdwest") * 200).replace(b",", b";")
    assert refusal(tmp_path, {"x.csv": data}, text) == ""
    said = refusal(tmp_path, {"x.csv": data + GOOD * 200}, text)
    assert said.startswith("x.csv is separated by commas at its end, and by semicolons")
