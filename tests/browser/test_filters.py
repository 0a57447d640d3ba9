"""Every selection shows the figures of the raw rows, or says that they are withheld."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from itertools import product
from statistics import fmean, variance

import pytest
from playwright.sync_api import Browser
from scipy import stats

from medical_charges.contract import Contract
from medical_charges.dashboard.page import ASSETS
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from tests.browser.drawn import Dashboard, Drawn
from tests.browser.test_what_is_drawn import LABELS
from tests.helpers import rows

Row = Mapping[str, str]
Selection = Mapping[str, str]

FILTERS = {
    "region": ("all", "northeast", "northwest", "southeast", "southwest"),
    "sex": ("all", "female", "male"),
    "smoker": ("all", "yes", "no"),
}
SELECTIONS = [dict(zip(FILTERS, chosen, strict=True)) for chosen in product(*FILTERS.values())]
DECADES = {
    "under_20": "Under 20",
    "twenties": "20–29",  # noqa: RUF001 - as the page has it
    "thirties": "30–39",  # noqa: RUF001
    "forties": "40–49",  # noqa: RUF001
    "fifties": "50–59",  # noqa: RUF001
    "sixty_and_over": "60+",
}
REGIONS = [LABELS[region] for region in FILTERS["region"][1:]]
BMI = ("underweight", "normal", "overweight", "obese")


def bmi_category(bmi: float) -> str:
    """By CDC's limits for adults."""
    return BMI[(bmi >= 18.5) + (bmi >= 25) + (bmi >= 30)]


