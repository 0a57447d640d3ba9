"""Headers and samples of files in odd dialects, and what is said where a contract has another."""

from __future__ import annotations

import gzip

import pytest

from medical_charges.analysis.snapshot import take_snapshot
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import InputRefusedError
from medical_charges.storage import LocalStore
from medical_charges.validation import validate_outputs
from tests.helpers import WITHOUT_CUBES, run, staged, upload
from tests.unit.validation.helpers import without_spark

HEADER = "age,sex,bmi,children,smoker,region,charges\n"
GOOD = "19,female,27.9,0,yes,southwest,16884.924\n"


def contract_of(*keys: str) -> Contract:
    """The contract of the real file, in a dialect."""
    source = "".join(f"\n  {key}" for key in ("format: csv", *keys))
    return parse_contract(WITHOUT_CUBES.replace("\n  format: csv", source))


def european(text: str) -> str:
    """A text with semicolons and decimal commas."""
    return text.replace(",", ";").replace(".", ",")


EUROPEAN = ('delimiter: ";"', 'decimal: ","')


@pytest.mark.parametrize(
    ("keys", "above"),
    [
        ((), ""),
        (("skip_lines: 2",), 'Report of 2024; for\n"everybody\n'),
        (("skip_lines: 1", 'comment: "#"'), "Report\n\n# made; by hand\n\r\n# twice\n"),
        (('comment: "%"',), "\ufeff\n% a comment\n\n"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_the_header_is_found_below_what_the_contract_leaves_out(
    store: LocalStore, keys: tuple[str, ...], above: str, zipped: bool
) -> None:
    contract = contract_of(*EUROPEAN, *keys)
    data = (above + european(HEADER + GOOD * 30)).encode()
    upload(store, contract, {"a.csv": gzip.compress(data) if zipped else data})
    summary = run(store, contract)
    assert (summary.rows, summary.counted) == (30, 30)


REFUSED: dict[str, tuple[tuple[str, ...], bytes, str]] = {
    "semicolons": (
        (),
        european(HEADER + GOOD).encode(),
        'separated by semicolons, not by commas; `source.delimiter: ";"` in the contract reads it',
    ),
    "tabs": ((), HEADER.replace(",", "\t").encode(), '`source.delimiter: "\\t"` in the contract'),
    "commas": (
        EUROPEAN,
        (HEADER + GOOD).encode(),
        'separated by commas, not by semicolons; `source.delimiter: ","` in the contract reads it',
    ),
    "cp1252": (
        (),
        HEADER.replace("age", "âge").encode("cp1252"),
        "has the byte 0xe2; save it as UTF-8, or say what it is (for example `source.encoding: c",
    ),
    "a byte that cp1252 does not have": (
        ("encoding: cp1252",),
        HEADER.encode().replace(b"age", b"\x81ge"),
        "is not cp1252: its first line has the byte 0x81",
    ),
    "too few lines": (
        ("skip_lines: 3",),
        b"a title\nand no more",
        "has fewer lines than the 3 above its header (`source.skip_lines`)",
    ),
    "comments alone": (('comment: "#"',), b"# a title\n# and no more", "is empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_in_another_dialect_is_refused_with_the_line_that_would_read_it(
    store: LocalStore, case: str
) -> None:
    keys, data, sentence = REFUSED[case]
    upload(store, contract := contract_of(*keys), {"a.csv": data})
    with pytest.raises(InputRefusedError) as refused:
        take_snapshot(store, contract)
    assert sentence in str(refused.value)


def test_values_in_any_dialect_are_scanned_for_personal_data(store: LocalStore) -> None:
    contract = contract_of(*EUROPEAN, 'comment: "#"', "encoding: cp1252")
    columns = contract.source.columns
    region = columns["region"].model_copy(update={"allowed": None})
    source = contract.source.model_copy(update={"columns": {**columns, "region": region}})
    lines = [european(GOOD).replace("southwest", f'"ä{i}@example.org"') for i in range(50)]
    text = european(HEADER) + "# a comment\n".join(lines)
    upload(store, contract, {"a.csv": text.encode("cp1252")})
    with pytest.raises(InputRefusedError, match="'region' holds what looks like mail addresses"):
        take_snapshot(store, contract.model_copy(update={"source": source}))


SPELLED = """allowed: ["yes", "no"], spellings: { yes: [Y, "1", "TRUE"], no: "N" }"""


def test_further_spellings_of_a_value_are_counted_as_the_value(store: LocalStore) -> None:
    said = WITHOUT_CUBES.replace('allowed: ["yes", "no"]', SPELLED)
    contract = parse_contract(said.replace("0.05", "0.5"))
    counts = {"yes": 11, "Y": 11, "1": 1, "TRUE": 2, "no": 12, "N": 13, "y": 1, "0": 1, "true": 1}
    rows = [GOOD.replace("yes", text) * count for text, count in counts.items()]
    upload(store, contract, {"a.csv": (HEADER + "".join(rows)).encode()})
    summary = run(store, contract)
    assert validate_outputs(without_spark, store, contract, "run").problems == []
    assert staged(store, contract)["smokers_by_region"].decode().split("\n")[1:3] == [
        "southwest,no,25,0.5",
        "southwest,yes,25,0.5",
    ]
    assert summary.rules == {"smoker.allowed": 3}


@pytest.mark.parametrize("place", [0, 4, 6])
def test_an_empty_field_may_stand_for_a_value_and_one_that_is_not_there_may_not(
    store: LocalStore, place: int
) -> None:
    said = 'allowed: ["yes", "no"], spellings: { no: "" }'
    text = WITHOUT_CUBES.replace('allowed: ["yes", "no"]', said).replace("0.05", "1.0")
    contract = parse_contract(text.replace("format: csv", "format: csv\n  null_values: [NA]"))

    def line(smoker: str) -> list[str]:
        header, fields = HEADER.strip().split(","), GOOD.strip().split(",")
        others = [it for name, it in zip(header, fields, strict=True) if name != "smoker"]
        return [*others[:place], smoker, *others[place:]]

    names = [name for name in HEADER.strip().split(",") if name != "smoker"]
    header = [*names[:place], "smoker", *names[place:]]
    rows = [line(it) for it in ("yes", "", '""', "NA")] * 15
    # Each by itself, as a block with one doubtful line is looked at line by line.
    files = {"a.csv": [*rows, line("no")[:-1]], "b.csv": [line(" ")]}
    texts = {key: [",".join(row) + "\n" for row in [header, *of]] for key, of in files.items()}
    upload(store, contract, {key: "".join(lines).encode() for key, lines in texts.items()})
    summary = run(store, contract)
    assert validate_outputs(without_spark, store, contract, "run").problems == []
    assert summary.rules == {"fields": 1, "smoker.allowed": 1}
    assert staged(store, contract)["smokers_by_region"].decode().split("\n")[1:3] == [
        "southwest,no,45,0.75",
        "southwest,yes,15,0.25",
    ]


def test_numbers_are_scanned_as_they_are_counted(store: LocalStore) -> None:
    column = "children: { type: integer, minimum: 0, maximum: 20 }"
    text = WITHOUT_CUBES.replace(column, "children: { type: integer }")
    contract = parse_contract(text.replace("format: csv", 'format: csv\n  thousands: " "'))
    numbers = (f"{100_000_007 + i * 7919:,}".replace(",", " ") for i in range(50))
    rows = [GOOD.replace(",0,", f",{number},") for number in numbers]
    upload(store, contract, {"a.csv": (HEADER + "".join(rows)).encode()})
    with pytest.raises(InputRefusedError, match="'children' holds what looks like numbers that"):
        take_snapshot(store, contract)


def named(**names: str) -> str:
    """The contract of the real file, with keys for some of its columns."""
    text = WITHOUT_CUBES
    for column, keys in names.items():
        text = text.replace(f"\n    {column}: {{ ", f"\n    {column}: {{ {keys}, ")
    return text


def test_a_column_may_have_other_names_in_the_header(store: LocalStore) -> None:
    contract = parse_contract(
        named(charges='name: ["Cost, total", Kosten]', sex="name: Geschlecht")
    )
    first = HEADER.replace("charges", '"Cost, total"').replace("sex", "Geschlecht")
    second = HEADER.replace("charges", " Kosten ").replace("sex", "Geschlecht,sex")
    wide = GOOD.replace("female", "female,unknown")
    upload(store, contract, {"a.csv": (first + GOOD).encode(), "b.csv": (second + wide).encode()})
    summary = run(store, contract)
    assert (summary.rows, summary.counted) == (2, 2)
    assert summary.warnings[0].endswith(
        "b.csv: the column 'sex' is not in the contract and is ignored"
    )
    assert validate_outputs(without_spark, store, contract, "run").problems == []


def test_capitals_in_the_header_do_not_matter_where_the_contract_says_so(store: LocalStore) -> None:
    text = named(charges="name: TOTAL").replace("format: csv", "format: csv\n  fold_names: true")
    contract = parse_contract(text)
    header = HEADER.replace("charges", "Total").replace("age", "AGE").replace("bmi", " Bmi")
    upload(store, contract, {"a.csv": (header + GOOD * 3).encode()})
    assert run(store, contract).counted == 3
    assert validate_outputs(without_spark, store, contract, "run").problems == []


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (HEADER.replace("charges", "Kosten,Costs"), "has the column 'charges' 2 times"),
        (HEADER, "lacks the column Kosten, which is in the contract"),
        (HEADER.replace("charges", "Kosen"), "its header has 'Kosen' for 'Kosten' (the key `name`"),
        (
            "A,B,SEX\n",
            "has 'SEX' in its header; names must match exactly, or say `source.fold_names",
        ),
    ],
)
def test_a_header_with_other_names_than_the_contract_has_is_refused(
    store: LocalStore, header: str, sentence: str
) -> None:
    contract = parse_contract(named(charges="name: [Kosten, Costs]"))
    upload(store, contract, {"a.csv": (header + GOOD).encode()})
    with pytest.raises(InputRefusedError) as refused:
        take_snapshot(store, contract)
    assert sentence in str(refused.value)


def test_blank_rows_of_a_worksheet_are_left_out_where_the_contract_says_so(
    store: LocalStore,
) -> None:
    data = (HEADER + GOOD * 120 + ",,,,,,\r\n" * 40).encode()
    upload(store, contract := contract_of("skip_blank_rows: true"), {"a.csv": data})
    summary = run(store, contract)
    assert (summary.rows, summary.counted) == (120, 120)
    assert validate_outputs(without_spark, store, contract, "run").problems == []
