"""The lines of a block as arrays of offsets; no line is handled individually."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medical_charges.errors import InputRefusedError
from medical_charges.kernel.quotes import QUOTED_FIELD

NEWLINE, COMMA, QUOTE, RETURN = b'\n,"\r'

_COUNT_STEP = 1 << 20

RECORD_LIMIT = 16 * 1024 * 1024
"""Number of bytes up to which a record is certainly read: memory is bounded whatever is in it."""

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def too_long(offset: int) -> InputRefusedError:
    """Return the error of a record that starts at `offset`, or after it, and is too long."""
    return InputRefusedError(
        f"a record from byte {offset} on is longer than {RECORD_LIMIT:,} bytes"
    )


def count(block: bytes, byte: int) -> int:
    """Count a byte in a block, in pieces that fit into the processor's cache."""
    array = np.frombuffer(block, np.uint8)
    return sum(
        int(np.count_nonzero(array[start : start + _COUNT_STEP] == byte))
        for start in range(0, len(array), _COUNT_STEP)
    )


def record_ends(block: bytes) -> Integers:
    """Return the offsets of the newlines that end a record, those outside quoted fields."""
    array = np.frombuffer(block, np.uint8)
    newlines = np.flatnonzero(array == NEWLINE)
    edges = _edges_of_quoted_fields(block, array)
    ends: Integers = newlines[np.searchsorted(edges, newlines, side="right") % 2 == 0]
    return ends


def _edges_of_quoted_fields(block: bytes, array: npt.NDArray[np.uint8]) -> Integers:
    """Return the offsets at which quoted fields start and end, alternating.

    A pair of quotes within a field may count as its end and its start.
    """
    quotes = np.flatnonzero(array == QUOTE)
    opening = quotes[::2]
    # Before the first byte a record ends. A quote after a quote is the second of a pair.
    before = array[opening - 1]
    known = (before == COMMA) | (before == NEWLINE) | (before == QUOTE) | (opening == 0)
    if known.all():
        return quotes
    spans = (found.span() for found in QUOTED_FIELD.finditer(block))
    return np.fromiter((edge for span in spans for edge in span), np.int64)


def unquoted(block: bytes, stand_in: bytes = b"") -> bytes:
    """Remove the quotes of a block if no quoted field needs them.

    If one does, for example because it holds a comma, the block is returned unchanged. It must end
    with a newline.

    Args:
        block: whole lines.
        stand_in: a byte to put in the place of commas between quotes, so that they need none.
    """
    if b'"' not in block:
        return block
    array = np.frombuffer(block, np.uint8)
    is_quote = array == QUOTE
    quotes = np.flatnonzero(is_quote)
    # The number of quotes up to a byte is odd if it is in a quoted field, however it overflows.
    within = (np.cumsum(is_quote, dtype=np.uint8) & 1).view(np.bool_)
    if stand_in:
        array = np.where(within & (array == COMMA), np.uint8(ord(stand_in)), array)
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return block
    separators = (array == COMMA) | (array == NEWLINE) | (array == RETURN)
    # At the first byte the index is -1, the newline at the end.
    before = separators[opening - 1]
    inside = separators & within
    if not before.all() or not separators[closing + 1].all() or inside.any():
        return block
    bare: bytes = array[~is_quote].tobytes()
    return bare


@dataclass(frozen=True)
class Lines:
    """A block cut into lines; a line's last byte is its newline."""

    array: npt.NDArray[np.uint8]
    starts: Integers
    ends: Integers
    """Offset of each line's newline."""

    @classmethod
    def of(cls, block: bytes) -> Lines:
        """Split a block that ends with a newline into physical lines."""
        array = np.frombuffer(block, np.uint8)
        return cls._cut(array, np.flatnonzero(array == NEWLINE))

    @classmethod
    def records_of(cls, block: bytes) -> Lines:
        """Split a block that ends with a newline into records; a quoted newline ends none.

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
        """Return one line without its line end."""
        return self.array[self.starts[index] : self.ends[index]].tobytes().removesuffix(b"\r")

    def counts(self, byte: int) -> Integers:
        """Count a byte in each line, including the line end."""
        positions = np.flatnonzero(self.array == byte)
        owners = np.searchsorted(self.starts, positions, side="right") - 1
        return np.bincount(owners, minlength=len(self))

    @property
    def crlf(self) -> Mask:
        """Mask of the lines that end with CRLF."""
        mask: Mask = (self.ends > self.starts) & (self.array[self.ends - 1] == RETURN)
        return mask

    @property
    def empty(self) -> Mask:
        """Mask of the lines that are empty but for their line end."""
        mask: Mask = self.ends - self.starts == self.crlf
        return mask

    @property
    def blank(self) -> Mask:
        """Mask of the lines of commas alone."""
        mask: Mask = self.ends - self.starts - self.crlf == self.counts(COMMA)
        return mask

    def start_with(self, sign: bytes) -> Mask:
        """Mask of the lines that start with a byte."""
        mask: Mask = self.array[self.starts] == ord(sign)
        return mask

    def no_rows(self, comment: bytes, *, skip_blank: bool) -> Mask:
        """Mask of the lines that are no rows: empty ones, comments, and blank ones if skipped."""
        mask = self.empty
        if comment:
            mask |= self.start_with(comment)
        if skip_blank:
            mask |= self.blank
        return mask

    def select(self, chosen: Mask) -> bytes:
        """Return the chosen lines as a block, each ended by a single newline."""
        keep = np.repeat(chosen, self.ends + 1 - self.starts)
        keep[self.ends[self.crlf] - 1] = False
        return self.array[: len(keep)][keep].tobytes()