def decade(age: int) -> str:
    """The band of an age."""
    return list(DECADES)[min(max(age // 10 - 1, 0), 5)]


@pytest.fixture(scope="module")
def people(real_file: bytes) -> list[dict[str, str]]:
    """The raw rows, with their bands."""
    found = list(csv.DictReader(io.StringIO(real_file.decode())))
    for row in found:
        row["bmi_category"] = bmi_category(float(row["bmi"]))
        row["age_decade"] = decade(int(row["age"]))
    return found


@pytest.fixture(scope="module")
def withheld(real: LocalStore, contract: Contract) -> dict[str, set[tuple[str, ...]]]:
    """The rows of each published cube that have no figures."""
    return without(real, contract, "patients")


@pytest.fixture(scope="module")
def unmeasured(real: LocalStore, contract: Contract) -> dict[str, set[tuple[str, ...]]]:
    """The rows of each published cube that have no figures of the measure."""
    return without(real, contract, "sum_charges")


def without(store: LocalStore, contract: Contract, figure: str) -> dict[str, set[tuple[str, ...]]]:
    """The rows of each published cube that lack a figure."""
    found = {}
    for name, columns in contract.cubes.items():
        table = rows(store.read(Layout(contract.prefix).published(name)))
        found[name] = {tuple(row[column] for column in columns) for row in table if not row[figure]}
    return found


@pytest.fixture(scope="module")
def seen(dashboard: Dashboard) -> list[tuple[Selection, Drawn]]:
    """The drawn figures of every selection except that of everybody."""
    return [(chosen, dashboard.select(**chosen)) for chosen in SELECTIONS if narrowed(chosen)]


def narrowed(selection: Selection) -> bool:
    """Return True if a filter is set."""
    return set(selection.values()) != {"all"}


def selected(people: list[dict[str, str]], selection: Selection) -> list[dict[str, str]]:
    """The rows of those who are selected."""
    return [
        row
        for row in people
        if all(value in {"all", row[column]} for column, value in selection.items())
    ]


def groups(
    people: list[dict[str, str]], selection: Selection, *columns: str
) -> Iterator[tuple[dict[str, str], list[float]]]:
    """Each group of those who are selected, with its charges."""
    found: dict[tuple[str, ...], list[float]] = {}
    for row in selected(people, selection):
        found.setdefault(tuple(row[c] for c in columns), []).append(float(row["charges"]))
    for key, charges in found.items():
        yield dict(zip(columns, key, strict=True)), charges


def cell(selection: Selection, group: Row) -> tuple[str, ...]:
    """A group's row in a cube: the filters, and the other grouping columns."""
    others = [value for column, value in group.items() if column not in FILTERS]
    return (*({**selection, **group}[column] for column in FILTERS), *others)


def limits(charges: list[float]) -> tuple[float, float]:
    """The t interval of a mean."""
    error = math.sqrt(variance(charges) / len(charges))
    margin = stats.t.ppf(0.975, len(charges) - 1) * error
    return fmean(charges) - margin, fmean(charges) + margin


@pytest.mark.parametrize(
    ("chart", "cube", "columns"),
    [
        ("charges_by_region", "cube_region_sex_smoker", ("region",)),
        ("charges_by_sex_and_smoker", "cube_region_sex_smoker", ("smoker", "sex")),
    ],
)
def test_bars_of_means_are_those_of_the_selected_people_with_their_limits(
    chart: str,
    cube: str,
    columns: tuple[str, ...],
    people: list[dict[str, str]],
    unmeasured: dict[str, set[tuple[str, ...]]],
    seen: list[tuple[Selection, Drawn]],
) -> None:
    for selection, drawn in seen:
        bars, intervals = drawn.marks(chart, "bar"), drawn.marks(chart, "interval")
        shown = 0
        for group, charges in groups(people, selection, *columns):
            name = tuple(LABELS[group[column]] for column in columns)
            if cell(selection, group) in unmeasured[cube]:
                assert name not in bars
                continue
            shown += 1
            assert bars[name]["to"] == pytest.approx(fmean(charges), rel=1e-9), selection
            ends = (intervals[name]["from"], intervals[name]["to"])
            assert ends == pytest.approx(limits(charges), rel=1e-8), (selection, name)
        assert len(bars) == shown


def test_bars_of_shares_are_of_the_selected_people_or_count_those_of_one_group(
    people: list[dict[str, str]],
    withheld: dict[str, set[tuple[str, ...]]],
    seen: list[tuple[Selection, Drawn]],
) -> None:
    for selection, drawn in seen:
        bars, shown = drawn.marks("smokers_by_region", "bar"), 0
        for group, charges in groups(people, selection, "region", "smoker"):
            name = (LABELS[group["region"]], LABELS[group["smoker"]])
            if cell(selection, group) in withheld["cube_region_sex_smoker"]:
                assert name not in bars
                continue
            shown += 1
            within = {**selection, "region": group["region"]}
            whole = len(selected(people, within)) if selection["smoker"] == "all" else 1
            assert bars[name]["to"] == pytest.approx(len(charges) / whole), selection
        assert len(bars) == shown


def test_the_pie_is_of_the_selected_people_or_becomes_bars_where_a_part_is_withheld(
    people: list[dict[str, str]],
    withheld: dict[str, set[tuple[str, ...]]],
    seen: list[tuple[Selection, Drawn]],
) -> None:
    chart, kinds = "charges_by_bmi_category", set()
    for selection, drawn in seen:
        slices, bars = drawn.marks(chart, "slice"), drawn.marks(chart, "bar")
        found = {
            LABELS[group["bmi_category"]]: (len(charges), cell(selection, group))
            for group, charges in groups(people, selection, "bmi_category")
        }
        hidden = {
            name
            for name, (_, at) in found.items()
            if at in withheld["cube_region_sex_smoker_bmi_category"]
        }
        kinds.add(bool(hidden))
        if not hidden:
            whole = sum(n for n, _ in found.values())
            shares = {name: slices[(name,)]["share"] for name in found}
            assert shares == pytest.approx({name: n / whole for name, (n, _) in found.items()})
            continue
        assert not slices
        shown = {name[0]: bar["to"] for name, bar in bars.items()}
        assert shown == pytest.approx({n: found[n][0] for n in found.keys() - hidden})
        says_so(drawn, chart, len(hidden), anything=bool(shown))
        assert ("Drawn as bars" in drawn.charts[chart]["notes"]) == bool(shown)
    assert kinds == {True, False}


def says_so(drawn: Drawn, chart: str, hidden: int, *, anything: bool) -> None:
    """Each group that is withheld says so, or the chart does where there is nothing else."""
    found = drawn.charts[chart]
    # Each with a margin of its own.
    assert found["texts"].count("withheld") == (2 * hidden if anything else 0)
    message = "Withheld, to protect groups of fewer than 11 people"
    assert found["message"] == (None if anything else message)


def test_the_line_is_of_decades_while_filtered_and_breaks_where_one_is_withheld(
    people: list[dict[str, str]],
    unmeasured: dict[str, set[tuple[str, ...]]],
    seen: list[tuple[Selection, Drawn]],
) -> None:
    chart, breaks = "charges_by_age", 0
    for selection, drawn in seen:
        points, intervals = drawn.marks(chart, "point"), drawn.marks(chart, "interval")
        shown, hidden = {}, set()
        for group, charges in groups(people, selection, "age_decade"):
            name = (DECADES[group["age_decade"]],)
            if cell(selection, group) in unmeasured["cube_region_sex_smoker_age_decade"]:
                hidden.add(name[0])
                continue
            shown[name] = fmean(charges)
            ends = [intervals[name]["from"], intervals[name]["to"]]
            assert ends == pytest.approx(limits(charges), rel=1e-8), (selection, name)
        assert {name: mark["at"] for name, mark in points.items()} == pytest.approx(shown)
        says_so(drawn, chart, len(hidden), anything=bool(shown))
        assert not shown or all(name in drawn.charts[chart]["notes"] for name in hidden)
        breaks += len(hidden)
    assert breaks


def test_differences_of_the_sexes_are_welchs_of_the_selected_people(
    people: list[dict[str, str]],
    unmeasured: dict[str, set[tuple[str, ...]]],
    seen: list[tuple[Selection, Drawn]],
) -> None:
    for selection, drawn in seen:
        differences, intervals = (
            drawn.marks("comparisons", kind) for kind in ("difference", "interval")
        )
        if selection["sex"] != "all":
            assert not differences.keys() & {("Smokers",), ("Non-smokers",)}
            continue
        found = {
            (group["smoker"], group["sex"]): (charges, cell(selection, group))
            for group, charges in groups(people, selection, "smoker", "sex")
        }
        for smoker in dict.fromkeys(key[0] for key in found):
            (men, at), (women, other) = found[smoker, "male"], found[smoker, "female"]
            if {at, other} & unmeasured["cube_region_sex_smoker"]:
                assert (LABELS[smoker],) not in differences
                continue
            test = stats.ttest_ind(men, women, equal_var=False)
            mark = differences[LABELS[smoker],]
            assert mark["at"] == pytest.approx(fmean(men) - fmean(women), rel=1e-9)
            interval = test.confidence_interval(0.95)
            ends = (intervals[LABELS[smoker],]["from"], intervals[LABELS[smoker],]["to"])
            expected = pytest.approx((interval.low, interval.high), rel=1e-7)
            assert ends == expected, (selection, smoker)
            p = f"p = {test.pvalue:#.2g}" if test.pvalue >= 0.001 else "p < 0.001"
            texts = drawn.charts["comparisons"]["texts"]
            assert any(text.endswith(p) for text in texts), (selection, p, texts)


def test_smokers_are_compared_among_the_selected_unless_all_of_them_are(
    people: list[dict[str, str]], seen: list[tuple[Selection, Drawn]]
) -> None:
    for selection, drawn in seen:
        differences = drawn.marks("comparisons", "difference")
        name = ("Smokers less non-smokers",)
        assert (name in differences) == (selection["smoker"] == "all")
        if name not in differences:
            continue
        parts = dict[str, list[float]]()
        for group, charges in groups(people, selection, "smoker"):
            parts[group["smoker"]] = charges
        expected = fmean(parts["yes"]) - fmean(parts["no"])
        assert differences[name]["at"] == pytest.approx(expected, rel=1e-9)


def test_marks_of_all_people_are_of_the_same_group_or_their_mean(
    people: list[dict[str, str]], seen: list[tuple[Selection, Drawn]]
) -> None:
    everybody = dict.fromkeys(FILTERS, "all")
    means = {
        LABELS[group["region"]]: fmean(charges)
        for group, charges in groups(people, everybody, "region")
    }
    overall = fmean(float(row["charges"]) for row in people)
    for selection, drawn in seen:
        chart = drawn.charts["charges_by_region"]
        marks = drawn.marks("charges_by_region", "reference")
        own = selection["sex"] == selection["smoker"] == "all"
        assert {name: mark["at"] for (name,), mark in marks.items()} == pytest.approx(
            {name: overall if own else means[name] for (name,) in marks}
        )
        assert marks.keys() >= drawn.marks("charges_by_region", "bar").keys()
        whose = "all people, $13,270" if own else "all people of the same group"
        assert chart["subtitle"].endswith(f"gray mark: {whose}")


def test_tiles_are_of_the_selected_people(
    people: list[dict[str, str]],
    withheld: dict[str, set[tuple[str, ...]]],
    seen: list[tuple[Selection, Drawn]],
) -> None:
    for selection, drawn in seen:
        found = selected(people, selection)
        if tuple(selection.values()) in withheld["cube_region_sex_smoker"]:
            figures = [drawn.figure(name) for name in ("people", "mean", "share-share_of_smokers")]
            assert figures == ["withheld"] * 3
            continue
        assert drawn.figure("people") == f"{len(found):,}"
        share = "100%" if len(found) == len(people) else f"{len(found) / len(people):.1%}"
        assert drawn.tiles["people"][2].endswith(f"; {share} of all 1,338")
        mean = fmean(float(r["charges"]) for r in found) - fmean(
            float(r["charges"]) for r in people
        )
        sign = "+" if mean > 0 else "\u2212"
        gap = f"{sign}${abs(mean):,.0f}"
        assert drawn.tiles["mean"][2].endswith(f"; {gap} against all people ($13,270)")
        assert drawn.figure("mean") == f"${fmean(float(r['charges']) for r in found):,.0f}"
        smokers = sum(row["smoker"] == "yes" for row in found)
        shares = {"all": f"{smokers / len(found):.1%}", "yes": "100%", "no": "0%"}
        assert drawn.figure("share-share_of_smokers") == shares[selection["smoker"]]
        assert drawn.figure("rejected") == "0"


def test_no_selection_changes_a_groups_color_and_the_legend_names_the_drawn_groups(
    dashboard: Dashboard, seen: list[tuple[Selection, Drawn]]
) -> None:
    everybody = dashboard.select(region="all", sex="all", smoker="all")
    for chart, kind in {
        "smokers_by_region": "bar",
        "charges_by_sex_and_smoker": "bar",
        "charges_by_bmi_category": "slice",
    }.items():
        colors = colors_of(everybody, chart, kind)
        assert len(set(colors.values())) == len(colors) > 1
        for selection, drawn in seen:
            found = colors_of(drawn, chart, kind)
            assert found.items() <= colors.items(), (chart, selection)
            column = {"smokers_by_region": "smoker", "charges_by_sex_and_smoker": "sex"}.get(chart)
            if column and selection[column] != "all":
                others = colors.keys() - {LABELS[selection[column]]}
                assert not others & set(drawn.charts[chart]["texts"]), (chart, selection)


def test_no_color_stands_for_a_sex_and_for_smoking_or_for_everybody(dashboard: Dashboard) -> None:
    drawn = dashboard.select(region="all", sex="all", smoker="all")
    sexes = set(colors_of(drawn, "charges_by_sex_and_smoker", "bar").values())
    smokers = set(colors_of(drawn, "smokers_by_region", "bar").values())
    plain = {mark["color"] for mark in drawn.marks("charges_by_region", "bar").values()}
    assert len(sexes | smokers | plain) == 5


def colors_of(drawn: Drawn, chart: str, kind: str) -> dict[str, str]:
    """The color of each series, or of each slice."""
    found: dict[str, str] = {}
    for name, mark in drawn.marks(chart, kind).items():
        assert found.setdefault(name[-1], mark["color"]) == mark["color"]
    return found


def test_a_charts_text_describes_the_drawn_figures(seen: list[tuple[Selection, Drawn]]) -> None:
    kinds = set()
    for selection, drawn in seen:
        kind = "Pie" if drawn.marks("charges_by_bmi_category", "slice") else "Bar"
        for people in drawn.charts["charges_by_bmi_category"]["alts"]:
            kinds.add(kind)
            assert people == (
                f"{kind} chart of people by BMI category "
                "(Underweight, Normal, Overweight, Obese). Number of people and share of all."
            )
        regions = [LABELS[selection["region"]]] if selection["region"] != "all" else REGIONS
        (means,) = drawn.charts["charges_by_region"]["alts"]
        assert means.startswith(
            f"Bar chart of mean charges by region ({', '.join(regions)}). "
            "Mean with 95% confidence interval; gray mark: all people"
        )
        for age in drawn.charts["charges_by_age"]["alts"]:
            decades = ", ".join(DECADES.values())
            assert age.startswith(f"Line chart of mean charges by age ({decades}).")
        (smokers,) = drawn.charts["smokers_by_region"]["alts"]
        told = (
            "Share within region, and in brackets the number of people"
            if selection["smoker"] == "all"
            else "Number of people"
        )
        assert f"). {told}" in smokers
    assert kinds == {"Pie", "Bar"}


def test_back_at_everybody_the_published_outputs_are_shown_again(dashboard: Dashboard) -> None:
    drawn = dashboard.select(region="all", sex="all", smoker="all")
    assert len(drawn.marks("charges_by_region", "bar")) == 4
    assert len(drawn.marks("charges_by_age", "point")) == 47


def test_quantiles_of_students_t_are_scipys(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(path=ASSETS / "statistics.js")
    degrees = [1, 1.5, 2, 3.7, 9, 10, 29.5, 63, 150, 199, 199.9, 200, 201, 345.6, 1337, 1e5, 1e9]
    for tail, rel in ((0.025, 1e-10), (0.025 / 6, 1e-9), (0.025 / 1770, 1e-7)):
        found = page.evaluate(
            "([degrees, tail]) => degrees.map((freedom) => criticalT(freedom, tail))",
            [degrees, tail],
        )
        expected = [stats.t.isf(tail, df) for df in degrees]
        assert found == pytest.approx(expected, rel=rel), tail
    page.close()


def test_a_difference_has_the_p_and_the_g_that_are_published_of_it(
    browser: Browser, real: LocalStore, contract: Contract
) -> None:
    layout = Layout(contract.prefix)
    groups = {
        tuple(row[name] for name in FILTERS): [
            float(row[name]) for name in ("patients", "sum_charges", "m2_charges")
        ]
        for row in rows(real.read(layout.published("cube_region_sex_smoker")))
        if row["sum_charges"]
    }
    (published,) = (
        row
        for row in rows(real.read(layout.published("comparisons")))
        if row["comparison"] == "sexes_by_smoking" and row["stratum"] == "smoker=yes"
    )
    page = browser.new_page()
    page.add_script_tag(path=ASSETS / "statistics.js")
    found = page.evaluate(
        "(pair) => compare(...pair.map(([n, sum, m2]) => ({ n, sum, m2 })))",
        [groups["all", sex, "yes"] for sex in ("male", "female")],
    )
    page.close()
    names = {"t": "t", "df": "df", "p": "p", "g": "hedges_g"}
    expected = {name: float(published[column]) for name, column in names.items()}
    assert {name: found[name] for name in names} == pytest.approx(expected, rel=1e-4)
