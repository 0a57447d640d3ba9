"""What a run has to read: which objects are new, whether they can be read, and in which ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from medical_charges.aggregates.partial import identity_of
from medical_charges.analysis.pii_scan import SAMPLED_OBJECTS, Rows, first_rows, refuse_person_data
from medical_charges.contract import Contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.header import HEAD_BYTES, Header, read_header
from medical_charges.kernel.range import Range
from medical_charges.layout import Layout
from medical_charges.storage import ObjectRef, Store, in_parallel

TASK_LIMIT = 2_000
"""The most tasks of a run: their results meet on the driver."""

SMALL_TASK_BYTES = 32 * 1024 * 1024
"""Small objects share a task until it holds this much."""


@dataclass(frozen=True)
class Snapshot:
    """The input as it was listed: every object by the identity of its partial."""

    objects: dict[str, ObjectRef]
    ignored: tuple[str, ...]
    """Keys that are no data by their name: hidden files, folder markers."""


@dataclass(frozen=True)
class NewObject:
    """An object that must be read, and its header."""

    identity: str
    ref: ObjectRef
    header: Header


def list_input(
    store: Store, contract: Contract, known: Mapping[ObjectRef, str] = MappingProxyType({})
) -> Snapshot:
    """List the input. `known` are identities that need not be worked out again.

    Raises:
        InputRefusedError: there is none.
    """
    folder, schema_hash = Layout(contract.prefix).input, contract.schema_hash
    objects, ignored = {}, []
    for ref in store.list(folder):
        if ref.key.endswith("/"):
            continue
        if _is_ignored(ref, folder):
            ignored.append(ref.key)
        else:
            objects[known.get(ref) or identity_of(ref, schema_hash)] = ref
    if not objects:
        raise InputRefusedError(f"there is no input under {store.uri}/{folder}/")
    return Snapshot(objects, tuple(ignored))


def _is_ignored(ref: ObjectRef, folder: str) -> bool:
    """Whether an object is no data by its name, or by that of a folder below the input's."""
    names = ref.key.removeprefix(f"{folder}/").split("/")
    marker = not ref.size and names[-1].endswith("_$folder$")
    return marker or any(name.startswith((".", "_")) for name in names)


def read_headers(store: Store, contract: Contract, refs: dict[str, ObjectRef]) -> list[NewObject]:
    """The headers of objects, checked before any compute is spent.

    Raises:
        InputRefusedError: an object cannot be analysed, and the message names every such object;
            or a column holds what names people.
    """
    looked_at = set(sorted(refs, key=lambda identity: refs[identity])[:SAMPLED_OBJECTS])
    samples: list[tuple[str, Header, Rows]] = []

    def read(item: tuple[str, ObjectRef]) -> NewObject | InputRefusedError:
        identity, ref = item
        head = store.read_range(ref, 0, min(HEAD_BYTES, ref.size))
        try:
            header = read_header(ref.key, head, contract)
        except InputRefusedError as error:
            return error
        if identity in looked_at:
            samples.append((ref.key, header, first_rows(head, header)))
        return NewObject(identity, ref, header)

    found = in_parallel(read, refs.items())
    refusals = [str(item) for item in found if isinstance(item, InputRefusedError)]
    if refusals:
        more = f"\nand {len(refusals) - 10} more objects" if len(refusals) > 10 else ""
        raise InputRefusedError("\n".join(refusals[:10]) + more)
    refuse_person_data(sorted(samples, key=lambda sample: sample[0]), contract)
    return [item for item in found if isinstance(item, NewObject)]


def plan_ranges(objects: Iterable[NewObject], contract: Contract, range_size: int) -> list[Range]:
    """Cut objects into ranges that tile them."""
    ranges = []
    for item in objects:
        start, size = item.header.data_start, item.ref.size
        if item.header.gzip or contract.source.multiline:
            ranges.append(Range(item.identity, item.ref, item.header, start, None))
            continue
        # Equal ranges: a short last one would leave a core idle.
        pieces = max(1, -(-(size - start) // range_size))
        edges = [start + (size - start) * i // pieces for i in range(pieces + 1)]
        ranges.extend(
            Range(item.identity, item.ref, item.header, low, high) for low, high in pairwise(edges)
        )
    return ranges


def plan_tasks(ranges: Sequence[Range], range_size: int) -> list[list[Range]]:
    """Put neighbouring ranges into tasks, so that small objects share one."""
    total = sum(part.bytes for part in ranges)
    target = max(min(SMALL_TASK_BYTES, range_size), total // TASK_LIMIT)
    tasks: list[list[Range]] = []
    filled = 0
    for part in ranges:
        if not tasks or filled + part.bytes > target:
            tasks.append([])
            filled = 0
        tasks[-1].append(part)
        filled += part.bytes
    return tasks
