"""Publication: a run's staged outputs become what readers get, all of them or none.

Staged outputs stay in the run's folder with their checksums, so any earlier run can be published
again. `Run_data/live.json`, written last, names the run whose outputs are published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError, OutputsRefusedError
from medical_charges.hashing import content_hash
from medical_charges.layout import Layout
from medical_charges.storage import Store


@dataclass(frozen=True)
class Live:
    """The run whose outputs are published: the content of `Run_data/live.json`."""

    run_id: str
    snapshot: str
    """The identity of the state from which the outputs were derived."""
    contract: str
    """The contract hash."""
    store: str
    """The URI of the store that the manifests refer to."""
    outputs: Mapping[str, str]
    """The SHA-256 of each published output."""


def publish(store: Store, layout: Layout, run_id: str, files: Mapping[str, str]) -> list[str]:
    """Replace the published outputs by a run's, and return their keys.

    Outputs that the run does not have are removed. Interrupted, it can be repeated.

    Args:
        store: the bucket.
        layout: the keys of the data set.
        run_id: the run.
        files: the SHA-256 of each output, as it was validated.

    Raises:
        ObjectMissingError: an output is not staged; nothing was changed.
        OutputsRefusedError: a staged output has another checksum; nothing was changed.
    """
    outputs = {name: store.read(layout.staged(run_id, name)) for name in files}
    _refuse_others(outputs, files, "staged")
    for name, data in outputs.items():
        store.write(layout.published(name), data)
    _delete_others(store, layout.output, {layout.published(name) for name in files})
    return [layout.published(name) for name in files]


def withdraw(store: Store, layout: Layout) -> None:
    """Remove all published outputs and manifests, and the record of the live run."""
    store.delete(layout.live)
    for folder in (layout.manifests, layout.output):
        _delete_others(store, folder, ())


def write_live(store: Store, layout: Layout, run_id: str, files: Mapping[str, str]) -> Live:
    """Record the run whose outputs are published, by its summary and the checksums of `files`."""
    summary = json.loads(store.read(layout.summary(run_id)))
    snapshot = PurePosixPath(summary["state"]).stem
    live = Live(run_id, snapshot, summary["contract"], store.uri, files)
    store.write(layout.live, json.dumps(asdict(live), indent=2).encode() + b"\n")
    return live


def read_live(store: Store, layout: Layout) -> Live | None:
    """Return the run whose outputs are published, or None if no run has published here."""
    try:
        return Live(**json.loads(store.read(layout.live)))
    except ObjectMissingError:
        return None


def validated_files(store: Store, layout: Layout, run_id: str) -> dict[str, str]:
    """Return the SHA-256 of each output of a run that ValidateOutputs passed.

    Raises:
        OutputsRefusedError: the outputs were not validated, or did not pass.
    """
    try:
        result = json.loads(store.read(layout.validation(run_id, "outputs")))
    except ObjectMissingError as error:
        raise OutputsRefusedError(f"the outputs of run {run_id} were not validated") from error
    if not result["passed"] or result["run_id"] != run_id:
        raise OutputsRefusedError(f"the outputs of run {run_id} did not pass their validation")
    found: dict[str, str] = result["staged"]
    return found


def check_published(store: Store, contract: Contract, validated: Mapping[str, str]) -> None:
    """Check that the published outputs are those that were validated.

    Raises:
        OutputsRefusedError: an output has another checksum.
    """
    _refuse_others(published(store, contract), validated, "published")


def _refuse_others(outputs: Mapping[str, bytes], validated: Mapping[str, str], where: str) -> None:
    others = [
        name
        for name in sorted(outputs.keys() | validated.keys())
        if name not in outputs or hashlib.sha256(outputs[name]).hexdigest() != validated.get(name)
    ]
    if others:
        raise OutputsRefusedError(
            f"what is {where} of {', '.join(others)} is not what was validated, byte for byte; "
            f"start another run"
        )


def _delete_others(store: Store, folder: str, kept: Iterable[str]) -> None:
    for ref in list(store.list(folder)):
        if ref.key not in kept:
            store.delete(ref.key)


def published(store: Store, contract: Contract) -> dict[str, bytes]:
    """Return the published outputs by name."""
    layout, found = Layout(contract.prefix), {}
    for name in contract.outputs:
        try:
            found[name] = store.read(layout.published(name))
        except ObjectMissingError:
            continue
    return found


def published_rows(store: Store, contract: Contract) -> dict[str, int]:
    """Return the number of rows of each published output, without its header."""
    return {name: data.count(b"\n") - 1 for name, data in published(store, contract).items()}


def published_listing(store: Store, contract: Contract) -> str:
    """Return a hash of the outputs and manifests as they are listed, which any change changes."""
    layout = Layout(contract.prefix)
    listed = [
        [ref.key, ref.etag, ref.size]
        for prefix in (layout.output, layout.manifests)
        for ref in store.list(prefix)
    ]
    return content_hash(listed)
