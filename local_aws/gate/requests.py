"""The service, the operation and the parameters of a request on the wire.

They are read by the models of botocore, with the routers and the parsers that moto has for them.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import ServiceOperationRouter, get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import get_input_stream

from local_aws.gate.errors import RefusedError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from moto.core.model import OperationModel

# Credential=KEY/DATE/REGION/SERVICE/aws4_request, in a header or in the query
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")

# Services whose name in a signature is not their name among the models.
_MODELS = {
    "elasticmapreduce": "emr",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}


@dataclass(frozen=True)
class Scope:
    """Who signed a request, and for which service."""

    key: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"a request for {self.service}"


@dataclass(frozen=True)
class Wire:
    """A request whose operation is known."""

    scope: Scope
    protocol: str
    operation: OperationModel
    path_parameters: dict[str, Any]

    @property
    def service(self) -> str:
        """The service's name among the models."""
        return str(self.operation.service_model.service_name)

    @property
    def name(self) -> str:
        """The operation as SERVICE:OPERATION, by the name in the signature."""
        return f"{self.scope.service}:{self.operation.name}"

    def __str__(self) -> str:
        return self.name


@cache
def _router(service: str) -> ServiceOperationRouter | None:
    try:
        return get_service_router(service)
    except UnknownServiceError:
        return None


def scope(environ: WSGIEnvironment) -> Scope | None:
    """Return who signed a request, None if nobody did."""
    signed = environ.get("HTTP_AUTHORIZATION") or unquote(environ.get("QUERY_STRING", ""))
    found = _SCOPE.search(signed)
    return Scope(*found.groups()) if found else None


def routed(environ: WSGIEnvironment, signed: Scope) -> Wire | None:
    """Return what a request asks for, None if no model has it."""
    service = _MODELS.get(signed.service, signed.service)
    if environ["PATH_INFO"].startswith("/v20180820/"):
        service = "s3control"
    router = _router(service)
    if router is None:
        return None
    try:
        request = _request(environ)
        operation, path_parameters = router.match(request)
        model = get_service_model(service)
        protocol = determine_request_protocol(model, request.content_type)
    except (NotFound, NotImplementedError):
        return None
    return Wire(signed, protocol, operation, path_parameters)


def _request(environ: WSGIEnvironment) -> Request:
    """Return a request that can be read without taking the body from the emulator."""
    copy = dict(environ)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        copy["wsgi.input"] = io.BytesIO(_body(environ))
    return Request(copy)


def _body(environ: WSGIEnvironment) -> bytes:
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def parameters(wire: Wire, environ: WSGIEnvironment) -> dict[str, Any]:
    """Read the parameters of a request, but no content of an object."""
    body = b"" if wire.operation.has_streaming_input else _body(environ)
    copy = dict(environ)
    copy["wsgi.input"] = io.BytesIO(body)
    request = Request(copy)
    parser = PROTOCOL_PARSERS[wire.protocol](wire.operation)
    try:
        found: dict[str, Any] = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": body,
                "url_path": request.path,
                "url_params": wire.path_parameters,
            }
        )
    except (ValueError, TypeError, AttributeError, RequestParserError) as error:
        raise RefusedError(
            "SerializationException", f"the request cannot be read: {error}"
        ) from error
    return found
