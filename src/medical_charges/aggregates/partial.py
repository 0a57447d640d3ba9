"""A partial: the exact sums of one object, stored so that the object is read only once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from medical_charges.aggregates.cube import (
    Cube,
    cube_from_json,
    cube_to_json,
    is_large,
    merge_cubes,
)
from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.errors import ObjectMissingError
from medical_charges.hashing import content_hash, verify_checksum, with_checksum
from medical_charges.storage import ObjectRef, Store

EXAMPLES = 3


@dataclass(frozen=True)
class RuleCount:
    """Number of lines that broke a rule, with the first of the offending fields and reasons."""

    count: int
    examples: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    """Sentences about the rule, each once, without values of the lines."""

    def merge(self, other: RuleCount) -> RuleCount:
        """Add both counts; examples and reasons keep the order of the lines."""
        return RuleCount(
            self.count + other.count,
            (self.examples + other.examples)[:EXAMPLES],
            tuple(dict.fromkeys(self.reasons + other.reasons))[:EXAMPLES],
        )


@dataclass(frozen=True)
class Tally:
    """Row counts of an object: all rows, rejected rows, and rejected rows by rule."""

    rows: int = 0
    rejected: int = 0
    rules: tuple[tuple[str, RuleCount], ...] = ()

    def merge(self, other: Tally) -> Tally:
        """Add both row counts."""
        rules = dict(self.rules)
        for rule, count in other.rules:
            rules[rule] = rules[rule].merge(count) if rule in rules else count
        return Tally(
            self.rows + other.rows,
            self.rejected + other.rejected,
            tuple(sorted(rules.items())) if other.rules else self.rules,
        )


@dataclass(frozen=True)
class Partial:
    """The sums of one version of an object, under one schema hash of the contract."""

    identity: str
    ref: ObjectRef
    tally: Tally
    cube: Cube

    @property
    def rows_hash(self) -> str:
        """Hash of the row count and the cube: equal for objects that hold the same rows."""
        return content_hash([self.tally.rows, cube_to_json(self.cube)])


def identity_of(ref: ObjectRef, schema_hash: str) -> str:
    """Return the name of an object's partial: a hash of everything that the partial depends on."""
    return content_hash([ref.key, ref.etag, ref.size, schema_hash, KERNEL_VERSION])


def combine(identity: str, ref: ObjectRef, parts: Iterable[tuple[Tally, Cube]]) -> Partial:
    """Merge the ranges of an object, in their order, into its partial."""
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
    store.write(key, with_checksum(value | exactness(partial.cube)))


def exactness(cube: Cube) -> dict[str, bool]:
    """Return the mark of sums of large amounts, which earlier versions summed less exactly."""
    return {"exact": True} if is_large(cube) else {}


def read_partial(store: Store, key: str, identity: str) -> Partial | None:
    """Return the stored partial, or None if it must be made again.

    That is if it is missing or damaged, or of large amounts that an earlier version summed.
    """
    try:
        value = verify_checksum(store.read(key))
    except (ObjectMissingError, ValueError):
        return None
    cube = cube_from_json(value["cube"])
    if not exactness(cube).items() <= value.items():
        return None
    return Partial(identity, ObjectRef(*value["object"]), tally_from_json(value["tally"]), cube)


def tally_to_json(tally: Tally) -> dict[str, Any]:
    """Return row counts as JSON values."""
    rules = {rule: [c.count, list(c.examples), list(c.reasons)] for rule, c in tally.rules}
    return {"rows": tally.rows, "rejected": tally.rejected, "rules": rules}


def tally_from_json(value: dict[str, Any]) -> Tally:
    """Return the row counts that `tally_to_json` wrote; earlier versions wrote fewer."""
    rules = ((r, RuleCount(n, *map(tuple, of))) for r, (n, *of) in sorted(value["rules"].items()))
    return Tally(value["rows"], value["rejected"], tuple(rules))
