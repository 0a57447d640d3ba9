"""Publishing: a run's staged outputs become what readers see, all of them or none.

What was published before is kept in the run's folder first, so that whoever finds the run
failed can put it back, in this process or in another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError, OutputsRefusedError
from medical_charges.hashing import canonical_json, content_hash
from medical_charges.layout import Layout
from medical_charges.storage import Store

UNVALIDATED: Literal["unvalidated"] = "unvalidated"
"""Said in place of hashes where nothing validates outputs: on a machine without Terraform."""


def publish(
    store: Store,
    contract: Contract,
    run_id: str,
    validated: Mapping[str, str] | Literal["unvalidated"],
) -> list[str]:
    """Replace the published outputs by the run's, and return their keys.

    Outputs of analyses that the contract no longer has are removed. If anything fails, what was
    published before is put back.

    Args:
        store: the bucket.
        contract: the contract that the run was analysed under.
        run_id: the run.
        validated: the SHA-256 of every output as it was validated, or `UNVALIDATED`.

    Raises:
        ObjectMissingError: the run has not staged every output; nothing was changed.
        OutputsRefusedError: an output is not as it was validated; nothing was changed.
    """
    layout = Layout(contract.prefix)
    outputs = {name: store.read(layout.staged(run_id, name)) for name in contract.outputs}
    if validated != UNVALIDATED:
        _refuse_others(outputs, validated, "staged")
    staged = {layout.published(name): data for name, data in outputs.items()}
    folder = save_previous(store, contract, run_id)
    try:
        for key, data in staged.items():
            store.write(key, data)
        for ref in list(store.list(layout.output)):
            if ref.key not in staged:
                store.delete(ref.key)
    except BaseException:
        restore(store, folder)
        raise
    return list(staged)


def validated_files(store: Store, contract: Contract, run_id: str) -> dict[str, str]:
    """The SHA-256 of every output that ValidateOutputs found right.

    Raises:
        OutputsRefusedError: it has not looked at them, or found them wrong.
    """
    try:
        result = json.loads(store.read(Layout(contract.prefix).validation(run_id, "outputs")))
    except ObjectMissingError as error:
        raise OutputsRefusedError(f"the outputs of run {run_id} were not validated") from error
    if not result["passed"] or result["run_id"] != run_id:
        raise OutputsRefusedError(f"the outputs of run {run_id} did not pass their validation")
    found: dict[str, str] = result["staged"]
    return found


def check_published(store: Store, contract: Contract, validated: Mapping[str, str]) -> None:
    """Check that what is published is what was validated.

    Raises:
        OutputsRefusedError: an output is another.
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


def save_previous(store: Store, contract: Contract, run_id: str) -> str:
    """Copy what is published, manifests included, into the run's folder; return where to.

    Done once for a run: what a second attempt finds published may be half of the first's.
    """
    layout = Layout(contract.prefix)
    folder = layout.previous(run_id)
    if _index(store, folder) is not None:
        return folder
    prefixes = [layout.output, layout.manifests]
    saved = [ref.key for prefix in prefixes for ref in store.list(prefix)]
    for key in saved:
        store.write(f"{folder}/{key}", store.read(key))
    # Written last: without it the copies are not known to be whole.
    store.write(f"{folder}/{_INDEX}", canonical_json({"prefixes": prefixes, "saved": saved}))
    return folder


def restore(store: Store, folder: str) -> bool:
    """Put back what `save_previous` kept in a folder; False if it kept nothing there."""
    index = _index(store, folder)
    if index is None:
        return False
    saved = set(index["saved"])
    for key in index["saved"]:
        store.write(key, store.read(f"{folder}/{key}"))
    for prefix in index["prefixes"]:
        for ref in list(store.list(prefix)):
            if ref.key not in saved:
                store.delete(ref.key)
    return True


_INDEX = "index.json"


def _index(store: Store, folder: str) -> dict[str, list[str]] | None:
    try:
        index: dict[str, list[str]] = json.loads(store.read(f"{folder}/{_INDEX}"))
    except ObjectMissingError:
        return None
    return index


def published(store: Store, contract: Contract) -> dict[str, bytes]:
    """The published outputs by name, as they are now."""
    layout, found = Layout(contract.prefix), {}
    for name in contract.outputs:
        try:
            found[name] = store.read(layout.published(name))
        except ObjectMissingError:
            continue
    return found


def published_rows(store: Store, contract: Contract) -> dict[str, int]:
    """How many rows each published output has below its header."""
    return {name: data.count(b"\n") - 1 for name, data in published(store, contract).items()}


def served_files(store: Store, contract: Contract) -> str:
    """A hash of the outputs and manifests as they are listed: any change of them changes it."""
    layout = Layout(contract.prefix)
    listed = [
        [ref.key, ref.etag, ref.size]
        for prefix in (layout.output, layout.manifests)
        for ref in store.list(prefix)
    ]
    return content_hash(listed)
