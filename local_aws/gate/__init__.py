"""What AWS would refuse is refused before the emulator sees it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from local_aws.gate import parameters, requests
from local_aws.gate.errors import RefusedError, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("local_aws")


class Gate:
    """A WSGI middleware that lets through what AWS would."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or let the emulator answer it."""
        wire = requests.routed(environ)
        if wire is not None:
            try:
                parameters.check(wire.operation, requests.parameters(wire, environ))
            except RefusedError as refusal:
                log.warning("%s is refused: %s", wire.name, refusal)
                return refuse(refusal, wire.service, wire.protocol, environ, start_response)
        return self._application(environ, start_response)
