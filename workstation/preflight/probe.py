"""Asks one origin the way the browser would: name, connection, TLS, one answer. Each step and the whole are bounded."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from .findings import Reason
from .http_head import HEAD_END, MAX_HEAD_BYTES, Head, parse_head

STEP_S = 5.0
"""Longest wait for one step of the peer."""

WHOLE_S = 12.0
"""Longest wait for all steps behind the name's resolution, which has the resolver's own limits."""

REFUSAL_S = 0.5
_ADDRESSES_TRIED = 4
_HOST_MISMATCH = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_DATES = {9: Reason.NOT_YET_VALID, 10: Reason.EXPIRED}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE")


@dataclass(frozen=True, kw_only=True)
class Target:
    """An origin to ask. ``path`` is asked for, which must need no ticket."""

    origin: str
    path: str = "/"

    @property
    def host(self) -> str:
        """Name or address, without brackets."""
        return urlsplit(self.origin).hostname or ""

    @property
    def port(self) -> int:
        """TCP port."""
        return urlsplit(self.origin).port or (443 if self.is_tls else 80)

    @property
    def is_tls(self) -> bool:
        """Whether it is https."""
        return urlsplit(self.origin).scheme == "https"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What an origin answered.

    Attributes:
        failure: why there was no HTTP answer, ``None`` when there was one or none was asked for.
        distrust: why its certificate is not accepted; nothing was asked for then.
        certificate: the certificate it presented, DER.
        sent_at, received_at: by our clock, around the request.
    """

    target: Target
    addresses: int = 0
    failure: Reason | None = None
    distrust: Reason | None = None
    certificate: bytes | None = None
    head: Head | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None


class _StepError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Clock:
    """Time left for the whole; every step takes its wait from it."""

    def __init__(self, whole_s: float) -> None:
        self._deadline = time.monotonic() + whole_s

    def step_s(self) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise _StepError(Reason.TIMED_OUT)
        return min(left_s, STEP_S)


def probe(target: Target, context: ssl.SSLContext, *, whole_s: float = WHOLE_S) -> Probe:
    """Ask one origin. Never raises; takes ``whole_s`` at most, and what the resolver takes."""
    found = Probe(target=target)
    try:
        addresses = _resolve(target)
        found = replace(found, addresses=len(addresses))
        return _ask(found, addresses, context, _Clock(whole_s))
    except _StepError as error:
        return replace(found, failure=error.reason)


def _resolve(target: Target) -> list[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _StepError(Reason.NO_ADDRESS) from None
    return [(family, address) for family, _, _, _, address in found]


def _connect(addresses: list[tuple[int, tuple[object, ...]]], clock: _Clock) -> socket.socket:
    reason = Reason.NOT_REACHED
    for family, address in addresses[:_ADDRESSES_TRIED]:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(clock.step_s())
            connection.connect(address)
        except ConnectionRefusedError:
            reason = Reason.REFUSED
        except TimeoutError:
            reason = Reason.TIMED_OUT
        except OSError:
            reason = Reason.NOT_REACHED
        except _StepError:
            connection.close()
            raise
        else:
            return connection
        connection.close()
    raise _StepError(reason)


def _ask(
    found: Probe, addresses: list[tuple[int, tuple[object, ...]]], context: ssl.SSLContext, clock: _Clock
) -> Probe:
    target = found.target
    connection = _connect(addresses, clock)
    if not target.is_tls:
        with connection:
            return _exchange(found, connection, clock)
    try:
        secured = _shake(connection, context, target.host, clock)
    except ssl.SSLCertVerificationError as error:
        # Nothing is asked of whom we do not trust; a second connection only fetches the certificate to say more.
        certificate = _present(_connect(addresses, clock), target.host, clock)
        return replace(found, distrust=_distrust(error), certificate=certificate)
    with secured:
        found = replace(found, certificate=secured.getpeercert(binary_form=True))
        try:
            return _exchange(found, secured, clock)
        except _StepError as error:
            return replace(found, failure=error.reason)


def _shake(connection: socket.socket, context: ssl.SSLContext, host: str, clock: _Clock) -> ssl.SSLSocket:
    try:
        # The time-out of the socket is that of each read: a peer that drips bytes is ended by MAX handshake size only,
        # so the handshake is driven in steps that look at the clock.
        secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError):
        connection.close()
        raise _StepError(Reason.TLS_FAILED) from None
    try:
        _handshake(secured, clock)
    except ssl.SSLCertVerificationError:
        secured.close()
        raise
    except OSError as error:
        secured.close()
        raise _StepError(_tls_reason(error)) from None
    except _StepError:
        secured.close()
        raise
    return secured


