"""Where the lines of a block lie, as arrays: nothing here looks at a line by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medical_charges.kernel.quotes import QUOTED_FIELD

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


def record_ends(block: bytes) -> Integers:
    """Where the newlines are that end a record: those that are not in a quoted field."""
    array = np.frombuffer(block, np.uint8)
    newlines = np.flatnonzero(array == NEWLINE)
    edges = _edges_of_quoted_fields(block, array)
    ends: Integers = newlines[np.searchsorted(edges, newlines, side="right") % 2 == 0]
    return ends


def _edges_of_quoted_fields(block: bytes, array: npt.NDArray[np.uint8]) -> Integers:
    """Where quoted fields start, and where they have ended, in turn.

    A pair of quotes within a field may count as its end and its start.
    """
    quotes = np.flatnonzero(array == QUOTE)
    opening = quotes[::2]
    # Before the first byte a record ends. A quote behind a quote is the second of a pair.
    before = array[opening - 1]
    known = (before == COMMA) | (before == NEWLINE) | (before == QUOTE) | (opening == 0)
    if known.all():
        return quotes
    spans = (found.span() for found in QUOTED_FIELD.finditer(block))
    return np.fromiter((edge for span in spans for edge in span), np.int64)


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
        """The records of a block that ends with newline: one in a quoted field ends none.

        A quoted field that is never closed makes the rest of the block one record.
        """
        ends, last = record_ends(block), len(block) - 1
        if not len(ends) or ends[-1] != last:
            ends = np.append(ends, last)
        return cls._cut(np.frombuffer(block, np.uint8), ends)

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
