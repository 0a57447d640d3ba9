"""Columns whose values name people are refused by their looks, and clean ones never are."""

from __future__ import annotations

import datetime as dt
import gzip
import random
import re
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from medical_charges.analysis.snapshot import list_input, take_snapshot
from medical_charges.contract import Contract
from medical_charges.contract.pii.values import kind_of_values
from medical_charges.errors import InputRefusedError
from medical_charges.storage import LocalStore
from tests.helpers import CONTRACT_FILE, csv_of, upload

GIVEN = re.split(" ", "Anna Peter Maria John Fatima Wei Carlos Susan Ahmed Julia Thomas Priya")
FAMILY = re.split(
    " ", "Schmidt O'Brien Garcia Nguyen Smith Yilmaz Kowalski Rossi Okafor Larsen Tanaka"
)
WORDS = re.split(
    " ", "the patient says that pain began after dinner and went away with rest at night"
)
STREETS = ("Oak Street", "Main St.", "Park Ave", "Lindenstraße", "Mill Lane", "Elm Drive")
SINCE = dt.date(1930, 1, 1)


def born(rng: random.Random) -> dt.date:
    return SINCE + dt.timedelta(days=rng.randrange(29_000))


def street(rng: random.Random) -> str:
    name, number = rng.choice(STREETS), rng.randrange(1, 300)
    return f"{name} {number}" if "straße" in name else f"{number} {name}"


Maker = Callable[[random.Random], str]


def digits(rng: random.Random, count: int) -> str:
    return str(rng.randrange(10 ** (count - 1), 10**count))


NAMES, NUMBERS, DATES = "names of people", "numbers that each", "dates of birth"
PEOPLE: dict[str, tuple[str, Maker]] = {
    "full names": (NAMES, lambda r: f"{r.choice(GIVEN)} {r.choice(FAMILY)}"),
    "initials": (NAMES, lambda r: f"{r.choice(GIVEN)} {r.choice('ABC')}. {r.choice(FAMILY)}"),
    "saints' names": (NAMES, lambda r: f"{r.choice(GIVEN)} St. {r.choice(GIVEN)}"),
    "saints' names first": (NAMES, lambda r: f"St. {r.choice(GIVEN)}, {r.choice(GIVEN)}"),
    "shouted names": (NAMES, lambda r: f"{r.choice(FAMILY)} {r.choice(GIVEN)}".upper()),
    "mail": ("mail addresses", lambda r: f"{r.choice(FAMILY)}.{digits(r, 2)}@example.org"),
    "phone": ("phone numbers", lambda r: f"+44 20 {digits(r, 4)} {digits(r, 4)}"),
    "american phone": ("phone numbers", lambda r: f"({digits(r, 3)}) 555-{digits(r, 4)}"),
    "social security": (NUMBERS, lambda r: f"{digits(r, 3)}-{digits(r, 2)}-{digits(r, 4)}"),
    "record number": (NUMBERS, lambda r: f"MRN{digits(r, 7)}"),
    "digits": (NUMBERS, lambda r: digits(r, 9)),
    "random identifier": (NUMBERS, lambda r: str(uuid.UUID(int=r.getrandbits(128)))),
    "date of birth": (DATES, lambda r: born(r).isoformat()),
    "german date": (DATES, lambda r: f"{born(r):%d.%m.%Y}"),
    "american date": (DATES, lambda r: f"{born(r):%m/%d/%Y}"),
    "digits of a date": (DATES, lambda r: f"{born(r):%Y%m%d}"),
    "moment": (DATES, lambda r: f"{born(r)}T10:{r.randrange(60):02d}:00"),
    "street": ("street addresses", street),
    "note": ("free text", lambda r: " ".join(r.choices(WORDS, k=9))),
}

