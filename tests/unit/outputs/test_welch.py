"""Differences of means are what SciPy and mpmath find on the rows, and come from sums alone."""

from __future__ import annotations

import json
import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from medical_charges.aggregates.cube import Sums
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import ContractError
from medical_charges.outputs.disclosure import Protection, Row
from medical_charges.outputs.welch import (
    Layer,
    Welch,
    difference,
    figures,
    small_sample_factor,
    welch,
)
from tests.helpers import CONTRACT_FILE, ROOT, WITHOUT_CUBES, csv_of, outputs_of, rows
from tests.memory import MemoryStore

DECIMALS = 2
NUMBERS = ("difference", "ci95_low", "ci95_high", "t", "df")
KEPT = ROOT / "tests" / "data" / "standardized_differences.json"


def sums_of(values: list[int]) -> Sums:
    """Return a cube's sums of scaled measures."""
    squares = sum(value * value for value in values)
    return Sums(len(values), sum(values), squares, min(values), max(values))


def layer(a: list[int], b: list[int]) -> list[Layer]:
    """Two groups that are compared as they are."""
    return [Layer(len(a) + len(b), *(sums_of(values) if values else None for values in (a, b)))]


def compared(layers: list[Layer], decimals: int) -> Welch | None:
    """The test of the difference of groups that are not empty."""
    gap = difference(layers, decimals)
    assert gap is not None
    return welch(layers, gap, decimals)


def exact_g(a: list[int], b: list[int]) -> mpmath.mpf:
    """Hedges' g by its definition, with 50 digits."""
    with mpmath.workdps(50):
        mean_a, mean_b = mpmath.mpf(sum(a)) / len(a), mpmath.mpf(sum(b)) / len(b)
        spread = sum((x - mean_a) ** 2 for x in a) + sum((x - mean_b) ** 2 for x in b)
        m = mpmath.mpf(len(a) + len(b) - 2)
        factor = mpmath.gamma(m / 2) / (mpmath.sqrt(m / 2) * mpmath.gamma((m - 1) / 2))
        return factor * (mean_a - mean_b) / mpmath.sqrt(spread / m)


def close(value: object, expected: object) -> bool:
    """Within 1e-9, relatively."""
    return bool(abs(mpmath.mpf(value) / mpmath.mpf(expected) - 1) < 1e-9)


@pytest.mark.parametrize("seed", range(100))
def test_the_test_is_scipys_on_the_rows_and_the_size_of_the_effect_mpmaths(seed: int) -> None:
    random_ = random.Random(seed)
    groups = []
    for _ in "ab":
        center, spread = random_.uniform(-5e5, 5e6), random_.uniform(10, 1e6)
        size = random_.choice([2, 3, 10, 300, 3000])
        groups.append([round(random_.gauss(center, spread)) for _ in range(size)])
    a, b = groups
    found = compared(layer(a, b), DECIMALS)
    assert found is not None
    expected = stats.ttest_ind([x / 100 for x in a], [x / 100 for x in b], equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert close(float(found.t), expected.statistic)
    assert close(float(found.df), expected.df)
    assert found.p == expected.pvalue == 0 or close(found.p, expected.pvalue)
    assert float(found.low) == pytest.approx(interval.low, rel=1e-9, abs=1e-4)
    assert float(found.high) == pytest.approx(interval.high, rel=1e-9, abs=1e-4)
    assert close(float(found.g), exact_g(a, b))


def test_a_p_near_the_smallest_double_is_correct() -> None:
    a, b = [0, 1] * 500, [33, 34] * 500
    found = compared(layer(a, b), 0)
    assert found is not None
    with mpmath.workdps(60):
        t2, df = mpmath.mpf(float(found.t)) ** 2, mpmath.mpf(float(found.df))
        expected = mpmath.betainc(df / 2, 0.5, 0, df / (df + t2), regularized=True)
    assert expected < mpmath.mpf("1e-300") or close(found.p, expected)
    assert figures(layer(a, b), 0)[7] == "0"


@pytest.mark.parametrize("freedom", [2, 3, 50, 299, 300, 301, 1000, 10**6, 10**9])
def test_the_correction_is_exact_for_small_and_large_samples(freedom: int) -> None:
    with mpmath.workdps(60):
        m = mpmath.mpf(freedom)
        log = mpmath.loggamma(m / 2) - mpmath.loggamma((m - 1) / 2)
        expected = mpmath.exp(log) / mpmath.sqrt(m / 2)
        assert abs(small_sample_factor(freedom) / expected - 1) < 1e-15


values = st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=20)


