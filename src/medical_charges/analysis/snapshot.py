"""The snapshot: the list of input objects of one run, checked before any compute is spent.

PlanRun takes it, and Analyze reads it:

    snapshot = take_snapshot(store, contract)
    write_snapshot(store, contract, run_id, snapshot)
    snapshot = read_snapshot(f"{store.uri}/{layout.snapshot(run_id)}", contract)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medical_charges.aggregates.partial import identity_of
from medical_charges.aggregates.state import read_latest_state
from medical_charges.analysis.nesting_scan import refuse_undeclared_nesting
from medical_charges.analysis.pii_scan import SAMPLED_OBJECTS, Rows, first_rows, refuse_person_data
from medical_charges.contract import Contract
from medical_charges.errors import InputChangedError, InputRefusedError
from medical_charges.kernel.header import HEAD_BYTES, Header, read_header
from medical_charges.kernel.parquet.header import read_parquet_header
from medical_charges.layout import Layout
from medical_charges.storage import ObjectRef, Store, in_parallel, read_uri


@dataclass(frozen=True)
class Snapshot:
    """The listed input: every object by the identity of its partial."""

    objects: dict[str, ObjectRef]
    ignored: Mapping[str, str]
    """Keys that hold no data, each with the reason: their name, or they are empty."""


@dataclass(frozen=True)
class NewObject:
    """An object that must be read, and its header."""

    identity: str
    ref: ObjectRef
    header: Header


def take_snapshot(store: Store, contract: Contract) -> Snapshot:
    """List the input and check the objects that the latest state does not hold.

    Raises:
        InputRefusedError: there is no input, or `check_new_objects` refuses it.
    """
    snapshot = list_input(store, contract)
    check_new_objects(store, contract, snapshot)
    return snapshot


def list_input(store: Store, contract: Contract) -> Snapshot:
    """List the input.

    Raises:
        InputRefusedError: there is none.
    """
    folder, schema_hash = Layout(contract.prefix).input, contract.schema_hash
    objects, ignored = dict[str, ObjectRef](), dict[str, str]()
    for ref in store.list(folder):
        if ref.key.endswith("/"):
            continue
        if (reason := _holds_no_data(ref, folder)) is not None:
            ignored[ref.key] = reason
        else:
            objects[identity_of(ref, schema_hash)] = ref
    if not objects:
        raise InputRefusedError(_no_input(f"{store.uri}/{folder}/", ignored))
    return Snapshot(objects, ignored)


_NAME, _EMPTY = "of its name", "it is empty"
_NAMED = 10


def _holds_no_data(ref: ObjectRef, folder: str) -> str | None:
    """Return the reason why an object is no data: its or a folder's name, or it is empty."""
    names = ref.key.removeprefix(f"{folder}/").split("/")
    marker = not ref.size and names[-1].endswith("_$folder$")
    if marker or any(name.startswith((".", "_")) for name in names):
        return _NAME
    # Programs that write one file for each task leave empty ones where a task had no rows.
    return None if ref.size else _EMPTY


def _no_input(place: str, ignored: Mapping[str, str]) -> str:
    sentences = {
        _NAME: "{} is ignored because of its name: what starts with _ or . is taken for no data",
        _EMPTY: "{} is empty: a header and rows were expected",
    }
    found = [sentences[reason].format(key) for key, reason in ignored.items()]
    more = [f"and {len(found) - _NAMED} more objects"] if len(found) > _NAMED else []
    return ": ".join(
        [f"there is no input under {place}", *filter(None, ["; ".join(found[:_NAMED] + more)])]
    )


def check_new_objects(store: Store, contract: Contract, snapshot: Snapshot) -> None:
    """Check headers and sampled values of the objects that the latest state does not hold.

    Raises:
        InputRefusedError: an object cannot be analyzed, and the message names every such object;
            or a column identifies people, or determines another and the contract does not say so;
            or there is no row.
    """
    known = read_latest_state(store, contract).members
    new = {i: ref for i, ref in snapshot.objects.items() if i not in known}
    sampled = set(sorted(new, key=lambda identity: new[identity])[:SAMPLED_OBJECTS])
    heads, samples = _read_heads(store, contract, new, sampled)
    if new.keys() == snapshot.objects.keys() and all(map(_is_header_alone, heads)):
        raise only_headers(len(heads))
    samples.sort(key=lambda sample: sample[0])
    refuse_person_data(samples, contract)
    refuse_undeclared_nesting(samples, contract)


def _is_header_alone(item: NewObject) -> bool:
    return not item.header.gzip and item.ref.size <= item.header.data_start


def only_headers(objects: int) -> InputRefusedError:
    """Return the error about objects that have no row between them."""
    return InputRefusedError(f"no row in {objects} object(s): only headers were found")


def read_headers(store: Store, contract: Contract, refs: dict[str, ObjectRef]) -> list[NewObject]:
    """Read the headers of objects.

    Raises:
        InputRefusedError: an object cannot be analyzed, and the message names every such object.
    """
    return _read_heads(store, contract, refs, sampled=())[0]


def _read_heads(
    store: Store, contract: Contract, refs: dict[str, ObjectRef], sampled: Collection[str]
) -> tuple[list[NewObject], list[tuple[str, Header, Rows]]]:
    """Read the headers of objects, and the first rows of those that are sampled."""
    samples: list[tuple[str, Header, Rows]] = []

    def read(item: tuple[str, ObjectRef]) -> NewObject | InputRefusedError:
        identity, ref = item
        try:
            if contract.source.is_parquet:
                return NewObject(identity, ref, read_parquet_header(store, ref, contract))
            head = store.read_range(ref, 0, min(HEAD_BYTES, ref.size))
            header = read_header(ref.key, head, contract)
        except InputRefusedError as error:
            return error
        if identity in sampled:
            rows = first_rows(head, header, contract.source)
            samples.append((ref.key, header, rows))
        return NewObject(identity, ref, header)

    found = in_parallel(read, refs.items())
    refusals = [str(item) for item in found if isinstance(item, InputRefusedError)]
    if refusals:
        more = f"\nand {len(refusals) - _NAMED} more objects" if len(refusals) > _NAMED else ""
        raise InputRefusedError("\n".join(refusals[:_NAMED]) + more)
    return [item for item in found if isinstance(item, NewObject)], samples


def write_snapshot(
    store: Store, contract: Contract, run_id: str, snapshot: Snapshot, code: str = ""
) -> None:
    """Store the snapshot of a run, and the version of the code that took it."""
    value = {
        "code": code,
        "contract": contract.contract_hash,
        "objects": {i: list(ref) for i, ref in snapshot.objects.items()},
        "ignored": snapshot.ignored,
    }
    text = json.dumps(value, indent=2)
    store.write(Layout(contract.prefix).snapshot(run_id), text.encode() + b"\n")


def read_snapshot(uri: str, contract: Contract) -> Snapshot:
    """Read the snapshot at a URI.

    Raises:
        ObjectMissingError: there is none.
        InputChangedError: it was taken under another contract.
    """
    value = json.loads(read_uri(uri))
    if value["contract"] != contract.contract_hash:
        raise InputChangedError(
            "the contract was replaced after the input was listed; start another run"
        )
    objects = {identity: ObjectRef(*ref) for identity, ref in value["objects"].items()}
    ignored = value["ignored"]
    # Version 0.1.0 wrote the keys alone, and a run may be under way while the code is replaced.
    if isinstance(ignored, list):
        ignored = dict.fromkeys(ignored, _NAME)
    return Snapshot(objects, ignored)
