"""A sample of the rows of files, small enough to be looked at in a second."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Literal

import polars as pl

from medical_charges.contract.naming import not_a_name
from medical_charges.contract.parts.dialect import Dialect, Encoding
from medical_charges.draft.dialect import dialect_of, encoding_of, plain_frame, with_numbers
from medical_charges.draft.parquet import (
    SAMPLE_ROWS,
    is_parquet,
    parquet_fields,
    sample_parquet,
)
from medical_charges.draft.spellings import Spelled, as_values, spellings_in
from medical_charges.draft.units import unit_of
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.columns import without_unit
from medical_charges.kernel.dialect import Translator
from medical_charges.kernel.header import HEAD_BYTES, other_format, read_fields, text_of
from medical_charges.kernel.quotes import records

SAMPLE_BYTES = 16 * 1024 * 1024
"""Number of bytes that are read of all files together."""

SAMPLED_FILES = 32
_PIECES = 16
"""Number of places of a large file that are looked at, from its start to its end."""

_GZIP = b"\x1f\x8b"
_NUMBER = re.compile(r"\s*[+-]?[0-9.]+\s*")
_WELL_FORMED = 0.98
"""Share of the records that must have every field for quoted line breaks to be assumed."""


@dataclass(frozen=True)
class Sample:
    """Rows of files, as text."""

    names: tuple[str, ...]
    """All columns of the files, in the order of their headers."""
    frame: pl.DataFrame
    """The rows by column. A field that is not there is null, an empty one is empty."""
    heads: tuple[pl.DataFrame, ...]
    """The rows of each file by themselves."""
    unusable: Mapping[str, str]
    """Columns that no contract could read, with the reason."""
    rows: int
    """Number of rows of the files; an estimate unless the sample is whole."""
    whole: bool
    """True if every row was read."""
    format: Literal["csv", "parquet"]
    """What the files are."""
    dialect: Dialect
    """How the files are written; `frame` and `heads` have them in the plain dialect."""
    units: Mapping[str, str]
    """By column, the units without which `frame` and `heads` have its numbers."""
    spellings: Mapping[str, Spelled]
    """By column, the texts in place of which `frame` and `heads` have the values."""


@dataclass(frozen=True)
class _Part:
    """The sample of one file."""

    fields: list[str]
    frame: pl.DataFrame
    rows: float
    whole: bool
    dialect: Dialect
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Columns that are not in `frame`, with the reason."""


@dataclass(frozen=True)
class _Read:
    """What was read of a file."""

    head: bytes
    """The text up to the first row."""
    data: bytes
    """Whole lines."""
    share: float
    """Share of the rows that they are."""


