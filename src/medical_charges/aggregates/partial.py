"""A partial: what one object came to, kept so that the object is never read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from medical_charges.aggregates.cube import Cube, cube_from_json, cube_to_json, merge_cubes
from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.errors import ObjectMissingError
from medical_charges.hashing import content_hash, verify_checksum, with_checksum
from medical_charges.storage import ObjectRef, Store

EXAMPLES = 3


@dataclass(frozen=True)
class RuleCount:
    """How many lines broke a rule, with a few of the offending fields."""

    count: int
    examples: tuple[str, ...]

    def merge(self, other: RuleCount) -> RuleCount:
        """Both counts together; examples keep the order of the lines."""
        return RuleCount(self.count + other.count, (self.examples + other.examples)[:EXAMPLES])


@dataclass(frozen=True)
class Tally:
    """The lines of an object: how many there were, and how many broke which rule."""

    rows: int = 0
    rejected: int = 0
    rules: tuple[tuple[str, RuleCount], ...] = ()

    def merge(self, other: Tally) -> Tally:
        """Both tallies together."""
        if not other.rules:
            return Tally(self.rows + other.rows, self.rejected + other.rejected, self.rules)
        rules = dict(self.rules)
        for rule, count in other.rules:
            rules[rule] = rules[rule].merge(count) if rule in rules else count
        return Tally(
            self.rows + other.rows, self.rejected + other.rejected, tuple(sorted(rules.items()))
        )


@dataclass(frozen=True)
class Partial:
    """One version of an object under one shape of the contract."""

    identity: str
    ref: ObjectRef
    tally: Tally
    cube: Cube

    @property
    def rows_hash(self) -> str:
        """A hash of the content: equal for objects that hold the same rows."""
        return content_hash([self.tally.rows, cube_to_json(self.cube)])


def identity_of(ref: ObjectRef, schema_hash: str) -> str:
    """The name of an object's partial under a contract's shape: a hash of all it depends on."""
    return content_hash([ref.key, ref.etag, ref.size, schema_hash, KERNEL_VERSION])


def combine(identity: str, ref: ObjectRef, parts: Iterable[tuple[Tally, Cube]]) -> Partial:
    """The partial of an object from its ranges, in their order."""
    tally, cubes = Tally(), []
    for part, cube in parts:
        tally = tally.merge(part)
        cubes.append(cube)
    return Partial(identity, ref, tally, merge_cubes(cubes))


def write_partial(store: Store, key: str, partial: Partial) -> None:
    """Store a partial; writing it again writes the same bytes."""
    value = {
        "object": [partial.ref.key, partial.ref.etag, partial.ref.size],
        "tally": tally_to_json(partial.tally),
        "cube": cube_to_json(partial.cube),
    }
    store.write(key, with_checksum(value))


def read_partial(store: Store, key: str, identity: str) -> Partial | None:
    """The stored partial, or None if it is not there or not whole, and must be made again."""
    try:
        value = verify_checksum(store.read(key))
    except (ObjectMissingError, ValueError):
        return None
    return Partial(
        identity,
        ObjectRef(*value["object"]),
        tally_from_json(value["tally"]),
        cube_from_json(value["cube"]),
    )


def tally_to_json(tally: Tally) -> dict[str, Any]:
    """A tally as JSON values."""
    rules = {rule: [count.count, list(count.examples)] for rule, count in tally.rules}
    return {"rows": tally.rows, "rejected": tally.rejected, "rules": rules}


def tally_from_json(value: dict[str, Any]) -> Tally:
    """The tally that `tally_to_json` wrote."""
    rules = ((r, RuleCount(n, tuple(shown))) for r, (n, shown) in sorted(value["rules"].items()))
    return Tally(value["rows"], value["rejected"], tuple(rules))
