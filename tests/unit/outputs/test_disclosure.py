"""No small count follows from everything that is published, for an attacker with a solver."""

from __future__ import annotations

import os
import random
from bisect import bisect_right
from itertools import combinations

import pytest

from medical_charges.aggregates.cube import Cells, Cube, Sums, merge_cells
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.pii.names import kind_of_person_data
from medical_charges.errors import ContractError, InputRefusedError
from medical_charges.outputs.disclosure import SPAN
from medical_charges.outputs.tables import Table, make_tables
from tests.attacker import Attacker

TABLES = int(os.environ.get("DISCLOSURE_TABLES", "50"))
MOST_ROWS = 12
"""Cases of up to so many rows are small enough to try every pattern."""

BASE = """
dataset: d
prefix: D
source:
  format: csv
  columns:
    a: {type: string}
    b: {type: string}
    c: {type: string}
    k: {type: integer, minimum: 0, maximum: 9}
    m: {type: integer}
bands:
  band: {column: k, below: {low: 3, mid: 7}, otherwise: high}
  wide: {column: k, below: {under: 7}, otherwise: over}
measure: m
"""
LABELS = {"a", "b", "c", "k", "band", "wide", "comparison", "stratum", "group_a", "group_b"}
Person = dict[str, str | int]


def cube_of(people: list[Person], contract: Contract) -> Cube:
    """The cube of people, each with the same measure."""
    cube: Cube = {}
    for person in people:
        k = int(person.get("k", 0))
        whole = person | {
            name: band.labels[bisect_right(list(band.below.values()), k)]
            for name, band in contract.bands.items()
        }
        for names in contract.grouping_sets:
            key = tuple(whole[name] for name in names)
            merge_cells(cube.setdefault(names, {}), {key: Sums(1, 7, 49, 7, 7)})
    return cube


def case(seed: int, *, standardizing: bool = True) -> tuple[Contract, list[Person]]:
    """A contract of some analyses and comparisons, and people for it."""
    random_ = random.Random(seed)
    plain = random_.sample("abc", random_.randint(1, 3))
    bands: list[str] = random_.choice(
        [[], [], ["k"], ["band"], ["k", "band"], ["band", "wide"], ["k", "wide", "band"]]
    )
    names = plain + bands

    def some(most: int) -> list[str]:
        found = random_.sample(names, random_.randint(1, min(most, len(names))))
        return found if sum(name in bands for name in found) < 2 else found[:1]

    lines = ["analyses:"]
    for i in range(random_.randint(1, 4)):
        share = "share, " if random_.random() < 0.5 else ""
        lines.append(
            f"  t{i}: {{group_by: [{', '.join(some(3))}], statistics: [patients, {share}mean]}}"
        )
    if random_.random() < 0.5:
        column = random_.choice(plain)
        within = [name for name in some(2) if name != column]
        free = [name for name in plain if standardizing and name not in (column, *within)]
        over = standardized(seed, free)
        lines.append(
            f"comparisons: {{pair: {{column: {column}, groups: [v0, v1], "
            f"within: [{', '.join(within)}], standardized_over: [{', '.join(over)}]}}}}"
        )
    if random_.random() < 0.5:
        filters = random_.sample(plain, random_.randint(1, min(2, len(plain))))
        lines.append(f"dashboard: {{filters: [{', '.join(filters)}], filtered_as: {{k: band}}}}")
    top = random_.choice([7, 8])
    minimum = random_.choice([11, 11, 5])
    lines.append(f"disclosure: {{minimum_cell: {minimum}, top_code: {{k: {top}}}}}")
    contract = parse_contract(BASE + "\n".join(lines))
    weights = {
        name: [random_.expovariate(1) ** 1.5 + 0.01 for _ in range(random_.randint(2, 4))]
        for name in plain
    }
    people: list[Person] = [
        {
            **{n: f"v{random_.choices(range(len(w)), w)[0]}" for n, w in weights.items()},
            "k": min(9, int(random_.expovariate(0.3))),
        }
        for _ in range(random_.choice([8, 20, 60, 150, 400]))
    ]
    return contract, people


def standardized(seed: int, free: list[str]) -> list[str]:
    """What a comparison is standardized over, in some cases."""
    # A stream of its own: all else of a case is as without it.
    random_ = random.Random(f"over {seed}")
    return random_.sample(free, 1) if free and random_.random() < 0.5 else []


def published_as(person: Person, contract: Contract) -> dict[str, str]:
    """A person's group by every name, as outputs spell it."""
    k = int(person.get("k", 0))
    bands = {
        name: band.labels[bisect_right(list(band.below.values()), k)]
        for name, band in contract.bands.items()
    }
    top = contract.disclosure.top_code.get("k", 9)
    return {name: str(value) for name, value in person.items()} | bands | {"k": str(min(k, top))}


def narrow(contract: Contract, tables: list[Table], people: list[Person]) -> list[object]:
    """The counts that were taken away and that the attacker confines too closely."""
    coded = [published_as(person, contract) for person in people]
    found: list[object] = []
    for target, span in Attacker(contract, tables, len(people)).spans().items():
        inside = sum(all(person[n] == v for n, v in target) for person in coded)
        if inside and span < SPAN:
            found.append((target, inside, span))
    return found


