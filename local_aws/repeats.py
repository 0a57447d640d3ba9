"""Repeated calls get the answer of the first attempt.

AWS's SDKs repeat a call whose connection broke, although it may have been carried out. A second
attempt could create a resource twice, or be refused because the resource exists. All attempts of a
call carry the same `amz-sdk-invocation-id`, by which the first answer is found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEPT = 1_000
"""Maximum number of answers that are kept."""

LARGEST = 64 * 1024
"""Maximum size of a kept answer in bytes. Answers to calls that change something are small."""

_READS = frozenset({"GET", "HEAD"})


class Repeats:
    """A WSGI middleware that keeps answers for a while."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._answers: OrderedDict[str, tuple[bytes, str, Headers]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        call = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if call is None or environ["REQUEST_METHOD"] in _READS:
            return self._application(environ, start_response)
        with self._lock:
            known = self._answers.get(call)
        if known is None:
            parts, status, headers = run_wsgi_app(self._application, environ, buffered=True)
            known = b"".join(parts), status, headers
            # A call that failed is repeated to be tried again.
            if status < "4" and len(known[0]) <= LARGEST:
                self._keep(call, known)
        body, status, headers = known
        start_response(status, list(headers))
        return [body]

    def _keep(self, call: str, answer: tuple[bytes, str, Headers]) -> None:
        with self._lock:
            self._answers[call] = answer
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
