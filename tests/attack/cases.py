"""Generated contracts and people, whose measure depends on the groups that they are in."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import product

import numpy as np

from medical_charges.aggregates.buckets import places, rounded
from medical_charges.aggregates.cube import Cube, Sums, merge_cells
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.model import BUCKET

Person = dict[str, str | int]

BASE = """
dataset: d
prefix: D
source:
  format: csv
  columns:
    a: {type: string}
    b: {type: string}
    c: {type: string}
    d: {type: string}
    k: {type: integer, minimum: 0, maximum: 9}
    m: {type: integer, minimum: 0}
bands:
  band: {column: k, below: {low: 3, mid: 7}, otherwise: high}
measure: m
"""


def cube_of(people: Sequence[Person], contract: Contract) -> Cube:
    """The cube of people."""
    cube: Cube = {}
    for person in people:
        m = int(person["m"])
        whole = (
            person
            | {BUCKET: int(rounded(places(np.array([m])))[0])}
            | {
                name: band.labels[bisect_right(list(band.below.values()), int(person[band.column]))]
                for name, band in contract.bands.items()
            }
        )
        for names in contract.grouping_sets:
            key = tuple(whole[name] for name in names)
            sums = Sums(1, 0, 0, 0, 0) if BUCKET in names else Sums(1, m, m * m, m, m)
            merge_cells(cube.setdefault(names, {}), {key: sums})
    return cube


def people_of(random_: random.Random, columns: Sequence[str], number: int) -> list[Person]:
    """People with values of some columns; the measure is far higher in the first group of one."""
    weights = {
        name: [random_.expovariate(1) ** 1.5 + 0.05 for _ in range(random_.randint(2, 4))]
        for name in columns
    }
    driver = random_.choice(columns)
    return [person(random_, weights, driver) for _ in range(number)]


def person(random_: random.Random, weights: dict[str, list[float]], driver: str) -> Person:
    values: Person = {
        name: f"v{random_.choices(range(len(w)), w)[0]}" for name, w in weights.items()
    }
    level = 30_000 if values[driver] == "v0" else 6_000
    measure = int(level * random_.lognormvariate(0, 0.5)) + 500
    return {**values, "k": min(9, int(random_.expovariate(0.3))), "m": measure}


NESTED = {"b": "a", "c": "b"}
"""Columns of which every group lies in one group of another, as an area in a state."""


def nested_case(seed: int) -> tuple[Contract, list[Person]]:
    """A contract with two or three columns that determine each other, and people for it."""
    contract, people = case(seed, "abc"[: 2 + seed % 2])
    for one, (fine, coarse) in product(people, NESTED.items()):
        if fine in one:
            one[fine] = f"{one[coarse]}-{one[fine]}"
    return contract, people


def within(contract: str) -> str:
    """A contract that says so."""
    for fine, coarse in NESTED.items():
        plain = f"{fine}: {{type: string"
        contract = contract.replace(plain, f"{plain}, within: {coarse}")
    return contract


def case(
    seed: int, nested: str = "", statistics: Sequence[str] = ()
) -> tuple[Contract, list[Person]]:
    """A contract with analyses and, mostly, filters, and people for it.

    With nested columns, outputs group by each of them. All analyses have the further statistics.
    """
    random_ = random.Random(seed)
    others = [name for name in "abcd" if name not in nested]
    least = 0 if nested else 2
    columns = [*nested, *random_.sample(others, random_.randint(least, len(others)))]
    names = [*columns, *random_.choice([[], ["band"], ["k"]])]
    lines = ["analyses:"]
    lines += [f"  n{name}: {{group_by: [{name}], statistics: [patients, mean]}}" for name in nested]
    for i in range(random_.randint(1, 4)):
        group_by = random_.sample(names, random_.randint(1, min(2, len(names))))
        chosen = random_.choice(["mean, stddev", "mean", "mean, ci95", "share, mean, stddev"])
        listed = ", ".join(["patients", chosen, *statistics])
        lines.append(f"  t{i}: {{group_by: [{', '.join(group_by)}], statistics: [{listed}]}}")
    if random_.random() < 0.8:
        filters = random_.sample(columns, random_.randint(1, min(4, len(columns))))
        lines.append(f"dashboard: {{filters: [{', '.join(filters)}], filtered_as: {{k: band}}}}")
    lines.append(
        f"disclosure: {{minimum_cell: 11, extremes: {random_.choice(['publish', 'suppress'])}}}"
    )
    text = BASE + "\n".join(lines)
    contract = parse_contract(within(text) if nested else text)
    return contract, people_of(random_, columns, random_.choice([60, 150, 400, 800]))