def _handshake(secured: ssl.SSLSocket, clock: _Clock) -> None:
    """Shake hands without blocking, so that the whole is bounded and not each single read."""
    import select  # noqa: PLC0415 - only here

    secured.settimeout(0.0)
    while True:
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            ready, _, _ = select.select([secured], [], [], clock.step_s())
        except ssl.SSLWantWriteError:
            _, ready, _ = select.select([], [secured], [], clock.step_s())
        else:
            return
        if not ready:
            raise _StepError(Reason.TIMED_OUT)


def _present(connection: socket.socket, host: str, clock: _Clock) -> bytes | None:
    """Return the certificate of a server that is not trusted; nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _shake(connection, context, host, clock) as secured:
            return secured.getpeercert(binary_form=True)
    except (_StepError, OSError):
        return None


def _exchange(found: Probe, connection: socket.socket, clock: _Clock) -> Probe:
    target = found.target
    port = "" if target.port == (443 if target.is_tls else 80) else f":{target.port}"
    host = f"[{target.host}]" if ":" in target.host else target.host
    request = f"GET {target.path} HTTP/1.1\r\nHost: {host}{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    try:
        _hear_refusal(connection, clock)
        sent_at = datetime.now(UTC)
        connection.settimeout(clock.step_s())
        connection.sendall(request.encode("ascii"))
        data = _read_head(connection, clock)
    except OSError as error:
        raise _StepError(_tls_reason(error)) from None
    received_at = datetime.now(UTC)
    if not data:
        raise _StepError(Reason.CLOSED)
    head = parse_head(data)
    if head is None:
        raise _StepError(Reason.NOT_HTTP)
    return replace(found, head=head, sent_at=sent_at, received_at=received_at)


def _hear_refusal(connection: socket.socket, clock: _Clock) -> None:
    """Wait a moment for the alert of a server that wanted a client certificate.

    In TLS 1.3 it comes after the handshake, and what we had sent meanwhile could make a reset of it.
    """
    if not isinstance(connection, ssl.SSLSocket):
        return
    connection.settimeout(min(clock.step_s(), REFUSAL_S))
    try:
        connection.recv(1)  # nobody speaks before the client in HTTP: a byte here is no answer that we could read
    except TimeoutError:
        return
    raise _StepError(Reason.CLOSED)


def _read_head(connection: socket.socket, clock: _Clock) -> bytes:
    data = b""
    while HEAD_END not in data and len(data) < MAX_HEAD_BYTES:
        connection.settimeout(clock.step_s())
        part = connection.recv(16_384)
        if not part:
            break
        data += part
    return data


def _tls_reason(error: OSError) -> Reason:
    if isinstance(error, TimeoutError):
        return Reason.TIMED_OUT
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return Reason.CLOSED
    if isinstance(error, ssl.SSLError):
        asked = any(word in (error.reason or "") for word in _WANTS_CERTIFICATE)
        return Reason.WANTS_CLIENT_CERTIFICATE if asked else Reason.TLS_FAILED
    return Reason.NOT_REACHED


def _distrust(error: ssl.SSLCertVerificationError) -> Reason:
    code = error.verify_code
    return Reason.WRONG_HOST if code in _HOST_MISMATCH else _DATES.get(code, Reason.NOT_TRUSTED)
