"""The published outputs as readers have them, with the sums from which they were derived."""

from __future__ import annotations

from medical_charges.aggregates.state import StoredState
from medical_charges.analysis.earlier import Earlier, staged_output, stored_state
from medical_charges.contract import Contract
from medical_charges.contract.outputs import read_csv
from medical_charges.layout import Layout
from medical_charges.outputs.tables import Shown, Table
from medical_charges.storage import Store


def earlier_outputs(store: Store, contract: Contract, earlier: Earlier) -> dict[str, list[Shown]]:
    """Return the versions of the contract's outputs that readers have, with what is behind them.

    Left out is what was made under a contract that groups otherwise, and what is not there any
    more: CompareRuns judges both.
    """
    states: dict[str, StoredState | None] = {}
    found: dict[str, list[Shown]] = {}
    layout = Layout(contract.prefix)
    for name in contract.outputs:
        for version in earlier.outputs.get(name, ()):
            if version.snapshot not in states:
                states[version.snapshot] = stored_state(store, layout, version.snapshot)
            state = states[version.snapshot]
            data = staged_output(store, layout, version.run_id, name)
            if state is not None and state.compares_with(contract) and data is not None:
                found.setdefault(name, []).append(Shown(state.state.cube, data))
    return found


def live_output(store: Store, layout: Layout, earlier: Earlier, name: str) -> bytes | None:
    """Return an output as it is published, or None if it is not."""
    return staged_output(store, layout, earlier.live, name) if earlier.live else None


def can_stay(data: bytes, table: Table, contract: Contract) -> bool:
    """Return True if an output can stay as it is published while a table waits.

    It has the table's columns and some rows, and none under the contract's present threshold.
    """
    columns, rows = read_csv(data.decode())
    described = contract.outputs[table.name].columns
    counts = [place for place, column in enumerate(described) if column.role == "count"]
    same = tuple(columns) == table.columns
    sizes = [int(row[place]) for row in rows for place in counts if same and row[place]]
    minimum = contract.disclosure.minimum_rows
    return same and bool(rows) and not any(0 < size < minimum for size in sizes)
