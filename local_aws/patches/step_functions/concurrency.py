"""Atomic conditional writes."""

from __future__ import annotations

import threading
from typing import Any

from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response

from local_aws.patches.hooks import wrap

_WRITES = {
    DynamoHandler: ("put_item", "update_item", "delete_item", "transact_write_items"),
    S3Response: ("put_object", "delete_object"),
}


def write_in_one() -> None:
    """Make a condition and its write atomic; in moto a lease can be given twice."""
    for handler, operations in _WRITES.items():
        lock = threading.RLock()
        for operation in operations:
            _serialize(handler, operation, lock)


def _serialize(handler: Any, operation: str, lock: threading.RLock) -> None:
    @wrap(handler, operation)
    def write(original: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return original(*args, **kwargs)


PATCHES = {"s3, dynamodb: write in one": write_in_one}
