"""JSON in one canonical form, hashed: equal values have equal bytes and equal names."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """JSON in which equal values have equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return (text + "\n").encode()


def digest(value: Any) -> str:
    """A hash of a JSON value, 32 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:32]


def seal(value: Any) -> bytes:
    """A JSON value with the hash of its content, so that damage shows."""
    return canonical_json({"content": value, "digest": digest(value)})


def unseal(data: bytes) -> Any:
    """The value that was sealed.

    Raises:
        ValueError: the data is not JSON, was not sealed, or was damaged.
    """
    sealed = json.loads(data)
    if not isinstance(sealed, dict) or sealed.get("digest") != digest(sealed.get("content")):
        raise ValueError("the content is not what was sealed")
    return sealed["content"]
