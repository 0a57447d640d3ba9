"""Days in any format are banded by year, quarter and month, and what is no day is rejected."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import get_args

import polars as pl
import pytest

from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.outputs import read_csv
from medical_charges.contract.parts.days import Format, periods
from medical_charges.storage import LocalStore
from medical_charges.validation import validate_outputs
from tests.helpers import run, staged, upload
from tests.unit.validation.helpers import without_spark

FORMATS: tuple[Format, ...] = get_args(Format)
FIRST, LAST = date(2023, 11, 5), date(2025, 2, 20)
OUTSIDE = [date(2023, 11, 4), date(2025, 2, 21), date(1000, 1, 1), date(9999, 12, 31)]

CONTRACT = """
dataset: stays
prefix: Stays
source:
  format: csv
  delimiter: "{delimiter}"
  decimal: "{decimal}"
  trim: {trim}
  null_values: [NA]
  columns:
    admitted: {{ type: date, format: "{form}", minimum: 2023-11-05, maximum: "2025-02-20",
      identifying: made up }}
    left: {{ type: date, format: "{form}", nullable: true, identifying: made up }}
    cost: {{ type: double, decimals: 1 }}
bands:
  year: {{ column: admitted, by: year }}
  quarter: {{ column: admitted, by: quarter }}
  month: {{ column: admitted, by: month }}
  law: {{ column: admitted, below: {{ before: 2024-03-01 }}, otherwise: after }}
measure: cost
analyses:
  by_year: {{ group_by: [year], statistics: [patients] }}
  by_quarter: {{ group_by: [quarter], statistics: [patients] }}
  by_month: {{ group_by: [month], statistics: [patients] }}
quality: {{ maximum_rejected_share: 1.0 }}
disclosure: {{ minimum_cell: 1 }}
"""


def contract_of(
    form: Format, delimiter: str = ";", decimal: str = ".", *, trim: bool = False
) -> Contract:
    signs = {"delimiter": delimiter, "decimal": decimal, "trim": str(trim).lower()}
    return parse_contract(CONTRACT.format(form=form, **signs))


def written(day: date, form: Format, *, padded: bool) -> str:
    """A day as files have it: many leave out zeros in front, where something parts the numbers."""
    parts = {"%Y": f"{day.year}", "%m": f"{day.month:02}", "%d": f"{day.day:02}"}
    if not padded and form != "%Y%m%d":
        parts |= {"%m": f"{day.month}", "%d": f"{day.day}"}
    text = str(form)
    for part, number in parts.items():
        text = text.replace(part, number)
    return text


def no_days(form: Format) -> Iterator[str]:
    """Texts near those of a format that say no day."""
    for day, month in (("31", "02"), ("00", "05"), ("05", "00"), ("05", "13"), ("29", "02")):
        text = str(form).replace("%Y", "2025").replace("%m", month).replace("%d", day)
        yield text
    right = written(date(2024, 5, 6), form, padded=True)
    yield from (right[:-1], right + "0", f"{right}T00:00", right.replace("2024", "24"))
    if form == "%Y%m%d":
        yield "2024111"
    yield from (right.replace("2024", "0999"), right.replace("0", "\u0660", 1), "", "NA", "today")
    yield right.translate(str.maketrans("-/.", "/.-")) if form != "%Y%m%d" else f"{right[:6]}-06"
    yield right[:4] + " " + right[4:]


Tables = dict[str, dict[str, int]]


def counted(
    store: LocalStore, contract: Contract, rows: list[str]
) -> tuple[dict[str, int], Tables]:
    """The broken rules, and the people by period, on which kernel and recount agree."""
    delimiter = contract.source.delimiter
    header = delimiter.join(["admitted", "left", "cost"])
    upload(store, contract, {"x.csv": "\n".join([header, *rows, ""]).encode()})
    summary = run(store, contract, range_size=400)
    assert validate_outputs(without_spark, store, contract, "run").problems == []
    tables = {name: read_csv(data.decode())[1] for name, data in staged(store, contract).items()}
    people = {name: {row[0]: int(row[1]) for row in rows} for name, rows in tables.items()}
    return summary.rules, people


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("delimiter", "decimal"), [(";", ","), ("|", "."), (",", ".")])
def test_days_are_counted_by_their_periods_however_they_are_written(
    store: LocalStore, form: Format, delimiter: str, decimal: str
) -> None:
    random, trim = Random(f"{form}{delimiter}"), decimal == ","
    contract = contract_of(form, delimiter, decimal, trim=trim)
    known = [FIRST + timedelta(days=random.randrange((LAST - FIRST).days + 1)) for _ in range(150)]
    known += [FIRST, LAST, date(2024, 2, 29), date(2023, 12, 31), date(2024, 1, 1)]
    wrong = [text for text in no_days(form) if text not in {"", "NA"}]
    wrong = [text for text in wrong if delimiter not in text]
    pad = ["", " ", "\t"]
    texts = [written(day, form, padded=random.random() < 0.5) for day in known]
    texts += [written(day, form, padded=True) for day in OUTSIDE] + wrong + ["", "NA"]
    random.shuffle(texts)
    rows = []
    for text in texts:
        words = trim or text not in {"", "NA"}
        padded = random.choice(pad) + text + random.choice(pad) if words else text
        rows.append(delimiter.join([padded, random.choice(["", "NA"]), "1"]))
    early = written(date(1000, 12, 31), form, padded=True).replace("1000", "0999")
    rows.append(delimiter.join([written(FIRST, form, padded=True), early, "1"]))
    rules, found = counted(store, contract, rows)
    assert rules == {
        "left.type": 1,
        "admitted.type": len(wrong),
        "admitted.minimum": 2,
        "admitted.maximum": 2,
        "admitted.required": 2,
    }
    assert found == {
        "by_year": Counter(str(day.year) for day in known),
        "by_quarter": Counter(f"{day.year}-Q{(day.month + 2) // 3}" for day in known),
        "by_month": Counter(f"{day:%Y-%m}" for day in known),
    }


def test_periods_are_those_from_the_first_day_to_the_last() -> None:
    assert periods("quarter", 20231231, 20240701) == (
        {"2023-Q4": 20240101, "2024-Q1": 20240401, "2024-Q2": 20240701},
        "2024-Q3",
    )
    assert periods("month", 20231130, 20231201) == ({"2023-11": 20231201}, "2023-12")
    assert periods("year", 20240101, 20241231) is None
    assert periods("month", 20150101, 20241231) is not None
    assert periods("month", 20150101, 20250101) is None


def test_a_day_that_is_rejected_is_named_as_people_write_it(store: LocalStore) -> None:
    contract = contract_of("%d.%m.%Y")
    rows = ["admitted;left;cost", "04.11.2023;;1", "2024-01-01;;1", "5.11.2023;;1", ""]
    upload(store, contract, {"x.csv": "\n".join(rows).encode()})
    run(store, contract)
    [file] = store.list("Stays/Quarantine_data")
    reasons = pl.read_parquet(io.BytesIO(store.read(file.key)))["reason"].to_list()
    assert reasons == [
        "admitted is under 2023-11-05",
        "admitted is no day as its format has it, %d.%m.%Y",
    ]
