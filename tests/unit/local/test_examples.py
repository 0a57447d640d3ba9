"""Every example gives the figures that Polars computes from its file."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import medical_charges as mc
from medical_charges.contract import load_contract
from tests.helpers import ROOT

EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Example:
    """An example, and two of its analyses in other words."""

    file: str
    measure: str
    groups: Mapping[str, Sequence[pl.Expr]]
    """By analysis, what its groups are in the columns of the file, in the contract's order."""

    @property
    def path(self) -> Path:
        return EXAMPLES / self.file

    @property
    def contract(self) -> Path:
        return self.path.parent / "contract.yaml"


def band(column: str, edges: Sequence[float], labels: Sequence[str]) -> pl.Expr:
    """The first label whose edge is above the value, or the last one."""
    found = pl.lit(labels[-1])
    for edge, label in reversed([*zip(edges, labels, strict=False)]):
        found = pl.when(pl.col(column) < edge).then(pl.lit(label)).otherwise(found)
    return found


AS_CODES = pl.col("sex"), pl.col("qsmk").cast(pl.Int64)
COINSURANCE = (
    pl.col("logc").exp().sub(1).round().cast(pl.Int64)
    .replace_strict({0: "free", 25: "quarter", 50: "half", 95: "most"})
)  # fmt: skip
RAND = Example(
    "rand_health_insurance/person_years.csv.gz",
    "meddol",
    {
        "spending_by_coinsurance": [COINSURANCE],
        "spending_by_sex_and_coinsurance": [pl.col("female"), COINSURANCE],
        "spending_by_visit_group": [
            band("mdvis", [1, 3, 6], ["none", "from_1_to_2", "from_3_to_5", "from_6"])
        ],
    },
)
MEPS = Example(
    "meps_drugs/people.csv",
    "drugexp",
    {
        "expense_by_condition_group": [
            band("totchr", [1, 2, 3, 4], ["none", "one", "two", "three", "four_and_more"])
        ],
        "expense_by_sex_and_private": [pl.col("female"), pl.col("private")],
        "private_by_education": [
            band(
                "educyr", [12, 13, 16],
                ["no_high_school", "high_school", "some_college", "college"],
            ),
            pl.col("private"),
        ],
    },
)  # fmt: skip
NHEFS = Example(
    "nhefs_weight/people.csv",
    "wt82_71",
    {
        "change_by_quit": AS_CODES[1:],
        "change_by_sex_and_quit": AS_CODES,
        "change_by_age_group": [
            band("age", [35, 45, 55], ["under_35", "from_35_to_44", "from_45_to_54", "from_55"])
        ],
    },
)
ALL = pytest.mark.parametrize("example", [RAND, MEPS, NHEFS], ids=lambda it: it.measure)


def computed(example: Example, analysis: str) -> pl.DataFrame:
    """People, mean, deviation and share of each group, by the file alone."""
    names = [f"group_{place}" for place in range(len(example.groups[analysis]))]
    keys = [expr.alias(name) for name, expr in zip(names, example.groups[analysis], strict=True)]
    rows = pl.read_csv(example.path).drop_nulls(example.measure)
    found = rows.group_by(keys).agg(
        pl.len().alias("patients"),
        pl.col(example.measure).mean().alias("mean"),
        pl.col(example.measure).std().alias("stddev"),
    )
    whole = pl.col("patients").sum()
    share = pl.col("patients") / (whole.over(names[:-1]) if names[1:] else whole)
    return found.with_columns(share=share).sort(names)


@ALL
def test_published_figures_are_those_of_the_file(example: Example) -> None:
    result = mc.analyze(example.path, example.contract)
    measure = result.contract.measure
    for analysis in example.groups:
        expected, frame = computed(example, analysis), result.outputs[analysis]
        labels = [column.name for column in result.contract.outputs[analysis].labels]
        frame = frame.sort(labels)
        assert frame.height == expected.height
        for place, label in enumerate(labels):
            assert frame[label].to_list() == expected[f"group_{place}"].to_list()
        named = {"patients": "patients", "share": "share"}
        named |= {name: f"{name}_{measure}" for name in ("mean", "stddev")}
        present = {name: it for name, it in named.items() if it in frame.columns}
        assert len(present) >= 2
        for name, column in present.items():
            assert frame[column].to_list() == pytest.approx(expected[name].to_list(), abs=6e-7)


def test_medians_of_drug_expenses_are_within_half_a_percent() -> None:
    analysis = "expense_by_condition_group"
    frame = mc.analyze(MEPS.path, MEPS.contract).outputs[analysis]
    rows = pl.read_csv(MEPS.path).with_columns(MEPS.groups[analysis][0].alias("group"))
    for shown in frame.iter_rows(named=True):
        values = rows.filter(group=shown["condition_group"])["drugexp"].to_numpy()
        exact = np.percentile(values, 50, method="inverted_cdf")
        assert shown["median_drug_expense"] == pytest.approx(exact, rel=0.005)


@ALL
def test_no_figure_of_an_example_is_withheld(example: Example) -> None:
    result = mc.analyze(example.path, example.contract, cubes=True)
    assert not result.summary.suppressed
    assert not result.summary.withheld
    assert result.contract.dashboard.source is not None


def test_the_rows_of_people_who_were_not_weighed_are_rejected() -> None:
    summary = mc.analyze(NHEFS.path, NHEFS.contract).summary
    assert summary.rules == {"weight_change.required": 63}
    assert pl.read_csv(NHEFS.path)["wt82_71"].null_count() == 63


def test_nobody_has_more_years_than_the_contract_says() -> None:
    assert load_contract(RAND.contract).disclosure.minimum_rows == 55
    assert pl.read_csv(RAND.path)["year"].n_unique() == 5


@ALL
def test_the_figures_that_a_page_names_are_published(example: Example) -> None:
    page = (example.path.parent / "README.md").read_text()
    assert f"INPUT=examples/{example.file} CONTRACT=examples/{example.file.split('/')[0]}" in page
    outputs = mc.analyze(example.path, example.contract).outputs
    published = {
        f"{value:,.{digits}f}"
        for frame in outputs.values()
        for column in frame.select(pl.selectors.float()).iter_columns()
        for value in column.drop_nulls().abs()
        for digits in (0, 1)
    }
    story = page.partition("![")[0].partition("OUT=")[2]
    figures = re.findall(r"\$([\d,]+\d)|(\d\.\d)", story)
    assert figures
    assert {dollars or other for dollars, other in figures} <= published


def test_the_notebook_gives_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are compared, and not how a frame is drawn."""
    monkeypatch.chdir(EXAMPLES)
    notebook = json.loads((EXAMPLES / "figures.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {}
    for cell in cells:
        *first, last = ast.parse("".join(cell["source"])).body
        assert isinstance(last, ast.Expr)
        exec(compile(ast.Module(first, []), "cell", "exec"), names)  # noqa: S102
        found = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
        (shown,) = ("".join(output["data"]["text/plain"]) for output in cell["outputs"])
        assert _figures(repr(found)) == _figures(shown)
        assert _figures(shown)


def _figures(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?|null", text)


@ALL
def test_an_example_is_small(example: Example) -> None:
    files = [file for file in example.path.parent.iterdir() if file.is_file()]
    assert {file.suffix for file in files} <= {".csv", ".gz", ".yaml", ".md", ".webp"}
    assert max(file.stat().st_size for file in files) < 500_000
