"""The differences of groups between two snapshots, and how many people they take at least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from medical_charges.aggregates.cube import Key, Sums

_NOBODY = Sums(0, 0, 0, 0, 0)


class Difference(NamedTuple):
    """How a group differs between two snapshots."""

    people: int
    total: int
    """By how much the scaled sum of the measure differs."""
    squares: int
    least: int
    """The smallest value of both snapshots."""
    most: int
    respread: bool = False
    """Whether only the buckets of the measure show that something has changed."""

    @classmethod
    def between(cls, old: Sums, new: Sums) -> Difference:
        """Return the difference of a group that has these sums."""
        both = [sums for sums in (old, new) if sums.n]
        return cls(
            new.n - old.n,
            new.total - old.total,
            new.squares - old.squares,
            min((sums.minimum for sums in both), default=0),
            max((sums.maximum for sums in both), default=0),
        )

    @property
    def fewest(self) -> int:
        """The fewest people who can have come or gone.

        Exchanging one person for another changes the sum by at most the range of all values.
        """
        if self.people or not (self.total or self.squares):
            return abs(self.people) or int(self.respread)
        return max(1, -(-abs(self.total) // max(1, self.most - self.least)))


def differences(old: Mapping[Key, Sums], new: Mapping[Key, Sums]) -> dict[Key, Difference]:
    """Return the difference of every group that is not the same in both."""
    pairs = ((key, old.get(key, _NOBODY), new.get(key, _NOBODY)) for key in old.keys() | new.keys())
    return {key: Difference.between(one, other) for key, one, other in pairs if one != other}


def respread(
    found: Mapping[Key, Difference], old: Mapping[Key, Sums], new: Mapping[Key, Sums]
) -> dict[Key, Difference]:
    """Return the groups whose buckets alone differ, of two snapshots that both have buckets.

    Args:
        found: the differences of the groups.
        old: people by group and bucket, the latter as the key's last value.
        new: the same of the other snapshot.
    """
    keys = {key[:-1] for key in differences(old, new)} if old and new else set()
    pairs = ((key, found.get(key, Difference(0, 0, 0, 0, 0))) for key in keys)
    return {
        key: difference._replace(respread=True)
        for key, difference in pairs
        if not (difference.people or difference.total or difference.squares)
    }


def together(parts: Iterable[Difference | None]) -> Difference:
    """Return the difference of groups that are known together; None is a group without one."""
    found = [part for part in parts if part is not None]
    return Difference(
        sum(part.people for part in found),
        sum(part.total for part in found),
        sum(part.squares for part in found),
        min((part.least for part in found), default=0),
        max((part.most for part in found), default=0),
        any(part.respread for part in found),
    )
