"""The certificate by which EMR's nodes encrypt what they send to each other.

Self-signed, for the names that nodes have inside a VPC. It is made once and made anew before it
expires: its key is random, so it is no part of a build's version.
"""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.build.zips import write_zip

CERTIFICATES = "emr/certificates.zip"

_VALID = timedelta(days=365)
_RENEWED_BEFORE = timedelta(days=60)
# us-east-1 names nodes by the first, every other region by REGION.compute.internal.
_REGIONS = (
    "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
    "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
)  # fmt: skip
_NAMES = ("*.ec2.internal", *(f"*.{region}.compute.internal" for region in _REGIONS))


def certificates(target: Path) -> Path:
    """Make the ZIP that EMR's security configuration names, unless there is a good one."""
    if not target.exists() or _expires(target) < datetime.now(UTC) + _RENEWED_BEFORE:
        target.parent.mkdir(parents=True, exist_ok=True)
        key, certificate = _make()
        entries = {
            "privateKey.pem": key,
            "certificateChain.pem": certificate,
            "trustedCertificates.pem": certificate,
        }
        write_zip(target, entries)
        target.chmod(0o600)
    return target


def _expires(target: Path) -> datetime:
    from cryptography import x509  # noqa: PLC0415 - only a build for AWS needs it

    try:
        with zipfile.ZipFile(target) as archive:
            pem = archive.read("certificateChain.pem")
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except (zipfile.BadZipFile, KeyError, ValueError):
        return datetime.min.replace(tzinfo=UTC)


def _make() -> tuple[bytes, bytes]:
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAMES[0])])
    moment = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(moment + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in _NAMES]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