@settings(deadline=None)
@given(values, values, st.integers(-(10**15), 10**15))
def test_moving_all_by_the_same_changes_nothing_and_swapping_turns_the_signs(
    a: list[int], b: list[int], shift: int
) -> None:
    here = figures(layer(a, b), DECIMALS)
    there = figures(layer([x + shift for x in a], [x + shift for x in b]), DECIMALS)
    assert here == there
    found, turned = compared(layer(a, b), 0), compared(layer(b, a), 0)
    if found is None or turned is None:
        assert found is turned
        assert len(set(a)) == len(set(b)) == 1
    else:
        assert (found.t, found.g, found.df, found.p) == (-turned.t, -turned.g, turned.df, turned.p)
        assert (found.low, found.high) == (-turned.high, -turned.low)


def test_empty_groups_groups_of_one_and_groups_without_spread_have_their_figures() -> None:
    one, two, same = [700], [100, 300], [500, 500]
    assert figures(layer([], two), DECIMALS) == ("0", "2", *[""] * 7)
    assert figures(layer(one, two), DECIMALS) == ("1", "2", "5", *[""] * 6)
    assert figures(layer(same, same), DECIMALS) == ("2", "2", "0", *[""] * 6)
    assert figures(layer(same, two), DECIMALS)[:3] == ("2", "2", "3")
    assert all(figures(layer(same, two), DECIMALS))


def test_a_stratum_of_the_second_group_alone_has_a_row() -> None:
    text = MANY.replace("LINE", "column: a, groups: [x, y], within: [b]")
    people = [["x", "p", 1, 1, 5], ["y", "p", 1, 1, 6], ["y", "q", 1, 1, 7]]
    content = csv_of(["a", "b", "k", "n", "m"], people)
    found = outputs_of(MemoryStore(), parse_contract(text), {"f.csv": content})["comparisons"]
    assert [(row["stratum"], row["n_a"], row["n_b"]) for row in rows(found)] == [
        ("b=p", "1", "1"),
        ("b=q", "0", "1"),
    ]