def small_unions(contract: Contract, tables: list[Table], people: list[Person]) -> list[int]:
    """Find sums of rows without figures that are too small."""
    coded = [published_as(person, contract) for person in people]
    found = []
    for union in Attacker(contract, tables, len(people)).unions():
        inside = sum(any(group.items() <= person.items() for group in union) for person in coded)
        if 0 < inside < contract.disclosure.minimum_cell:
            found.append(inside)
    return found


@pytest.mark.parametrize("batch", range(10))
def test_an_attacker_with_everything_and_a_solver_confines_no_count(batch: int) -> None:
    for seed in range(batch, TABLES, 10):
        contract, people = case(seed)
        tables = make_tables(cube_of(people, contract), contract)
        assert narrow(contract, tables, people) == [], seed
        assert small_unions(contract, tables, people) == [], seed
        least = contract.disclosure.minimum_cell
        for table in tables:
            for row in table.rows:
                figures = dict(zip(table.columns, row, strict=True))
                for column in {"patients", "n_a", "n_b"} & figures.keys():
                    assert not figures[column] or not 0 < int(figures[column]) < least


@pytest.mark.parametrize("seed", range(12))
def test_as_many_rows_are_protected_as_so_many_people_may_have(seed: int) -> None:
    contract, people = case(seed)
    of_people, of_rows = (
        contract.model_copy(update={"disclosure": contract.disclosure.model_copy(update=update)})
        for update in ({"minimum_cell": 12}, {"minimum_cell": 4, "rows_per_person": 3})
    )
    cube = cube_of(people, contract)
    assert make_tables(cube, of_rows) == make_tables(cube, of_people)


@pytest.mark.parametrize("seed", [1052, 20062, 21074])
def test_an_output_that_nothing_protects_is_withheld_with_a_reason(seed: int) -> None:
    """Eight people: even a group that no row names is too few, known by what the others leave."""
    contract, people = case(seed)
    tables = make_tables(cube_of(people, contract), contract)
    assert tables
    for table in tables:
        assert table.rows == ()
        assert table.withheld


def test_the_attacker_sees_through_primary_suppression_alone() -> None:
    """Or the test above would say nothing."""
    contract = parse_contract(BASE + "analyses: {t: {group_by: [a], statistics: [patients, mean]}}")
    rows = (("v0", "", ""), ("v1", "12", "7"), ("v2", "30", "7"))
    table = Table("t", ("a", "patients", "mean_m"), rows, 1)
    assert list(Attacker(contract, [table], 45).spans().values()) == [0]


def few(seed: int) -> tuple[Contract, list[Person]] | None:
    """A case, if it is small enough to try every pattern."""
    # Of a standardized difference more is taken for told than the attacker finds out.
    contract, people = case(seed, standardizing=False)
    rows = sum(len(t.rows) for t in unprotected(contract, people))
    return (contract, people) if rows <= MOST_ROWS else None


def unprotected(contract: Contract, people: list[Person]) -> list[Table]:
    """The tables as they would be if nothing were protected."""
    all_shown = contract.disclosure.model_copy(update={"minimum_cell": 1})
    open_contract = contract.model_copy(update={"disclosure": all_shown})
    return make_tables(cube_of(people, contract), open_contract)


def blanked(tables: list[Table], gone: set[tuple[str, int]]) -> list[Table]:
    """The tables without the figures of some rows."""
    found = []
    for table in tables:
        labels = sum(column in LABELS for column in table.columns)
        rows = tuple(
            row[:labels] + ("",) * (len(row) - labels) if (table.name, i) in gone else row
            for i, row in enumerate(table.rows)
        )
        found.append(Table(table.name, table.columns, rows, 0))
    return found


def test_hardly_more_rows_are_taken_away_than_the_least_that_could_be() -> None:
    """Every pattern of every small case is put to the attacker."""
    rows = taken = least = 0
    for seed in range(TABLES):
        if (found := few(seed)) is None:
            continue
        contract, people = found
        protected = make_tables(cube_of(people, contract), contract)
        if any(table.withheld for table in protected):
            continue
        shown = unprotected(contract, people)
        minimum = contract.disclosure.minimum_cell
        places = [(t.name, i) for t in shown for i in range(len(t.rows))]
        small = {
            (table.name, i)
            for table in shown
            for i, row in enumerate(table.rows)
            for column, value in zip(table.columns, row, strict=True)
            if column in {"patients", "n_a", "n_b"} and 0 < int(value) < minimum
        }
        others = [place for place in places if place not in small]
        best = next(
            len(small) + size
            for size in range(len(others) + 1)
            for more in combinations(others, size)
            for left in [blanked(shown, small | set(more))]
            if not narrow(contract, left, people) and not small_unions(contract, left, people)
        )
        rows, taken = rows + len(places), taken + sum(table.suppressed for table in protected)
        least += best
    print(f"of {rows} rows {taken} are suppressed; the least possible is {least}")  # noqa: T201
    assert least <= taken <= 1.05 * least + 1


