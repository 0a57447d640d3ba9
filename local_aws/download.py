"""Downloads, accepted only if their checksum is the expected one."""

from __future__ import annotations

import hashlib
import os
import ssl
import urllib.request
from http.client import HTTPException

_SECONDS = 60


class DownloadError(Exception):
    """The reason why a file cannot be had."""


def download(url: str, sha256: str) -> bytes:
    """Return the content of a URL, if its checksum is the expected one.

    Raises:
        DownloadError: nothing came, or something else.
    """
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS, context=_trust()) as response:  # noqa: S310 - callers pass constant https URLs
            content: bytes = response.read()
    except (OSError, HTTPException) as error:
        raise DownloadError(f"{url}: {error}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DownloadError(f"{url} sent another file: its checksum differs")
    return content


def _trust() -> ssl.SSLContext:
    """Return the system's certificates (or SSL_CERT_FILE's) and those of REQUESTS_CA_BUNDLE."""
    context = ssl.create_default_context()
    if bundle := os.environ.get("REQUESTS_CA_BUNDLE"):
        kind = "capath" if os.path.isdir(bundle) else "cafile"  # noqa: PTH112
        context.load_verify_locations(**{kind: bundle})
    return context
