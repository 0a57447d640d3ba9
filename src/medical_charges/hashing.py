"""Canonical JSON and its hashes: equal values have equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_BEFORE, _BETWEEN, _AFTER = b'{"content":', b',"digest":"', b'"}\n'
_DIGEST_LENGTH = 32


def canonical_json(value: Any) -> bytes:
    """Return JSON in which equal values have equal bytes."""
    return (_ENCODER.encode(value) + "\n").encode()


def content_hash(value: Any) -> str:
    """Return the hash of a JSON value: 32 hexadecimal digits of SHA-256."""
    return _hash(canonical_json(value))


def with_checksum(value: Any) -> bytes:
    """Return a JSON value with its checksum, by which damage is detected."""
    text = canonical_json(value)
    return b"".join((_BEFORE, text[:-1], _BETWEEN, _hash(text).encode(), _AFTER))


def verify_checksum(data: bytes) -> Any:
    """Return the value that `with_checksum` stored.

    Raises:
        ValueError: the checksum is missing or does not match.
    """
    # The stored bytes are hashed: encoding the value again would take as long as parsing it.
    end = len(data) - len(_BETWEEN) - _DIGEST_LENGTH - len(_AFTER)
    text = data[len(_BEFORE) : max(end, 0)]
    expected = b"".join((_BEFORE, text, _BETWEEN, _hash(text + b"\n").encode(), _AFTER))
    if data != expected:
        raise ValueError("the content does not match its checksum")
    return json.loads(text)


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_DIGEST_LENGTH]
