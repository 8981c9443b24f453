"""Proves a main site's hosts on a connection of our own: chain, name, and the keys that its pack pins.

Qt tells us of bad chains only, so a pin cannot be checked on the page's own connection. What is checked here is a
second connection to the same host and port, at the same time; docs/main-site-trust.md says what that is worth.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from certifi import where
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import MainSitePack, OriginRule
from workstation.certificate import BoothCertificate

HANDSHAKE_TIMEOUT_S = 3.0


@dataclass(frozen=True, kw_only=True)
class MainSiteTrust:
    """What a main site's hosts must show.

    Attributes:
        pins: by host, SHA-256 of the SubjectPublicKeyInfo of each leaf that it may present, hex.
        endpoints: host and port of every pinned host.
        authorities: PEM of the main site's own authorities, "" for the public ones alone.
        client_hosts: hosts that get ``certificate`` on our own connections.
        certificate: the booth's certificate, ``None`` when it has none.
    """

    pins: Mapping[str, frozenset[str]] = field(default_factory=dict)
    endpoints: tuple[tuple[str, int], ...] = ()
    authorities: str = ""
    client_hosts: frozenset[str] = frozenset()
    certificate: BoothCertificate | None = None


PUBLIC_TRUST = MainSiteTrust()
"""A main site of which no pack is known: the public authorities, no pins."""


def trust_of(pack: MainSitePack, certificate: BoothCertificate | None = None) -> MainSiteTrust:
    """Return what the pack demands of its hosts.

    Raises:
        KioskError: MAIN_SITE_NOT_TRUSTED, a pinned host is at none of the pack's origins: nobody could check it.
    """
    pins: dict[str, frozenset[str]] = {}
    endpoints: list[tuple[str, int]] = []
    for pin in pack.pins:
        pins[pin.host] = pins.get(pin.host, frozenset()) | frozenset(pin.keys)
        ports = [port for rule in pack.origins if (port := _port_for(rule, pin.host))]
        if not ports:
            raise KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, "a pinned host has no https origin", retryable=False)
        endpoints += [(pin.host, port) for port in ports]
    offered = pack.client_certificate
    is_booths = offered is not None and offered.source == "booth"
    return MainSiteTrust(
        pins=pins,
        endpoints=tuple(dict.fromkeys(endpoints)),
        authorities="\n".join(pack.certificate_authorities),
        client_hosts=frozenset(offered.hosts) if offered is not None and is_booths else frozenset(),
        certificate=certificate,
    )


def _port_for(rule: OriginRule, host: str) -> int | None:
    parts = urlsplit(rule.origin)
    name = (parts.hostname or "").lower()
    is_meant = host == name or (rule.subdomains and host.endswith(f".{name}"))
    return (parts.port or 443) if parts.scheme == "https" and is_meant else None


def key_digest(certificate: bytes) -> str:
    """Return SHA-256 of the SubjectPublicKeyInfo in a DER certificate, hex (RFC 7469 section 2.4).

    Raises:
        ValueError: it is no certificate, or its key is of a kind that cannot be read.
    """
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ValueError(f"no certificate: {type(error).__name__}") from None


def is_pinned(trust: MainSiteTrust, host: str, certificate: bytes | None) -> bool:
    """Whether ``host`` may present this leaf (DER). A host without pins may present any."""
    keys = trust.pins.get(host)
    if keys is None:
        return True
    try:
        return certificate is not None and key_digest(certificate) in keys
    except ValueError:
        return False


def tls_context(trust: MainSiteTrust, host: str) -> ssl.SSLContext:
    """Return the context for our own connections to ``host``: TLS 1.2 or newer, name and chain checked.

    Raises:
        OSError, ssl.SSLError: the pack's authorities or the booth's certificate cannot be read.
    """
    context = ssl.create_default_context(cafile=where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust.authorities:
        context.load_verify_locations(cadata=trust.authorities)
    if trust.certificate is not None and host in trust.client_hosts:
        context.load_cert_chain(trust.certificate.certificate_file, trust.certificate.key_file)
    return context


def check_host(trust: MainSiteTrust, host: str, port: int, *, timeout_s: float = HANDSHAKE_TIMEOUT_S) -> None:
    """Shake hands with ``host`` and look at what it presents. Blocks for ``timeout_s`` at most a step.

    Raises:
        KioskError: MAIN_SITE_NOT_TRUSTED for a chain, name or key that is not the main site's, MAIN_SITE_UNREACHABLE
            when nothing answers.
    """
    try:
        context = tls_context(trust, host)
        with (
            socket.create_connection((host, port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
    except ssl.SSLError as error:
        raise KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, type(error).__name__, retryable=False) from error
    except OSError as error:
        raise KioskError(ErrorCode.MAIN_SITE_UNREACHABLE, type(error).__name__, retryable=True) from error
    if not is_pinned(trust, host, certificate):
        raise KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, "the key is not the pinned one", retryable=False)


def check_pins(trust: MainSiteTrust) -> None:
    """Check every pinned host, one after the other.

    Raises:
        KioskError: as ``check_host``, for the first that fails.
    """
    for host, port in trust.endpoints:
        check_host(trust, host, port)
