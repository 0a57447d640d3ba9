"""Publications by month: the next month's rows come, and none of the months before tells a person.

A contract's last day moves with the data. That reads all objects again, and must not make readers'
earlier figures be forgotten.
"""

from __future__ import annotations

import pytest

from medical_charges.analysis.earlier import Earlier, read_history, write_earlier
from medical_charges.analysis.summary import Summary
from medical_charges.contract import parse_contract
from medical_charges.layout import Layout
from medical_charges.runs.publish import read_live
from medical_charges.storage import LocalStore
from medical_charges.validation import validate_outputs
from ops.folders import publish_staged
from tests.helpers import run, staged, upload
from tests.unit.validation.helpers import without_spark

LAYOUT = Layout("Stays")
CONTRACT = """
dataset: stays
prefix: Stays
source:
  format: csv
  columns:
    admitted: { type: date, minimum: 2025-01-01, maximum: LAST, identifying: made up }
    cost: { type: integer, minimum: 0, maximum: MOST }
bands:
  month: { column: admitted, by: month }
measure: cost
analyses:
  cost_by_month: { group_by: [month], statistics: [patients, mean] }
"""


def month(number: int, *more: str) -> bytes:
    rows = [f"2025-{number:02}-{day:02},{10 + day % 7}" for day in [*range(1, 29), *range(1, 13)]]
    return "\n".join(["admitted,cost", *rows, *more, ""]).encode()


def published(store: LocalStore, run_id: str, last: str, most: str = "1000") -> Summary:
    """A run that is validated and published, under a contract with this last day."""
    contract = parse_contract(CONTRACT.replace("LAST", last).replace("MOST", most))
    live = read_live(store, LAYOUT)
    earlier = Earlier(live.run_id if live else None, read_history(store, LAYOUT))
    write_earlier(store, LAYOUT, run_id, earlier)
    summary = run(store, contract, run_id)
    assert validate_outputs(without_spark, store, contract, run_id).problems == []
    if not summary.replaces_nothing:
        publish_staged(store, LAYOUT, summary)
    return summary


@pytest.mark.parametrize(
    ("last", "next_", "most"),
    [
        ("2025-12-31", "2025-12-31", "1000"),
        ("2025-02-28", "2025-03-31", "1000"),
        ("2025-12-31", "2025-12-31", "2000"),
    ],
    ids=["the same contract", "a later last day", "a greater limit of another column"],
)
def test_a_late_row_of_an_earlier_month_is_not_shown_by_subtraction(
    store: LocalStore, last: str, next_: str, most: str
) -> None:
    files = {"1.csv": month(1), "2.csv": month(2)}
    contract = parse_contract(CONTRACT.replace("LAST", last).replace("MOST", "1000"))
    upload(store, contract, files)
    published(store, "one", last)
    upload(store, contract, {"3.csv": month(3, "2025-01-31,900")})
    summary = published(store, "two", next_, most)
    assert [*summary.waiting] == ["cost_by_month"]
    assert b"\n2025-01,40," in staged(store, contract, "two")["cost_by_month"]


def test_validation_finds_such_a_row_too(store: LocalStore) -> None:
    first, second = (
        parse_contract(CONTRACT.replace("LAST", last).replace("MOST", "1000"))
        for last in ("2025-02-28", "2025-03-31")
    )
    upload(store, first, {"1.csv": month(1), "2.csv": month(2)})
    published(store, "one", "2025-02-28")
    upload(store, first, {"3.csv": month(3, "2025-01-31,900")})
    run(store, second, "two")
    # What it had to be compared with is known to the validation alone.
    write_earlier(store, LAYOUT, "two", Earlier("one", read_history(store, LAYOUT)))
    problems = validate_outputs(without_spark, store, second, "two").problems
    assert [it for it in problems if "change of too few people" in it]


def test_a_month_that_has_come_is_published_with_those_before(store: LocalStore) -> None:
    contract = parse_contract(CONTRACT.replace("LAST", "2025-12-31").replace("MOST", "1000"))
    upload(store, contract, {"1.csv": month(1), "2.csv": month(2)})
    published(store, "one", "2025-02-28")
    upload(store, contract, {"3.csv": month(3)})
    summary = published(store, "two", "2025-03-31")
    assert not summary.waiting
    lines = staged(store, contract, "two")["cost_by_month"].decode().splitlines()[1:]
    assert [line.split(",")[:2] for line in lines] == [
        ["2025-01", "40"],
        ["2025-02", "40"],
        ["2025-03", "40"],
    ]
