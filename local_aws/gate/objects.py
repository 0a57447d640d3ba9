"""What S3's operations need.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html names each one's permissions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.s3.models import s3_backends

from local_aws.environment import ACCOUNT, REGION
from local_aws.gate.iam import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Given = Mapping[str, Any]
    Needs = Callable[[Given], Iterator[Call]]

_VIA = {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}


def _bucket(name: str) -> Any:
    return s3_backends[ACCOUNT]["aws"].buckets.get(name)


def _arn(bucket: str, key: str | None = None) -> str:
    return f"arn:aws:s3:::{bucket}" if key is None else f"arn:aws:s3:::{bucket}/{key}"


def key_call(action: str, key: str, object_arn: str) -> Call:
    """Return a call of KMS that S3 makes in the name of the caller."""
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    return Call(f"kms:{action}", arn, {**_VIA, "kms:EncryptionContext:aws:s3:arn": object_arn})


def read(bucket: str, key: str, version: str | None = None) -> Iterator[Call]:
    """Return what reading an object needs."""
    name = "GetObject" if version is None else "GetObjectVersion"
    yield Call(f"s3:{name}", _arn(bucket, key))
    held = _bucket(bucket) and s3_backends[ACCOUNT]["aws"].get_object(bucket, key, version)
    if not held:
        # Who may not list is not told that nothing is there.
        yield Call("s3:ListBucket", _arn(bucket))
    elif held.encryption == "aws:kms" and held.kms_key_id:
        yield key_call("Decrypt", held.kms_key_id, _arn(bucket, key))


def list_(given: Given) -> Iterator[Call]:
    """Return what listing a bucket needs."""
    keys = {"s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys", "s3:prefix": "Prefix"}
    context = {key: str(given[name]) for key, name in keys.items() if name in given}
    yield Call("s3:ListBucket", _arn(given["Bucket"]), context)


def _write(given: Given, *actions: str) -> Iterator[Call]:
    """Return what writing an object needs, by the actions on its key."""
    bucket, key = given["Bucket"], given["Key"]
    headers = {
        "s3:x-amz-acl": "ACL",
        "s3:x-amz-server-side-encryption": "ServerSideEncryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
        "s3:x-amz-storage-class": "StorageClass",
    }
    context = {name: str(given[header]) for name, header in headers.items() if header in given}
    yield Call("s3:PutObject", _arn(bucket, key), context)
    if "Tagging" in given:
        yield Call("s3:PutObjectTagging", _arn(bucket, key))
    if "ACL" in given:
        yield Call("s3:PutObjectAcl", _arn(bucket, key))
    if with_key := _key_of(given):
        for action in actions:
            yield key_call(action, with_key, _arn(bucket, key))


def _key_of(given: Given) -> str | None:
    """Return the key with which an object will be encrypted, if KMS has it."""
    bucket = _bucket(given["Bucket"])
    rule = (bucket.encryption or {}).get("Rule", {}) if bucket else {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    if given.get("ServerSideEncryption", default.get("SSEAlgorithm")) != "aws:kms":
        return None
    key = given.get("SSEKMSKeyId", default.get("KMSMasterKeyID"))
    return str(key) if key else None


def _copy(given: Given) -> Iterator[Call]:
    source, _, version = given["CopySource"].partition("?versionId=")
    bucket, _, key = unquote(source).lstrip("/").partition("/")
    yield from read(bucket, key, version or None)
    yield from _write(given, "GenerateDataKey")


def _delete(given: Given) -> Iterator[Call]:
    version = "DeleteObjectVersion" if "VersionId" in given else "DeleteObject"
    yield Call(f"s3:{version}", _arn(given["Bucket"], given["Key"]))


def _delete_several(given: Given) -> Iterator[Call]:
    for each in given["Delete"]["Objects"]:
        yield from _delete({"Bucket": given["Bucket"], **each})


def _on(action: str) -> Needs:
    """Return what an operation needs that is one action on its object, or on its bucket."""

    def needs(given: Given) -> Iterator[Call]:
        yield Call(f"s3:{action}", _arn(given["Bucket"], given.get("Key")))

    return needs


def _read(given: Given) -> Iterator[Call]:
    return read(given["Bucket"], given["Key"], given.get("VersionId"))


NEEDS: dict[str, Needs] = {
    "AbortMultipartUpload": _on("AbortMultipartUpload"),
    "CompleteMultipartUpload": lambda given: _write(given, "Decrypt"),
    "CopyObject": _copy,
    "CreateMultipartUpload": lambda given: _write(given, "GenerateDataKey"),
    "DeleteObject": _delete,
    "DeleteObjects": _delete_several,
    "GetBucketLocation": _on("GetBucketLocation"),
    "GetBucketVersioning": _on("GetBucketVersioning"),
    "GetObject": _read,
    "HeadBucket": _on("ListBucket"),
    "HeadObject": _read,
    "ListMultipartUploads": _on("ListBucketMultipartUploads"),
    "ListObjects": list_,
    "ListObjectsV2": list_,
    "ListObjectVersions": _on("ListBucketVersions"),
    "ListParts": _on("ListMultipartUploadParts"),
    "PutObject": lambda given: _write(given, "GenerateDataKey"),
    "UploadPart": lambda given: _write(given, "Decrypt", "GenerateDataKey"),
    "UploadPartCopy": _copy,
}
