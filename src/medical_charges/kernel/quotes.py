"""Quoted fields as in RFC 4180: a quote opens a field only at the field's start."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A field that is never closed extends to the end of the text.
_QUOTED = rb'"(?<![^,\n]")[^"]*+(?:""[^"]*+)*+(?:"|\Z)'
_RECORD = re.compile(rb'(?:[^"\n]++|' + _QUOTED + rb'|")*+(?:\n|\Z)')

QUOTED_FIELD = re.compile(_QUOTED)
"""A quoted field with its quotes, in a text that starts at a record's start."""


def records(text: bytes) -> Iterator[bytes]:
    """Yield the records of a text, each with the newline that ends it, if there is one."""
    return (found.group() for found in _RECORD.finditer(text) if found.group())
