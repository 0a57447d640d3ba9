"""Dashboards are complete for any groups, comparisons and filters of a contract."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medical_charges.analysis.summary import read_summary
from medical_charges.contract import parse_contract
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.page import make_page
from medical_charges.dashboard.quicksight.template import template
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, MirrorStore
from ops.folders import publish_staged
from tests.helpers import csv_of, run, upload
from tests.unit.dashboard.references import template_problems

COLUMNS: dict[str, dict[str, Any]] = {
    "sex": {"type": "string", "allowed": ["female", "male"]},
    "smoker": {"type": "string", "allowed": ["yes", "no"]},
    "ward": {"type": "string"},
    "flag": {"type": "integer", "minimum": 0, "maximum": 1},
    "age": {"type": "integer", "minimum": 0, "maximum": 99},
    "cost": {"type": "double", "minimum": 0, "decimals": 2},
}
VALUES: dict[str, list[Any]] = {
    "sex": ["female", "male"],
    "smoker": ["yes", "no"],
    "ward": ["A", "B"],
    "flag": [0, 1],
}
BANDS = {"generation": {"column": "age", "below": {"young": 30}, "otherwise": "old"}}
FILTERS = [*VALUES, "generation"]
WORDS = ["plain", "Women's", 'the "ward"', "a, b", "${x} {y}", "</script>", "w" * 150]
STATISTICS = ["patients", "share", "mean", "minimum", "maximum", "stddev", "ci95"]


def some(values: list[str], least: int, most: int) -> st.SearchStrategy[list[str]]:
    """Some of the values, in any order."""
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True)


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    """A contract that groups, compares and filters by any of the columns."""
    # Not by a column and its own band at once: while filtered both would be the band.
    groups = some([*FILTERS, "age"], 1, 3).filter(lambda it: not {"age", "generation"} <= set(it))
    sets = draw(st.lists(groups, min_size=1, max_size=3, unique_by=frozenset))
    statistics = st.one_of(st.just(["patients", "mean"]), some(STATISTICS, 1, len(STATISTICS)))
    analyses = {
        f"analysis_{place}": {"group_by": groups, "statistics": draw(statistics)}
        for place, groups in enumerate(sets)
    }
    words = st.sampled_from(WORDS)
    comparisons = {}
    for place, column in enumerate(draw(some(list(VALUES), 0, 4))):
        others = [name for name in FILTERS if name != column]
        # As many again are of the very columns that an analysis groups by.
        grouped = [[it for it in groups if it != column] for groups in sets if column in groups]
        within = draw(st.sampled_from(grouped) if grouped else some(others, 0, 2))
        comparisons[f"comparison_{place}"] = {
            "column": column,
            "groups": VALUES[column],
            "within": within,
        }
    return {
        "dataset": "any",
        "prefix": "Any",
        "source": {"format": "csv", "columns": COLUMNS},
        "bands": BANDS,
        "measure": "cost",
        "analyses": analyses,
        "comparisons": comparisons,
        "dashboard": {
            "filters": draw(some(FILTERS, 0, 2)),
            "filtered_as": {"age": "generation"},
            "names": {"ward": f"Ward: {draw(words)}"},
            "labels": {"sex": {"female": draw(words), "male": "Men"}},
        },
        "disclosure": {"minimum_cell": 1, "extremes": "publish"},
    }


def people() -> bytes:
    """Made people, of every group of each column."""
    made = random.Random(11)
    rows = [
        [*(made.choice(values) for values in VALUES.values()), made.choice((20, 40)), cost]
        for cost in range(300, 360)
    ]
    return csv_of(list(COLUMNS), rows)


@settings(max_examples=60, deadline=None)
@given(contracts())
def test_every_contract_has_a_template_whose_references_exist(
    described: dict[str, Any],
) -> None:
    contract = parse_contract(json.dumps(described))
    assert template_problems(template(contract)) == []
    for visual in define(contract).visuals:
        places = {*visual.category, *([] if visual.series is None else [visual.series])}
        assert places == set(range(len(visual.groups)))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contracts())
def test_every_contract_has_a_page_with_a_chart_for_each_analysis(
    tmp_path_factory: pytest.TempPathFactory, described: dict[str, Any]
) -> None:
    contract = parse_contract(json.dumps(described))
    store = LocalStore(tmp_path_factory.mktemp("any"))
    upload(store, contract, {"people.csv": people()})
    run(store, contract)
    bucket, layout = MirrorStore(store, "s3://medicalcharges"), Layout(contract.prefix)
    publish_staged(bucket, layout, read_summary(store, layout, "run"))
    page = make_page(store, contract)
    assert all(f'id="chart-{name}"' in page for name in contract.analyses)
