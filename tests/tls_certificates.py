"""Authorities and certificates for tests, made on the spot."""

from __future__ import annotations

import ipaddress
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def write(self, folder: Path, name: str) -> tuple[str, str]:
        """Write certificate and key; return their paths."""
        files = folder / f"{name}.pem", folder / f"{name}.key"
        files[0].write_text(self.pem)
        files[1].write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(files[0]), str(files[1])


def make_authority(name: str = "Test authority") -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = x509.KeyUsage(*[False] * 5, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def make_leaf(
    authority: Pair | None,
    *,
    name: str = "127.0.0.1",
    days: int = 5,
    key: Any = None,
    client: bool = False,
) -> Pair:
    """Return a certificate for ``name``; without an authority it signs itself; expired when ``days`` is negative."""
    if key is None:
        key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value if authority else name
    builder = _builder(name, str(issuer), key.public_key(), days)
    try:
        named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        named = x509.DNSName(name)
    builder = builder.add_extension(x509.SubjectAlternativeName([named]), critical=False)
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return Pair(builder.sign(authority.key if authority else key, hashes.SHA256()), key)


def make_weak_leaf(authority: Pair, folder: Path) -> Pair:
    """Return a certificate for 127.0.0.1 signed with SHA-1, which ``cryptography`` refuses to make."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, key_file = authority.write(folder, "weak-authority")
    own_key = folder / "weak.key"
    own_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    request = ("openssl", "req", "-new", "-key", str(own_key), "-subj", "/CN=127.0.0.1")
    request += ("-addext", "subjectAltName=IP:127.0.0.1")
    signed = ("openssl", "x509", "-req", "-sha1", "-days", "5", "-copy_extensions", "copy", "-CA", certificate)
    asked = subprocess.run(request, capture_output=True, check=True).stdout
    made = subprocess.run((*signed, "-CAkey", key_file), input=asked, capture_output=True, check=True).stdout
    return Pair(x509.load_pem_x509_certificate(made), key)


def renewed(authority: Pair, leaf: Pair) -> Pair:
    """Return a new certificate for the same key."""
    return replace(make_leaf(authority, key=leaf.key), key=leaf.key)


def _builder(name: str, issuer: str, key: Any, days: int = 5) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 20 * DAY)
        .not_valid_after(now + days * DAY)
    )
