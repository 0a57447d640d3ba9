"""Text from data, file names and contracts, made safe to print."""

from __future__ import annotations

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_SEPARATORS = (0x2028, 0x2029)
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SURROGATES = range(0xD800, 0xE000)
_ESCAPES = {
    code: repr(chr(code))[1:-1]
    for code in (*_CONTROLS, *_SEPARATORS, *_DIRECTIONS, *_SURROGATES)
    if chr(code) not in "\n\t"
}


def printable(text: str) -> str:
    r"""Return text in which characters that control a terminal are escaped, as in `\x1b`."""
    return text.translate(_ESCAPES)