SAINTS = re.split(
    r"\|",
    "County General|Good Samaritan|Harbor View|Mercy Hospital|Sacred Heart|Saint Anthony Hospital"
    "|Saint Luke Hospital|St. Elizabeth Hospital|St. Francis|St. John Medical Center|St Joseph"
    "|St. Mary|St. Thomas Hospital|St. Vincent|Trinity Health|San Antonio|Santa Maria|Sankt Anna"
    "|Johns Hopkins|Mary Washington Healthcare|Robert Wood Johnson University Hospital|St. Louis"
    "|Elizabeth Seton Center|Clara Maass Medical Center|Anna Freud Clinic|Klinikum Sankt Georg",
)

LAYOUTS = re.split(
    r"\|",
    "%Y-%m-%d|%Y/%m/%d|%Y.%m.%d|%Y %m %d|%Y%m%d|%d.%m.%Y|%d/%m/%Y|%d-%m-%Y|%d %m %Y|%m/%d/%Y"
    "|%m-%d-%Y|%d.%m.%y|%Y-%m-%d 0800|%Y-%m-%d 08-00|%Y-%m-%d 08:00:00|%Y-%m-%dT08:00:00Z"
    "|%d.%m.%Y 0800|%d.%m.%y 0800|0001-%m-%d",
)


def first_of_a_month(rng: random.Random, layout: str) -> str:
    return dt.date(2024, rng.randrange(1, 13), 1).strftime(layout)


CLEAN: dict[str, Maker] = {
    "state": lambda r: r.choice(("Virginia", "Georgia", "Carolina", "Texas", "Utah", "Maine")),
    "month": lambda r: f"{r.randrange(2015, 2025)}-{r.randrange(1, 13):02d}",
    **{
        f"first of a month as {layout}": partial(first_of_a_month, layout=layout)
        for layout in LAYOUTS
    },
    "year": lambda r: str(r.randrange(1990, 2025)),
    "diagnosis code": lambda r: f"{r.choice('ABCDEFGH')}{r.randrange(99):02d}.{r.randrange(9)}",
    "procedure code": lambda r: str(r.randrange(10_000, 99_999)),
    "diagnosis": lambda r: r.choice(("Heart Failure", "Type 2 Diabetes Mellitus", "Asthma", "Flu")),
    "long category": lambda r: r.choice(("in good health and at work", "ill and not able to work")),
    "hospital": lambda r: r.choice(("Saint Mary Hospital", "St. John Clinic", "City Hospital")),
    "hospital called after a saint": lambda r: r.choice(SAINTS),
    "ward": lambda r: f"Ward {r.randrange(40)}",
    "drug": lambda r: f"{r.choice(('Ibuprofen', 'Aspirin'))} {r.choice((100, 200, 400))} mg",
    "count": lambda r: str(r.randrange(0, 400_000)),
    "range": lambda r: f"{(low := 10 * r.randrange(9))}-{low + 9}",
    "blood pressure": lambda r: f"{r.randrange(90, 180)}/{r.randrange(50, 110)}",
    "yes or no": lambda r: r.choice(("yes", "no", "")),
    "money": lambda r: f"{r.uniform(0, 60_000):.2f}",
    "clinic code": lambda r: f"CL-{r.randrange(300):05d}",
    "hour": lambda r: f"{r.randrange(24):02d}:{r.randrange(60):02d}",
    "nothing": lambda _: "",
}  # fmt: skip


