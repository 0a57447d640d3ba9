"""Medians: within their error, the same in whatever order, and only of enough people."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain, pairwise
from statistics import median_low

import numpy as np
import pytest

from medical_charges.aggregates.buckets import buckets, places, rounded
from medical_charges.aggregates.cube import cube_from_json, cube_to_json, merge_cubes
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.model import BUCKET, MEASURE_LIMIT
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.header import Header
from medical_charges.kernel.scan import Scanner
from medical_charges.layout import Layout
from medical_charges.outputs.catalog import tables as catalog
from medical_charges.outputs.tables import make_tables
from medical_charges.storage import LocalStore
from medical_charges.validation import validate_outputs
from medical_charges.validation.dqdl import output_rules
from tests.generated import dataset
from tests.helpers import WITHOUT_CUBES, outputs_of, rows
from tests.unit.validation.helpers import without_spark

ROUNDS, GROUPS = 50, 10
"""Each group of each round is a data set."""

Draw = Callable[[random.Random], int]
DRAWS: Sequence[Draw] = (
    lambda it: it.randint(0, 50),
    lambda it: round(it.lognormvariate(8, 3)),
    lambda it: min(round(it.paretovariate(0.3)), 10**13),
    lambda it: round(it.gauss(0, 10 ** it.randint(0, 8))),
    lambda it: it.choice([0, 0, -1, 1, 199, 200, 201, 500, 501, 10**6]),
    lambda it: -round(it.lognormvariate(5, 2)),
)
"""Ways in which a measure may be spread: ties, heavy tails, zeros, both signs."""


@cache
def contract_of(least: int, statistics: str = "patients, median") -> Contract:
    return parse_contract(
        f"""
        dataset: made_up
        prefix: MadeUp
        source: {{ format: csv, columns: {{ g: {{ type: integer }}, m: {{ type: integer }} }} }}
        measure: m
        analyses: {{ by_g: {{ group_by: [g], statistics: [{statistics}] }} }}
        disclosure: {{ minimum_cell: {least} }}
        """
    )


@cache
def scanner_of(least: int) -> Scanner:
    return Scanner(contract_of(least), Header(("g", "m"), (), 0, gzip=False))


def published(least: int, parts: Sequence[Sequence[tuple[int, int]]]) -> bytes:
    """The output of rows that were scanned in parts and added up in their order."""
    blocks = ["".join(f"{g},{m}\n" for g, m in part).encode() for part in parts]
    scanned = chain.from_iterable(map(scanner_of(least).scan, blocks))
    cube = merge_cubes(part.cube for part in scanned)
    stored = cube_from_json(json.loads(json.dumps(cube_to_json(cube))))
    (table,) = make_tables(stored, contract_of(least))
    return table.to_csv()


def cut(random_: random.Random, people: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Cut people into parts, in any order."""
    shuffled = random_.sample(people, len(people))
    ends = sorted(random_.choices(range(len(people) + 1), k=random_.randint(0, 3)))
    return [shuffled[low:high] for low, high in pairwise([0, *ends, len(people)])]


def test_medians_of_generated_data_are_within_their_error_and_the_same_in_any_order() -> None:
    compared = 0
    for seed in range(ROUNDS):
        random_ = random.Random(seed)
        least = random_.choice([1, 2, 5, 11])
        people = [
            (g, draw(random_))
            for g in range(GROUPS)
            for draw in [random_.choice(DRAWS)]
            for _ in range(random_.choice([11, 22, 23, 60, 150]))
        ]
        found, again = (published(least, cut(random_, people)) for _ in range(2))
        assert found == again
        for row in rows(found):
            values = sorted(m for g, m in people if str(g) == row["g"])
            enough = row["patients"] != "" and (len(values) - 1) // 2 >= least
            assert bool(row["median_m"]) == enough
            if enough:
                exact, shown = median_low(values), int(row["median_m"])
                assert abs(shown - exact) * 200 <= abs(exact), seed
                compared += 1
    assert compared > ROUNDS * GROUPS / 2


def test_buckets_follow_each_other_and_none_of_their_numbers_is_over_half_a_percent_off() -> None:
    found = list(buckets())
    assert found[0] == (0, 0)
    for (least, middle), (after, _) in pairwise(found):
        assert least <= middle < after
        for number in {least, after - 1}:
            assert abs(middle - number) * 200 <= number
            digits = str(number)[:3]
            step = int(digits) < 200 or (2 if int(digits) < 500 else 5)
            assert int(str(middle)[:3]) % step == 0 or len(str(number)) < 3
    assert found[-1][1] > MEASURE_LIMIT


def test_the_kernel_finds_the_bucket_of_the_first_and_the_last_number_of_each() -> None:
    for (least, wanted), (after, _) in pairwise(buckets()):
        ends = np.array([least, after - 1, -least, 1 - after])
        assert rounded(places(ends)).tolist() == [wanted, wanted, -wanted, -wanted]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (99, "99"), (199, "199"), (201, "202"), (-201, "-202"), (499, "500"), (502, "500"),
     (503, "505"), (-1_004, "-1000"), (1_005, "1010"), (2_009, "2000"), (2_010, "2020"),
     (999_000, "1000000"), (9_007_199_254_740_992, "9000000000000000")],
)  # fmt: skip
def test_a_median_is_rounded_to_three_digits(value: int, shown: str) -> None:
    (row,) = rows(published(1, [[(1, value)] * 3]))
    assert row["median_m"] == shown


