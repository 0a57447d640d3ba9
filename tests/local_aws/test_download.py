"""Downloads are verified, and use the configured proxies and certificates."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local_aws.download import DownloadError, download

CONTENT = b"a release that never changes"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        cut = self.path == "/cut"
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:5] if cut else CONTENT)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def certificate(folder: Path) -> Path:
    """A certificate that only its own file vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]), datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(encoding) + private)
    return path


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def url(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that no machine trusts by itself."""
    for name in (*BUNDLES, "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_server_with_a_certificate_of_the_environments_bundle_is_trusted(
    url: str, trusted: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DownloadError, match="CERTIFICATE_VERIFY_FAILED"):
        download(f"{url}/file", CHECKSUM)
    monkeypatch.setenv(bundle, str(trusted))
    assert download(f"{url}/file", CHECKSUM) == CONTENT


def test_a_download_with_another_checksum_is_refused(
    url: str, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with pytest.raises(DownloadError, match="sent another file: its checksum differs"):
        download(f"{url}/file", hashlib.sha256(b"another").hexdigest())
    with pytest.raises(DownloadError, match="IncompleteRead"):
        download(f"{url}/cut", hashlib.sha256(CONTENT[:5]).hexdigest())


def test_a_proxy_of_the_environment_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="refused"):
        download(f"{url}/file", CHECKSUM)


def test_a_bundle_that_is_not_there_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/none/bundle.pem")
    with pytest.raises(DownloadError, match="No such file"):
        download(f"{url}/file", CHECKSUM)
