"""S3: events to EventBridge, and the removal of delete markers."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from flask import request
from moto.s3 import notifications
from moto.s3.models import FakeDeleteMarker, S3Backend
from moto.s3.notifications import S3NotificationEvent

from local_aws.patches.events import emit
from local_aws.patches.hooks import define, wrap

_sequence = itertools.count(1)

# AWS names the operation, moto the notification.
_REASONS = {
    "Put": "PutObject",
    "Post": "POST Object",
    "Copy": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
    "Delete": "DeleteObject",
    "DeleteMarkerCreated": "DeleteObject",
}

# An upload sets these as well; only a request of their own is an event of their own.
_ASKED_FOR = {
    S3NotificationEvent.OBJECT_ACL_UPDATE_EVENT: "acl",
    S3NotificationEvent.OBJECT_TAGGING_PUT_EVENT: "tagging",
}


def send_events() -> None:
    """Send the events that S3 sends.

    moto's events have moto's own names, one fixed id and no version. Exceptions of a rule are
    hidden, every upload also sends a change of its tags or its ACL, and a delete that leaves a
    marker sends nothing.
    """

    @define(notifications, "_send_event_bridge_message")
    def send_event_bridge_message(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        if event_name in _ASKED_FOR and _ASKED_FOR[event_name] not in request.args:
            return
        kind = str(getattr(event_name, "value", event_name)).rpartition(":")[2]
        thing: dict[str, Any] = {"key": key.name, "sequencer": f"{next(_sequence):018X}"}
        detail: dict[str, Any] = {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": thing,
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": _REASONS.get(kind, kind),
        }
        if bucket.is_versioned:
            thing["version-id"] = key.version_id
        if kind == "DeleteMarkerCreated":
            detail["deletion-type"] = "Delete Marker Created"
        elif kind == "Delete":
            detail["deletion-type"] = "Permanently Deleted"
        else:
            thing |= {"size": key.size, "etag": key.etag.replace('"', "")}
        emit(
            account=account_id,
            region=bucket.region_name,
            source="aws.s3",
            detail_type=notifications._detail_type(event_name),  # noqa: SLF001
            resources=[bucket.arn],
            detail=detail,
        )

    @wrap(S3Backend, "_set_delete_marker")
    def set_delete_marker(original: Any, backend: Any, bucket_name: str, key_name: str) -> Any:
        marker = original(backend, bucket_name, key_name)
        notifications.send_event(
            backend.account_id,
            S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT,
            backend.get_bucket(bucket_name),
            _Deleted(key_name, marker.version_id),
        )
        return marker


class _Deleted:
    """The attributes of a delete marker that an event names."""

    etag = ""
    size = 0

    def __init__(self, name: str, version_id: str) -> None:
        self.name = name
        self.version_id = version_id


def dispose_of_markers() -> None:
    """Allow deleting a delete marker once versioning is suspended, as before a bucket's end."""

    @define(FakeDeleteMarker, "dispose")
    def dispose(_marker: Any) -> None:
        """Do nothing: a marker has no content."""


PATCHES = {"s3: send events": send_events, "s3: dispose of markers": dispose_of_markers}
