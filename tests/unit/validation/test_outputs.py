"""Outputs that were damaged after they were made: each is refused by the check that is named."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.parts.dashboard import Dashboard
from medical_charges.layout import Layout
from medical_charges.outputs.tables import make_tables
from medical_charges.storage import LocalStore
from medical_charges.validation import Result, validate_outputs
from medical_charges.validation.checks.disclosure import disclosure_checks
from medical_charges.validation.checks.files import staged_files
from medical_charges.validation.expected import expected_outputs
from medical_charges.validation.recount.sums import Moments
from tests.helpers import run, upload
from tests.unit.outputs.test_disclosure import case, cube_of
from tests.unit.validation.helpers import GOOD_ROW, RULES, csv_lines, validated, without_spark


def failed(result: Result) -> set[str]:
    return {check.name for check in result.stopping}


@pytest.fixture
def ran(analyzed: Path, tmp_path: Path) -> LocalStore:
    """A run over the real file."""
    # Links, because an object that was copied is another.
    return LocalStore(shutil.copytree(analyzed, tmp_path / "ran", copy_function=os.link))


def look(store: LocalStore, contract: Contract) -> Result:
    return validate_outputs(without_spark, store, contract, "run")


def test_the_outputs_of_the_real_file_pass_every_check(ran: LocalStore, contract: Contract) -> None:
    result = look(ran, contract)
    assert result.problems == []
    assert {check.outcome for check in result.checks} <= {"pass", "not applicable"}
    names = [check.name for check in result.checks]
    assert len(set(names)) == len(names)
    for output in contract.outputs:
        assert f"{output}: figures" in names


def _replace(old: str, new: str) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return edit


def _without_last_row(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-1])


def _rows_turned(data: bytes) -> bytes:
    header, first, second, *rest = data.splitlines(keepends=True)
    return b"".join([header, second, first, *rest])


def _hidden(start: bytes) -> Callable[[bytes], bytes]:
    """Takes the figures of a row away."""

    def edit(data: bytes) -> bytes:
        lines = data.split(b"\n")
        columns = lines[0].count(b",")
        labels = start.count(b",") + 1
        return b"\n".join(
            start + b"," * (columns + 1 - labels) if line.startswith(start + b",") else line
            for line in lines
        )

    return edit


WRONG: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a column renamed": ("charges_by_region", _replace("mean_charges", "avg_charges"), "header"),
    "columns in another order": (
        "smokers_by_region",
        _replace("region,smoker", "smoker,region"),
        "header",
    ),
    "a byte-order mark": ("charges_by_age", lambda data: b"\xef\xbb\xbf" + data, "encoding"),
    "CRLF": ("charges_by_age", lambda data: data.replace(b"\n", b"\r\n"), "encoding"),
    "Latin-1": ("charges_by_age", lambda data: data + "é\n".encode("latin-1"), "encoding"),
    "cut off": ("charges_by_age", lambda data: data[:-3], "encoding"),
    "a comma for the decimal point": (
        "charges_by_region",
        _replace("13406.384516", "13406,384516"),
        "fields and numbers",
    ),
    "an exponent": (
        "charges_by_region",
        _replace("13406.384516", "1.3406384516e4"),
        "fields and numbers",
    ),
    "a trailing zero": (
        "smokers_by_region",
        _replace("northeast,no,257,0.", "northeast,no,257,00."),
        "fields and numbers",
    ),
    "patients with a point": (
        "charges_by_region",
        _replace("northeast,324", "northeast,324.0"),
        "fields and numbers",
    ),
    "a row too few": ("charges_by_region", _without_last_row, "groups and their order"),
    "rows turned": ("charges_by_age", _rows_turned, "groups and their order"),
    "a group twice": (
        "charges_by_region",
        _replace("southwest", "southeast"),
        "groups and their order",
    ),
    "a group's name that is none": (
        "charges_by_region",
        _replace("southwest", "southmost"),
        "groups and their order",
    ),
    "a comparison lost": ("comparisons", _without_last_row, "groups and their order"),
    "patients moved": ("charges_by_region", _replace("northeast,324", "northeast,325"), "figures"),
    "a mean that is rounded": (
        "charges_by_region",
        _replace("13406.384516", "13406.38"),
        "figures",
    ),
    "a share of another whole": ("smokers_by_region", _replace("0.793", "0.192"), "figures"),
    "a figure that is missing": ("charges_by_region", _replace("13406.384516", ""), "figures"),
    "a figure in the last decimal": (
        "charges_by_region",
        _replace("13406.384516", "13406.384517"),
        "figures",
    ),
}


def test_a_wrong_output_is_refused_by_its_own_check(ran: LocalStore, contract: Contract) -> None:
    for name, damage, check in WRONG.values():
        key = Layout(contract.prefix).staged("run", name)
        good = ran.read(key)
        ran.write(key, damage(good))
        found = failed(look(ran, contract))
        assert {f"{name}: {check}", "freshness: made by this run"} <= found, (name, check, found)
        ran.write(key, good)
    assert look(ran, contract).problems == []


def test_every_figure_of_a_comparison_is_recomputed(ran: LocalStore, contract: Contract) -> None:
    key = Layout(contract.prefix).staged("run", "comparisons")
    good = ran.read(key)
    header, *rows = good.decode().splitlines()
    columns = header.split(",")
    for place, column in enumerate(columns[4:], 4):
        fields = rows[0].split(",")
        fields[place] = "0.5" if column == "p" else str(int(float(fields[place]) * 1.001) + 1)
        ran.write(key, "\n".join([header, ",".join(fields), *rows[1:], ""]).encode())
        problems = look(ran, contract).problems
        assert f"comparisons: figures: {', '.join(fields[:4])}: {column} is not the" in "\n".join(
            problems
        )


def test_an_account_that_does_not_add_up_is_refused(ran: LocalStore, contract: Contract) -> None:
    key = Layout(contract.prefix).summary("run")
    summary = json.loads(ran.read(key))
    changes: list[dict[str, object]] = [
        {"rows": 1340},
        {"rows": 1339, "rejected": 1},
        {"counted": 1337},
        {"objects": 2},
        {"rules": {"age.minimum": 1}},
    ]
    for change in changes:
        ran.write(key, json.dumps(summary | change).encode())
        assert failed(look(ran, contract)) == {"merge: the summary adds up"}


def test_outputs_of_another_run_contract_or_state_are_refused(
    ran: LocalStore, contract: Contract
) -> None:
    key = Layout(contract.prefix).summary("run")
    summary = json.loads(ran.read(key))
    changes: list[dict[str, object]] = [{"run_id": "x"}, {"contract": "x"}, {"staged": {}}]
    for change in changes:
        ran.write(key, json.dumps(summary | change).encode())
        assert failed(look(ran, contract)) == {"freshness: made by this run"}
    ran.write(key, json.dumps(summary | {"state": "nowhere.json"}).encode())
    assert "merge: the state is the sum of the partials" in failed(look(ran, contract))
    ran.write(key, json.dumps(summary).encode())
    listed = Layout(contract.prefix).snapshot("run")
    snapshot = json.loads(ran.read(listed))
    snapshot["objects"]["another"] = ["MedicalCharges/Input_data/more.csv", "etag", 1]
    ran.write(listed, json.dumps(snapshot).encode())
    assert failed(look(ran, contract)) == {"freshness: the state is the snapshot's"}


def test_an_object_that_came_after_the_plan_is_no_reason_to_refuse(
    ran: LocalStore, contract: Contract, real_file: bytes
) -> None:
    refs = [[ref.key, ref.etag, ref.size] for ref in ran.list(Layout(contract.prefix).input)]
    plan = {"objects": refs, "ignored": []}
    ran.write(f"{Layout(contract.prefix).run('run')}/plan.json", json.dumps(plan).encode())
    upload(ran, contract, {"later.csv": real_file})
    assert look(ran, contract).problems == []


def test_a_missing_output_is_refused(ran: LocalStore, contract: Contract) -> None:
    ran.delete(Layout(contract.prefix).staged("run", "charges_by_age"))
    assert look(ran, contract).problems == [
        "freshness: made by this run: charges_by_age is not staged"
    ]


def test_no_report_holds_a_value_of_the_measure(ran: LocalStore, contract: Contract) -> None:
    key = Layout(contract.prefix).staged("run", "charges_by_region")
    ran.write(key, _replace("13406.384516", "13406.4")(ran.read(key)))
    text = json.dumps(look(ran, contract).to_json())
    assert "13406" not in text
    assert "charges_by_region: figures" in text


# --- disclosure


@pytest.mark.parametrize("update", [{"minimum_cell": 21}, {"rows_per_person": 2}])
def test_a_small_group_that_shows_is_refused(
    ran: LocalStore, contract: Contract, update: dict[str, int]
) -> None:
    disclosure = contract.disclosure.model_copy(update=update)
    stricter = contract.model_copy(update={"disclosure": disclosure})
    problems = look(ran, stricter).problems
    name = "disclosure: no small group is shown"
    assert f"{name}: charges_by_bmi_category, underweight: a small group is shown" in problems


def test_figures_that_are_withheld_in_silence_are_refused(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    unfiltered = contract.model_copy(update={"dashboard": Dashboard()})
    upload(store, unfiltered, {"Charges.csv": real_file})
    run(store, unfiltered)
    key = Layout(contract.prefix).staged("run", "charges_by_bmi_category")
    store.write(key, _hidden(b"underweight")(store.read(key)))
    problems = "\n".join(look(store, unfiltered).problems)
    assert "charges_by_bmi_category has 1 rows without figures; the summary says 0" in problems
    assert "charges_by_bmi_category withholds figures, though no group that shares" in problems
    # Alone, its count is everybody less those that show.
    assert (
        "charges_by_bmi_category, underweight: its suppressed count has too few possible values"
        in problems
    )


def blank(data: bytes, labels: int) -> bytes:
    """An output with all figures taken away."""
    header, *lines = data.decode().splitlines()
    figures = header.count(",") + 1 - labels
    rows = [",".join(line.split(",")[:labels] + [""] * figures) for line in lines]
    return "\n".join([header, *rows, ""]).encode()


@pytest.mark.parametrize("how", ["suppressed", "withheld"])
def test_a_publication_without_any_figure_is_refused_even_if_the_summary_counts_it(
    ran: LocalStore, contract: Contract, how: str
) -> None:
    layout = Layout(contract.prefix)
    for name in contract.outputs:
        data = ran.read(layout.staged("run", name))
        gone = data.partition(b"\n")[0] + b"\n"
        blanked = blank(data, len(contract.outputs[name].labels))
        ran.write(layout.staged("run", name), gone if how == "withheld" else blanked)
    summary = json.loads(ran.read(layout.summary("run")))
    counts = {n: len(ran.read(layout.staged("run", n)).splitlines()) - 1 for n in contract.outputs}
    summary["suppressed"] = counts
    summary["counts_only"] = {}
    summary["withheld"] = dict.fromkeys(contract.outputs, "made up") if how == "withheld" else {}
    ran.write(layout.summary("run"), json.dumps(summary).encode())
    found = {check.name: check for check in look(ran, contract).checks}
    assert found["disclosure: what is withheld is accounted for"].outcome == "pass"
    needless = found["disclosure: nothing is withheld without need"]
    assert needless.outcome == "fail"
    assert "nothing is shown, though charges_by_region could be" in needless.found


ALL_BLANK = (182, 706, 711, 886)
"""Seeds of tables of which nothing can be shown, though an output has no small group."""


@pytest.mark.parametrize("seed", [*range(16), *ALL_BLANK])
def test_suppression_of_generated_tables_is_not_reported_as_needless(seed: int) -> None:
    contract, people = case(seed)
    cube = cube_of(people, contract)
    tables = make_tables(cube, contract)
    cells = {
        names: {key: Moments(*sums) for key, sums in groups.items()}
        for names, groups in cube.items()
    }
    expected = expected_outputs(contract, cells)
    files = staged_files(contract, {table.name: table.to_csv() for table in tables})
    summary = {
        "suppressed": {table.name: table.suppressed for table in tables},
        "withheld": {table.name: table.withheld for table in tables if table.withheld},
    }
    checks = disclosure_checks(contract, files, expected, summary, cells)
    assert {check.found for check in checks if check.outcome == "fail"} == set()


PATIENTS = """
dataset: wards
prefix: Wards
source:
  format: csv
  columns:
    ward: {type: string, allowed: [a, b, c]}
    sex:  {type: string, allowed: [f, m]}
    age:  {type: integer, minimum: 0, maximum: 120}
    cost: {type: double}
