"""The number of people by which a state differs from the live one, under any contracts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from medical_charges.aggregates.state import read_state, read_stored_state
from medical_charges.contract import parse_contract
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.runs.differencing import Change, change_between, removed_rows
from medical_charges.storage import LocalStore
from tests.helpers import WITHOUT_CUBES, run, upload

ONE_MORE = WITHOUT_CUBES.replace(
    "analyses:\n", "analyses:\n  charges_by_children: {group_by: [children], statistics: [mean]}\n"
)
BANDED = WITHOUT_CUBES.replace("normal: 25", "normal: 26")


def grouped_by(*columns: str) -> str:
    """The contract with one analysis alone."""
    analysis = f"  by_one: {{group_by: [{', '.join(columns)}], statistics: [patients, mean]}}\n"
    head, _, rest = WITHOUT_CUBES.partition("analyses:\n")
    return f"{head}analyses:\n{analysis}quality:{rest.partition('quality:')[2]}"


def raised(row: bytes, by: float = 1.1) -> bytes:
    """A row with another charge."""
    rest, _, charge = row.rpartition(b",")
    return rest + f",{float(charge) * by:.4f}\n".encode()


def shifted(row: bytes, by: int) -> bytes:
    """A row with a charge that is higher by some dollars."""
    rest, _, charge = row.rpartition(b",")
    return rest + f",{Decimal(charge.decode().strip()) + by}\n".encode()


def corrected(data: bytes, rows: slice = slice(700, 701)) -> bytes:
    """A file in which some rows have another charge."""
    lines = data.splitlines(keepends=True)
    lines[rows] = map(raised, lines[rows])
    return b"".join(lines)


def served(store: LocalStore, contract: str, data: bytes) -> str:
    """Analyze the live input, and return the key of its state."""
    upload(store, parse_contract(contract), {"Charges.csv": data})
    return run(store, parse_contract(contract), "served").state


def change(store: LocalStore, before: str, text: str, data: bytes) -> Change:
    """The change to what a file comes to under a contract."""
    contract = parse_contract(text)
    upload(store, contract, {"Charges.csv": data})
    after = run(store, contract, "next").state
    return change_between(
        read_stored_state(store, before), read_state(store, contract, after), contract
    )


@pytest.mark.parametrize("contract", [WITHOUT_CUBES, ONE_MORE, BANDED, grouped_by("children")])
def test_one_row_corrected_in_a_large_file_is_a_change_of_one_under_any_contract(
    store: LocalStore, real_file: bytes, contract: str
) -> None:
    found = change(store, served(store, WITHOUT_CUBES, real_file), contract, corrected(real_file))
    assert (found.came, found.went) == (1, 1)
    assert found.is_small(11)


def test_charges_that_two_people_of_a_group_have_shared_otherwise_are_a_change(
    store: LocalStore, real_file: bytes
) -> None:
    """Counts and sums stay, and the squares alone tell."""
    header, *rows = real_file.splitlines(keepends=True)
    one, other = [i for i, row in enumerate(rows) if b",southwest," in row][:2]
    rows[one], rows[other] = shifted(rows[one], 5), shifted(rows[other], -5)
    contract = grouped_by("region")
    data = b"".join([header, *rows])
    found = change(store, served(store, contract, real_file), contract, data)
    assert set(found.small_groups.values()) - {0} == {1}
    assert found.is_small(11)


@pytest.mark.parametrize("contract", [ONE_MORE, BANDED, grouped_by("children")])
def test_the_same_people_under_another_contract_are_no_change(
    store: LocalStore, real_file: bytes, contract: str
) -> None:
    found = change(store, served(store, WITHOUT_CUBES, real_file), contract, real_file)
    assert (found.came, found.went, set(found.small_groups.values())) == (0, 0, {0})
    assert not found.is_small(11)


def test_groups_are_compared_by_all_names_that_both_group_by(
    store: LocalStore, real_file: bytes
) -> None:
    before = served(store, grouped_by("sex", "smoker", "region"), real_file)
    data = real_file.splitlines(keepends=True)
    # Two men for two women, who were charged the same.
    swapped = [
        line.replace(b"female", b"x").replace(b"male", b"female").replace(b"x", b"male")
        for line in data[1:3]
    ]
    text = grouped_by("region", "sex", "children")
    found = change(store, before, text, b"".join([data[0], *swapped, *data[3:]]))
    assert found.small_groups.keys() == {"everybody", "region, sex"}
    assert (found.came, found.went) == (2, 2)


def test_bands_that_mean_something_else_are_not_compared(
    store: LocalStore, real_file: bytes
) -> None:
    before = served(store, WITHOUT_CUBES, real_file)
    assert "bmi_category" in change(store, before, ONE_MORE, real_file).small_groups
    assert "bmi_category" not in change(store, before, BANDED, real_file).small_groups


def test_a_column_of_another_type_is_not_compared(store: LocalStore, real_file: bytes) -> None:
    before = served(store, grouped_by("children", "sex"), real_file)
    text = grouped_by("children", "sex")
    as_text = text.replace("{ type: integer, minimum: 0, maximum: 20 }", "{ type: string }")
    assert as_text != text
    found = change(store, before, as_text, real_file)
    assert found.small_groups == {"everybody": 0, "sex": 0}


def test_where_something_else_is_summed_only_people_are_compared(
    store: LocalStore, real_file: bytes
) -> None:
    before = served(store, WITHOUT_CUBES, real_file)
    text = WITHOUT_CUBES.replace("decimals: 6", "decimals: 2")
    assert text != WITHOUT_CUBES
    same = change(store, before, text, real_file)
    assert (same.came, same.went) == (0, 0)
    few = real_file + b"\n" + b"".join(real_file.splitlines(keepends=True)[1:4])
    assert change(store, before, text, few).came == 3


def test_a_file_corrected_throughout_is_a_large_change_however_few_its_groups(
    store: LocalStore, real_file: bytes
) -> None:
    text = grouped_by("sex")
    data = corrected(real_file, slice(1, None))
    found = change(store, served(store, text, real_file), text, data)
    assert min(found.came, found.went) >= 11
    assert not found.is_small(11)


def test_rejected_rows_are_no_people_that_came_or_went(store: LocalStore, real_file: bytes) -> None:
    contract = parse_contract(WITHOUT_CUBES)
    header, *lines = real_file.splitlines(keepends=True)
    wrong = [line.replace(b"male", b"mole", 1) for line in lines[:2]]
    quality = contract.quality.model_copy(update={"maximum_rejected_share": 0.5})
    contract = contract.model_copy(update={"quality": quality})
    upload(store, contract, {"a.csv": header + b"".join(lines[20:])})
    one = run(store, contract, "one").state
    key = f"{Layout(contract.prefix).input}/b.csv"
    store.write(key, header + b"".join(lines[:20] + wrong))
    both = run(store, contract, "both").state
    came = change_between(
        read_stored_state(store, one), read_state(store, contract, both), contract
    )
    went = change_between(
        read_stored_state(store, both), read_state(store, contract, one), contract
    )
    assert (came.rows_added, went.rows_removed) == (20, 20)
    state = read_state(store, contract, both)
    kept = {name for name, it in state.members.items() if it.ref.key.endswith("a.csv")}
    assert removed_rows(state, kept) == 20


def test_a_state_of_another_kernel_does_not_fit(store: LocalStore, real_file: bytes) -> None:
    contract = parse_contract(WITHOUT_CUBES)
    stored = read_stored_state(store, served(store, WITHOUT_CUBES, real_file))
    assert stored.fits(contract)
    assert not replace(stored, kernel=stored.kernel + 1).fits(contract)


def test_no_more_people_are_counted_than_were_corrected(
    store: LocalStore, real_file: bytes
) -> None:
    text = grouped_by("sex")
    before = served(store, text, real_file)
    lines = real_file.splitlines(keepends=True)
    # The most expensive become the cheapest, which moves the sum by the most.
    order = sorted(range(1, len(lines)), key=lambda i: -float(lines[i].rpartition(b",")[2]))
    for i in order[:10]:
        lines[i] = lines[i].rpartition(b",")[0] + b",0\n"
    found = change(store, before, text, b"".join(lines))
    assert 0 < found.came <= 10


def test_a_state_that_does_not_say_what_its_names_mean_is_known_by_its_schema_hash(
    store: LocalStore, real_file: bytes
) -> None:
    before = served(store, WITHOUT_CUBES, real_file)
    value = verify_checksum(store.read(before))
    del value["names"], value["measure"]
    store.write(before, with_checksum(value))
    again = change(store, before, WITHOUT_CUBES, corrected(real_file))
    assert (again.came, again.small_groups["age"]) == (1, 1)
    other = change(store, before, ONE_MORE, real_file)
    assert other.small_groups == {"everybody": 0}
