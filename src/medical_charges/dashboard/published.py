"""The published data of a dataset, read as QuickSight reads it: through the manifests."""

from __future__ import annotations

from dataclasses import dataclass

from medical_charges.analysis.summary import Summary, read_summary
from medical_charges.contract import Contract
from medical_charges.errors import ManifestError
from medical_charges.layout import Layout
from medical_charges.runs.manifests import files_of, validate_manifests
from medical_charges.runs.publish import read_live
from medical_charges.storage import MirrorStore, Store


@dataclass(frozen=True)
class Published:
    """The published tables by name, and the summary of the live run."""

    tables: dict[str, str]
    run: Summary


def read_published(store: Store, contract: Contract) -> Published:
    """Follow the manifest of every output to its CSV.

    A folder that mirrors a bucket is read under the bucket's URI, as `live.json` has it.

    Raises:
        ManifestError: nothing is published, or a manifest is wrong, with a sentence for each.
    """
    layout = Layout(contract.prefix)
    live = read_live(store, layout)
    if live is None:
        raise ManifestError(f"no run has published to {store.uri}/{contract.prefix}")
    run = read_summary(store, layout, live.run_id)
    store = MirrorStore(store, live.store)
    validate_manifests(store, contract, run.withheld)
    tables = {}
    for name in contract.outputs:
        files = files_of(store.read(layout.manifest(name)))
        parts = [store.read(file.key).decode() for file in files]
        header = parts[0].partition("\n")[0]
        tables[name] = header + "\n" + "".join(part.partition("\n")[2] for part in parts)
    return Published(tables, run)
