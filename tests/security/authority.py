"""A private certificate authority for hostile servers, and a home folder whose NSS database trusts it.

The sink's certificate is as good as the main site's: what does not reach it was not stopped by TLS.
"""

from __future__ import annotations

import ipaddress
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "main.localhost", "sink.localhost", "*.main.localhost", "*.sink.localhost")
_DAYS = timedelta(days=7)


@dataclass(frozen=True)
class Authority:
    """Files of the authority and of one server certificate for every name and loopback address."""

    certificate: Path
    chain: Path
    key: Path


def make_authority(folder: Path) -> Authority:
    """Make a fresh authority and a server certificate under it."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("escape test authority", root_key, None, root_key)
    server = _certificate("escape test", key, root, root_key)
    made = Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.certificate.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made.chain.write_bytes(server.public_bytes(serialization.Encoding.PEM) + made.certificate.read_bytes())
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def trust_in_home(authority: Authority, home: Path) -> None:
    """Make the NSS database of ``home`` trust the authority, as an administrator would."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True, mode=0o700)
    where = ["-d", f"sql:{database}"]
    subprocess.run(["certutil", "-N", *where, "--empty-password"], check=True, timeout=30)
    subprocess.run(
        ["certutil", "-A", *where, "-n", "escape", "-t", "C,,", "-i", str(authority.certificate)],
        check=True,
        timeout=30,
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    signing_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _DAYS)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
        builder = builder.add_extension(
            x509.SubjectAlternativeName([*map(x509.DNSName, NAMES), *addresses]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signing_key, hashes.SHA256())
