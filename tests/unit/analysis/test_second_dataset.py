"""Another data set runs with a contract alone: no code knows the real one's words."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict

import pytest

from medical_charges.contract import Contract, load_contract
from medical_charges.storage import LocalStore
from tests import generated
from tests.generated import Visit
from tests.helpers import ROOT, VISITS_CONTRACT_FILE, outputs_of, rows


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    return generated.visits()


@pytest.fixture(scope="module")
def visits_contract() -> Contract:
    return load_contract(VISITS_CONTRACT_FILE)


@pytest.fixture(scope="module")
def tables(
    tmp_path_factory: pytest.TempPathFactory, visits: list[Visit], visits_contract: Contract
) -> dict[str, list[dict[str, str]]]:
    store = LocalStore(tmp_path_factory.mktemp("visits"))
    files = {"visits.csv": generated.visits_file(visits)}
    return {k: rows(v) for k, v in outputs_of(store, visits_contract, files).items()}


def band(glucose: float) -> str:
    edges = ((3.9, "low"), (5.6, "normal"), (7.0, "raised"))
    return next((label for edge, label in edges if glucose < edge), "high")


def test_a_grouping_column_with_200_values(
    tables: dict[str, list[dict[str, str]]], visits: list[Visit]
) -> None:
    minutes = defaultdict(list)
    for clinic, _, _, length, _ in visits:
        minutes[clinic].append(length)
    table = tables["minutes_by_clinic"]
    assert [row["Clinic Code"] for row in table] == sorted(minutes)
    for row in table:
        assert float(row["mean_minutes"]) == statistics.mean(minutes[row["Clinic Code"]])
        assert int(row["maximum_minutes"]) == max(minutes[row["Clinic Code"]])


def test_a_banded_float_and_flags_of_0_and_1(
    tables: dict[str, list[dict[str, str]]], visits: list[Visit]
) -> None:
    minutes = defaultdict(list)
    for _, glucose, insured, length, _ in visits:
        minutes[band(glucose), str(insured)].append(length)
    table = tables["minutes_by_glucose"]
    order = [(g, i) for g in ("low", "normal", "raised", "high") for i in "01"]
    assert [(row["glucose_band"], row["insured"]) for row in table] == order
    for row in table:
        group = minutes[row["glucose_band"], row["insured"]]
        in_band = sum(len(minutes[row["glucose_band"], flag]) for flag in "01")
        assert int(row["patients"]) == len(group)
        assert float(row["share"]) == pytest.approx(len(group) / in_band, abs=5.1e-7)
        assert float(row["stddev_minutes"]) == pytest.approx(statistics.stdev(group), abs=5.1e-7)


def test_the_columns_are_named_after_the_measure(
    tables: dict[str, list[dict[str, str]]],
) -> None:
    assert list(tables["minutes_by_insurance"][0]) == [
        "insured",
        "mean_minutes",
        "ci95_low",
        "ci95_high",
    ]


def test_the_library_does_not_know_the_words_of_the_real_data() -> None:
    words = re.compile(r"\b(smoker|region|bmi|charges|children|sex)\b", re.IGNORECASE)
    own_name = re.compile("medical[ _-]charges", re.IGNORECASE)
    library = ROOT / "src" / "medical_charges"
    known = {
        f"{path.name}: {line.strip()}"
        for path in library.rglob("*.py")
        # A draft guesses what columns are by the words that many data sets have.
        if path.parent != library / "draft"
        for line in path.read_text().splitlines()
        if words.search(own_name.sub("", line))
    }
    assert known == set()