def made(maker: Maker, count: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [maker(rng) for _ in range(count)]


@pytest.mark.parametrize("name", PEOPLE)
def test_a_column_that_names_people_is_known_by_its_values(name: str) -> None:
    kind, maker = PEOPLE[name]
    for count in (60, 500):
        assert (kind_of_values(made(maker, count)) or "").startswith(kind)


@settings(deadline=None, max_examples=150)
@given(
    name=st.sampled_from(sorted(CLEAN)),
    count=st.sampled_from([0, 1, 3, 19, 20, 100, 500, 2000]),
    seed=st.integers(0, 10**6),
)
def test_a_clean_column_is_never_taken_for_one_that_names_people(
    name: str, count: int, seed: int
) -> None:
    assert kind_of_values(made(CLEAN[name], count, seed)) is None


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_column_of_few_rows_is_never_refused(name: str) -> None:
    """The fewest values that are judged: there chance makes most of them differ."""
    refused = {
        (kind, count)
        for count in (20, 21, 24, 30)
        for seed in range(300)
        if (kind := kind_of_values(made(CLEAN[name], count, seed))) is not None
    }
    assert refused == set()


def test_identifiers_that_begin_with_a_year_are_no_days() -> None:
    for pattern in ("2024{:04d}", "20240115-{:04d}", "2024-01-15-{:06d}"):
        serial = [pattern.format(number) for number in range(100, 600)]
        assert kind_of_values(serial) == "numbers that each stand for one person"


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(
        st.one_of(st.integers(-(10**6), 10**6).map(str), st.sampled_from(["a", "b", "x y"])),
        max_size=100,
    )
)
def test_whole_numbers_and_few_words_are_not_taken_for_person_data(values: list[str]) -> None:
    assert kind_of_values(values) is None


def test_the_digits_of_a_quantity_are_no_number_of_a_person() -> None:
    cents = made(lambda r: str(r.randrange(10**7, 10**8)), 200)
    assert kind_of_values(cents) == "numbers that each stand for one person"
    assert kind_of_values(cents, quantity=True) is None


# --- in objects


def with_column(**spec: Any) -> Contract:
    """The contract of the real file with one column more."""
    text = yaml.safe_load(CONTRACT_FILE.read_text())
    text["source"]["columns"]["field_7"] = {"type": "string", **spec}
    return Contract.model_validate(text)


def a_file(real_file: bytes, values: list[str]) -> bytes:
    header, *rows = [line.split(",") for line in real_file.decode().splitlines()]
    pairs = zip(rows, values, strict=False)
    return csv_of(["field_7", *header], ([value, *row] for row, value in pairs))


def plan(store: LocalStore, contract: Contract, files: dict[str, bytes]) -> None:
    upload(store, contract, files)
    take_snapshot(store, contract)


MAILS = made(PEOPLE["mail"][1], 300)


def test_an_object_with_a_column_that_names_people_is_refused_before_any_compute(
    store: LocalStore, real_file: bytes
) -> None:
    with pytest.raises(InputRefusedError) as refused:
        plan(store, with_column(), {"people.csv": a_file(real_file, MAILS)})
    sentence = str(refused.value)
    assert re.match(
        r"the column 'field_7' holds what looks like mail addresses "
        r"\(in MedicalCharges/Input_data/people\.csv\); leave it out of the contract, or say "
        r"there with its key `identifying` why it must be kept$",
        sentence,
    )
    assert not [value for value in MAILS if value in sentence]


def test_a_compressed_object_is_looked_at_too(store: LocalStore, real_file: bytes) -> None:
    with pytest.raises(InputRefusedError, match="mail addresses"):
        plan(store, with_column(), {"people.csv.gz": gzip.compress(a_file(real_file, MAILS))})


def members_of(data: bytes) -> dict[str, bytes]:
    """A compressed object as other tools write it: of many members, some with nothing in them."""
    header, newline, rows = data.partition(b"\n")
    lines = [gzip.compress(line) for line in rows.splitlines(keepends=True)]
    first, nothing = gzip.compress(header + newline), gzip.compress(b"")
    return {
        "header alone": first + gzip.compress(rows),
        "one for each row": first + b"".join(lines),
        "empty ones": nothing * 3 + first + nothing * 40 + gzip.compress(rows) + nothing,
        "zeros between": first + bytes(512) + gzip.compress(rows) + bytes(512),
        "cut within the header": gzip.compress(data[:7]) + gzip.compress(data[7:]),
    }