def test_a_standardized_row_that_may_show_counts_alone_shows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counts without a difference say that a layer lacks a group, and nothing else."""
    contract = parse_contract(STANDARDIZED)
    content = csv_of(["a", "b", "m"], [["xy"[i % 2], "pq"[i % 3 % 2], i % 7] for i in range(200)])

    def of_counts(found: Sequence[Row], *_: object) -> Protection:
        compared = (i for i, row in enumerate(found) if row.output == "comparisons")
        return Protection(frozenset(), frozenset(compared), {}, frozenset())

    monkeypatch.setattr("medical_charges.outputs.tables.protect", of_counts)
    [row] = rows(outputs_of(MemoryStore(), contract, {"f.csv": content})["comparisons"])
    assert {row[name] for name in ("n_a", "n_b", "difference")} == {""}


def test_a_group_does_not_follow_from_the_weights_of_a_standardized_difference() -> None:
    text = STANDARDIZED.replace("a: {type: string}", "a: {type: string}, c: {type: string}")
    contract = parse_contract(text.replace("by_b: {group_by: [b]", "by_b: {group_by: [b, c]"))
    sizes = {("u", "c"): 3, ("u", "d"): 60, ("v", "c"): 12, ("v", "d"): 60}
    # The third group is in neither mean, and in all weights.
    people = [
        ["xyz"[place % 3], b, c, place % 7]
        for (b, c), size in sizes.items()
        for place in range(size)
    ]
    content = csv_of(["a", "b", "c", "m"], people)
    found = outputs_of(MemoryStore(), contract, {"f.csv": content})
    [pair] = rows(found["comparisons"])
    hidden = [(row["b"], row["c"]) for row in rows(found["by_b"]) if not row["patients"]]
    assert ("u", "c") in hidden
    # With (v, c) alone it would be what the weight of u leaves.
    assert ("u", "d") in hidden or not pair["difference"]


@pytest.fixture(scope="module")
def table(real_outputs: Mapping[str, bytes]) -> list[dict[str, str]]:
    return rows(real_outputs["comparisons"])


def test_the_published_test_of_the_real_file_comes_out(table: list[dict[str, str]]) -> None:
    overall = next(row for row in table if row["comparison"] == "smokers")
    assert overall["stratum"] == "all"
    assert (overall["n_a"], overall["n_b"]) == ("274", "1064")
    assert round(float(overall["t"]), 2) == 32.75
    assert overall["p"] == "5.88946e-103"


def test_rows_are_in_the_order_of_the_contract_and_then_of_the_strata(
    table: list[dict[str, str]],
) -> None:
    assert [(row["comparison"], row["stratum"]) for row in table] == [
        ("sexes_by_smoking", "smoker=no"),
        ("sexes_by_smoking", "smoker=yes"),
        ("smokers", "all"),
        ("smokers_by_region", "region=northeast"),
        ("smokers_by_region", "region=northwest"),
        ("smokers_by_region", "region=southeast"),
        ("smokers_by_region", "region=southwest"),
        ("southeast_southwest", "all"),
        ("southeast_southwest_standardized", "all; standardized over smoker"),
    ]


def test_every_difference_is_that_of_the_rows(
    table: list[dict[str, str]], real_file: bytes, contract: Contract
) -> None:
    people = rows(real_file)
    for row in table:
        comparison = contract.comparisons[row["comparison"]]
        if comparison.standardized_over:
            continue
        inside = people
        if row["stratum"] != "all":
            name, _, value = row["stratum"].partition("=")
            inside = [person for person in people if person[name] == value]
        a, b = (
            [float(p["charges"]) for p in inside if p[comparison.column] == row[group]]
            for group in ("group_a", "group_b")
        )
        expected = stats.ttest_ind(a, b, equal_var=False)
        assert float(row["t"]) == pytest.approx(expected.statistic, abs=1e-6)
        assert float(row["p"]) == pytest.approx(expected.pvalue, rel=1e-5)
        gap = sum(map(Fraction, a)) / len(a) - sum(map(Fraction, b)) / len(b)
        assert float(row["difference"]) == pytest.approx(float(gap), abs=1e-6)


def test_a_standardized_difference_is_that_of_a_regression_on_all_cells(
    real_file: bytes,
) -> None:
    """Kept from statsmodels 0.15: OLS on an indicator of each cell, with HC2 errors, and the
    contrast of the cells by the part of everybody that each layer is."""
    kept = json.loads(KEPT.read_text())
    lines = (
        f"  {name}: {{ column: {it['column']}, groups: {json.dumps(it['groups'])}, "
        f"standardized_over: [{it['over']}] }}\n"
        for name, it in kept.items()
    )
    text = WITHOUT_CUBES.replace("comparisons:\n", "comparisons:\n" + "".join(lines))
    contract = parse_contract(text)
    found = outputs_of(MemoryStore(), contract, {"Charges.csv": real_file})["comparisons"]
    table = {row["comparison"]: {k: float(row[k]) for k in NUMBERS} for row in rows(found)}
    for name, it in kept.items():
        row, error = table[name], it["standard_error"]
        assert row["difference"] == pytest.approx(it["difference"], rel=1e-9)
        assert row["t"] == pytest.approx(it["difference"] / error, rel=1e-9, abs=1e-6)
        margin = float(stats.t.ppf(0.975, row["df"])) * error
        assert row["ci95_high"] - row["difference"] == pytest.approx(margin, rel=1e-8)
        assert row["difference"] - row["ci95_low"] == pytest.approx(margin, rel=1e-8)


@given(st.lists(st.tuples(st.integers(1, 9), values, values), min_size=1, max_size=4))
@settings(deadline=None, max_examples=50)
def test_a_standardized_test_is_that_of_a_combination_of_means(
    drawn: list[tuple[int, list[int], list[int]]],
) -> None:
    layers = [Layer(people, sums_of(a), sums_of(b)) for people, a, b in drawn]
    everybody = sum(people for people, _, _ in drawn)
    terms = [(Fraction(n, everybody), a, 1) for n, a, _ in drawn]
    terms += [(Fraction(n, everybody), b, -1) for n, _, b in drawn]
    gap = sum(sign * weight * Fraction(sum(x), len(x)) for weight, x, sign in terms)
    errors = [
        (weight**2 * statistics.variance(map(Fraction, x)) / len(x), len(x) - 1)
        for weight, x, _ in terms
    ]
    found = compared(layers, 0)
    if not any(error for error, _ in errors):
        assert found is None
        return
    assert found is not None
    squared = sum(error for error, _ in errors)
    assert (found.low + found.high) / 2 == gap
    assert found.df == squared**2 / sum(error**2 / own for error, own in errors)
    assert float(found.t) == pytest.approx(float(gap) / float(squared) ** 0.5)


def test_over_what_both_groups_lie_alike_standardizing_changes_no_difference() -> None:
    a, b = [[1, 5, 9], [20, 22]], [[4, 4, 7], [30, 60]]
    apart = [Layer(n, sums_of(x), sums_of(y)) for n, x, y in zip((3, 2), a, b, strict=True)]
    together = layer([*a[0], *a[1]], [*b[0], *b[1]])
    assert figures(apart, 0)[:3] == figures(together, 0)[:3]
    assert figures(apart, 0)[3:] != figures(together, 0)[3:]


def test_a_layer_without_one_of_the_groups_leaves_their_counts_alone() -> None:
    layers = [*layer([1, 2], [3, 4]), *layer([5, 6], [])]
    assert figures(layers, 0) == ("4", "2", *[""] * 7)
    one_alone = [*layer([1, 2], [3, 4]), *layer([5], [7, 8])]
    assert figures(one_alone, 0)[3:] == ("",) * 6
    assert figures(one_alone, 0)[2] == "-2.214286"


STANDARDIZED = """
dataset: d
prefix: D
source: {format: csv, columns: {a: {type: string}, b: {type: string}, m: {type: integer}}}
measure: m
analyses: {by_b: {group_by: [b], statistics: [patients, mean]}}
comparisons:
  alike: {column: a, groups: [x, y], standardized_over: [b]}
