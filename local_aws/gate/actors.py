"""Who asks: the account's administrator, or a session of a role.

Roles' sessions are those of moto's STS, whether a service or a user began them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from local_aws.environment import ACCOUNT, REGION
from local_aws.gate.errors import RefusedError
from local_aws.gate.iam import Call, Json, decide

if TYPE_CHECKING:
    from collections.abc import Iterator

ADMINISTRATOR = "test"
"""The access key of the account's administrator, who may do everything."""

_HOUR = 3600
_sessions: dict[tuple[str, str, str | None], Any] = {}


@dataclass(frozen=True)
class Actor:
    """A session of a role."""

    role: str
    session: str
    vpc: str | None = None
    """The VPC from which it calls, if it has no other way."""
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    """Environment variables with its credentials."""

    @property
    def arn(self) -> str:
        """The name of the session."""
        name = self.role.rpartition("/")[2]
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{self.session}"

    @property
    def principals(self) -> tuple[str, str]:
        """The names that a policy of a resource may give it."""
        return self.role, self.arn

    @property
    def policies(self) -> list[Json]:
        """The policies of its role as they are now."""
        try:
            role = iam_backends[ACCOUNT]["aws"].get_role_by_arn(self.role)
        except NotFoundException:
            return []
        return list(_policies(role))


def _policies(role: Any) -> Iterator[Json]:
    for document in role.policies.values():
        yield json.loads(document)
    for managed in role.managed_policies.values():
        yield json.loads(next(it.document for it in managed.versions if it.is_default))


def role_arn(name: str) -> str:
    """Return the ARN of a role that is given by its ARN or its name."""
    return name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{name}"


def role_of_profile(name: str) -> str | None:
    """Return the role of an instance profile; None if there is no such profile or role."""
    name = name.rpartition("/")[2]
    for profile in iam_backends[ACCOUNT]["aws"].instance_profiles.values():
        if profile.name == name and profile.roles:
            return str(profile.roles[0].arn)
    return None


def assume(
    role: str, service: str, session: str, *, source: str | None = None, vpc: str | None = None
) -> Actor:
    """Let a service begin a session of a role, as the role's trust policy allows.

    Args:
        role: the name or the ARN of the role.
        service: the service, as NAME.amazonaws.com.
        session: what the service does it for.
        source: the ARN of the resource that it does it for, if the service says so.
        vpc: the VPC from which the session will call.

    Raises:
        RefusedError: there is no such role, or it does not trust the service.
    """
    role = role_arn(role)
    try:
        trust = iam_backends[ACCOUNT]["aws"].get_role_by_arn(role).assume_role_policy_document
    except NotFoundException as error:
        raise _cannot(role, service, "because it does not exist") from error
    told = {"aws:SourceArn": source, "aws:SourceAccount": ACCOUNT} if source else {}
    call = Call("sts:AssumeRole", role, told)
    if not decide([], call, principals=[service], resource=json.loads(trust)).allowed:
        raise _cannot(role, service, "because its trust policy does not allow it")
    return begin(role, session, vpc=vpc)


def begin(role: str, session: str, *, vpc: str | None = None) -> Actor:
    """Begin a session of a role for a service that has already been let assume it."""
    session = session.replace("/", "-")[:64]
    if (role, session, vpc) not in _sessions:
        begun: Any = sts_backends[ACCOUNT]["aws"].assume_role(
            REGION, session, role, policy="", duration=_HOUR, external_id=""
        )
        begun.vpc = vpc
        _sessions[role, session, vpc] = begun
    return _actor(_sessions[role, session, vpc])


def _cannot(role: str, service: str, reason: str) -> RefusedError:
    return RefusedError("AccessDenied", f"{service} cannot assume {role} {reason}", 403)


def _actor(session: Any) -> Actor:
    variables = {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }
    return Actor(session.role_arn, session.session_name, getattr(session, "vpc", None), variables)


def holder(key: str) -> Actor | None:
    """Return the session that has an access key, None for the administrator.

    Raises:
        RefusedError: nobody has this key.
    """
    if key == ADMINISTRATOR:
        return None
    session = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(key)
    if session is None:
        raise RefusedError(
            "InvalidClientTokenId", "The security token included in the request is invalid.", 403
        )
    return _actor(session)