def take_sample(files: Mapping[str, Path]) -> Sample:
    """Read rows from the start, the middle and the end of files.

    Raises:
        InputRefusedError: a file is no CSV with a header and no Parquet, or has no row; or some are
            CSVs and others Parquet.
    """
    chosen = dict([*files.items()][:: -(-len(files) // SAMPLED_FILES)])
    parquet = _are_parquet(files)
    parts = (_parquet_parts if parquet else _csv_parts)(chosen)
    dialect = _dialect_of(parts.values())
    names = dict.fromkeys(field for part in parts.values() for field in part.fields)
    unusable = _unusable(names, parts)
    kept = [name for name in names if name not in unusable]
    read_as_text = pl.concat(part.frame.select(kept) for part in parts.values())
    units = {name: unit for name in kept if (unit := unit_of(read_as_text[name]))}
    read_as_text = read_as_text.with_columns(without_unit(pl.col(n), u) for n, u in units.items())
    dialect = with_numbers(dialect, read_as_text)
    if parquet:
        dialect = Dialect(null_values=dialect.null_values)
    frame = plain_frame(read_as_text, dialect)
    spellings = {name: spelled for name in kept if (spelled := spellings_in(frame[name]))}
    frame = frame.with_columns(as_values(name, it) for name, it in spellings.items())
    heights = [part.frame.height for part in parts.values()]
    ends = list(accumulate(heights))
    ways = {
        key: any(getattr(part.dialect, key) for part in parts.values())
        for key in ("multiline", "skip_blank_rows")
    }
    return Sample(
        names=tuple(names),
        frame=frame,
        heads=tuple(frame[end - height : end] for end, height in zip(ends, heights, strict=True)),
        unusable=unusable,
        rows=round(sum(part.rows for part in parts.values()) * len(files) / len(chosen)),
        whole=len(chosen) == len(files) and all(part.whole for part in parts.values()),
        format="parquet" if parquet else "csv",
        dialect=dialect.model_copy(update=ways),
        units=units,
        spellings=spellings,
    )


def _are_parquet(files: Mapping[str, Path]) -> bool:
    """Return True if files are Parquet, and False if they are CSVs."""
    kinds = {is_parquet(path): name for name, path in files.items()}
    if len(kinds) > 1:
        raise InputRefusedError(
            f"{kinds[True]} is Parquet, and {kinds[False]} is not: one contract reads files of one "
            f"format, so keep each format in a folder of its own"
        )
    return True in kinds


def _csv_parts(files: Mapping[str, Path]) -> dict[str, _Part]:
    budget = SAMPLE_BYTES // len(files)
    read = {name: _read(name, path, budget) for name, path in files.items()}
    encoding = encoding_of(text for one in read.values() for text in (one.head, one.data))
    return {name: _part(name, one, encoding, budget // _PIECES) for name, one in read.items()}


def _parquet_parts(files: Mapping[str, Path]) -> dict[str, _Part]:
    found = {
        name: sample_parquet(name, path, SAMPLE_ROWS // len(files)) for name, path in files.items()
    }
    return {
        name: _Part(
            it.fields, it.frame, it.rows, it.frame.height == it.rows, Dialect(), it.unreadable
        )
        for name, it in found.items()
    }


def _dialect_of(parts: Iterable[_Part]) -> Dialect:
    """Return the dialect of all parts, if it is one."""
    dialects = {part.dialect.delimiter: part.dialect for part in parts}
    if len(dialects) > 1:
        raise InputRefusedError(
            f"the files are separated by {' and '.join(map(repr, dialects))}: one contract reads "
            f"one of these"
        )
    (dialect,) = dialects.values()
    return dialect


def _unusable(names: Iterable[str], parts: Mapping[str, _Part]) -> dict[str, str]:
    """Return the columns that no contract can read, and why."""
    found: dict[str, str] = {}
    for file, part in parts.items():
        for name in names:
            if not name:
                found[name] = "a column without a name"
            elif (allowed := not_a_name(name)) is not None:
                found[name] = f"its name is not {allowed}"
            elif part.fields.count(name) > 1:
                found[name] = f"stands {part.fields.count(name)} times in the header of {file}"
            elif name not in part.fields:
                found[name] = f"{file} has no such column"
            elif name in part.unreadable:
                found[name] = part.unreadable[name]
    return found


def _read(name: str, path: Path, budget: int) -> _Read:
    head = _head(path)
    _, start = _header(name, head)
    data, share = (_unzipped if head.startswith(_GZIP) else _pieces)(path, start, budget)
    return _Read(text_of(head)[:start], data, share)


def _part(name: str, found: _Read, encoding: Encoding, piece: int) -> _Part:
    """Sample what was read; if records span lines, only its first piece."""
    dialect = dialect_of(found.head).model_copy(update={"encoding": encoding})
    fields, _ = read_fields(name, found.head, dialect)
    translator = Translator(dialect)
    data, share = translator.recoded(found.data), found.share
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    multiline = _has_line_breaks(lines, translator.plain(data[:piece]), len(fields))
    if multiline:
        end = data.find(b"\n", piece) if share < 1 else len(data)
        data, share = data[:end], share * end / len(data)
    else:
        # A quote that is never closed would hide the lines after it.
        data = b"\n".join(line for line in lines if line and line.count(b'"') % 2 == 0)
    read = _frame(fields, data, dialect.delimiter)
    frame = read.filter(~pl.all_horizontal(pl.all().fill_null("") == ""))
    if frame.is_empty():
        raise InputRefusedError(f"{name} has a header and no row")
    ways = {"multiline": multiline, "skip_blank_rows": frame.height < read.height}
    dialect = dialect.model_copy(update=ways)
    return _Part(fields, frame, frame.height / share, share == 1, dialect)


def header_of(name: str, path: Path) -> list[str]:
    """Read the names of a file's columns, in the dialect that it looks like.

    Raises:
        InputRefusedError: the file is no CSV with a header.
    """
    return parquet_fields(name, path) if is_parquet(path) else _header(name, _head(path))[0]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _header(name: str, head: bytes) -> tuple[list[str], int]:
    """Read the header at the start of a file: its fields, and the offset of the first row."""
    try:
        dialect = dialect_of(text_of(head))
    except zlib.error:
        dialect = Dialect()  # in which it is refused
    fields, start = read_fields(name, head, dialect)
    _refuse_other_texts(name, fields, dialect)
    return fields, start


def _refuse_other_texts(name: str, fields: list[str], dialect: Dialect) -> None:
    if (other := other_format(name, fields, 1, dialect.delimiter)) is not None:
        raise InputRefusedError(other)
    numbers = sum(bool(_NUMBER.fullmatch(field)) for field in fields)
    if numbers * 2 > len(fields):
        raise InputRefusedError(
            f"{name} has no header: {numbers} of the {len(fields)} fields of its first line are "
            f"numbers; put a line with the columns' names above it"
        )


def _unzipped(path: Path, start: int, budget: int) -> tuple[bytes, float]:
    """Return the start of a gzipped file, and about which share of its rows this is."""
    with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as file:
        try:
            text = file.read(start + budget)
            end = not file.read(1)
        except (OSError, EOFError) as error:
            raise InputRefusedError(f"{path.name} cannot be decompressed: {error}") from error
        share = 1.0 if end else min(raw.tell() / path.stat().st_size, 0.99)
    return text[start:] if end else text[start : text.rfind(b"\n") + 1], share


def _pieces(path: Path, start: int, budget: int) -> tuple[bytes, float]:
    """Return lines of a file, and which share of its bytes these are."""
    size = path.stat().st_size - start
    with path.open("rb") as file:
        if size <= budget:
            file.seek(start)
            return file.read(), 1.0
        length, found = budget // _PIECES, list[bytes]()
        for i in range(_PIECES):
            file.seek(start + i * (size - length) // (_PIECES - 1))
            piece = file.read(length)
            # The first line may be cut off, and the last one too.
            begin = piece.find(b"\n") + 1 if i else 0
            found.append(piece[begin : piece.rfind(b"\n") + 1])
    data = b"".join(found)
    return data, len(data) / size


def _has_line_breaks(lines: list[bytes], text: bytes, width: int) -> bool:
    """Return True if lines with an odd quote are parts of records that span lines."""
    if not any(line.count(b'"') % 2 for line in lines):
        return False
    whole = list(records(text))[:-1]
    good = sum(_width(record) == width for record in whole)
    return good >= _WELL_FORMED * len(whole) > 0


def _width(record: bytes) -> int:
    try:
        return len(next(csv.reader(io.StringIO(record.decode(errors="replace"), newline="")), []))
    except csv.Error:
        return 0


def _frame(fields: list[str], data: bytes, delimiter: str) -> pl.DataFrame:
    """Read rows as text; of fields with the same name the last one is kept."""
    places = {name: str(place) for place, name in enumerate(fields)}
    frame = pl.read_csv(
        io.BytesIO(data),
        has_header=False,
        separator=delimiter,
        schema={str(place): pl.String for place in range(len(fields))},
        extra_columns="ignore",
        missing_columns="insert",
        encoding="utf8-lossy",
    )
    return frame.select(pl.col(place).alias(name) for name, place in places.items())