"""


@pytest.mark.parametrize(("few", "shown"), [(11, True), (10, False), (1, False)])
def test_a_standardized_difference_is_withheld_with_any_group_that_it_is_made_of(
    few: int, *, shown: bool
) -> None:
    contract = parse_contract(STANDARDIZED)
    sizes = {("x", "p"): 40, ("x", "q"): few, ("y", "p"): 50, ("y", "q"): 60}
    people = [f"{a},{b},{place % 7}" for (a, b), size in sizes.items() for place in range(size)]
    content = "\n".join(["a,b,m", *people, ""]).encode()
    [row] = rows(outputs_of(MemoryStore(), contract, {"f.csv": content})["comparisons"])
    assert bool(row["difference"]) is shown
    assert bool(row["n_a"]) is shown


NESTED = """
dataset: d
prefix: D
source:
  format: csv
  columns:
    area: {type: string, within: state}
    state: {type: string}
    sex: {type: string}
    m: {type: integer}
measure: m
analyses: {by_area: {group_by: [area], statistics: [patients]}}
comparisons: {pair: {LINE}}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("column: area, groups: [a, b], standardized_over: [state]", "[0]: found 'state'"),
        ("column: state, groups: [a, b], standardized_over: [area]", "[0]: found 'area'"),
        (
            "column: sex, groups: [a, b], within: [state], standardized_over: [area]",
            "[0]: found 'area'",
        ),
        ("column: sex, groups: [a, b], standardized_over: [state, area]", "[1]: found 'area'"),
    ],
)
def test_nothing_is_standardized_over_what_lies_in_what_is_compared(line: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_contract(NESTED.replace("LINE", line))
    assert f"comparisons.pair.standardized_over{said}" in str(caught.value)


MANY = """
dataset: d
prefix: D
source:
  format: csv
  columns:
    a: {type: string}
    b: {type: string}
    k: {type: integer, minimum: 0, maximum: 9}
    n: {type: integer, minimum: 0, maximum: 9}
    m: {type: integer}
bands: {band: {column: k, below: {low: 3}, otherwise: high}}
measure: m
analyses: {by_a: {group_by: [a], statistics: [patients]}}
comparisons: {pair: {LINE}}
disclosure: {minimum_cell: 1, top_code: {n: 2}}
"""


@pytest.mark.parametrize(
    ("line", "over"),
    [
        ("groups: [x, y], column: a, standardized_over: [b, band]", ("b", "band")),
        ("groups: [x, y], column: a, standardized_over: [band, b]", ("b", "band")),
        ("groups: [x, y], column: a, standardized_over: [n]", ("n",)),
        ("groups: [x, y], column: a, within: [b], standardized_over: [band, n]", ("band", "n")),
    ],
)
def test_a_standardized_difference_is_that_of_the_rows(line: str, over: tuple[str, ...]) -> None:
    random_ = random.Random(line)
    header = ["a", "b", "k", "n", "m"]
    people: list[list[Any]] = [
        [random_.choice("xyz"), random_.choice("pq"), *random_.choices(range(5), k=2), i * i % 97]
        for i in range(600)
    ]
    contract = parse_contract(MANY.replace("LINE", line))
    content = csv_of(header, people)
    table = rows(outputs_of(MemoryStore(), contract, {"f.csv": content})["comparisons"])
    layered = [
        dict(zip(header, person, strict=True))
        | {"band": "low" if person[2] < 3 else "high", "n": min(person[3], 2)}
        for person in people
    ]
    layers = Counter(tuple(person[name] for name in over) for person in layered)
    assert len(table) == (2 if "within" in line else 1)
    for row in table:
        found = 0.0
        stratum = row["stratum"].partition(";")[0].partition("=")[2]
        for sign, group in ((1, "x"), (-1, "y")):
            for layer_, size in layers.items():
                own = [
                    person["m"]
                    for person in layered
                    if person["a"] == group
                    and tuple(person[name] for name in over) == layer_
                    and stratum in {"", person["b"]}
                ]
                found += sign * statistics.mean(own) * size / len(people)
        assert float(row["difference"]) == pytest.approx(found, abs=1e-6)


TEXT = CONTRACT_FILE.read_text()
PLACE = 'smokers: { column: smoker, groups: ["yes", "no"] }'


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("column: smoke, groups: [a, b]", "column: found 'smoke'; allowed: age, sex, "),
        ('column: smoker, groups: ["yes", maybe]', "groups[1]: found 'maybe'; allowed: yes, no"),
        ('column: smoker, groups: ["yes"]', "groups[1]: found nothing; allowed: a value is"),
        ("column: sex, groups: [male, female, x]", "groups"),
        ("column: sex, groups: [male, male]", "groups: found 'male' twice; allowed: two groups"),
        ("column: age, groups: [20, 95]", "groups[1]: found 95; allowed: a number up to 90"),
        ("column: bmi_category, groups: [obese, fat]", "groups[1]: found 'fat'; allowed: under"),
        ("column: sex, groups: [male, female], within: [sex]", "within: found a list; allowed: "),
        (
            "column: sex, groups: [male, female], standardized_over: [sx]",
            "standardized_over[0]: found 'sx'; allowed: age, sex, ",
        ),
        (
            "column: age, groups: [20, 30], standardized_over: [age_decade]",
            "standardized_over[0]: found 'age_decade'; allowed: a column apart from ",
        ),
        (
            "column: sex, groups: [male, female], standardized_over: [region, region]",
            "standardized_over[1]: found 'region'; allowed: a column apart from ",
        ),
        (
            "column: sex, groups: [male, female], standardized_over: [sex]",
            "standardized_over[0]: found 'sex'; allowed: a column apart from ",
        ),
    ],
)
def test_a_wrong_comparison_is_reported_with_its_place(wrong: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_contract(TEXT.replace(PLACE, f"smokers: {{ {wrong} }}"))
    assert f"comparisons.smokers.{said}" in str(caught.value)
