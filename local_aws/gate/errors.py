"""Refusals, in the form of each protocol."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class RefusedError(Exception):
    """A refused request: AWS's code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def written(service: str, protocol: str, code: str, message: str) -> tuple[dict[str, str], str]:
    """Return the headers and the body with which a service tells an error."""
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    xml = {"content-type": "text/xml"}
    if protocol == "ec2":
        return xml, f"<Response><Errors>{error}</Errors></Response>"
    if service == "s3":
        return {"content-type": "application/xml"}, error
    if protocol in {"query", "rest-xml"}:
        return xml, f"<ErrorResponse>{error}</ErrorResponse>"
    headers = {"x-amzn-errortype": code, "content-type": "application/json"}
    return headers, json.dumps({"__type": code, "message": message})


# How services name what a policy does not allow. The others call it AccessDeniedException.
_DENIED = {"ec2": "UnauthorizedOperation", "s3": "AccessDenied", "sns": "AuthorizationError"}


def _code(refusal: RefusedError, service: str, protocol: str) -> str:
    if refusal.code != "AccessDenied":
        return refusal.code
    other = "AccessDenied" if protocol == "query" else "AccessDeniedException"
    return _DENIED.get(service, other)


def refuse(
    refusal: RefusedError,
    service: str,
    protocol: str,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    """Answer a request with a refusal."""
    code = _code(refusal, service, protocol)
    headers, body = written(service, protocol, code, str(refusal))
    content = b"" if environ["REQUEST_METHOD"] == "HEAD" else body.encode()
    # The JSON protocol has one status for all that the sender could do better.
    status = 400 if protocol == "json" else refusal.status
    start_response(
        f"{status} {HTTPStatus(status).phrase}",
        [*headers.items(), ("content-length", str(len(content)))],
    )
    return [content]
