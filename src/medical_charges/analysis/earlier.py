"""What readers have of earlier runs: a run is protected together with it.

`Run_data/history.json` names, for each output, the runs whose version of it was published. PlanRun
copies it into the run's folder, as `earlier.json`, and Analyze and ValidateOutputs read it there:

    write_earlier(store, layout, run_id, Earlier(live, read_history(store, layout)))
    earlier = read_earlier(store, layout, run_id)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from medical_charges.aggregates.state import StoredState, read_stored_state
from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.storage import Store


@dataclass(frozen=True)
class Version:
    """An output as a run published it."""

    run_id: str
    snapshot: str
    """The identity of the state from which it was derived."""
    starts_over: bool = False
    """Whether the run was asked to publish whatever earlier versions disclose with it."""


History = Mapping[str, tuple[Version, ...]]
"""By output, every version that readers may have, the last one last."""


@dataclass(frozen=True)
class Earlier:
    """What a run is compared with."""

    live: str | None
    """The run whose outputs are published, if there is one."""
    outputs: History
    starts_over: bool = False
    """Whether the run is compared with nothing, as it was asked to publish all the same."""


NOTHING = Earlier(None, {})


def read_history(store: Store, layout: Layout) -> History:
    """Return the published versions of all outputs, also of those that the contract dropped.

    Where none was recorded yet they are those of the live run.
    """
    with suppress(ObjectMissingError):
        return _versions(json.loads(store.read(layout.history)))
    with suppress(ObjectMissingError):
        live = json.loads(store.read(layout.live))
        return dict.fromkeys(live["outputs"], (Version(live["run_id"], live["snapshot"]),))
    return {}


def still_compared(history: History, was_live: Callable[[str], bool]) -> History:
    """Return the versions that a run must be compared with.

    They are all, as differences add up: twelve people more and thirteen fewer are one fewer. A
    publication that started over ends that, once it was live.
    """
    found = {}
    for name, versions in history.items():
        starts = [i for i, it in enumerate(versions) if it.starts_over and was_live(it.run_id)]
        found[name] = versions[max(starts, default=0) :]
    return found


def record_versions(store: Store, layout: Layout, summary: Summary) -> None:
    """Record the outputs that a run is about to publish.

    What the run was not compared with, since a publication has started over, is forgotten.
    """
    earlier = read_earlier(store, layout, summary.run_id)
    history = dict(read_history(store, layout))
    history |= {} if earlier.starts_over else earlier.outputs
    version = Version(summary.run_id, PurePosixPath(summary.state).stem, earlier.starts_over)
    for name in summary.staged.keys() - summary.waiting.keys() - summary.withheld.keys():
        history[name] = (*(it for it in history.get(name, ()) if it != version), version)
    store.write(layout.history, json.dumps(_as_json(history), indent=2).encode() + b"\n")


def write_earlier(store: Store, layout: Layout, run_id: str, earlier: Earlier) -> None:
    """Write what a run is compared with to its folder."""
    value = asdict(earlier) | {"outputs": _as_json(earlier.outputs)}
    store.write(layout.earlier(run_id), json.dumps(value, indent=2).encode() + b"\n")


def read_earlier(store: Store, layout: Layout, run_id: str) -> Earlier:
    """Return what a run is compared with; nothing if its folder does not say."""
    try:
        value = json.loads(store.read(layout.earlier(run_id)))
    except ObjectMissingError:
        return NOTHING
    return Earlier(**value | {"outputs": _versions(value["outputs"])})


def _as_json(history: History) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(found) for found in history[name]] for name in sorted(history)}


def _versions(value: Mapping[str, Iterable[Mapping[str, Any]]]) -> History:
    return {name: tuple(Version(**found) for found in versions) for name, versions in value.items()}


def is_lost(store: Store, contract: Contract, earlier: Earlier) -> bool:
    """Return True if a version that readers have, or what it was derived from, is gone."""
    layout = Layout(contract.prefix)
    kept = [(name, it) for name in contract.outputs for it in earlier.outputs.get(name, ())]
    states = {it.snapshot for _, it in kept}
    return any(stored_state(store, layout, it) is None for it in sorted(states)) or any(
        staged_output(store, layout, it.run_id, name) is None for name, it in kept
    )


def keys_of(store: Store, layout: Layout) -> list[str]:
    """Return the keys of everything that a run needs to be compared with what is published."""
    history = read_history(store, layout)
    found = {layout.history, layout.live} if history else set()
    runs = {version.run_id for versions in history.values() for version in versions}
    with suppress(ObjectMissingError):
        runs.add(json.loads(store.read(layout.live))["run_id"])
    for run_id in runs if history else ():
        found |= {ref.key for ref in store.list(f"{layout.run(run_id)}/outputs")}
        found.add(layout.summary(run_id))
    return sorted(found | {layout.state(v.snapshot) for of in history.values() for v in of})


def staged_output(store: Store, layout: Layout, run_id: str, name: str) -> bytes | None:
    """Return an output as a run staged it, or None if it is gone."""
    try:
        return store.read(layout.staged(run_id, name))
    except ObjectMissingError:
        return None


def stored_state(store: Store, layout: Layout, snapshot: str) -> StoredState | None:
    """Return the state of a snapshot, or None if it is gone."""
    try:
        return read_stored_state(store, layout.state(snapshot))
    except (ObjectMissingError, ValueError):
        return None
