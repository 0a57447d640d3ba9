"""The real file gives the figures that others have published of it, to the digits given."""

from __future__ import annotations

import json
import statistics
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from medical_charges.analysis.engine import on_spark
from medical_charges.contract import parse_contract
from medical_charges.storage import LocalStore
from tests.helpers import WITHOUT_CUBES, rows, run, staged, upload

pytestmark = pytest.mark.spark

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def tables(
    tmp_path_factory: pytest.TempPathFactory, real_file: bytes, spark: Any
) -> dict[str, Rows]:
    store = LocalStore(tmp_path_factory.mktemp("bucket"))
    contract = parse_contract(WITHOUT_CUBES)
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract, engine=on_spark(lambda: spark))
    return {name: rows(data) for name, data in staged(store, contract).items()}


@pytest.fixture(scope="module")
def published() -> Any:
    path = Path(__file__).resolve().parents[2] / "data" / "published_figures.json"
    return json.loads(path.read_text(), parse_float=Decimal)


def agrees(ours: str, theirs: Decimal | int) -> bool:
    """Return True if two figures agree to the digits that both have."""
    theirs = Decimal(theirs)
    given = len(str(theirs).partition(".")[2])
    return abs(Decimal(ours) - theirs) <= (Decimal(10) ** -given + Decimal("1e-6")) / 2


def by(table: Rows, *columns: str) -> dict[str, dict[str, str]]:
    return {"|".join(row[column] for column in columns): row for row in table}


def test_means_and_deviations_by_region(tables: dict[str, Rows], published: Any) -> None:
    regions = by(tables["charges_by_region"], "region")
    assert regions.keys() == published["region_mean_and_sample_stddev"].keys()
    for region, (mean, deviation) in published["region_mean_and_sample_stddev"].items():
        assert agrees(regions[region]["mean_charges"], mean)
        assert agrees(regions[region]["stddev_charges"], deviation)


def test_maxima_and_patients_by_region(tables: dict[str, Rows], published: Any) -> None:
    regions = by(tables["charges_by_region"], "region")
    for region, maximum in published["region_maximum"].items():
        assert Decimal(regions[region]["maximum_charges"]) == maximum
    for region, patients in published["region_patients"].items():
        assert int(regions[region]["patients"]) == patients


def test_the_extremes_of_all_charges(tables: dict[str, Rows], published: Any) -> None:
    table, overall = tables["charges_by_region"], published["describe_charges"]
    assert min(Decimal(row["minimum_charges"]) for row in table) == overall["min"]
    assert max(Decimal(row["maximum_charges"]) for row in table) == overall["max"]


def test_the_number_mean_and_deviation_of_all_charges(
    tables: dict[str, Rows], published: Any
) -> None:
    """Put together from the groups: sums add, and squares add around the common mean."""
    overall = published["describe_charges"]
    for name in ("charges_by_region", "charges_by_sex_and_smoker", "charges_by_bmi_category"):
        groups = [
            (int(r["patients"]), Decimal(r["mean_charges"]), Decimal(r["stddev_charges"]))
            for r in tables[name]
        ]
        n = sum(count for count, _, _ in groups)
        mean = sum((count * value for count, value, _ in groups), Decimal()) / n
        squares = sum(((c - 1) * s**2 + c * (m - mean) ** 2 for c, m, s in groups), Decimal())
        assert n == overall["n"]
        assert agrees(str(mean), overall["mean"])
        assert agrees(str((squares / (n - 1)).sqrt()), overall["std_sample"])


def test_patients_and_means_by_sex_and_smoking(tables: dict[str, Rows], published: Any) -> None:
    groups = by(tables["charges_by_sex_and_smoker"], "smoker", "sex")
    for group, (patients, mean) in published["smoker_sex_patients_and_mean"].items():
        assert int(groups[group]["patients"]) == patients
        assert agrees(groups[group]["mean_charges"], mean)


def test_patients_and_means_by_smoking(tables: dict[str, Rows], published: Any) -> None:
    for smoker, (patients, mean) in published["smoker_mean"].items():
        groups = [r for r in tables["charges_by_sex_and_smoker"] if r["smoker"] == smoker]
        counts = [int(row["patients"]) for row in groups]
        total = sum(n * Decimal(row["mean_charges"]) for n, row in zip(counts, groups, strict=True))
        assert sum(counts) == patients
        assert agrees(str(total / patients), mean)
        in_regions = [r for r in tables["smokers_by_region"] if r["smoker"] == smoker]
        assert sum(int(row["patients"]) for row in in_regions) == patients


def test_patients_by_bmi_category_in_clinical_order(
    tables: dict[str, Rows], published: Any
) -> None:
    table = tables["charges_by_bmi_category"]
    assert [(row["bmi_category"], int(row["patients"])) for row in table] == list(
        published["bmi_category_patients"].items()
    )


def test_the_quartiles_are_those_of_the_file(real_file: bytes, published: Any) -> None:
    """The analyses publish no quartile; this shows that the file is the published one."""
    charges = [float(line.rsplit(",", 1)[1]) for line in real_file.decode().splitlines()[1:]]
    quartiles = statistics.quantiles(charges, n=4, method="inclusive")
    overall = published["describe_charges"]
    expected = [float(overall[key]) for key in ("q25", "q50", "q75")]
    assert quartiles == pytest.approx(expected, rel=1e-12)
