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


History = Mapping[str, tuple[Version, ...]]
"""By output, the versions that readers may have and later ones are compared with."""


@dataclass(frozen=True)
class Earlier:
    """What a run is compared with."""

    live: str | None
    """The run whose outputs are published, if there is one."""
    outputs: History


NOTHING = Earlier(None, {})


def read_history(store: Store, layout: Layout) -> History:
    """Return the published versions of all outputs, also of those that the contract dropped."""
    try:
        return _versions(json.loads(store.read(layout.history)))
    except ObjectMissingError:
        return {}


def still_compared(history: History, was_live: Callable[[str], bool]) -> History:
    """Return the versions that a run must be compared with.

    They are the last one that is known to have been live, which was compared with those before it,
    and what runs published before they failed.
    """
    found = {}
    for name, versions in history.items():
        lives = [i for i, version in enumerate(versions) if was_live(version.run_id)]
        found[name] = versions[max(lives, default=0) :]
    return found


def record_versions(store: Store, layout: Layout, summary: Summary) -> None:
    """Record the outputs that a run is about to publish, after those it was compared with."""
    compared = read_earlier(store, layout, summary.run_id).outputs
    history = dict(read_history(store, layout))
    version = Version(summary.run_id, PurePosixPath(summary.state).stem)
    for name in summary.staged.keys() - summary.waiting.keys() - summary.withheld.keys():
        history[name] = (*compared.get(name, ()), version)
    store.write(layout.history, json.dumps(_as_json(history), indent=2).encode() + b"\n")


def write_earlier(store: Store, layout: Layout, run_id: str, earlier: Earlier) -> None:
    """Write what a run is compared with to its folder."""
    value = {"live": earlier.live, "outputs": _as_json(earlier.outputs)}
    store.write(layout.earlier(run_id), json.dumps(value, indent=2).encode() + b"\n")


def read_earlier(store: Store, layout: Layout, run_id: str) -> Earlier:
    """Return what a run is compared with; nothing if its folder does not say."""
    try:
        value = json.loads(store.read(layout.earlier(run_id)))
    except ObjectMissingError:
        return NOTHING
    return Earlier(value["live"], _versions(value["outputs"]))


def _as_json(history: History) -> dict[str, list[dict[str, str]]]:
    return {name: [asdict(found) for found in history[name]] for name in sorted(history)}


def _versions(value: Mapping[str, Iterable[Mapping[str, str]]]) -> History:
    return {name: tuple(Version(**found) for found in versions) for name, versions in value.items()}


def is_lost(store: Store, contract: Contract, earlier: Earlier) -> bool:
    """Return True if a version that readers have cannot be compared with, as it is gone."""
    layout = Layout(contract.prefix)
    versions = {v for name in contract.outputs for v in earlier.outputs.get(name, ())}
    return any(stored_state(store, layout, version.snapshot) is None for version in versions)


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


def stored_state(store: Store, layout: Layout, snapshot: str) -> StoredState | None:
    """Return the state of a snapshot, or None if it is gone."""
    try:
        return read_stored_state(store, layout.state(snapshot))
    except (ObjectMissingError, ValueError):
        return None
