"""The header of an object: the mapping of a row's fields to the contract's columns."""

from __future__ import annotations

import csv
import difflib
import json
import zlib
from dataclasses import dataclass

from medical_charges.contract import Contract
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.quotes import records
from medical_charges.kernel.signatures import other_kind

HEAD_BYTES = 64 * 1024
"""Number of bytes read from an object's start to find its header."""

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_OTHER_TEXTS = {"{": "JSON", "[{": "JSON", "<": "a page of HTML, or XML"}
"""Starts of texts that are not CSV, unless they are a column's name."""


@dataclass(frozen=True)
class Header:
    """The parsed first line of an object."""

    columns: tuple[str | None, ...]
    """For each field of a row, the contract's column it holds, or None if it is ignored."""
    ignored: tuple[str, ...]
    """Names in the header that the contract does not know."""
    data_start: int
    """Offset of the first row, in bytes of the decompressed object."""
    gzip: bool
    """True if the object is compressed."""


def read_header(name: str, head: bytes, contract: Contract) -> Header:
    """Read the header at the start of an object, of which `head` is the first HEAD_BYTES.

    Raises:
        InputRefusedError: the object is empty, not CSV, has no header or lacks a column. The
            message repeats no row of the object.
    """
    fields, data_start = read_fields(name, head, contract.source)
    columns, ignored = matched(name, fields, contract)
    return Header(columns, ignored, data_start, head.startswith(_GZIP))


def read_fields(name: str, head: bytes, dialect: Dialect) -> tuple[list[str], int]:
    """Read the header of an object: its fields, and the offset of the first row.

    Raises:
        InputRefusedError: the object is empty, or not CSV.
    """
    zipped = head.startswith(_GZIP)
    try:
        head = text_of(head)
    except zlib.error as error:
        raise InputRefusedError(f"{name} starts like gzip, but cannot be decompressed") from error
    if (kind := other_kind(name, head, zipped=zipped)) is not None:
        raise InputRefusedError(f"{name} is not a CSV file: it looks like {kind}")
    translator = Translator(dialect)
    start = _header_start(name, head, dialect)
    if start == len(head):
        raise InputRefusedError(f"{name} is empty: a header and rows were expected")
    text = head[start:]
    if dialect.multiline:
        line = text[: len(next(records(translator.plain(text))))]
    else:
        line = text[: text.find(b"\n") + 1] or text
    if len(line) == len(text) and (len(head) >= HEAD_BYTES or b"\r" in line.rstrip(b"\r\n")):
        raise InputRefusedError(
            f"{name} has no line end (\\n or \\r\\n) in its first {len(head)} bytes"
        )
    return _fields(name, line, dialect, binary=b"\0" in head), start + len(line)


def _header_start(name: str, head: bytes, dialect: Dialect) -> int:
    """Return the offset of the header: after the lines to skip, comments and empty lines."""
    start = len(_BOM) if head.startswith(_BOM) else 0
    for _ in range(dialect.skip_lines):
        start = head.find(b"\n", start) + 1
        if not start:
            raise InputRefusedError(
                f"{name} has fewer lines than the {dialect.skip_lines} above its header "
                f"(`source.skip_lines`)"
            )
    comment = (dialect.comment or "\n").encode()
    while head[start : start + 1] in {b"\r", b"\n", comment}:
        if head.startswith(comment, start):
            start = head.find(b"\n", start) + 1 or len(head)
        else:
            start += 1
    return start


def text_of(head: bytes) -> bytes:
    """Return the decompressed start of an object, HEAD_BYTES of it at most.

    A compressed object may be cut off, and may have many members with zeros between them.

    Raises:
        zlib.error: it starts like gzip and is damaged.
    """
    if not head.startswith(_GZIP):
        return head
    text = b""
    while head.startswith(_GZIP) and len(text) < HEAD_BYTES:
        member = zlib.decompressobj(wbits=31)
        text += member.decompress(head, HEAD_BYTES - len(text))
        head = member.unused_data.lstrip(b"\0")
    return text


