"""The gate as a WSGI middleware."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from local_aws.gate import access, actors, given_roles, needs, parameters, requests
from local_aws.gate.errors import RefusedError, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("local_aws")

_CONTROL = "/moto-api"
"""Paths of the emulator itself, which AWS does not have."""


class Gate:
    """A WSGI middleware that lets through what AWS would."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or let the emulator answer it."""
        if environ["PATH_INFO"].startswith(_CONTROL):
            return self._application(environ, start_response)
        scope = requests.scope(environ)
        wire = requests.routed(environ, scope) if scope else None
        try:
            _check(environ, scope, wire)
        except RefusedError as refusal:
            log.warning("%s is refused: %s", wire or scope or "an unsigned request", refusal)
            # One that no model has is answered as S3 does.
            form = (wire.service, wire.protocol) if wire else ("s3", "rest-xml")
            return refuse(refusal, *form, environ, start_response)
        return self._application(environ, start_response)


def _check(
    environ: WSGIEnvironment, scope: requests.Scope | None, wire: requests.Wire | None
) -> None:
    if scope is None:
        raise RefusedError("AccessDenied", "the request is not signed", 403)
    actor = actors.holder(scope.key)
    if wire is None:
        if actor:
            raise RefusedError("AccessDenied", "no model has the requested operation", 403)
        return
    given = requests.parameters(wire, environ)
    parameters.check(wire.operation, given)
    if actor:
        access.check(actor, needs.of(wire.name, given))
    given_roles.check(wire.name, given)
