"""Objects in the stack's buckets, for the workers."""

from __future__ import annotations

import gzip
import threading
import zipfile
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from local_aws import environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


def split(uri: str) -> tuple[str, str]:
    """Split an s3:// (or s3a://, s3n://) URI into bucket and key."""
    parts = urlsplit(uri)
    if parts.scheme not in {"s3", "s3a", "s3n"}:
        raise ValueError(f"not an S3 URI: {uri!r}")
    return parts.netloc, parts.path.lstrip("/")


class ObjectCache:
    """A cache of objects by content: unchanged ones are downloaded and unpacked once."""

    def __init__(
        self, endpoint: str, folder: Path, credentials: Mapping[str, str] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._credentials = credentials or {}
        self._lock = threading.Lock()

    def acting(self, credentials: Mapping[str, str]) -> ObjectCache:
        """Return the cache for somebody else, who may read only what is allowed to them."""
        other = ObjectCache(self._endpoint, self._folder, credentials)
        other._lock = self._lock
        return other

    @cached_property
    def _client(self) -> S3Client:
        variables = environment.aws(self._endpoint) | dict(self._credentials)
        return boto3.client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=environment.REGION,
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=variables.get("AWS_SESSION_TOKEN"),
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def fetch(self, uri: str) -> Path:
        """Return a local copy, with the object's own file name."""
        bucket, key = split(uri)
        with self._lock:
            answer = self._client.get_object(Bucket=bucket, Key=key)
            target = self._folder / answer["ETag"].strip('"') / key.rpartition("/")[2]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                partial = target.with_name(target.name + ".partial")
                partial.write_bytes(answer["Body"].read())
                partial.rename(target)
        return target

    def importable(self, uri: str) -> Path | None:
        """Return the path from which Python imports a wheel, an archive or a module.

        None if a wheel is for another platform.
        """
        local = self.fetch(uri)
        if local.suffix == ".py":
            return local.parent
        if local.suffix == ".whl" and not _fits(local.name):
            return None
        target = local.with_name(local.name + ".unpacked")
        with self._lock:
            if not target.exists():
                partial = local.with_name(local.name + ".unpacking")
                with zipfile.ZipFile(local) as archive:
                    archive.extractall(partial)
                partial.rename(target)
        return target

    def put(
        self, uri: str, content: bytes, *, compress: bool = False, key_arn: str | None = None
    ) -> str:
        """Write an object, encrypted with a key if one is named, and return its URI."""
        bucket, key = split(uri)
        body = gzip.compress(content, mtime=0) if compress else content
        if key_arn is None:
            self._client.put_object(Bucket=bucket, Key=key, Body=body)
        else:
            self._client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=key_arn,
            )
        return uri


def _fits(wheel: str) -> bool:
    return not parse_wheel_filename(wheel)[3].isdisjoint(_tags())


def _tags() -> frozenset[object]:
    return frozenset(sys_tags())
