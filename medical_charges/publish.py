"""Publishing: a run's staged outputs become what readers see, all of them or none."""

from __future__ import annotations

from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.storage import Store


def publish(store: Store, contract: Contract, run_id: str) -> list[str]:
    """Replace the published outputs by the run's, and return their keys.

    Outputs of analyses that the contract no longer has are removed. If anything fails, what was
    published before is put back.

    Raises:
        ObjectMissingError: the run has not staged every output; nothing was changed.
    """
    layout = Layout(contract.prefix)
    staged = {
        layout.published(name): store.read(layout.staged(run_id, name))
        for name in contract.analyses
    }
    before = {ref.key: store.read(ref.key) for ref in store.list(layout.output)}
    try:
        for key, data in staged.items():
            store.write(key, data)
        for key in before.keys() - staged.keys():
            store.delete(key)
    except BaseException:
        for key in staged.keys() - before.keys():
            store.delete(key)
        for key, data in before.items():
            store.write(key, data)
        raise
    return list(staged)


def published(store: Store, contract: Contract) -> dict[str, bytes]:
    """The published outputs by analysis, as they are now."""
    layout, found = Layout(contract.prefix), {}
    for name in contract.analyses:
        try:
            found[name] = store.read(layout.published(name))
        except ObjectMissingError:
            continue
    return found
