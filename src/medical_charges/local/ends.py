"""The ends of files: a file that was cut off, or put together from two, shows it there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial

from medical_charges.analysis.snapshot import Snapshot
from medical_charges.contract import Contract
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.header import (
    HEAD_BYTES,
    Header,
    in_words,
    other_separator,
    read_header,
    wrong_encoding,
)
from medical_charges.kernel.lines import Lines
from medical_charges.kernel.row_validator import Rejection, RowValidator
from medical_charges.storage import ObjectRef, Store, in_parallel

TAIL_BYTES = HEAD_BYTES
"""Number of bytes that are read from a file's end."""

_NAMED = 10
_END_OF_FILE = b"\x1a"
"""What programs of DOS write behind the last line."""


def wrong_ends(store: Store, contract: Contract, snapshot: Snapshot) -> list[str]:
    """Return a sentence on each object whose end is not what its start promises.

    A gzipped object is left aside: its end is known when all of it is decompressed. So is Parquet,
    whose header is at its end. What is wrong in a few lines only is left to the run, which rejects
    these.
    """
    if contract.source.is_parquet:
        return []
    judged = in_parallel(partial(_wrong_end, store, contract), snapshot.objects.values())
    found = sorted(filter(None, judged))
    more = [f"and {len(found) - _NAMED} more objects"] if len(found) > _NAMED else []
    return found[:_NAMED] + more


def _wrong_end(store: Store, contract: Contract, ref: ObjectRef) -> str | None:
    try:
        head = store.read_range(ref, 0, min(HEAD_BYTES, ref.size))
        header = read_header(ref.key, head, contract)
    except InputRefusedError:
        return None  # its start says what it is
    if header.gzip:
        return None
    start = max(header.data_start, ref.size - TAIL_BYTES)
    tail = store.read_range(ref, start, ref.size)
    # The first line of a tail is cut off, unless it is that of the rows.
    first = tail.find(b"\n") + 1 or len(tail) if start > header.data_start else 0
    return next(_problems(ref.key, tail, first, header, contract), None)


def _problems(
    name: str, tail: bytes, first: int, header: Header, contract: Contract
) -> Iterator[str]:
    """Yield what is wrong with a tail whose first whole line starts at `first`."""
    source, written = contract.source, tail.rstrip(b"\0\r\n")
    lines, last = _rows(written[first:], source)
    allowed = contract.quality.maximum_rejected_share * len(lines)
    if sum(b"\0" in line for line in lines) > allowed:
        yield f"{name} is not a CSV file: it holds binary data at its end"
    if zeros := tail[len(written) :].count(b"\0"):
        noun = "zero byte" if zeros == 1 else "zero bytes"
        yield f"{name} ends with {zeros:,} {noun}: it was not written to its end"
    wrong = [byte for line in lines if (byte := _wrong_byte(line, source.encoding)) is not None]
    if len(wrong) > allowed:
        yield wrong_encoding(name, "at its end it has", wrong[0], source.encoding)
    if source.multiline:
        return  # a record cannot be told from its last line
    others = [it for line in lines if (it := _separator(line, len(header.columns), source))]
    if len(others) > allowed:
        yield (
            f"{name} is separated by {in_words(others[0])} at its end, and by "
            f"{in_words(source.delimiter)} at its start: were two files put together?"
        )
    if not tail.endswith(b"\n") and (reason := _cut_off(last, header, contract)):
        yield (
            f"{name} ends in the middle of a row: its last line has no line end, and {reason}; get "
            f"the whole file, or remove that line"
        )


def _rows(text: bytes, dialect: Dialect) -> tuple[list[bytes], bytes]:
    """Return the rows among whole lines, and the last line, which is empty if it is no row."""
    translator, lines = Translator(dialect), text.split(b"\n")
    plain = Lines.of(translator.plain(text) + b"\n")
    left_out = plain.no_rows(translator.comment, skip_blank=translator.skips_blank_rows)
    rows = [b"" if no_row else line for line, no_row in zip(lines, left_out, strict=True)]
    return [row for row in rows if row.strip()], rows[-1]


def _wrong_byte(line: bytes, encoding: str) -> int | None:
    """Return the first byte of a line that the encoding does not know."""
    try:
        line.decode(encoding)
    except UnicodeDecodeError as error:
        return line[error.start]
    return None


def _separator(line: bytes, width: int, dialect: Dialect) -> str | None:
    """Return the delimiter of a line, if it is another one than the contract's."""
    translator = Translator(dialect)
    try:
        fields = translator.split(translator.text_of(line))
    except csv.Error:
        return None
    return other_separator(fields, width - 1, dialect.delimiter)


def _cut_off(line: bytes, header: Header, contract: Contract) -> str | None:
    """Return the reason why a last line is not whole."""
    if line.strip() in {b"", _END_OF_FILE}:
        return None
    found = RowValidator(contract, header).validate(line)
    if not isinstance(found, Rejection) or found.rule not in {"fields", "quotes"}:
        return None
    return None if found.reason.startswith("too many") else found.reason
