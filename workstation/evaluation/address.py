"""Reads the addresses that the browser hands over. Pure: what does not have the one form we accept is unreadable.

Nothing is decoded or put right here except upper case in scheme and host, so there is nothing to outwit.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

DEFAULT_PORT = {"http": 80, "https": 443}
# A WebSocket belongs to the origin of the handshake's HTTP scheme (RFC 6455 section 1.6).
_HTTP_SCHEME = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HIERARCHICAL = re.compile(r"//([^/?#\\]*)(?=[/?#]|\Z)")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?\Z")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\Z")
_PATH_END = re.compile(r"[?#]")
_MAX_AUTHORITY = 300
"""A name has 253 letters at most (RFC 1035 section 2.3.4)."""

# Printable ASCII without \ and ;, as RFC 3986 section 3.3 has it; escapes only of what no server can take for
# punctuation of a path: not / \ . ; nor % itself (a second decoding), nor control characters, nor the bytes C0 and C1,
# with which old decoders spell / in two bytes and which no UTF-8 has.
_LETTERS = r"[A-Za-z0-9._~!$&'()*+,=:@/|^`{}\[\]\"<>-]*"
_PLAIN_PATH = re.compile(rf"{_LETTERS}(?:%(?!0|1|25|2[eEfF]|3[bB]|5[cC]|7[fF]|[cC][01])[0-9A-Fa-f]{{2}}{_LETTERS})*\Z")
_DOT_SEGMENT = re.compile(r"/\.{1,2}(?:/|\Z)")


class Unreadable(ValueError):  # noqa: N818 - it is a verdict, not a fault
    """The address does not have the one form we accept."""


class HasUserInfo(Unreadable):
    """The authority carries a user (RFC 3986 section 3.2.1), the oldest way to make a host look like another."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme (http or https), host in lower case and port (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address, which has no names below it."""
        return self.host.startswith("[") or self.host.rpartition(".")[2][:1].isdigit()


def split_scheme(url: str) -> tuple[str, str] | None:
    """Return the scheme in lower case and all that follows its colon; ``None`` when there is no scheme."""
    match = _SCHEME.match(url)
    return None if match is None else (match[1].lower(), url[match.end() :])


def split_authority(rest: str) -> tuple[str, str]:
    """Split ``//authority`` at the front of ``rest`` (RFC 3986 section 3.2) from path, query and fragment.

    Raises:
        Unreadable: there is none, or it is no ASCII or too long.
    """
    match = _HIERARCHICAL.match(rest)
    if match is None or match.end() > _MAX_AUTHORITY or not match[1].isascii():
        raise Unreadable
    return match[1], rest[match.end() :]


def read_authority(scheme: str, authority: str) -> Origin:
    """Read ``host[:port]`` for a scheme of http, https, ws or wss.

    Raises:
        Unreadable: it does not have that form.
    """
    if "@" in authority:
        raise HasUserInfo
    # Case folding is the one normalisation: scheme and host do not know case (RFC 3986 section 6.2.2.1).
    match = _AUTHORITY.match(authority.lower())
    if match is None or not _is_host(match["host"]):
        raise Unreadable
    http_scheme = _HTTP_SCHEME[scheme]
    port = int(match["port"] or DEFAULT_PORT[http_scheme])
    if port > 0xFFFF:
        raise Unreadable
    return Origin(http_scheme, match["host"], port)


def read_path(tail: str) -> str:
    """Return the path at the front of ``tail``, which is what follows the authority.

    Raises:
        Unreadable: a server might understand another path than the one that is written.
    """
    end = _PATH_END.search(tail)
    path = (tail if end is None else tail[: end.start()]) or "/"
    if "//" in path or ("/." in path and _DOT_SEGMENT.search(path)) or not _PLAIN_PATH.match(path):
        raise Unreadable
    return path


def _is_host(host: str) -> bool:
    """Whether ``host`` is an IPv6 literal, a dotted-quad IPv4 address or a name without trailing dot."""
    if host.startswith("["):
        return _is_address(host[1:-1], ipaddress.IPv6Address)
    # A name whose last label starts with a digit is an IPv4 address in one of its many spellings (WHATWG URL 3.5);
    # the browser hands over the dotted quad, so the others are not what they seem.
    if host.rpartition(".")[2][:1].isdigit():
        return _is_address(host, ipaddress.IPv4Address)
    return len(host) <= 253 and _NAME.match(host) is not None


def _is_address(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        return str(kind(text)) == text
    except ValueError:
        return False
