"""Columns that determine each other: a small group does not follow from what it lies in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from medical_charges.aggregates.cube import Cells, Cube, Sums, merge_cells
from medical_charges.analysis.snapshot import check_new_objects, take_snapshot
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.outputs import read_csv
from medical_charges.draft import draft_contract
from medical_charges.errors import InputRefusedError
from medical_charges.outputs.tables import Shown, make_tables
from medical_charges.storage import LocalStore
from medical_charges.validation.checks.disclosure import disclosure_checks
from medical_charges.validation.checks.files import staged_files
from medical_charges.validation.expected import expected_outputs
from medical_charges.validation.recount.sums import Moments
from tests.helpers import CHARGES_FILE, outputs_of, upload

CONTRACT = """
dataset: stays
prefix: Stays
unit: stay
source:
  format: csv
  columns:
    state: { type: string }
    area: { type: string }
    ward: { type: string }
    nights: { type: integer, minimum: 0 }
    cost: { type: integer, minimum: 0 }
bands:
  length: { column: nights, below: { day: 1 }, otherwise: overnight }
measure: cost
analyses:
  cost_by_state: { group_by: [state], statistics: [patients, mean] }
  cost_by_area: { group_by: [area], statistics: [patients, mean] }
disclosure: { minimum_cell: 11, extremes: suppress, rows_per_person: 1 }
"""
NOT_SAID = parse_contract(CONTRACT)
SAID = CONTRACT.replace("    area: {", "    area: { within: state,")

SAYING = parse_contract(SAID)

Sizes = dict[tuple[str, str], int]
SIZES: Sizes = {
    ("Avalon", "North"): 40,
    ("Avalon", "South"): 4,
    ("Borea", "East"): 13,
    ("Borea", "West"): 60,
    ("Cassia", "City"): 50,
    ("Cassia", "Hills"): 45,
}


def stays(sizes: Sizes = SIZES) -> list[str]:
    """Rows of states and areas, in an order that says nothing."""
    random_ = random.Random(7)
    rows = [
        f"{state},{area},{area}-{random_.randint(1, 2)},{random_.randint(0, 3)},{400 + 7 * i}"
        for (state, area), number in sizes.items()
        for i in range(number)
    ]
    random_.shuffle(rows)
    return rows


def as_csv(rows: Sequence[str]) -> bytes:
    return "\n".join(["state,area,ward,nights,cost", *rows, ""]).encode()


def refusal(contract: Contract, folder: Path, *files: bytes) -> str:
    """The sentences with which PlanRun refuses files, or nothing."""
    store = LocalStore(folder)
    upload(store, contract, {f"{i}.csv": data for i, data in enumerate(files)})
    try:
        check_new_objects(store, contract, take_snapshot(store, contract))
    except InputRefusedError as error:
        return str(error)
    return ""


def grouping_by(*names: str) -> Contract:
    """The contract with an analysis for each name."""
    head, _, tail = CONTRACT.partition("analyses:")
    analyses = "\n".join(
        f"  by_{name}: {{ group_by: [{name}], statistics: [patients, mean] }}" for name in names
    )
    return parse_contract(f"{head}analyses:\n{analyses}\n{tail[tail.index('disclosure') :]}")


def test_areas_that_each_lie_in_one_state_are_refused_until_the_contract_says_so(
    tmp_path: Path,
) -> None:
    assert refusal(NOT_SAID, tmp_path / "not_said", as_csv(stays())) == (
        "each area lies in one state, so small groups of one would follow from the other; say so "
        "in the contract with `within: state` at source.columns.area, or group by both in one "
        "output"
    )
    assert refusal(parse_contract(SAID), tmp_path / "said", as_csv(stays())) == ""


def test_the_refusal_needs_the_rows_of_all_objects_together(tmp_path: Path) -> None:
    """Each holds one state, and so tells nothing of areas by itself."""
    rows = stays()
    files = [
        as_csv([row for row in rows if row.startswith(state)]) for state in ("Avalon", "Cassia")
    ]
    assert refusal(NOT_SAID, tmp_path / "one", files[0]) == ""
    assert "each area lies in one state" in refusal(NOT_SAID, tmp_path / "both", *files)


def test_one_row_in_another_state_shows_that_areas_do_not_lie_in_one(tmp_path: Path) -> None:
    rows = [*stays(), "Cassia,North,North-1,1,500"]
    assert refusal(NOT_SAID, tmp_path, as_csv(rows)) == ""


def test_rows_that_are_rejected_hide_no_nesting(tmp_path: Path) -> None:
    """A state that is spelled wrong is no state."""
    allowed = SAID.replace("state: { type: string }", "state: { type: string, allowed: [A, B] }")
    contract = parse_contract(allowed.replace(" within: state,", ""))
    rows = [f"{row[0]},{row.split(',', 1)[1]}" for row in stays() if row[0] in "AB"]
    assert "each area lies in one state" in refusal(
        contract, tmp_path, as_csv([*rows, "a?,East,East-1,1,500"])
    )


def test_spellings_of_a_state_hide_no_nesting(tmp_path: Path) -> None:
    said = "state: { type: string, allowed: [Avalon, Borea, Cassia], spellings: { Avalon: Av } }"
    contract = parse_contract(CONTRACT.replace("state: { type: string }", said))
    rows = [row.replace("Avalon", "Av") if i % 2 else row for i, row in enumerate(stays())]
    assert "each area lies in one state" in refusal(contract, tmp_path, as_csv(rows))


def test_few_rows_that_agree_are_a_coincidence(tmp_path: Path) -> None:
    few = {("Avalon", "North"): 6, ("Borea", "East"): 6, ("Borea", "West"): 1}
    assert refusal(NOT_SAID, tmp_path, as_csv(stays(few))) == ""


def test_rows_that_are_copies_of_each_other_prove_nothing(tmp_path: Path) -> None:
    rows = stays()[:12]
    files = [as_csv(rows[::-1] if i % 2 else rows) for i in range(8)]
    assert refusal(NOT_SAID, tmp_path, *files) == ""


def test_columns_that_an_output_groups_by_together_need_no_word(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT.replace("[area]", "[state, area]"))
    assert refusal(contract, tmp_path, as_csv(stays())) == ""


def test_of_several_steps_each_is_named_once(tmp_path: Path) -> None:
    sentences = refusal(grouping_by("state", "area", "ward"), tmp_path, as_csv(stays()))
    assert [line.partition(",")[0] for line in sentences.splitlines()] == [
        "each area lies in one state",
        "each ward lies in one area",
    ]


def test_a_column_can_lie_in_several(tmp_path: Path) -> None:
    owners = {"North": "x", "South": "y", "East": "x", "West": "y", "City": "x", "Hills": "y"}
    rows = [row.split(",") for row in stays()]
    data = as_csv([f"{state},{area},{owners[area]},0,{cost}" for state, area, _, _, cost in rows])
    contract = grouping_by("state", "area", "ward")
    assert [
        line.partition(",")[0] for line in refusal(contract, tmp_path / "a", data).splitlines()
    ] == [
        "each area lies in one state",
        "each area lies in one ward",
    ]
    one, both = (within(contract, "area", wholes) for wholes in ("state", ("state", "ward")))
    assert "`within: [state, ward]` at source.columns.area" in refusal(one, tmp_path / "b", data)
    assert refusal(both, tmp_path / "c", data) == ""
    assert both.wholes_of("area") == ("state", "ward")


def within(contract: Contract, name: str, wholes: str | tuple[str, ...]) -> Contract:
    columns = dict(contract.source.columns)
    columns[name] = columns[name].model_copy(update={"within": wholes})
    source = contract.source.model_copy(update={"columns": columns})
    return contract.model_copy(update={"source": source})


def test_a_band_can_lie_in_a_column(tmp_path: Path) -> None:
    rows = [row.rsplit(",", 2) for row in stays()]
    kinds = [f"{'day clinic' if nights == '0' else 'ward'},{nights},{c}" for _, nights, c in rows]
    data = as_csv([f"s,a,{kind}" for kind in kinds])
    assert refusal(grouping_by("ward", "length"), tmp_path, data) == (
        "each length lies in one ward, so small groups of one would follow from the other; say so "
        "in the contract with `within: ward` at bands.length, or group by both in one output"
    )


@pytest.mark.parametrize("key", [None, 0, 3, 5], ids=["as it is", "by age", "by bmi", "by region"])
def test_columns_of_the_real_file_determine_none_in_whatever_order(
    contract: Contract, tmp_path: Path, key: int | None
) -> None:
    header, *rows = CHARGES_FILE.read_text().splitlines()
    if key is not None:
        rows.sort(key=lambda row: row.split(",")[key])
    assert refusal(contract, tmp_path, "\n".join([header, *rows, ""]).encode()) == ""


def rows_of(outputs: dict[str, bytes], name: str) -> dict[str, list[str]]:
    """The figures of an output by group."""
    _, rows = read_csv(outputs[name].decode())
    return {row[0]: row[1:] for row in rows}


def test_a_small_area_does_not_follow_from_its_state_and_the_other_areas(tmp_path: Path) -> None:
    contract = parse_contract(SAID)
    outputs = outputs_of(LocalStore(tmp_path), contract, {"a.csv": as_csv(stays())})
    areas, states = rows_of(outputs, "cost_by_area"), rows_of(outputs, "cost_by_state")
    assert areas["South"] == ["", ""]
    # Either the other area of the same state is hidden as well, or the state is.
    assert areas["North"] == ["", ""] or states["Avalon"] == ["", ""]
    assert areas["City"] == ["50", "571.5"]
    assert states["Cassia"][0] == "95"


def test_a_state_whose_areas_are_large_loses_nothing(tmp_path: Path) -> None:
    large = dict.fromkeys(SIZES, 45)
    outputs = outputs_of(
        LocalStore(tmp_path), parse_contract(SAID), {"a.csv": as_csv(stays(large))}
    )
    assert all(figures[0] for figures in rows_of(outputs, "cost_by_area").values())


def test_an_output_by_area_waits_for_what_it_tells_of_states() -> None:
    """Every area changed enough, and together those of Avalon show a change of five."""
    contract = parse_contract(SAID)
    large = SIZES | {("Avalon", "South"): 40}
    sizes = large | {("Avalon", "North"): 60, ("Avalon", "South"): 25, ("Cassia", "City"): 90}
    before, after = cube(large), cube(sizes)
    shown = {table.name: [Shown(before, table.to_csv())] for table in make_tables(before, contract)}
    assert [table.name for table in make_tables(after, contract, shown) if table.waits] == [
        "cost_by_state",
        "cost_by_area",
    ]


def cube(sizes: Sizes) -> Cube:
    """Stays of states and areas that all cost the same, by area and state."""
    groups: Cells = {
        (area, state): Sums(number, 9 * number, 81 * number, 9, 9)
        for (state, area), number in sizes.items()
    }
    states: Cells = {}
    for (_, state), sums in groups.items():
        merge_cells(states, {(state,): sums})
    return {("area", "state"): groups, ("state",): states}


def test_validation_finds_an_area_that_follows_from_its_state() -> None:
    of = cube(SIZES)
    plain = {
        table.name: table.to_csv()
        for table in make_tables({("area",): areas(of), ("state",): of["state",]}, NOT_SAID)
    }
    sentence = "cost_by_area, {}: its suppressed count has too few possible values"
    assert following(plain, of) == [sentence.format("East"), sentence.format("South")]
    contract = parse_contract(SAID)
    assert following({it.name: it.to_csv() for it in make_tables(of, contract)}, of) == []


def test_an_area_in_two_states_hides_no_other_from_validation() -> None:
    of = cube(SIZES | {("Cassia", "North"): 1})
    plain = {
        table.name: table.to_csv()
        for table in make_tables({("area",): areas(of), ("state",): of["state",]}, NOT_SAID)
    }
    sentence = "cost_by_area, {}: its suppressed count has too few possible values"
    assert following(plain, of) == [sentence.format("East"), sentence.format("South")]


def test_validation_takes_a_compared_area_without_people_for_nowhere() -> None:
    said = SAID.replace(
        "disclosure:", "comparisons:\n  x: { column: area, groups: [North, Nowhere] }\ndisclosure:"
    )
    of, contract = cube(SIZES), parse_contract(said)
    outputs = {table.name: table.to_csv() for table in make_tables(of, contract)}
    assert following(outputs, of, contract) == []


def areas(of: Cube) -> Cells:
    found: Cells = {}
    for (area, _), sums in of["area", "state"].items():
        merge_cells(found, {(area,): sums})
    return found


def following(outputs: dict[str, bytes], of: Cube, contract: Contract = SAYING) -> list[str]:
    """The suppressed counts that validation works out."""
    cells = {
        names: {key: Moments(*sums) for key, sums in groups.items()} for names, groups in of.items()
    }
    checks = disclosure_checks(
        contract,
        staged_files(contract, outputs),
        expected_outputs(contract, cells),
        {"suppressed": {}, "withheld": {}},
        cells,
    )
    [check] = [
        it for it in checks if it.name == "disclosure: no suppressed count follows from others"
    ]
    return check.found.splitlines()


def test_what_a_column_lies_in_is_grouped_by_with_it_only_if_an_output_shows_it() -> None:
    assert parse_contract(SAID).grouping_sets == (("area", "state"), ("state",))
    alone = parse_contract(SAID.replace("group_by: [state]", "group_by: [ward]"))
    assert alone.grouping_sets == (("area",), ("ward",))


def test_a_drafted_contract_says_what_columns_lie_in(tmp_path: Path) -> None:
    many = {pair: 10 * number for pair, number in SIZES.items()}
    path = tmp_path / "stays.csv"
    path.write_bytes(as_csv(stays(many)))
    draft = draft_contract({path.name: path}, "stays")
    assert {name: draft.contract.nested_in(name) for name in ("ward", "area", "state")} == {
        "ward": ("area", "state"),
        "area": ("state",),
        "state": (),
    }
