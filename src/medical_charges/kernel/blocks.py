"""Reading an object as blocks of whole lines, each with the offset at which it starts."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from medical_charges.contract.parts.dialect import Dialect
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.lines import RECORD_LIMIT, record_ends, too_long
from medical_charges.storage import ObjectRef, Store

_STEP = 64 * 1024


def read_range(
    store: Store, ref: ObjectRef, data_start: int, start: int, end: int
) -> tuple[int, bytes]:
    """Return the lines that start in `start` up to `end`, and the first one's offset.

    Ranges that tile the object from `data_start` to its size hold each line exactly once.

    Raises:
        InputRefusedError: the last line goes on for more than RECORD_LIMIT after `end`.
    """
    first = start if start == data_start else _after_newline(store, ref, start - 1, end)
    if first >= end:
        return first, b""
    limit = min(end + RECORD_LIMIT, ref.size)
    last = end if end == ref.size else _after_newline(store, ref, end - 1, limit)
    if last == limit < ref.size:
        raise too_long(first)
    return first, store.read_range(ref, first, last)


def _after_newline(store: Store, ref: ObjectRef, position: int, limit: int) -> int:
    """Return the offset after the first newline from `position` on, or `limit` if there is none."""
    while position < limit:
        piece = store.read_range(ref, position, min(position + _STEP, limit))
        found = piece.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(piece)
    return limit


def read_sequentially(
    store: Store,
    ref: ObjectRef,
    data_start: int,
    block_size: int,
    *,
    zipped: bool,
    dialect: Dialect,
) -> Iterator[tuple[int, bytes]]:
    """Yield an object's lines block by block, for objects that cannot be read by ranges.

    Raises:
        InputRefusedError: a compressed object ends early or is damaged, or a record is longer
            than RECORD_LIMIT, as where a quote is never closed.
    """
    with store.open(ref) as raw:
        stream: BinaryIO = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[assignment]
        try:
            yield from _blocks(stream, data_start, block_size, dialect)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputRefusedError(f"it is a damaged gzip file: {error}") from error


def _blocks(
    stream: BinaryIO, data_start: int, block_size: int, dialect: Dialect
) -> Iterator[tuple[int, bytes]]:
    translator = Translator(dialect)
    stream.read(data_start)
    offset, rest = data_start, b""
    while piece := stream.read(block_size):
        if len(rest) > max(block_size, RECORD_LIMIT):
            raise too_long(offset)
        rest += piece
        if dialect.multiline:
            cut = _behind_last_record(translator.plain(rest))
        else:
            cut = rest.rfind(b"\n") + 1
        if cut:
            yield offset, rest[:cut]
            offset, rest = offset + cut, rest[cut:]
    if rest:
        yield offset, rest


def _behind_last_record(block: bytes) -> int:
    """Return the offset after the last complete record of a block that starts with a record."""
    ends = record_ends(block)
    return int(ends[-1]) + 1 if len(ends) else 0
