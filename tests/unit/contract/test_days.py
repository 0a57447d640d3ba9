"""Columns of days, and the periods that they are banded by."""

from __future__ import annotations

import pytest

from medical_charges.contract import parse_contract
from tests.unit.contract.texts import changed, complaints

ADMITTED = "    admitted: { type: date, identifying: made up, ENDS }\n"
DATED = changed("    region: {", f"{ADMITTED}    region: {{").replace(
    "\nbands:\n", "\nbands:\n  period: { column: admitted, BAND }\n", 1
)
ENDS = "minimum: 2024-01-01, maximum: 2025-12-31"
EDGES = "below: { a: 2024-12-31 }, otherwise: b"
DAYS = {
    ("minimum: 2024-01-01", "by: year"): "source.columns.admitted: found no minimum or no maximum; "
    "allowed: the first and the last day, from which the years follow",
    ("minimum: 2024-01-01, maximum: 2024-12-31", "by: year"): "bands.period.by: found 'year'; "
    "allowed: two to 120 years from the minimum to the maximum",
    ("minimum: 2014-01-01, maximum: 2024-01-31", "by: month"): "bands.period.by: found 'month'; "
    "allowed: two to 120 months from the minimum to the maximum",
    (ENDS, f"by: year, {EDGES}"): "bands.period: found edges and `by`; allowed: either of the two",
    ("minimum: 2025-01-01, maximum: 2024-12-31", "by: year"): "source.columns.admitted: found "
    "minimum 2025-01-01 over maximum 2024-12-31; allowed: a minimum up to the maximum",
    ("minimum: 20251399", EDGES): "source.columns.admitted.minimum: found 20251399; allowed: a day "
    "such as 2026-01-31",
    (
        "maximum: '2025-02-31'",
        EDGES,
    ): "source.columns.admitted.maximum: found '2025-02-31'; allowed: a day such as 2026-01-31",
    (ENDS, "below: { a: 30 }, otherwise: b"): "bands.period.below.a: found 30; allowed: a day such "
    "as 2026-01-31",
    (ENDS, "below: { a: 20250231 }, otherwise: b"): "bands.period.below.a: found 20250231; "
    "allowed: a day such as 2026-01-31",
    (ENDS, "below: { a: 2025-02-01, b: 2025-01-01 }, otherwise: c"): "bands.period.below: found "
    "2025-02-01, 2025-01-01; allowed: edges in rising order",
    (ENDS, "by: week"): "bands.period.by: found 'week'; allowed: 'year', 'quarter' or 'month'",
    (ENDS, "otherwise: after"): "bands.period.below: found nothing; allowed: a value is required "
    "here",
    ("minimum: 2025-01-01, maximum: 2024-12-31", EDGES): "source.columns.admitted: found minimum "
    "2025-01-01 over maximum 2024-12-31; allowed: a minimum up to the maximum",
    ("format: '%d.%m.%y'", EDGES): "source.columns.admitted.format: found '%d.%m.%y'; allowed: "
    "'%Y-%m-%d', '%Y/%m/%d', '%Y.%m.%d', '%Y%m%d', '%d.%m.%Y', '%d/%m/%Y', '%d-%m-%Y', "
    "'%m/%d/%Y' or '%m-%d-%Y'",
}


@pytest.mark.parametrize(("ends", "band"), DAYS)
def test_a_mistake_about_days_is_named(ends: str, band: str) -> None:
    assert complaints(DATED.replace("ENDS", ends).replace("BAND", band)) == [DAYS[ends, band]]


NEITHER = {
    ("group_by: [age]", "group_by: [admitted]"): "analyses.charges_by_age.group_by[0]: found "
    "'admitted', a date; allowed: age, sex, children, smoker, region, period, bmi_category, "
    "age_decade; band a date to group by it",
    ("normal: 25", "normal: 2025-01-01"): "bands.bmi_category.below.normal: found 2025-01-01; "
    "allowed: a number",
    ("identifying: made up, ", ""): "source.columns.admitted: found a date; allowed: the key "
    "`identifying` that says why a day in somebody's life must be there",
    ("measure: charges", "measure: admitted"): "measure: found 'admitted'; allowed: age, bmi, "
    "children, charges",
    ("column: bmi\n", "column: bmi\n    by: year\n"): "bands.bmi_category.by: found 'year'; "
    "allowed: periods of a column of type date",
}


@pytest.mark.parametrize(("old", "new"), NEITHER)
def test_a_day_is_neither_a_group_nor_a_measure(old: str, new: str) -> None:
    dated = DATED.replace("ENDS", ENDS).replace("BAND", "by: quarter").replace(old, new, 1)
    assert complaints(dated) == [NEITHER[old, new]]


def test_other_periods_are_other_partials() -> None:
    year, quarter = (
        parse_contract(DATED.replace("ENDS", ENDS).replace("BAND", f"by: {by}"))
        for by in ("year", "quarter")
    )
    assert year.bands["period"].labels == ("2024", "2025")
    assert year.schema_hash != quarter.schema_hash
