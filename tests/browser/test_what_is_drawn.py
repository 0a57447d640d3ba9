"""With nothing selected, the marks that a browser draws are the published figures."""

from __future__ import annotations

import pytest

from medical_charges.contract import Contract
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from tests.browser.drawn import Dashboard, Drawn
from tests.helpers import rows

LABELS = {
    "northeast": "Northeast",
    "northwest": "Northwest",
    "southeast": "Southeast",
    "southwest": "Southwest",
    "underweight": "Underweight",
    "normal": "Normal",
    "overweight": "Overweight",
    "obese": "Obese",
    "female": "Women",
    "male": "Men",
    "yes": "Smokers",
    "no": "Non-smokers",
}


@pytest.fixture(scope="module")
def drawn(dashboard: Dashboard) -> Drawn:
    """The drawn figures before a selection."""
    return dashboard.drawn()


@pytest.fixture(scope="module")
def published(real: LocalStore, contract: Contract) -> dict[str, list[dict[str, str]]]:
    """The published CSVs."""
    layout = Layout(contract.prefix)
    return {name: rows(real.read(layout.published(name))) for name in contract.outputs}


def near(*values: str | float) -> object:
    """The figures, as exactly as a mark's place can be turned back into one."""
    return pytest.approx([float(value) for value in values], rel=1e-9, abs=1e-6)


