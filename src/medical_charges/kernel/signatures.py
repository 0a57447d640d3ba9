"""Files that are no CSV by their first bytes, and what makes a CSV of each."""

from __future__ import annotations

import shlex

_SHEET = "save its sheet as `CSV UTF-8`, or call `libreoffice --headless --convert-to csv {file}`"

_PARQUET = (
    "a contract with `source.format: parquet` reads it, and one contract reads files of one "
    "format: keep the others in another folder"
)

_ARCHIVE = b"PK\x03\x04"

_SIGNATURES = {
    _ARCHIVE: ("a ZIP archive", "`unzip {file}` unpacks it"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", _SHEET),
    b"BZh91AY&SY": ("a bzip2 file", "`bunzip2 {file}` unpacks it"),
    b"\xfd7zXZ\0": ("an xz file", "`unxz {file}` unpacks it"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", "`unzstd {file}` unpacks it"),
    b"PAR1": ("a Parquet file", _PARQUET),
    b"%PDF": ("a PDF document", ""),
    b"Obj\x01": ("an Avro file", ""),
}
"""By their first bytes, what files are, and what makes a CSV of them."""

_FIRST_IN_WORKBOOKS = (
    *(b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/"),
    b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
)
"""The names of a workbook's first member, or what stands there, behind a ZIP archive's header."""

_NAME_AT = 30

_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""Byte-order marks, the longest first."""

_WIDE = {"UTF-32LE": (4, 0), "UTF-32BE": (4, 3), "UTF-16LE": (2, 0), "UTF-16BE": (2, 1)}
"""Encodings with the bytes of a character, and which of them an ASCII character has."""

_CHARACTERS_SEEN = 16


def other_kind(name: str, head: bytes, *, zipped: bool = False) -> str | None:
    """Return what a text is by its first bytes, and what makes a CSV of it, or None.

    Args:
        name: the object's key, of whose last part the commands are made.
        head: the start of the text.
        zipped: whether the text was compressed by gzip.
    """
    file = shlex.quote(name.rpartition("/")[2])
    if (encoding := _wide_encoding(head)) is not None:
        recode = f"iconv -f {encoding} -t UTF-8"
        way = f"zcat < {file} | {recode}" if zipped else f"{recode} {file}"
        return f"{encoding[:6]} text; `{way} > utf8.csv` makes UTF-8 of it"
    if head.startswith(_ARCHIVE) and head.startswith(_FIRST_IN_WORKBOOKS, _NAME_AT):
        return f"an Excel or OpenDocument workbook; {_SHEET.format(file=file)}"
    for signature, (kind, way) in _SIGNATURES.items():
        if head.startswith(signature):
            return f"{kind}; {way.format(file=file)}" if way else kind
    return None


def _wide_encoding(head: bytes) -> str | None:
    """Return the encoding of a text whose characters have two or four bytes each, or None."""
    marked = (encoding for mark, encoding in _MARKS.items() if head.startswith(mark))
    unmarked = (it for it, (width, place) in _WIDE.items() if _is_ascii_in(head, width, place))
    return next(marked, None) or next(unmarked, None)


def _is_ascii_in(head: bytes, width: int, place: int) -> bool:
    """Return True if a text starts with characters of which one byte each is not zero."""
    start = head[: min(_CHARACTERS_SEEN, len(head) // width) * width]
    characters = start[place::width]
    return b"\0" not in characters and start.count(b"\0") == (width - 1) * len(characters) > 0