def test_a_median_needs_the_threshold_of_people_on_both_sides() -> None:
    (few,) = rows(published(11, [[(1, i) for i in range(22)]]))
    (enough,) = rows(published(11, [[(1, i) for i in range(23)]]))
    assert (few["patients"], few["median_m"]) == ("22", "")
    assert enough["median_m"] == "11"


def test_a_suppressed_group_has_no_median() -> None:
    people = [(g, i) for g, n in enumerate((10, 30, 40, 50)) for i in range(n)]
    shown = rows(published(11, [people]))
    assert [bool(row["patients"]) for row in shown] == [False, False, True, True]
    assert [bool(row["median_m"]) for row in shown] == [False, False, True, True]


def test_the_value_of_no_single_row_is_kept_for_medians() -> None:
    (scanned,) = scanner_of(11).scan(b"1,123456\n1,-98765\n")
    assert scanned.cube["g", BUCKET] == {
        (1, 123_000): (1, 0, 0, 0, 0),
        (1, -99_000): (1, 0, 0, 0, 0),
    }


LIMITED = """
dataset: made_up
prefix: MadeUp
source:
  format: csv
  columns:
    g: { type: integer, minimum: -2, maximum: 2 }
    t: { type: string, allowed: [x, y, z] }
    k: { type: double, minimum: 0 }
    m: { type: integer }
bands: { b: { column: k, below: { low: 1, middle: 2 }, otherwise: high } }
measure: m
analyses: { by_all: { group_by: [g, t, b], statistics: [patients, median] } }
"""


def test_groups_are_counted_alike_whether_or_not_the_contract_limits_their_values() -> None:
    random_ = random.Random(4)
    block = "".join(
        f"{random_.randint(-2, 2)},{random_.choice('xyz')},{random_.uniform(0, 3)},"
        f"{random_.randint(-(10**6), 10**6)}\n"
        for _ in range(3_000)
    ).encode()
    unlimited = (", minimum: -2, maximum: 2", ", allowed: [x, y, z]")
    texts = [LIMITED, *(LIMITED.replace(limit, "") for limit in unlimited)]
    headers = Header(("g", "t", "k", "m"), (), 0, gzip=False)
    cubes = [
        cube_to_json(scanned.cube)
        for text in texts
        for scanned in Scanner(parse_contract(text), headers).scan(block)
    ]
    assert cubes[0] == cubes[1] == cubes[2]
    (_, cells), _ = cubes[0]
    assert {key[0] for key, *_ in cells} == {"high", "low", "middle"}


def test_too_many_groups_for_medians_are_refused_with_a_sentence() -> None:
    people = [(g, 100 * 2**i) for g in range(5_000) for i in range(21)]
    with pytest.raises(InputRefusedError, match=r"^medians by g need more than 100,000 groups; "):
        published(11, [people])


def test_a_contract_without_medians_keeps_no_buckets() -> None:
    plain = contract_of(11, "patients, mean")
    assert plain.grouping_sets == (("g",),)
    assert contract_of(11).grouping_sets == (("g",), ("g", BUCKET))
    assert contract_of(11).schema_hash != plain.schema_hash


def with_medians(seed: int) -> tuple[Contract, Mapping[str, bytes]]:
    """A generated data set whose analyses all have a median."""
    data = dataset(seed)
    text = json.loads(data.contract)
    for analysis in text["analyses"].values():
        rest = {"patients", "median"} - set(analysis["statistics"])
        analysis["statistics"] += sorted(rest)
    return parse_contract(json.dumps(text)), data.objects


@pytest.mark.parametrize("seed", range(4, 12))
def test_the_recount_agrees_about_medians(seed: int, store: LocalStore) -> None:
    contract, objects = with_medians(seed)
    found = outputs_of(store, contract, objects)
    result = validate_outputs(without_spark, store, contract, "run")
    assert [check.name for check in result.checks if check.outcome in {"fail", "error"}] == []
    assert all("median_cost" in rows(found[name])[0] for name in contract.analyses)


def test_a_wrong_median_is_found(store: LocalStore) -> None:
    contract, objects = with_medians(8)
    name, data = next(iter(outputs_of(store, contract, objects).items()))
    median = next(row["median_cost"] for row in rows(data) if row["median_cost"])
    wrong = data.replace(f",{median}".encode(), f",{float(median) * 1.01:g}".encode(), 1)
    store.write(Layout(contract.prefix).staged("run", name), wrong)
    result = validate_outputs(without_spark, store, contract, "run")
    assert f"{name}: figures" in {check.name for check in result.checks if check.outcome == "fail"}


def test_rules_hold_medians_to_the_number_of_people() -> None:
    contract = parse_contract(WITHOUT_CUBES)
    rules = {rule.name: rule.text for rule in output_rules(contract, "charges_by_region").rules}
    assert (
        "(`median_charges` IS NOT NULL AND (patients IS NULL OR NOT patients >= 23))"
        in rules["figures"]
    )
    assert (
        "(`median_charges` IS NULL AND `mean_charges` IS NOT NULL AND patients >= 23)"
        in rules["figures"]
    )


def test_readers_of_the_catalog_are_told_the_error() -> None:
    contract = parse_contract(WITHOUT_CUBES)
    table = next(it for it in catalog(contract) if it["name"] == "charges_by_region")
    (column,) = [it for it in table["columns"] if it["name"] == "median_charges"]
    assert "at most 0.5 % off" in column["comment"]
