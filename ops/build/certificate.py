"""The certificate with which EMR's nodes encrypt their traffic.

It is self-signed, for the names of nodes inside a VPC, in each region that botocore lists for EMR.
It is made once, and replaced before it expires or when there is a new region. Its key is random, so
it is no part of a build's version.
"""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.session import get_session

from ops.build.zips import write_zip

CERTIFICATES = "emr/certificates.zip"

_VALID = timedelta(days=365)
_RENEWED_BEFORE = timedelta(days=60)


def certificates(target: Path) -> Path:
    """Make the ZIP of EMR's security configuration, unless there is a valid one."""
    if not target.exists() or not _serves(target):
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


def node_names() -> list[str]:
    """Return the names of nodes in each region that has EMR, as wildcards."""
    session = get_session()
    partitions = session.get_available_partitions()
    regions = {it for name in partitions for it in session.get_available_regions("emr", name)}
    # us-east-1 names nodes by the first, every other region by REGION.compute.internal.
    others = sorted(regions - {"us-east-1"})
    return ["*.ec2.internal", *(f"*.{region}.compute.internal" for region in others)]


def _serves(target: Path) -> bool:
    """Return True if a certificate is valid long enough and names the nodes of every region."""
    from cryptography import x509  # noqa: PLC0415 - only a build for AWS needs it

    try:
        with zipfile.ZipFile(target) as archive:
            pem = archive.read("certificateChain.pem")
        certificate = x509.load_pem_x509_certificate(pem)
    except (zipfile.BadZipFile, KeyError, ValueError):
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        certificate.not_valid_after_utc >= datetime.now(UTC) + _RENEWED_BEFORE
        and names.get_values_for_type(x509.DNSName) == node_names()
    )


def _make() -> tuple[bytes, bytes]:
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    names = node_names()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    moment = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(moment + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
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
