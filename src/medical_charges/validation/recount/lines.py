"""An object's records as texts, read in plain Python and without code of the kernel.

An object that can be read by ranges is split into pieces, so that Spark's workers can share it. One
that cannot, because it is compressed or its records span lines, is one piece.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise

from medical_charges.storage import ObjectRef, Store

csv.field_size_limit(sys.maxsize)

PIECE_BYTES = 32 * 1024 * 1024
"""Number of bytes that one task reads."""

_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 4 * 1024 * 1024
_RECORDS_AT_ONCE = 1 << 13


@dataclass(frozen=True)
class Piece:
    """Yield the records of a piece in batches, without line ends and empty records."""

    identity: str
    ref: ObjectRef
    header: tuple[str, ...]
    start: int
    first: bool
    """True if a line certainly starts at `start`, as the first row does."""
    end: int | None
    """None if the whole object is read as a stream, from `start` of its decompressed content."""
    zipped: bool = False


def pieces(store: Store, identity: str, ref: ObjectRef, *, multiline: bool) -> list[Piece]:
    """Return the pieces of an object."""
    head = store.read_range(ref, 0, min(_HEAD_BYTES, ref.size))
    zipped = head[:2] == b"\x1f\x8b"
    if zipped:
        with store.open(ref) as raw, gzip.GzipFile(fileobj=raw) as stream:
            head = stream.read(_HEAD_BYTES)
    text = head.removeprefix(b"\xef\xbb\xbf")
    rest = text.lstrip(b"\r\n")
    names, length = _header(rest.split(b"\n"), multiline=multiline)
    start = min(len(head) - len(rest) + length, len(head))
    header = tuple(name.strip() for name in names)
    if zipped or multiline:
        return [Piece(identity, ref, header, start, True, None, zipped)]
    edges = [*range(start, ref.size, PIECE_BYTES), ref.size]
    return [Piece(identity, ref, header, low, low == start, high) for low, high in pairwise(edges)]


def _header(lines: list[bytes], *, multiline: bool) -> tuple[list[str], int]:
    """Return the names at the start of lines, and the number of bytes that they take."""
    texts = (f"{line.decode()}\n" for line in (lines if multiline else lines[:1]))
    reader = csv.reader(texts)
    names = next(reader, [])
    return names, sum(len(line) + 1 for line in lines[: reader.line_num])


def records(store: Store, piece: Piece, *, multiline: bool) -> Iterator[list[str]]:
    """Yield the records of a piece in batches, without line ends and empty records.

    A byte that is not UTF-8 becomes a lone surrogate.
    """
    read = _stream(store, piece) if piece.end is None else _range(store, piece)
    for lines in _joined(_lines(read)) if multiline else _lines(read):
        yield [line for raw in lines if (line := raw.removesuffix("\r"))]


def _lines(chunks: Iterator[bytes]) -> Iterator[list[str]]:
    rest = b""
    for chunk in chunks:
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            yield whole.decode("utf-8", "surrogateescape").split("\n")
    if rest:
        yield [rest.decode("utf-8", "surrogateescape")]


def _joined(many: Iterator[list[str]]) -> Iterator[list[str]]:
    """Join lines where a quoted field continues in the next line.

    Python's csv module tells where a record ends. It would stop at a carriage return within a
    record, which ends none here.
    """
    read: list[str] = []

    def remembered() -> Iterator[str]:
        for line in chain.from_iterable(many):
            read.append(line)
            yield line.replace("\r", " ")

    reader, done = csv.reader(remembered()), 0
    while ends := list(islice((reader.line_num for _ in reader), _RECORDS_AT_ONCE)):
        yield ["\n".join(read[a - done : b - done]) for a, b in pairwise([done, *ends])]
        del read[: ends[-1] - done]
        done = ends[-1]


def _range(store: Store, piece: Piece) -> Iterator[bytes]:
    """Return the bytes of the lines that start in a range, to the end of the last one."""
    end, size = piece.end or 0, piece.ref.size
    # A line starts at an offset if the byte before it ends another line.
    position = piece.start if piece.first else piece.start - 1
    begun = piece.first
    while position < size:
        chunk = store.read_range(piece.ref, position, min(position + _CHUNK_BYTES, size))
        begin = 0
        if not begun:
            begin = chunk.find(b"\n") + 1
            begun = begin > 0
            if begun and position + begin >= end:
                return
        if begun:
            last = chunk.find(b"\n", max(begin, end - 1 - position))
            yield chunk[begin : last + 1] if last >= 0 else chunk[begin:]
            if last >= 0:
                return
        position += len(chunk)


def _stream(store: Store, piece: Piece) -> Iterator[bytes]:
    with store.open(piece.ref) as raw:
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if piece.zipped else raw  # type: ignore[assignment]
        stream.read(piece.start)
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
