"""Amounts of 15 to 17 digits: every published digit is right, or the row is rejected."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from pathlib import Path

import mpmath
import pytest
from scipy import stats

from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.model import BUCKET
from medical_charges.contract.outputs import read_csv
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.storage import LocalStore
from tests.helpers import outputs_of, run, upload
from tests.unit.validation.helpers import validated

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
LAST = Decimal("0.000001")


def contract(decimals: int) -> Contract:
    return parse_contract(
        f"""
dataset: large
prefix: Large
source:
  format: csv
  columns:
    g: {{ type: string }}
    x: {{ type: double, decimals: {decimals} }}
measure: x
analyses:
  by_g: {{ group_by: [g], statistics: [patients, mean, minimum, maximum, stddev, ci95] }}
disclosure: {{ minimum_cell: 1 }}
quality: {{ maximum_rejected_share: 1.0 }}
"""
    )


def as_csv(groups: Sequence[Sequence[str]]) -> bytes:
    rows = [f"g{i:04},{text}" for i, texts in enumerate(groups) for text in texts]
    return "\n".join(["g,x", *rows, ""]).encode()


def figures(folder: Path, decimals: int, groups: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """The figures of each group of amounts that has any."""
    data = outputs_of(LocalStore(folder), contract(decimals), {"a.csv": as_csv(groups)})
    _, rows = read_csv(data["by_g"].decode())
    return {name: figures for name, *figures in rows}


def plain(value: Decimal) -> str:
    """A number with 6 decimals, without trailing zeros."""
    text = f"{value.quantize(LAST, context=EXACT):f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def amount(random_: random.Random, decimals: int) -> str:
    """An amount of 15 to 17 digits, most of which may be summed."""
    digits = random_.choice([random_.randrange(10**14, 10**16), random_.randrange(10**16, 10**17)])
    sign = random_.choice(["", "", "-"])
    text = f"{digits:017d}"
    return f"{sign}{text[:-decimals].lstrip('0') or '0'}.{text[-decimals:]}"


@pytest.mark.parametrize("decimals", [2, 6])
def test_an_amount_is_published_as_it_stands_or_rejected(tmp_path: Path, decimals: int) -> None:
    random_ = random.Random(decimals)
    amounts = [amount(random_, decimals) for _ in range(1_000)]
    shown = figures(tmp_path, decimals, [[text] for text in amounts])
    fits = [abs(Decimal(text)).scaleb(decimals) <= 2**53 for text in amounts]
    assert 200 < sum(fits) < 800
    expected = {
        f"g{i:04}": [plain(Decimal(text))] * 3
        for i, (text, right) in enumerate(zip(amounts, fits, strict=True))
        if right
    }
    assert {name: found[1:4] for name, found in shown.items()} == expected


def test_neighbors_that_one_double_stands_for_are_two_amounts(tmp_path: Path) -> None:
    """At nine billion doubles are two millionths apart."""
    texts = ["8999999999.000001", "8999999999.000002", "+8999999999.000001e0", " 8.999999999e9 "]
    assert float(texts[0]) == float(texts[1])
    shown = figures(tmp_path, 6, [[text] for text in texts])
    assert [found[1] for found in shown.values()] == [
        "8999999999.000001",
        "8999999999.000002",
        "8999999999.000001",
        "8999999999",
    ]


def test_the_recount_reads_large_amounts_as_the_analysis_does(tmp_path: Path) -> None:
    random_ = random.Random(11)
    groups = [[amount(random_, 6) for _ in range(3)] for _ in range(60)]
    _, result = validated(LocalStore(tmp_path), contract(6), {"a.csv": as_csv(groups)})
    assert result.problems == []


def test_large_amounts_that_an_earlier_version_summed_are_read_again(tmp_path: Path) -> None:
    store, large = LocalStore(tmp_path), contract(6)
    groups = [["8999999999.000001", "5"], ["-7"]]
    assert read_of(store, large, "first", {"a.csv": as_csv(groups), "b.csv": as_csv([["3"]])}) == 2
    assert read_of(store, large, "again", {}) == 0
    for ref in list(store.list("Large/Cube_data")):
        stored = verify_checksum(store.read(ref.key))
        if isinstance(stored, dict) and stored.pop("exact", False):
            store.write(ref.key, with_checksum(stored))
    assert read_of(store, large, "later", {}) == 1
    assert read_of(store, large, "last", {}) == 0


def test_large_amounts_are_marked_where_groups_by_buckets_come_first(tmp_path: Path) -> None:
    text = """
    dataset: large
    prefix: Large
    source:
      format: csv
      columns: { town: { type: string }, size: { type: integer }, m: { type: integer } }
    measure: m
    disclosure: { minimum_cell: 1 }
    analyses: { by_town: { group_by: [town, size], statistics: [patients, median] } }
    """
    store, large = LocalStore(tmp_path), parse_contract(text)
    upload(store, large, {"a.csv": f"town,size,m\nx,1,{2**53}\n".encode()})
    run(store, large, "run")
    stored = [verify_checksum(store.read(ref.key)) for ref in store.list("Large/Cube_data")]
    assert BUCKET in large.grouping_sets[0]
    assert [it.get("exact") for it in stored if isinstance(it, dict)] == [True, True]


def read_of(store: LocalStore, contract: Contract, run_id: str, files: dict[str, bytes]) -> int:
    """Return how many objects a run reads."""
    upload(store, contract, files)
    return run(store, contract, run_id).objects_read


def interval(texts: Sequence[str]) -> list[str]:
    """The deviation and the interval of amounts, by their definitions in 60 digits."""
    with mpmath.workdps(60):
        values = [mpmath.mpf(text) for text in texts]
        n = len(values)
        mean = sum(values) / n
        deviation = mpmath.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
        margin = quantile(n - 1) * deviation / mpmath.sqrt(n)
        found = (deviation, mean - margin, mean + margin)
        return [plain(Decimal(mpmath.nstr(value, 50, strip_zeros=False))) for value in found]


@cache
def quantile(freedom: int) -> mpmath.mpf:
    """Student's t at 97.5 %, by following the density from the middle."""

    def density(t: mpmath.mpf) -> mpmath.mpf:
        half = mpmath.mpf(freedom) / 2
        scale = mpmath.sqrt(freedom) * mpmath.beta(0.5, half)
        return (1 + t**2 / freedom) ** (-half - 0.5) / scale

    def above(t: mpmath.mpf) -> mpmath.mpf:
        return mpmath.quad(density, [0, 1, t]) - mpmath.mpf("0.475")

    return mpmath.findroot(above, float(stats.t.ppf(0.975, freedom)))


@pytest.mark.parametrize("decimals", [2, 6])
def test_intervals_of_large_amounts_are_right_in_every_digit(tmp_path: Path, decimals: int) -> None:
    random_ = random.Random(5)
    most = 9 * 10**15
    groups = [
        [
            f"{Decimal(random_.randint(-most, most)).scaleb(-decimals):f}"
            for _ in range(random_.randint(2, 6))
        ]
        for _ in range(500)
    ]
    shown = figures(tmp_path, decimals, groups)
    assert [found[4:] for found in shown.values()] == list(map(interval, groups))
