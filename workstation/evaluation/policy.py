"""Which addresses the locked browser may load from. Pure: strings in, verdicts out, and what cannot be read is refused.

Comparison is by origin (RFC 6454): scheme, host and port, all equal. There are no patterns, no subdomain rules and no
percent-decoding, so there is nothing to outwit.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from drivers.errors import ErrorCode, KioskError


class Use(Enum):
    """What the browser wants the address for."""

    MAIN_FRAME = auto()
    SUB_FRAME = auto()
    SUB_RESOURCE = auto()
    WEBSOCKET = auto()


class Refusal(StrEnum):
    """Why something was refused, in words short enough for the journal."""

    UNREADABLE = "unreadable"
    SCHEME = "scheme"
    USER_INFO = "user-info"
    ORIGIN = "origin"
    CERTIFICATE = "certificate"
    AUTHENTICATION = "authentication"
    WINDOW = "window"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    PERMISSION = "permission"
    DIALOG = "dialog"
    PRINT = "print"
    FULL_SCREEN = "full-screen"
    CAPTURE = "capture"
    FILE_SYSTEM = "file-system"
    PROTOCOL_HANDLER = "protocol-handler"
    SECURITY_KEY = "security-key"


@dataclass(frozen=True)
class Verdict:
    """The answer for one address.

    Attributes:
        host: the address's host, "" when it has none or it cannot be read. Never path or query: they hold tickets.
        refusal: why not, ``None`` when the address may be used.
    """

    host: str
    refusal: Refusal | None = None

    @property
    def allowed(self) -> bool:
        """Whether the address may be used."""
        return self.refusal is None


@dataclass(frozen=True)
class _Origin:
    scheme: str
    host: str
    port: int


class _UnreadableError(ValueError):
    """The address does not have the one form we accept."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HIERARCHICAL = re.compile(r"//([^/?#\\]*)(?=[/?#]|\Z)")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")

# A WebSocket belongs to the origin of the handshake's HTTP scheme (RFC 6455 section 1.6).
_HTTP_SCHEME = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_DEFAULT_PORT = {"http": 80, "https": 443}
_SCHEMES_OF = {
    Use.MAIN_FRAME: frozenset({"http", "https"}),
    Use.SUB_FRAME: frozenset({"http", "https"}),
    Use.SUB_RESOURCE: frozenset({"http", "https"}),
    Use.WEBSOCKET: frozenset({"ws", "wss"}),
}
# Empty documents that a page gives itself; they load nothing and inherit the page's origin.
_EMPTY_FRAMES = frozenset({"about:blank", "about:srcdoc"})


class OriginPolicy:
    """The origins of one session, and the verdict for any address.

    Args:
        origins: ``scheme://host[:port]`` with scheme http or https; international names in their ASCII form.

    Raises:
        KioskError: MAIN_SITE_NOT_TRUSTED, an origin does not have that form, or there is none.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        try:
            self._origins = frozenset(_read_origin_only(origin) for origin in origins)
        except _UnreadableError as error:
            raise KioskError(
                ErrorCode.MAIN_SITE_NOT_TRUSTED, f"configured origin: {error.refusal}", retryable=False
            ) from None
        if not self._origins:
            raise KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, "no origin configured", retryable=False)

    def decide(self, url: str, use: Use) -> Verdict:
        """Say whether ``url`` may be loaded for ``use``. Never raises, whatever the string is.

        Besides the session's origins only these pass: empty frames (about:blank, about:srcdoc), inline data: as a
        sub-resource, and blob: that a page of an allowed origin made, except in the main frame, where an object
        without address would take the evaluation's place.
        """
        match = _SCHEME.match(url)
        if match is None:
            return Verdict("", Refusal.UNREADABLE)
        scheme = match[1].lower()
        rest = url[match.end() :]
        if scheme == "about":
            is_empty_frame = use is Use.SUB_FRAME and url in _EMPTY_FRAMES
            return Verdict("", None if is_empty_frame else Refusal.SCHEME)
        if scheme == "data":
            return Verdict("", None if use is Use.SUB_RESOURCE else Refusal.SCHEME)
        if scheme == "blob":
            return self._decide_blob(rest, use)
        if scheme not in _SCHEMES_OF[use]:
            return Verdict("", Refusal.SCHEME)
        return self._decide_origin(scheme, rest)

    def _decide_blob(self, creator_url: str, use: Use) -> Verdict:
        if use not in {Use.SUB_FRAME, Use.SUB_RESOURCE}:
            return Verdict("", Refusal.SCHEME)
        match = _SCHEME.match(creator_url)
        if match is None or match[1].lower() not in _DEFAULT_PORT:
            return Verdict("", Refusal.SCHEME)
        return self._decide_origin(match[1].lower(), creator_url[match.end() :])

    def _decide_origin(self, scheme: str, rest: str) -> Verdict:
        try:
            origin = _read_origin(scheme, rest)
        except _UnreadableError as error:
            return Verdict("", error.refusal)
        return Verdict(origin.host, None if origin in self._origins else Refusal.ORIGIN)


def _read_origin_only(url: str) -> _Origin:
    """Read an origin as configuration writes it: nothing follows the authority but, at most, one slash."""
    match = _SCHEME.match(url)
    if match is None:
        raise _UnreadableError(Refusal.UNREADABLE)
    scheme = match[1].lower()
    if scheme not in _DEFAULT_PORT:
        raise _UnreadableError(Refusal.SCHEME)
    if url.removesuffix("/").count("/") != len("//") or "?" in url or "#" in url:
        raise _UnreadableError(Refusal.UNREADABLE)
    return _read_origin(scheme, url[match.end() :])


def _read_origin(scheme: str, rest: str) -> _Origin:
    """Read ``//host[:port]`` at the front of ``rest`` (RFC 3986 section 3.2), the rest of it being no matter."""
    match = _HIERARCHICAL.match(rest)
    if match is None or not match[1].isascii():
        raise _UnreadableError(Refusal.UNREADABLE)
    if "@" in match[1]:
        raise _UnreadableError(Refusal.USER_INFO)
    # Case folding is the one normalisation: scheme and host do not know case (RFC 3986 section 6.2.2.1).
    authority = _AUTHORITY.match(match[1].lower())
    if authority is None or not _is_host(authority["host"]):
        raise _UnreadableError(Refusal.UNREADABLE)
    http_scheme = _HTTP_SCHEME[scheme]
    port = int(authority["port"] or _DEFAULT_PORT[http_scheme])
    if port > 0xFFFF:
        raise _UnreadableError(Refusal.UNREADABLE)
    return _Origin(http_scheme, authority["host"], port)


def _is_host(host: str) -> bool:
    """Whether ``host`` is an IPv6 literal, a dotted-quad IPv4 address or a name without trailing dot."""
    if host.startswith("["):
        return _is_address(host[1:-1], ipaddress.IPv6Address)
    labels = host.split(".")
    # A name whose last label starts with a digit is an IPv4 address in one of its many spellings (WHATWG URL 3.5);
    # the browser hands over the dotted quad, so the others are not what they seem.
    if labels[-1][:1].isdigit():
        return _is_address(host, ipaddress.IPv4Address)
    return len(host) <= 253 and all(_LABEL.match(label) for label in labels)


def _is_address(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        return str(kind(text)) == text
    except ValueError:
        return False
