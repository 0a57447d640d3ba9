"""Files as other programs write them: read, ignored with a warning, or refused with the cause."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import subprocess
import zipfile
from pathlib import Path

import boto3
import pytest
import xlsxwriter

from medical_charges.analysis.snapshot import take_snapshot
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import InputRefusedError, TooManyRejectedError
from medical_charges.storage import LocalStore, S3Store
from tests.helpers import WITHOUT_CUBES, run, upload

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"
CONTRACT = parse_contract(WITHOUT_CUBES)
MULTILINE = parse_contract(WITHOUT_CUBES.replace("format: csv", "format: csv\n  multiline: true"))
FOLDER = "MedicalCharges/Input_data"


def refusal(store: LocalStore, contract: Contract = CONTRACT, **files: bytes) -> str:
    """Return the sentence that refuses files, by their names without a suffix."""
    upload(store, contract, {f"{name}.csv": data for name, data in files.items()})
    with pytest.raises(InputRefusedError) as refused:
        take_snapshot(store, contract)
    return str(refused.value)


def test_empty_parts_among_others_are_ignored_with_a_warning(store: LocalStore) -> None:
    parts = {"part-0.csv": HEADER + GOOD * 20, "part-1.csv": b"", "part-2.csv": HEADER + GOOD * 30}
    upload(store, CONTRACT, parts)
    summary = run(store, CONTRACT)
    assert (summary.objects, summary.counted) == (2, 50)
    assert summary.warnings == [f"{FOLDER}/part-1.csv is ignored because it is empty"]


def test_an_input_of_nothing_but_ignored_files_is_refused_with_the_reasons(
    store: LocalStore,
) -> None:
    sentence = refusal(store, _charges=HEADER + GOOD, empty=b"")
    assert f"{FOLDER}/_charges.csv is ignored because of its name" in sentence
    assert "starts with _ or ." in sentence
    assert f"{FOLDER}/empty.csv is empty: a header and rows were expected" in sentence


def test_a_line_break_in_a_quoted_name_is_read_where_records_span_lines(store: LocalStore) -> None:
    header = HEADER.rstrip() + b',"loaded\nat"\n'
    upload(store, MULTILINE, {"a.csv": header + (GOOD.rstrip() + b",now\n") * 20})
    summary = run(store, MULTILINE)
    assert (summary.rows, summary.counted) == (20, 20)
    assert "the column 'loaded\\nat' is not in the contract" in summary.warnings[0]


def test_a_quoted_name_that_never_ends_is_refused(store: LocalStore) -> None:
    sentence = refusal(store, MULTILINE, a=b'"' + HEADER + GOOD * 4000)
    assert "a.csv has no line end (\\n or \\r\\n) in its first 65536 bytes" in sentence


def test_a_row_with_a_zero_byte_is_rejected_wherever_it_is(store: LocalStore) -> None:
    bad = GOOD.replace(b"female", b"fem\0ale")
    upload(store, CONTRACT, {"a.csv": HEADER + GOOD * 20 + bad + GOOD * 5000 + bad})
    summary = run(store, CONTRACT)
    assert (summary.rows, summary.rules) == (5022, {"sex.allowed": 2})


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (
            HEADER.replace(b"age", b"\xe2ge") + GOOD,
            "is not UTF-8: its first line has the byte 0xe2",
        ),
        (HEADER.replace(b"age", b'"age"x') + GOOD, "its first line is not a line of CSV"),
        (b"\0\1\2\3\n" + GOOD, "it holds binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0" + GOOD, "it holds binary data"),
        (b'{"age": 19}\n', "it looks like JSON"),
        (b'[{"age": 19,\n', "it looks like JSON"),
        (b"<!DOCTYPE html>\n<html>", "it looks like a page of HTML, or XML"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_the_cause(
    store: LocalStore, data: bytes, cause: str
) -> None:
    assert cause in refusal(store, a=data)


WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("encoding", WIDE)
def test_the_command_that_a_refusal_of_wide_characters_names_makes_a_file_that_is_read(
    store: LocalStore, tmp_path: Path, encoding: str, zipped: bool
) -> None:
    text = (HEADER + GOOD * 5).decode()
    data = text.encode(encoding)
    (tmp_path / "a.csv").write_bytes(data := gzip.compress(data) if zipped else data)
    found = re.search(r"looks like (UTF-\d+) text; `(.*)` makes", refusal(store, a=data))
    assert found
    assert encoding.startswith(found[1].lower())
    subprocess.run(found[2], shell=True, cwd=tmp_path, check=True)  # noqa: S602 - as people do
    upload(store, CONTRACT, {"a.csv": (tmp_path / "utf8.csv").read_bytes()})
    assert run(store, CONTRACT).counted == 5


def archive(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, HEADER + GOOD)
    return file.getvalue()


def workbook() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as made:
        made.add_worksheet().write_row(0, 0, HEADER.decode().split(","))
    return file.getvalue()


PACKED = {
    "zip": (archive("a.csv"), "a ZIP archive; `unzip a.csv` unpacks it"),
    "xlsx": (workbook(), "an Excel or OpenDocument workbook; save its sheet as `CSV UTF-8`"),
    "xls": (
        b"\xd0\xcf\x11\xe0\xa1",
        "an old Excel workbook; save its sheet as",
    ),
    "bzip2": (bz2.compress(HEADER), "a bzip2 file; `bunzip2 a.csv` unpacks it"),
    "xz": (lzma.compress(HEADER), "an xz file; `unxz a.csv` unpacks it"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_refusal_says_what_makes_a_csv_of_a_packed_file(store: LocalStore, kind: str) -> None:
    data, sentence = PACKED[kind]
    assert f"is not a CSV file: it looks like {sentence}" in refusal(store, a=data)


def test_a_compressed_file_of_nothing_is_refused_as_empty(store: LocalStore) -> None:
    assert "is empty" in refusal(store, a=gzip.compress(b""))


@pytest.mark.parametrize("rows", [b"", GOOD], ids=["none", "one"])
def test_headers_alone_are_refused_before_anything_is_analyzed(
    store: LocalStore, rows: bytes
) -> None:
    upload(store, CONTRACT, {"a.csv": HEADER, "b.csv": HEADER.rstrip() + b"\n" * bool(rows) + rows})
    if rows:
        take_snapshot(store, CONTRACT)
    else:
        assert "no row in 2 object(s): only headers were found" in refusal(store, a=HEADER)


def test_archived_objects_are_refused_by_name(bucket: S3Store) -> None:
    client = boto3.client("s3")
    for name, kept in (("a.csv", "GLACIER"), ("b.csv", "DEEP_ARCHIVE"), ("c.csv", "STANDARD")):
        client.put_object(
            Bucket="medicalcharges",
            Key=f"{FOLDER}/{name}",
            Body=HEADER + GOOD,
            StorageClass=kept,  # type: ignore[arg-type] # one of them
        )
    with pytest.raises(InputRefusedError) as refused:
        take_snapshot(bucket, CONTRACT)
    sentences = str(refused.value).split("\n")
    assert [sentence.partition(" is archived")[0] for sentence in sentences] == [
        f"{FOLDER}/a.csv",
        f"{FOLDER}/b.csv",
    ]


def test_a_value_that_spans_lines_is_scanned_for_personal_data(store: LocalStore) -> None:
    contract = parse_contract(
        WITHOUT_CUBES.replace("format: csv", "format: csv\n  multiline: true").replace(
            "region: { type: string, allowed: [northeast, northwest, southeast, southwest] }",
            "region: { type: string }",
        )
    )
    rows = [GOOD.replace(b"southwest", b'"p%d@example.org\n\n"' % i) for i in range(50)]
    upload(store, contract, {"a.csv": HEADER + b"".join(rows)})
    with pytest.raises(InputRefusedError, match="looks like mail addresses"):
        take_snapshot(store, contract)


# --- rows


def too_many_rejected(store: LocalStore, *rows: bytes) -> TooManyRejectedError:
    upload(store, CONTRACT, {"a.csv": HEADER + b"".join(rows)})
    with pytest.raises(TooManyRejectedError) as failed:
        run(store, CONTRACT)
    return failed.value


@pytest.mark.parametrize(
    ("name", "field", "cause"),
    [
        ("age", b"19.5", "age is not a whole number: it has a decimal point"),
        (
            "age",
            b"19.0",
            "age is not a whole number: it ends with .0, which `decimal_zeros: true` reads",
        ),
        ("age", b"1e1", "age is not a whole number: it has an exponent"),
        ("bmi", b'"27,9"', "bmi is not a number: it has a decimal comma"),
        ("charges", b'"16,884.92"', "charges is not a number: it has a thousands separator"),
        ("charges", b"16.884.924", "charges is not a number: it has a thousands separator"),
        ("charges", b'"$16,884.92"', "charges is not a number: it has a currency sign"),
        ("charges", "16884 €".encode(), "charges is not a number: it has a currency sign"),
        ("bmi", b"27 %", "bmi is not a number: it has a percent sign"),
        ("bmi", b"NULL", "bmi is not a number: it stands for a missing value"),
        ("bmi", b"  ", "bmi is not a number: it holds only spaces"),
        ("children", b"no", "children is not a whole number"),
    ],
)
def test_fields_that_are_no_numbers_are_refused_with_the_cause(
    store: LocalStore, name: str, field: bytes, cause: str
) -> None:
    fields = GOOD.rstrip().split(b",")
    fields[HEADER.decode().strip().split(",").index(name)] = field
    error = too_many_rejected(store, (b",".join(fields) + b"\n") * 30)
    assert str(error).endswith(f"({name}.type 30): 100.0%, over 5.0%; {cause}")
    assert b"16" not in str(error).encode(), "a value of the measure"


def test_rows_of_commas_alone_are_refused_with_the_key_that_leaves_them_out(
    store: LocalStore,
) -> None:
    message = str(too_many_rejected(store, *[b",,,,,,\n"] * 30))
    assert message.endswith(
        "age is empty, as is every field; `source.skip_blank_rows` leaves such rows out"
    )


def test_rows_with_a_field_more_than_the_header_are_refused_with_both_numbers(
    store: LocalStore,
) -> None:
    """As R writes them, which leaves out the name of the first column."""
    rows = [b'"%d",' % i + GOOD for i in range(30)]
    message = str(too_many_rejected(store, *rows))
    assert message.endswith("too many fields: 8 under a header of 7")


def test_a_long_list_of_allowed_values_is_cut_in_the_message(store: LocalStore) -> None:
    codes = ", ".join(f"code{i}" for i in range(500))
    contract = parse_contract(
        WITHOUT_CUBES.replace("allowed: [female, male]", f"allowed: [{codes}, female, male]")
    )
    upload(store, contract, {"a.csv": HEADER + GOOD.replace(b"female", b"x") * 30})
    with pytest.raises(TooManyRejectedError) as failed:
        run(store, contract)
    assert len(str(failed.value)) < 400
