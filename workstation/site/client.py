"""The booth's way to the site server: typed requests, typed replies, one typed error."""

from __future__ import annotations

import gzip
import ipaddress
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import requests
from pydantic import BaseModel, ValidationError

from drivers.errors import ErrorCode, KioskError
from workstation.site.conference import ConferenceRequest, ConferenceTicket
from workstation.site.contract import (
    PACK_MEDIA_TYPE,
    ArrivalReply,
    ArrivalRequest,
    BoothInfo,
    Launch,
    LaunchRequest,
    MatchReply,
    PhotoRequest,
    Problem,
    ReportReply,
    ReportRequest,
    ReviewRequest,
)
from workstation.site.preflight import PreflightReport
from workstation.site.transport import bounded_session, exchange

_logger = logging.getLogger(__name__)

_Reply = TypeVar("_Reply", bound=BaseModel)

_TOTAL_FACTOR = 3
"""An exchange may take this many time-outs in all, repeats included."""

_REFUSED_FOR_GOOD = range(400, 500)
_TRY_LATER = frozenset({408, 425, 429})
MAX_RETRY_AFTER_S = 300
"""No server may silence a booth for longer."""
_LONGEST_DIGITS = 9
_FORBIDDEN = 403
_NOT_FOUND = 404
_JSON = "application/json"
_REPORTS = "/reports"
_LAUNCHES = "/launches"
_CONFERENCE = "/conference"
_REFUSED = {_LAUNCHES: ErrorCode.TICKET_REFUSED, _CONFERENCE: ErrorCode.CONFERENCE_LOST}
"""What it means when the site says that somebody may not enter (409, 410)."""
_NOT_UNDERSTOOD = frozenset({400, 415, 422})
"""What a server or a proxy says to a compressed body that it does not decompress."""
_PICTURES = frozenset({"image/jpeg", "image/png"})


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the last exchange with a ``server_time`` showed.

    Attributes:
        round_trip_s: from sending to the head of the reply.
        clock_offset_s: server's clock minus ours, positive when we are behind; good to half the round trip.
    """

    round_trip_s: float
    clock_offset_s: float


class SiteClient:
    """Calls of one booth to its site server. May be used from several threads.

    Every call is named by an id that the booth made, so a call whose reply was lost can be repeated; the client
    does so twice by itself.

    Args:
        base_url: ``https://…``; ``http://`` is accepted for a loopback host only.
        booth_id: this booth.
        token: its bearer token.
        timeout_s: for connecting and for each wait; a whole call ends within about three times this.
        ca_file: PEM file of the authorities to trust in place of the system's.

    Raises:
        KioskError: every call raises SITE_SERVER_UNREACHABLE, retryable, when no valid reply came, and not retryable
            when the token was refused (401, 403); ``launch`` raises TICKET_REFUSED when the expert may not enter
            (409, 410), ``conference`` CONFERENCE_LOST likewise; INTERNAL, not retryable, for every other refusal.
            ``context`` has ``status`` and ``title``, or ``retry_after_s`` where the server asks for a pause.
    """

    def __init__(
        self, base_url: str, booth_id: str, token: str, *, timeout_s: float, ca_file: str | None = None
    ) -> None:
        require_protected(base_url)
        self._root = f"{base_url.rstrip('/')}/v1/booths/{quote(booth_id, safe='')}"
        self._token = token
        self._timeout_s = timeout_s
        self._session = bounded_session(ca_file)
        self._gzip_is_taken = True
        self.measured: Measurement | None = None

    def booth(self) -> BoothInfo:
        """Fetch what the site says about this booth, with the key of the day."""
        info, response = self._call("GET", "", BoothInfo)
        self._measure(info.server_time, response)
        return info

    def photo(self, request: PhotoRequest) -> bytes | None:
        """Fetch the site's photo of a person, still encoded; ``None`` when it has none."""
        try:
            response, content = self._exchange("POST", "/photos", _json(request), accept=", ".join(sorted(_PICTURES)))
        except KioskError as error:
            if error.context.get("status") == _NOT_FOUND:
                return None
            raise
        if _media_type(response) not in _PICTURES:
            raise _unreachable("reply is no picture", status=response.status_code)
        return content

    def review(self, session_id: UUID, request: ReviewRequest) -> bool:
        """Give the reviewer the pictures; false where the server must keep none (403) and the reviewer comes."""
        try:
            self._exchange("POST", f"/reviews/{session_id}", _json(request))
        except KioskError as error:
            if error.context.get("status") == _FORBIDDEN:
                return False
            raise
        return True

    def arrive(self, request: ArrivalRequest) -> ArrivalReply:
        """Report that somebody's presence was verified here. ``INTERNAL`` with status 409: fetch ``booth`` again."""
        return self._call("POST", "/arrivals", ArrivalReply, request, key=request.arrival_id)[0]

    def match(self, arrival_id: UUID) -> MatchReply:
        """Ask whose seat this is. May be asked again and again while the roster is pending."""
        return self._call("GET", f"/arrivals/{arrival_id}/match", MatchReply)[0]

    def launch(self, request: LaunchRequest) -> Launch:
        """Ask for a one-time way into the main site."""
        return self._call("POST", _LAUNCHES, Launch, request, key=request.launch_id)[0]

    def conference(self, arrival_id: UUID, project_id: str) -> ConferenceTicket:
        """Ask for the way into the meeting of one's project; the title NO_CONFERENCE_SERVER says there can be none."""
        request = ConferenceRequest(arrival_id=arrival_id, project_id=project_id)
        return self._call("POST", _CONFERENCE, ConferenceTicket, request)[0]

    def report(self, request: ReportRequest) -> ReportReply:
        """Hand in readings and events, and fetch commands. Compressed, unless the server turns out not to take that."""
        plain = request.model_dump_json(exclude_defaults=True).encode()
        packed = gzip.compress(plain, mtime=0)
        key = uuid4()
        if not self._gzip_is_taken or len(packed) >= len(plain):
            response, content = self._exchange("POST", _REPORTS, plain, key=key)
        else:
            try:
                response, content = self._exchange("POST", _REPORTS, packed, key=key, encoding="gzip")
            except KioskError as error:
                if error.context.get("status") not in _NOT_UNDERSTOOD:
                    raise
                response, content = self._exchange("POST", _REPORTS, plain, key=key)
                self._gzip_is_taken = False
                _logger.info("site server takes no compressed reports: %s", dict(error.context))
        reply = _parsed(ReportReply, response, content)
        self._measure(reply.server_time, response)
        return reply

    def preflight(self, report: PreflightReport) -> None:
        """Hand in what was found about a main site."""
        self._exchange("PUT", f"/preflights/{report.report_id}", _json(report))

    def pack(self, main_site_id: str) -> str:
        """Fetch the newest pack of a main site. Nothing says yet that it may be believed."""
        path = f"/packs/{quote(main_site_id, safe='')}"
        response, content = self._exchange("GET", path, None, accept=PACK_MEDIA_TYPE)
        if _media_type(response) != PACK_MEDIA_TYPE:
            raise _unreachable("reply is no pack", status=response.status_code)
        return content.decode("ascii", errors="replace")

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._session.close()

    def _call(
        self,
        method: str,
        path: str,
        reply_type: type[_Reply],
        body: BaseModel | None = None,
        *,
        key: UUID | None = None,
    ) -> tuple[_Reply, requests.Response]:
        response, content = self._exchange(method, path, None if body is None else _json(body), key=key)
        return _parsed(reply_type, response, content), response

    def _exchange(
        self,
        method: str,
        path: str,
        content: bytes | None,
        *,
        key: UUID | None = None,
        accept: str = _JSON,
        encoding: str = "",
    ) -> tuple[requests.Response, bytes]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept}
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        if content is not None:
            headers["Content-Type"] = _JSON
        if encoding:
            headers["Content-Encoding"] = encoding
        request = requests.Request(method, self._root + path, headers=headers, data=content)
        try:
            response, reply = exchange(
                self._session, request, timeout_s=self._timeout_s, total_s=_TOTAL_FACTOR * self._timeout_s
            )
        except (requests.RequestException, OSError) as error:
            raise _unreachable(type(error).__name__) from error
        if not response.ok or response.status_code not in range(200, 300):
            raise _refusal(response, reply, refused=_REFUSED.get(path))
        return response, reply

    def _measure(self, server_time: datetime, response: requests.Response) -> None:
        round_trip = response.elapsed
        sent_half_way = datetime.now(UTC) - round_trip / 2
        self.measured = Measurement(
            round_trip_s=round_trip / timedelta(seconds=1),
            clock_offset_s=(server_time - sent_half_way) / timedelta(seconds=1),
        )