def test_bars_by_region_are_the_means_with_their_limits(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    bars, intervals = (drawn.marks("charges_by_region", kind) for kind in ("bar", "interval"))
    table = published["charges_by_region"]
    for row in table:
        name = (LABELS[row["region"]],)
        assert [bars[name]["from"], bars[name]["to"]] == near(0, row["mean_charges"])
        ends = [intervals[name]["from"], intervals[name]["to"]]
        assert ends == near(row["ci95_low"], row["ci95_high"])
    assert len(bars) == len(intervals) == len(table)


def test_bars_of_means_next_to_a_pie_are_the_published_ones(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    bars = drawn.marks("charges_by_bmi_category-mean", "bar")
    found = {name[0]: bar["to"] for name, bar in bars.items()}
    assert found == pytest.approx(
        {
            LABELS[row["bmi_category"]]: float(row["mean_charges"])
            for row in published["charges_by_bmi_category"]
        }
    )


def test_the_pies_angles_are_the_shares_and_its_legend_the_people(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    slices = drawn.marks("charges_by_bmi_category", "slice")
    texts = drawn.charts["charges_by_bmi_category"]["texts"]
    for row in published["charges_by_bmi_category"]:
        name, share = LABELS[row["bmi_category"]], float(row["share"])
        assert slices[(name,)]["share"] == pytest.approx(share, abs=1e-6)
        assert any(text.split() == [name, row["patients"], f"({share:.1%})"] for text in texts), (
            texts
        )
    assert len(slices) == 4


def test_the_line_by_age_runs_through_the_means_and_its_band_between_the_limits(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    points = drawn.marks("charges_by_age", "point")
    band = drawn.marks("charges_by_age", "band")
    for row in published["charges_by_age"]:
        age = (row["age"],)
        assert [points[age]["at"]] == near(row["mean_charges"])
        assert [band[age]["from"], band[age]["to"]] == near(row["ci95_low"], row["ci95_high"])
    assert len(points) == len(band) == len(published["charges_by_age"]) == 47


@pytest.mark.parametrize("chart", ["charges_by_region", "charges_by_sex_and_smoker"])
def test_a_diamond_on_each_bar_is_the_median(
    chart: str, drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    diamonds = drawn.marks(chart, "median")
    for row in published[chart]:
        groups = [LABELS[row[name]] for name in ("region", "smoker", "sex") if name in row]
        assert [diamonds[tuple(groups)]["at"]] == near(row["median_charges"])
    assert len(diamonds) == len(published[chart]) == 4
    assert "Median" in drawn.charts[chart]["texts"]
    assert drawn.charts[chart]["subtitle"] == "Mean with 95% confidence interval, and median"


def test_the_dashed_line_is_of_the_medians_and_ends_where_there_is_none(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    line = drawn.marks("charges_by_age", "median")
    medians = {row["age"]: row["median_charges"] for row in published["charges_by_age"]}
    without = [age for age, median in medians.items() if not median]
    assert without == ["64"]
    assert {age for (age,) in line} == medians.keys() - without
    for (age,), mark in line.items():
        assert [mark["at"]] == near(medians[age])
    chart = drawn.charts["charges_by_age"]
    assert chart["notes"] == "No median, as fewer than 11 people are on one side of it: 64."
    assert {"Mean", "Median"} <= {*chart["texts"]}


def test_a_filter_leaves_no_medians_as_cubes_have_none(dashboard: Dashboard) -> None:
    drawn = dashboard.select(smoker="no")
    for name in ("charges_by_region", "charges_by_age", "charges_by_sex_and_smoker"):
        chart = drawn.charts[name]
        assert not drawn.marks(name, "median")
        assert "Median" not in chart["texts"]
        assert "median" not in chart["subtitle"]
        assert "median" in chart["notes"].lower()
    dashboard.select(smoker="all")


def test_bars_of_smokers_and_non_smokers_are_the_shares_of_each_region(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    bars = drawn.marks("smokers_by_region", "bar")
    texts = drawn.charts["smokers_by_region"]["texts"]
    for row in published["smokers_by_region"]:
        name = (LABELS[row["region"]], LABELS[row["smoker"]])
        assert [bars[name]["from"], bars[name]["to"]] == near(0, row["share"])
        assert f"{float(row['share']):.1%} ({row['patients']})" in texts
    assert len(bars) == 8


def test_bars_of_the_sexes_are_the_means_with_limits(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    chart = "charges_by_sex_and_smoker"
    bars, intervals = (drawn.marks(chart, kind) for kind in ("bar", "interval"))
    for row in published[chart]:
        group = (LABELS[row["smoker"]], LABELS[row["sex"]])
        assert [bars[group]["from"], bars[group]["to"]] == near(0, row["mean_charges"])
        ends = [intervals[group]["from"], intervals[group]["to"]]
        assert ends == near(row["ci95_low"], row["ci95_high"])
    assert len(bars) == len(intervals) == 4


OF_EVERYBODY = {
    "smokers": "Smokers less non-smokers",
    "southeast_southwest": "Southeast less southwest",
    # Its name is long, so it has a line below that.
    "southeast_southwest_standardized": "Standardized over smoking",
}


def test_every_comparison_is_drawn_with_its_interval_those_of_everybody_first(
    drawn: Drawn, published: dict[str, list[dict[str, str]]]
) -> None:
    differences, intervals = (
        drawn.marks("comparisons", kind) for kind in ("difference", "interval")
    )
    for row in published["comparisons"]:
        stratum = row["stratum"].partition("=")[2]
        name = (LABELS[stratum] if stratum else OF_EVERYBODY[row["comparison"]],)
        assert [differences[name]["at"]] == near(row["difference"])
        ends = [intervals[name]["from"], intervals[name]["to"]]
        assert ends == near(row["ci95_low"], row["ci95_high"])
    assert len(differences) == len(intervals) == len(published["comparisons"]) == 9
    texts = drawn.charts["comparisons"]["texts"]
    headings = [text for text in texts if " less " in text]
    assert headings == [
        "Smokers less non-smokers",
        "Southeast less southwest",
        "Southeast less southwest",
        "Smokers less non-smokers by region",
        "Men less women by smoking",
    ]
    assert "+$23,616 (+$22,197 to +$25,035), p < 0.001" in texts


def test_the_page_says_what_follows(drawn: Drawn) -> None:
    groups, smokers = drawn.sentences
    assert groups == (
        "Mean charges by BMI category: greatest for Obese ($15,552), "
        "least for Underweight ($8,852), a difference of $6,700 (95% interval $2,947 to $10,453)."
    )
    assert smokers == (
        "Smokers against non-smokers: mean charges $32,050 and $8,434, "
        "a difference of +$23,616 (95% interval +$22,197 to +$25,035)."
    )


def test_figures_are_written_for_people(drawn: Drawn) -> None:
    texts = drawn.charts["charges_by_region"]["texts"]
    assert {"$13,406", "$0"} <= set(texts)
    assert drawn.figure("people") == "1,338"
    assert drawn.figure("mean") == "$13,270"
    assert drawn.figure("share-share_of_smokers") == "20.5%"
    assert drawn.tiles["rejected"][1:] == ["0", "of 1,338 read"]
    assert drawn.tiles["as_of"][1:] == ["24 Nov 2026", "01:56 UTC"]
