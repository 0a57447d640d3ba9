"""A bucket as a store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from medical_charges.errors import InputChangedError, InputRefusedError, ObjectMissingError
from medical_charges.storage.base import REQUESTS_AT_ONCE, ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Store:
    """A store of the objects of one bucket. Reads are pinned to a version by If-Match.

    Args:
        uri: the bucket.
        client: what asks S3; one with the credentials of the environment, if not given.
    """

    def __init__(self, uri: str, client: S3Client | None = None) -> None:
        self._bucket = uri.removeprefix("s3://").rstrip("/")
        self._given = client

    @property
    def uri(self) -> str:
        """The bucket as an S3 URI."""
        return f"s3://{self._bucket}"

    @cached_property
    def _client(self) -> S3Client:
        if self._given is not None:
            return self._given
        import boto3  # noqa: PLC0415 - a folder needs no AWS SDK, and importing it takes long
        from botocore.config import Config  # noqa: PLC0415 - as above

        return boto3.client("s3", config=Config(max_pool_connections=REQUESTS_AT_ONCE))

    def __getstate__(self) -> dict[str, Any]:
        """Drop the client, which cannot be pickled; each worker makes its own."""
        return {"_bucket": self._bucket, "_given": None}

    def list(self, prefix: str) -> Iterator[ObjectRef]:
        """Yield every object below `prefix`, sorted by key, as S3 lists them."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix.rstrip("/") + "/"
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield ObjectRef(item["Key"], item["ETag"].strip('"'), item["Size"])

    def read(self, key: str) -> bytes:
        """Return all bytes of an object."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey as error:
            raise ObjectMissingError(f"{self.uri}/{key} does not exist") from error

    def read_range(self, ref: ObjectRef, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end` of the version that `ref` names."""
        if start >= end:
            return b""
        return self._get(ref, Range=f"bytes={start}-{end - 1}").read()

    def open(self, ref: ObjectRef) -> BinaryIO:
        """Open the version that `ref` names as a stream."""
        return self._get(ref)

    def _get(self, ref: ObjectRef, **arguments: str) -> BinaryIO:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

        try:
            response = self._client.get_object(
                Bucket=self._bucket,
                Key=ref.key,
                IfMatch=f'"{ref.etag}"',
                **arguments,  # type: ignore[arg-type]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "NoSuchKey"}:
                raise InputChangedError(f"{ref.key} changed after it was listed") from error
            if error.response["Error"]["Code"] == "InvalidObjectState":
                raise InputRefusedError(
                    f"{ref.key} is archived, and cannot be read: restore it, or copy it to a "
                    f"storage class that can be read at once"
                ) from error
            raise
        return cast("BinaryIO", response["Body"])

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self._client.delete_object(Bucket=self._bucket, Key=key)
