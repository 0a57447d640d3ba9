"""The recount of an object needs bounded memory for any grouping."""

from __future__ import annotations

import pickle

import pytest

from medical_charges.contract import parse_contract
from medical_charges.storage import LocalStore
from medical_charges.validation.recount import sums
from medical_charges.validation.recount.sums import Moments, Recount, RecountJob, all_pieces
from tests.unit.validation.helpers import RULES, csv_lines

APART = parse_contract(
    RULES.replace(
        "  cost_by_kind:",
        "  by_few: {group_by: [few], statistics: [patients]}\n"
        "  by_whole: {group_by: [whole], statistics: [patients]}\n"
        "  cost_by_kind:",
    )
)
"""Three columns, each of which is grouped by alone."""


def found(store: LocalStore, rows: int) -> Recount:
    lines = (
        b"%s,n,%d,%d,0.5,,%d" % (b"ab"[i % 2 : i % 2 + 1], i % 50, i // 50 % 10, i)
        for i in range(rows)
    )
    store.write("x.csv", csv_lines(*lines))
    (piece,) = all_pieces(store, APART, {"x": next(store.list(""))})
    _, summed = RecountJob(store, APART).recount(piece)
    return summed


def test_the_recount_of_a_piece_has_the_grouping_sets_and_not_all_columns_at_once(
    store: LocalStore,
) -> None:
    summed = found(store, 1000)
    assert {names: len(groups) for names, groups in summed.cells.items()} == {
        ("few",): 10,
        ("kind",): 2,
        ("whole",): 50,
    }
    assert len(pickle.dumps(summed)) < 5_000


@pytest.mark.parametrize("held", [0, 7, 1 << 14])
def test_how_many_groups_are_held_before_they_are_rolled_up_changes_no_sum(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr("medical_charges.validation.recount.lines._CHUNK_BYTES", 512)
    monkeypatch.setattr(sums, "_FINEST_HELD", held)
    cents = [100 * i for i in range(1000)]
    evens = cents[::2]
    assert found(store, 1000).cells["kind",]["a",] == Moments(
        500, sum(evens), sum(c * c for c in evens), min(evens), max(evens)
    )
