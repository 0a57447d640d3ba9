"""How QuickSight reads a bucket: with a role."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from local_aws.gate import access, actors, objects
from local_aws.gate.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local_aws.gate.iam import Call

log = logging.getLogger("local_aws")


@dataclass(frozen=True)
class Objects:
    """The objects that a role may read; without one, those that the account's own may: all."""

    account: str
    role: str | None

    def _may(self, calls: Iterable[Call]) -> bool:
        if self.role is None:
            return True
        try:
            access.check(actors.assume(self.role, "quicksight.amazonaws.com", "quicksight"), calls)
        except RefusedError as error:
            log.warning("quicksight: %s", error)
            return False
        return True

    def read(self, bucket: str, key: str) -> bytes | None:
        """Return an object's content; None if it is not there, or may not be read."""
        if not self._may(objects.read(bucket, key)):
            return None
        try:
            found = s3_backends[self.account]["aws"].get_object(bucket, key)
        except MissingBucket:
            return None
        return None if found is None else bytes(found.value)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys below a prefix; none if they may not be listed."""
        if not self._may(objects.list_({"Bucket": bucket, "Prefix": prefix})):
            return []
        try:
            found = s3_backends[self.account]["aws"].head_bucket(bucket)
        except MissingBucket:
            return []
        return sorted(name for name in found.keys if name.startswith(prefix))
