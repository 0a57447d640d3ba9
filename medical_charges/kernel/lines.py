"""Where the lines of a block lie, as arrays: nothing here looks at a line by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NEWLINE, COMMA, QUOTE, RETURN = b'\n,"\r'

_COUNT_STEP = 1 << 20

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def count(block: bytes, byte: int) -> int:
    """How often a byte stands in a block, counted in pieces that stay in the cache."""
    array = np.frombuffer(block, np.uint8)
    return sum(
        int(np.count_nonzero(array[start : start + _COUNT_STEP] == byte))
        for start in range(0, len(array), _COUNT_STEP)
    )


def unquoted(block: bytes) -> bytes:
    """A block without its quotes, if each pair stands around a field that does not need them.

    Otherwise, as where a field holds a comma, the block as it is. It must end with a newline.
    """
    if b'"' not in block:
        return block
    array = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(array == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return block
    separators = (array == COMMA) | (array == NEWLINE) | (array == RETURN)
    # Before the first byte stands, as -1, the newline at the end.
    before = separators[opening - 1]
    between = np.flatnonzero(separators)
    inside = np.searchsorted(between, closing) - np.searchsorted(between, opening)
    if not before.all() or not separators[closing + 1].all() or inside.any():
        return block
    bare: bytes = array[array != QUOTE].tobytes()
    return bare


@dataclass(frozen=True)
class Lines:
    """A block cut into lines; a line's last byte is its newline."""

    array: npt.NDArray[np.uint8]
    starts: Integers
    ends: Integers
    """Where each line's newline is."""

    @classmethod
    def of(cls, block: bytes) -> Lines:
        """The physical lines of a block that ends with newline."""
        array = np.frombuffer(block, np.uint8)
        return cls._cut(array, np.flatnonzero(array == NEWLINE))

    @classmethod
    def records_of(cls, block: bytes) -> Lines:
        """The records of a block: a newline inside quotes belongs to its record.

        Quotes that are never closed make the rest of the block one record.
        """
        array = np.frombuffer(block, np.uint8)
        newlines = np.flatnonzero(array == NEWLINE)
        quotes_before = np.searchsorted(np.flatnonzero(array == QUOTE), newlines)
        ends = newlines[quotes_before % 2 == 0]
        if len(newlines) and (not len(ends) or ends[-1] != newlines[-1]):
            ends = np.append(ends, newlines[-1])
        return cls._cut(array, ends)

    @classmethod
    def _cut(cls, array: npt.NDArray[np.uint8], ends: Integers) -> Lines:
        starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1])
        return cls(array, starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """One line, without its end."""
        return self.array[self.starts[index] : self.ends[index]].tobytes().removesuffix(b"\r")

    def counts(self, byte: int) -> Integers:
        """How often a byte stands in each line, its end included."""
        positions = np.flatnonzero(self.array == byte)
        owners = np.searchsorted(self.starts, positions, side="right") - 1
        return np.bincount(owners, minlength=len(self))

    @property
    def crlf(self) -> Mask:
        """Which lines end with CRLF."""
        mask: Mask = (self.ends > self.starts) & (self.array[self.ends - 1] == RETURN)
        return mask

    @property
    def empty(self) -> Mask:
        """Which lines hold nothing but their end."""
        mask: Mask = self.ends - self.starts == self.crlf
        return mask

    def select(self, chosen: Mask) -> bytes:
        """The chosen lines as a block, each ended by a newline alone."""
        keep = np.repeat(chosen, self.ends + 1 - self.starts)
        keep[self.ends[self.crlf] - 1] = False
        return self.array[: len(keep)][keep].tobytes()
