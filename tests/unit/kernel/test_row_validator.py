"""The definition of an accepted row, at its limits, and what it shows of a rejected one."""

from __future__ import annotations

import pytest

from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.model import MEASURE_LIMIT
from medical_charges.kernel.header import Header
from medical_charges.kernel.row_validator import Rejection, RowValidator

TEXT = """
dataset: d
prefix: D
source:
  format: csv
  columns:
    number: { type: integer }
    age: { type: integer, minimum: 18, maximum: 64 }
    weight: { type: double, minimum: -0.5, maximum: 1.5 }
    cost: { type: MEASURE }
measure: cost
analyses:
  by_age: { group_by: [age], statistics: [mean] }
"""
WHOLE, DECIMAL = (
    parse_contract(TEXT.replace("MEASURE", kind)) for kind in ("integer", "double, decimals: 2")
)
COLUMNS = ("number", "age", "weight", "cost")
GOOD = {"number": "1", "age": "20", "weight": "1", "cost": "7"}


def verdict(contract: Contract = WHOLE, **fields: str) -> str:
    """The rule that a row breaks, with what is shown of it, or nothing."""
    line = ",".join({**GOOD, **fields}.values()).encode()
    found = RowValidator(contract, Header(COLUMNS, (), 0, gzip=False)).validate(line)
    if not isinstance(found, Rejection):
        return ""
    return found.rule if found.field is None else f"{found.rule}: {found.field}"


@pytest.mark.parametrize(
    ("column", "accepted", "rejected"),
    [
        ("age", ("18", "64"), {"17": "age.minimum", "65": "age.maximum"}),
        ("weight", ("-0.5", "1.5"), {"-0.51": "weight.minimum", "1.51": "weight.maximum"}),
        (
            "number",
            (f"{-(2**63)}", f"{2**63 - 1}", f"+{'0' * 30}5"),
            {f"{-(2**63) - 1}": "number.type", f"{2**63}": "number.type"},
        ),
        (
            "cost",
            (f"{MEASURE_LIMIT}", f"{-MEASURE_LIMIT}"),
            {f"{MEASURE_LIMIT + 1}": "cost.magnitude", f"{-MEASURE_LIMIT - 1}": "cost.magnitude"},
        ),
    ],
)
def test_a_limit_is_accepted_and_what_is_beyond_it_rejected(
    column: str, accepted: tuple[str, ...], rejected: dict[str, str]
) -> None:
    assert [verdict(WHOLE, **{column: field}) for field in accepted] == [""] * len(accepted)
    found = {field: verdict(WHOLE, **{column: field}).partition(":")[0] for field in rejected}
    assert found == rejected


@pytest.mark.parametrize("contract", [WHOLE, DECIMAL], ids=["whole", "decimal"])
@pytest.mark.parametrize("field", ["none", "", "1;5", "9" * 30])
def test_nothing_is_shown_of_the_measure(contract: Contract, field: str) -> None:
    found = verdict(contract, cost=field)
    assert found.startswith("cost.")
    assert ":" not in found


def test_a_number_is_shown_only_where_it_cannot_be_a_value_of_the_measure() -> None:
    assert verdict(WHOLE, age="99") == "age.maximum"
    assert verdict(DECIMAL, age="99") == "age.maximum: 99"
    assert verdict(DECIMAL, age="99.5") == "age.type"
    assert verdict(DECIMAL, weight="99") == "weight.maximum"
    assert verdict(WHOLE, age="old") == "age.type: old"
