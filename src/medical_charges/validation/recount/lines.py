"""An object's records as texts, read in plain Python and without code of the kernel.

An object that can be read by ranges is split into pieces, so that Spark's workers can share it. One
that cannot, because it is compressed or its records span lines, is one piece.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from medical_charges.contract.parts.dialect import Dialect
from medical_charges.storage import ObjectRef, Store

if TYPE_CHECKING:
    from _csv import Reader as CsvReader  # the type, which csv has by another name in each version

csv.field_size_limit(sys.maxsize)

PIECE_BYTES = 32 * 1024 * 1024
"""Number of bytes that one task reads."""

_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 8 * 1024 * 1024
_RECORDS_AT_ONCE = 1 << 13


SURROGATES = re.compile("[\ud800-\udfff]")
"""What the bytes become that an encoding does not know."""


@dataclass(frozen=True)
class Piece:
    """A part of an object that one task reads."""

    identity: str
    ref: ObjectRef
    header: tuple[str, ...]
    start: int
    first: bool
    """True if a line certainly starts at `start`, as the first row does."""
    end: int | None
    """None if the whole object is read as a stream, from `start` of its decompressed content."""
    zipped: bool = False
    groups: tuple[int, ...] = ()
    """The row groups of Parquet; `end` is then about what they take in memory."""


class Block(NamedTuple):
    """Records that are read at once."""

    plain: str
    """Records on lines of their own, in which a delimiter always ends a field."""
    others: list[str]
    """Records that have a quote, a line end, or a byte that the encoding does not know."""

    @property
    def records(self) -> list[str]:
        """All records, the plain ones first."""
        return [*filter(None, self.plain.split("\n")), *self.others]


def pieces(store: Store, identity: str, ref: ObjectRef, dialect: Dialect) -> list[Piece]:
    """Return the pieces of an object."""
    head = store.read_range(ref, 0, min(_HEAD_BYTES, ref.size))
    zipped = head[:2] == b"\x1f\x8b"
    if zipped:
        with store.open(ref) as raw, gzip.GzipFile(fileobj=raw) as stream:
            head = stream.read(_HEAD_BYTES)
    rest = _from_header_on(head.removeprefix(b"\xef\xbb\xbf"), dialect)
    names, length = _header(rest.split(b"\n"), dialect)
    start = min(len(head) - len(rest) + length, len(head))
    header = tuple(name.strip() for name in names)
    if zipped or dialect.multiline:
        return [Piece(identity, ref, header, start, True, None, zipped)]
    edges = [*range(start, ref.size, PIECE_BYTES), ref.size]
    return [Piece(identity, ref, header, low, low == start, high) for low, high in pairwise(edges)]


def _from_header_on(text: bytes, dialect: Dialect) -> bytes:
    """Return a text without the lines above the header."""
    for _ in range(dialect.skip_lines):
        text = text.partition(b"\n")[2]
    text = text.lstrip(b"\r\n")
    while dialect.comment and text.startswith(dialect.comment.encode()):
        text = text.partition(b"\n")[2].lstrip(b"\r\n")
    return text


def _header(lines: list[bytes], dialect: Dialect) -> tuple[list[str], int]:
    """Return the names at the start of lines, and the number of bytes that they take."""
    lines = lines if dialect.multiline else lines[:1]
    reader = csv_reader((f"{line.decode(dialect.encoding)}\n" for line in lines), dialect)
    names = next(reader, [])
    return names, sum(len(line) + 1 for line in lines[: reader.line_num])


def blocks(store: Store, piece: Piece, dialect: Dialect) -> Iterator[Block]:
    """Yield the records of a piece, without line ends, comments and empty ones.

    A byte that the encoding does not know becomes a lone surrogate.
    """
    texts = _texts(store, piece, dialect.encoding)
    if dialect.multiline:
        for some in _joined(texts, dialect):
            yield _parted(some, dialect)
        return
    signs = [dialect.quote, "\r", *([dialect.comment] if dialect.comment else ())]
    for text in texts:
        lines = text.replace("\r\n", "\n").removesuffix("\r")
        blank = dialect.skip_blank_rows and f"\n{dialect.delimiter}" in f"\n{lines}"
        if blank or not _is_unicode(lines) or any(sign in lines for sign in signs):
            yield _parted(text.split("\n"), dialect)
        else:
            yield Block(lines, [])


def _parted(records: Iterable[str], dialect: Dialect) -> Block:
    """Return a block of records."""
    plain, others = list[str](), list[str]()
    for raw in records:
        record = raw.removesuffix("\r")
        if not record or (dialect.comment and record.startswith(dialect.comment)):
            continue
        if dialect.skip_blank_rows and not record.strip(dialect.delimiter):
            continue
        is_plain = dialect.quote not in record and "\r" not in record and "\n" not in record
        (plain if is_plain and _is_unicode(record) else others).append(record)
    return Block("\n".join(plain), others)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not SURROGATES.search(text)


def _texts(store: Store, piece: Piece, encoding: str) -> Iterator[str]:
    """Yield the text of a piece in lines, without the last line end."""
    rest = b""
    for chunk in _stream(store, piece) if piece.end is None else _range(store, piece):
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            yield whole.decode(encoding, "surrogateescape")
    if rest:
        yield rest.decode(encoding, "surrogateescape")


def csv_reader(lines: Iterable[str], dialect: Dialect, *, strict: bool = False) -> CsvReader:
    """Return a reader of Python's csv module for a dialect."""
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)


def _joined(texts: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    """Yield records in lists: lines are joined where a quoted field continues in the next line.

    Python's csv module tells where a record ends. It would stop at a carriage return within a
    record, which ends none here.
    """
    read: list[str] = []

    def remembered() -> Iterator[str]:
        for line in chain.from_iterable(text.split("\n") for text in texts):
            read.append(line)
            yield line.replace("\r", " ")

    reader, done = csv_reader(remembered(), dialect), 0
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
