"""Asks whether the main site answers, without opening anything there, and whether it is still the right one."""

from __future__ import annotations

import http.client
import ssl
import time
from urllib.parse import urlsplit

from drivers.errors import ErrorCode, KioskError
from workstation.health.probes import read_link
from workstation.health.readings import Moment, Reading
from workstation.health.trust import PUBLIC_TRUST, MainSiteTrust, check_host, is_pinned, tls_context
from workstation.site.readings import ReadingKind

TIMEOUT_S = 3.0


class MainSiteProbe:
    """Probes one main site again and again. Every probe also checks one more of its pinned hosts, in turn.

    Args:
        origin: ``scheme://host[:port]``.
        trust: what its hosts must show.
    """

    def __init__(self, origin: str, trust: MainSiteTrust = PUBLIC_TRUST) -> None:
        self.origin, self.trust = origin, trust
        self._turn = 0

    def probe(self) -> Reading:
        """Send one HEAD request. Any HTTP answer means reachable; a wrong certificate or key means E-504."""
        code, round_trip_s, detail = None, None, ""
        try:
            round_trip_s = self._ask()
            self._check_next_pin()
        except KioskError as error:
            code, detail = error.code, str(error)
        except ssl.SSLError as error:
            code, detail = ErrorCode.MAIN_SITE_NOT_TRUSTED, type(error).__name__
        except (OSError, ValueError, http.client.HTTPException) as error:
            code, detail = ErrorCode.MAIN_SITE_UNREACHABLE, type(error).__name__
        if code is not None:
            round_trip_s = None
        return read_link(ReadingKind.MAIN_SITE, Moment.now(), code=code, round_trip_s=round_trip_s, detail=detail)

    def _ask(self) -> float:
        started_s = time.monotonic()
        parts = urlsplit(self.origin)
        connection = _connection(self.trust, parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.connect()
            if isinstance(connection.sock, ssl.SSLSocket):
                certificate = connection.sock.getpeercert(binary_form=True)
                if not is_pinned(self.trust, parts.hostname or "", certificate):
                    raise KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, "the key is not the pinned one", retryable=False)
            try:
                connection.request("HEAD", "/")
                connection.getresponse().close()
            except ssl.SSLError:
                # TLS 1.3 refuses a missing client certificate after the handshake: the right host has answered.
                pass
        finally:
            connection.close()
        return time.monotonic() - started_s

    def _check_next_pin(self) -> None:
        if self.trust.endpoints:
            self._turn = (self._turn + 1) % len(self.trust.endpoints)
            check_host(self.trust, *self.trust.endpoints[self._turn], timeout_s=TIMEOUT_S)


def _connection(trust: MainSiteTrust, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=tls_context(trust, host))
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