def _json(body: BaseModel) -> bytes:
    return body.model_dump_json().encode()


def _parsed(reply_type: type[_Reply], response: requests.Response, content: bytes) -> _Reply:
    if _media_type(response) != _JSON:
        raise _unreachable("reply is not JSON", status=response.status_code)
    try:
        return reply_type.model_validate_json(content)
    except ValidationError:
        # The cause would quote the reply, which holds the key of the day or a ticket.
        raise _unreachable("reply is not as agreed", status=response.status_code) from None


def _media_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def require_protected(base_url: str) -> None:
    """Refuse an address over which the token and the key of the day would travel in the clear."""
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        return
    raise KioskError(
        ErrorCode.SITE_SERVER_UNREACHABLE,
        "site server address must be https, or http on a loopback host",
        retryable=False,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unreachable(reason: str, *, status: int = 0, retry_after_s: float = 0.0) -> KioskError:
    context: dict[str, str | int | float] = {"reason": reason}
    if status:
        context["status"] = status
    if retry_after_s:
        context["retry_after_s"] = retry_after_s
    return KioskError(ErrorCode.SITE_SERVER_UNREACHABLE, reason, context=context)


def _refusal(response: requests.Response, reply: bytes, *, refused: ErrorCode | None) -> KioskError:
    status = response.status_code
    if status not in _REFUSED_FOR_GOOD or status in _TRY_LATER:
        retry_after_s = _retry_after_s(response.headers.get("Retry-After", ""))
        return _unreachable("site server failed or redirects", status=status, retry_after_s=retry_after_s)
    try:
        title = Problem.model_validate_json(reply).title
    except ValidationError:
        title = ""
    code = ErrorCode.INTERNAL
    if status in {401, 403}:
        code = ErrorCode.SITE_SERVER_UNREACHABLE
    elif refused is not None and status in {409, 410}:
        code = refused
    return KioskError(
        code, "the site server refused", context={"status": status, "title": title[:200]}, retryable=False
    )


def _retry_after_s(header: str) -> float:
    """Read ``Retry-After`` (RFC 9110 section 10.2.3) in seconds; 0 for none. A date is not looked at: clocks differ."""
    if not header.isascii() or not header.isdigit():
        return 0.0
    return float(min(int(header[:_LONGEST_DIGITS]), MAX_RETRY_AFTER_S))