@pytest.mark.parametrize("members", members_of(b""))
def test_the_members_of_a_compressed_object_hide_nobody(
    store: LocalStore, real_file: bytes, members: str
) -> None:
    data = members_of(a_file(real_file, MAILS))[members]
    with pytest.raises(InputRefusedError, match="mail addresses"):
        plan(store, with_column(), {"people.csv.gz": data})


def test_many_small_objects_are_looked_at_together(store: LocalStore, real_file: bytes) -> None:
    numbers = made(PEOPLE["digits"][1], 60)
    files = {f"{i}.csv": a_file(real_file, numbers[6 * i : 6 * i + 6]) for i in range(10)}
    with pytest.raises(InputRefusedError, match=r"stand for one person \(in .*0\.csv and 9 more\)"):
        plan(store, with_column(), files)


PLACES = ["clinic", "surgery", "ward", "practice"] * 75


@pytest.mark.parametrize("people", [10, 300])
def test_an_object_that_names_people_is_not_hidden_by_clean_ones(
    store: LocalStore, real_file: bytes, people: int
) -> None:
    files = {f"{i}.csv": a_file(real_file, PLACES[:people]) for i in range(9)}
    plan(store, with_column(), files)
    files["people.csv"] = a_file(real_file, MAILS[:people])
    with pytest.raises(InputRefusedError, match=r"mail addresses \(in [^ ]*people\.csv\)"):
        plan(store, with_column(), files)


def test_a_few_values_among_empty_fields_make_a_large_object_small(
    store: LocalStore, real_file: bytes
) -> None:
    numbers = made(PEOPLE["digits"][1], 60)
    files = {
        f"{i}.csv": a_file(real_file, numbers[6 * i : 6 * i + 6] + [""] * 100) for i in range(10)
    }
    with pytest.raises(InputRefusedError, match="stand for one person"):
        plan(store, with_column(nullable=True), files)


def test_small_objects_are_not_hidden_by_a_large_clean_one(
    store: LocalStore, real_file: bytes
) -> None:
    numbers = made(PEOPLE["digits"][1], 60)
    files = {f"{i}.csv": a_file(real_file, numbers[6 * i : 6 * i + 6]) for i in range(10)}
    files["large.csv"] = a_file(real_file, PLACES)
    with pytest.raises(InputRefusedError, match=r"stand for one person \(in .*0\.csv and 9 more\)"):
        plan(store, with_column(), files)


@pytest.mark.parametrize(
    "spec",
    [{"identifying": "the clinic's own mailbox, not a person's"}, {"allowed": ["a", "b"]}],
)
def test_a_column_that_says_why_or_lists_its_values_is_not_looked_at(
    store: LocalStore, real_file: bytes, spec: dict[str, Any]
) -> None:
    plan(store, with_column(**spec), {"people.csv": a_file(real_file, MAILS)})


def test_a_column_that_is_not_in_the_contract_is_not_looked_at(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    plan(store, contract, {"people.csv": a_file(real_file, MAILS)})


def test_files_that_other_tools_leave_in_the_input_are_ignored(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    hidden = ["_temporary/0/part-0.csv", "a/.ipynb_checkpoints/x.csv", "__MACOSX/._x.csv", "_x.csv"]
    upload(store, contract, dict.fromkeys(["a_b/Charges.csv", *hidden], real_file))
    upload(store, contract, {"2024_$folder$": b"", "2023_$folder$": real_file})
    below = f"{contract.prefix}/Input_data/"
    found = list_input(store, contract)
    assert {ref.key for ref in found.objects.values()} == {
        f"{below}a_b/Charges.csv",
        f"{below}2023_$folder$",
    }
    assert set(found.ignored) == {f"{below}{name}" for name in [*hidden, "2024_$folder$"]}


def test_the_real_file_names_nobody(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    plan(store, contract, {"Charges.csv": real_file})
