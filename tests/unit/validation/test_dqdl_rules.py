"""The rules of outputs follow from the descriptions of their columns. Spark is not needed."""

from __future__ import annotations

import pytest

from medical_charges.contract import parse_contract
from medical_charges.validation.dqdl import output_rules
from tests.helpers import WITHOUT_CUBES


def rules(*statistics: str) -> dict[str, str]:
    """The rules of an analysis by age that has these statistics, by name."""
    written = f"[{', '.join(statistics)}]"
    contract = parse_contract(WITHOUT_CUBES.replace("[patients, mean, ci95, median]", written))
    return {rule.name: rule.text for rule in output_rules(contract, "charges_by_age").rules}


@pytest.mark.parametrize("statistic", ["minimum", "mean", "maximum"])
def test_one_figure_alone_has_no_order(statistic: str) -> None:
    found = rules(statistic)
    assert "minimum_mean_maximum" not in found
    assert not any('where ""' in text for text in found.values())


def test_two_figures_that_rise_have_one() -> None:
    assert rules("maximum", "minimum")["minimum_mean_maximum"] == (
        'RowCount = 0 where "`minimum_charges` - `maximum_charges` > 0.000002"'
    )


def test_a_figure_that_a_group_of_one_lacks_is_there_for_every_other_group() -> None:
    assert rules("patients", "mean", "stddev")["figures"] == (
        'RowCount = 0 where "(`patients` IS NULL AND `mean_charges` IS NOT NULL) '
        "OR (`mean_charges` IS NULL AND `stddev_charges` IS NOT NULL) "
        'OR (`stddev_charges` IS NULL AND `mean_charges` IS NOT NULL AND patients > 1)"'
    )


def test_a_row_may_have_its_people_and_no_deviation() -> None:
    """It shows counts alone where the deviation would confine another row's."""
    assert rules("patients", "stddev")["figures"] == (
        'RowCount = 0 where "(`patients` IS NULL AND `stddev_charges` IS NOT NULL)"'
    )