def test_a_single_small_group_takes_the_smallest_other_with_it() -> None:
    contract = parse_contract(BASE + "analyses: {t: {group_by: [a], statistics: [patients, mean]}}")
    people: list[Person] = [
        {"a": name} for name, n in (("v0", 3), ("v1", 12), ("v2", 30)) for _ in range(n)
    ]
    (table,) = make_tables(cube_of(people, contract), contract)
    assert table.rows == (("v0", "", ""), ("v1", "", ""), ("v2", "30", "7"))
    assert table.suppressed == 2


def test_totals_that_follow_from_another_output_are_taken_into_account() -> None:
    text = """
analyses:
  rows: {group_by: [a], statistics: [patients]}
  both: {group_by: [b, a], statistics: [patients]}
"""
    contract = parse_contract(BASE + text)
    counts = {("v0", "v0"): 3, ("v0", "v1"): 40, ("v1", "v0"): 50, ("v1", "v1"): 60}
    people: list[Person] = [{"a": a, "b": b} for (a, b), n in counts.items() for _ in range(n)]
    rows, both = make_tables(cube_of(people, contract), contract)
    # The total of v0 and of everybody are known: one more cell in its row is not enough if
    # the columns' totals were known as well, but they are not.
    assert [row[1] for row in rows.rows] == ["43", "110"]
    assert [row[2] for row in both.rows] == ["", "50", "", "60"]
    assert narrow(contract, [rows, both], people) == []


def test_extremes_are_published_only_if_the_contract_says_so() -> None:
    people: list[Person] = [{"a": x, "b": "y", "c": "z"} for x in "uv" * 20]
    text = BASE + "analyses: { t: { group_by: [a], statistics: [minimum, patients, maximum] } }\n"
    for extremes, shown in (("publish", ["7", "20", "7"]), ("suppress", ["", "20", ""])):
        contract = parse_contract(f"{text}disclosure: {{ extremes: {extremes} }}\n")
        (table,) = make_tables(cube_of(people, contract), contract)
        assert [list(row[1:]) for row in table.rows] == [shown] * 2


@pytest.mark.parametrize("column", ["a", "b"])
def test_no_group_of_a_filter_is_called_as_everybody_is(column: str) -> None:
    people: list[Person] = [{"a": "x", "b": "y", "c": "z", column: "all"}] * 20
    text = BASE + "analyses: { t: { group_by: [c], statistics: [patients] } }\n"
    contract = parse_contract(f"{text}dashboard: {{ filters: [a, b] }}\n")
    with pytest.raises(InputRefusedError, match=f"'{column}' holds the value 'all', which stands"):
        make_tables(cube_of(people, contract), contract)


def test_an_output_that_no_pattern_protects_is_withheld_without_its_groups() -> None:
    contract = parse_contract(BASE + "analyses: {t: {group_by: [a], statistics: [patients]}}")
    (table,) = make_tables(cube_of([{"a": "v0"}, {"a": "v1"}], contract), contract)
    assert table.to_csv() == b"a,patients\n"
    assert "confined" in table.withheld


def test_the_order_of_the_groups_changes_nothing() -> None:
    for seed in range(20):
        contract, people = case(seed)
        one = make_tables(cube_of(people, contract), contract)
        other = make_tables(cube_of(people[::-1], contract), contract)
        assert one == other


def test_a_large_table_is_protected() -> None:
    contract = parse_contract(BASE + "analyses: {t: {group_by: [a], statistics: [patients]}}")
    cells: Cells = {
        (f"v{i:06d}",): Sums(n := 11 + i % 50, 7 * n, 49 * n, 7, 7) for i in range(100_000)
    }
    cells["v999999",] = Sums(4, 28, 196, 7, 7)
    (table,) = make_tables({("a",): cells}, contract)
    assert [row[0] for row in table.rows if not row[1]] == ["v000000", "v999999"]


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "Last Name",
        "PatientName",
        "dob",
        "date-of-birth",
        "EMail",
        "phone",
        "SSN",
        "mrn",
        "zip_code",
        "notes",
        "patientId",
    ],
)
def test_a_column_that_names_people_is_refused_unless_the_contract_says_why(name: str) -> None:
    text = BASE.replace("    m:", f"    {name}: {{type: string}}\n    m:")
    text += "analyses: {t: {group_by: [a], statistics: [patients]}}"
    with pytest.raises(ContractError) as caught:
        parse_contract(text)
    assert str(caught.value) == (
        f"contract: source.columns.{name}: found {kind_of_person_data(name)}, by its name; "
        "allowed: no such column, or the key `identifying` that says why it must be there"
    )
    parse_contract(text.replace("{type: string}\n    m:", "{type: string, identifying: x}\n    m:"))


@pytest.mark.parametrize("name", ["age", "region", "renamed", "Clinic Code", "covid", "notebook"])
def test_a_column_that_names_nobody_is_not_refused(name: str) -> None:
    assert kind_of_person_data(name) is None