def _fields(name: str, line: bytes, dialect: Dialect, *, binary: bool) -> list[str]:
    refused = f"{name} is not a CSV file"
    if b"\0" in line:
        raise InputRefusedError(f"{refused}: it holds binary data")
    encoding = dialect.encoding
    try:
        text = line.decode(encoding).removesuffix("\n").removesuffix("\r")
        return [field.strip() for field in Translator(dialect).split(text)]
    except UnicodeDecodeError as error:
        if binary:
            raise InputRefusedError(f"{refused}: it holds binary data") from error
        where = "its first line has"
        raise InputRefusedError(wrong_encoding(name, where, line[error.start], encoding)) from error
    except csv.Error as error:
        raise InputRefusedError(f"{refused}: its first line is not a line of CSV") from error


def wrong_encoding(name: str, where: str, byte: int, encoding: str) -> str:
    """Return the sentence on a byte that an object's encoding does not know."""
    known = "UTF-8" if encoding == "utf-8" else encoding
    other = "cp1252" if encoding == "utf-8" else "latin-1"
    return (
        f"{name} is not {known}: {where} the byte {byte:#04x}; save it as UTF-8, or say what it is "
        f"(for example `source.encoding: {other}`)"
    )


def matched(
    name: str, fields: list[str], contract: Contract
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the contract's columns by the fields of a header, and the fields that it ignores.

    Raises:
        InputRefusedError: a column is missing, or there twice.
    """
    source = contract.source
    columns = tuple(map(source.column_called, fields))
    others = [f for f, column in zip(fields, columns, strict=True) if column is None]
    # By the first of their spellings.
    missing = [source.spellings(column)[0] for column in source.columns if column not in columns]
    if not any(columns) and not source.is_parquet:
        raise InputRefusedError(_no_header(name, fields, missing, source.delimiter))
    if missing:
        raise InputRefusedError(_missing_columns(name, missing, others))
    for column in source.columns:
        if columns.count(column) > 1:
            times = f"{columns.count(column)} times"
            raise InputRefusedError(f"{name} has the column {column!r} {times}")
    return columns, tuple(others)


def _no_header(name: str, fields: list[str], wanted: list[str], delimiter: str) -> str:
    # The line may be a row of data, so it is described and not quoted.
    expected = f"expected were {', '.join(wanted)}"
    if (other := other_format(name, fields, len(wanted) - 1, delimiter)) is not None:
        return other
    close = [f for f in fields if f.lower() in {column.lower() for column in wanted}]
    if close:
        return (
            f"{name} has {', '.join(map(repr, close))} in its header; names must match exactly, "
            f"or say `source.fold_names: true` or their `name`"
        )
    return (
        f"{name} has no header: its first line has {_count(len(fields), 'field')}, "
        f"none of them a column of the contract; {expected}"
    )


_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def other_format(name: str, fields: list[str], separators: int, delimiter: str) -> str | None:
    """Return a sentence on a first line that is of another format than CSV, or None.

    A line of one field is taken to be separated by what it has so many of.
    """
    separator = other_separator(fields, separators, delimiter)
    if separator is not None:
        return (
            f"{name} is separated by {in_words(separator)}, not by {in_words(delimiter)}; "
            f"`source.delimiter: {json.dumps(separator)}` in the contract reads it"
        )
    for start, kind in _OTHER_TEXTS.items():
        if fields[0].startswith(start):
            return f"{name} is not a CSV file: it looks like {kind}"
    return None


def other_separator(fields: list[str], separators: int, delimiter: str) -> str | None:
    """Return what a line of one field has so many of that it must be its delimiter, or None."""
    others = (it for it in _SEPARATORS if it != delimiter)
    found = (it for it in others if fields[0].count(it) >= max(1, separators))
    return next(found, None) if len(fields) == 1 else None


def in_words(delimiter: str) -> str:
    """Return what a delimiter is called, many of it."""
    return _SEPARATORS.get(delimiter, repr(delimiter))


def _missing_columns(name: str, missing: list[str], others: list[str]) -> str:
    verb = "is" if len(missing) == 1 else "are"
    sentence = f"{name} lacks the {_plural(len(missing), 'column')} {', '.join(missing)}"
    hints = []
    for column in missing:
        lowered = {other.lower(): other for other in others}
        for match in difflib.get_close_matches(column.lower(), lowered, n=1, cutoff=0.75):
            hints.append(f"{lowered[match]!r} for {column!r}")
    if hints:
        return f"{sentence}; its header has {', '.join(hints)} (the key `name` says so)"
    return f"{sentence}, which {verb} in the contract"


def _count(number: int, noun: str) -> str:
    return f"{number} {_plural(number, noun)}"


def _plural(number: int, noun: str) -> str:
    return noun if number == 1 else noun + "s"