bands:
  decade: {column: age, below: {young: 40, middle: 60}, otherwise: old}
measure: cost
analyses:
  by_ward: {group_by: [ward], statistics: [patients, mean]}
  by_ward_and_sex: {group_by: [ward, sex], statistics: [patients, share]}
  by_age: {group_by: [age], statistics: [patients]}
  by_decade: {group_by: [decade], statistics: [patients]}
disclosure: {minimum_cell: 5}
"""
SIZES = {("a", "f", 30): 20, ("a", "m", 30): 3, ("b", "f", 45): 20, ("b", "m", 50): 20}
SIZES |= {("c", "f", 70): 20, ("c", "m", 80): 20}

DISCLOSED = {
    "within a column that another output shows": ("by_ward_and_sex", b"a,m"),
    "behind a share": ("by_ward_and_sex", b"b,f"),
    "within a band": ("by_age", b"45"),
}


@pytest.mark.parametrize(("output", "start"), DISCLOSED.values(), ids=DISCLOSED)
def test_a_count_that_follows_by_subtraction_is_refused(
    store: LocalStore, output: str, start: bytes
) -> None:
    contract = parse_contract(PATIENTS)
    rows = [f"{ward},{sex},{age},1.5" for (ward, sex, age), n in SIZES.items() for _ in range(n)]
    data = "\n".join(["ward,sex,age,cost", *rows, ""]).encode()
    # Without protection, all is shown.
    everything = contract.model_copy(
        update={"disclosure": contract.disclosure.model_copy(update={"minimum_cell": 1})}
    )
    upload(store, contract, {"x.csv": data})
    run(store, everything)
    key = Layout(contract.prefix).staged("run", output)
    store.write(key, _hidden(start)(store.read(key)))
    checks = {check.name: check for check in look(store, contract).checks}
    found = checks["disclosure: no suppressed count follows from others"]
    assert found.outcome == "fail"
    assert (
        f"{output}, {start.decode().replace(',', ', ')}: its suppressed count has too few"
        in found.found
    )
    run(store, contract)
    assert look(store, contract).problems == []


SPARSE: dict[str, tuple[str, str]] = {
    "deviations of groups of one": ("[stddev]", "{minimum_cell: 1}"),
    "extremes that are withheld": (
        "[minimum, maximum]",
        "{minimum_cell: 2, extremes: suppress}",
    ),
    "means without their patients": ("[mean]", "{minimum_cell: 2}"),
}


def sparse(statistics: str, disclosure: str) -> Contract:
    text = RULES.replace("[patients, mean, minimum, maximum, stddev]", statistics)
    return parse_contract(text.replace("{minimum_cell: 1}", disclosure))


@pytest.mark.parametrize(("statistics", "disclosure"), SPARSE.values(), ids=SPARSE)
def test_a_figure_that_there_is_none_of_is_not_taken_for_withheld(
    store: LocalStore, statistics: str, disclosure: str
) -> None:
    rows = [GOOD_ROW, GOOD_ROW, GOOD_ROW.replace(b"a", b"b", 1)]
    _, result = validated(store, sparse(statistics, disclosure), {"x.csv": csv_lines(*rows)})
    assert result.problems == []


def test_a_deviation_of_a_group_of_one_is_refused(store: LocalStore) -> None:
    contract = sparse("[mean, stddev]", "{minimum_cell: 1}")
    validated(store, contract, {"x.csv": csv_lines(GOOD_ROW)})
    key = Layout(contract.prefix).staged("run", "cost_by_kind")
    store.write(key, store.read(key).replace(b"a,10.5,", b"a,10.5,0"))
    assert "cost_by_kind: figures" in failed(look(store, contract))


def test_a_small_group_that_shows_is_refused_where_patients_are_not_published(
    store: LocalStore,
) -> None:
    contract = sparse("[mean]", "{minimum_cell: 2}")
    rows = [*[GOOD_ROW] * 20, GOOD_ROW.replace(b"a", b"b", 1)]
    validated(store, contract, {"x.csv": csv_lines(*rows)})
    key = Layout(contract.prefix).staged("run", "cost_by_kind")
    store.write(key, store.read(key).replace(b"b,\n", b"b,10.5\n"))
    assert "disclosure: no small group is shown" in failed(look(store, contract))
