"""Which addresses the locked browser may load from. Pure: strings in, verdicts out, and what cannot be read is refused.

Comparison is by origin (RFC 6454): scheme, host and port, all equal; names below a host and paths only where the pack
says so. What is compared was prepared when the session began: a decision is a few dictionary look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

from drivers.errors import ErrorCode, KioskError

from .address import (
    DEFAULT_PORT,
    HasUserInfo,
    Origin,
    Unreadable,
    read_authority,
    read_path,
    split_authority,
    split_scheme,
)

if TYPE_CHECKING:
    from kiosk_config.pack.model import OriginRule


class Use(Enum):
    """What the browser wants the address for."""

    MAIN_FRAME = auto()
    SUB_FRAME = auto()
    SUB_RESOURCE = auto()
    WORKER = auto()
    WEBSOCKET = auto()


class Refusal(StrEnum):
    """Why something was refused, in words short enough for the journal."""

    UNREADABLE = "unreadable"
    SCHEME = "scheme"
    USER_INFO = "user-info"
    ORIGIN = "origin"
    PATH = "path"
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


_WEB = frozenset({"http", "https"})
_SCHEMES_OF = {
    Use.MAIN_FRAME: _WEB,
    Use.SUB_FRAME: _WEB,
    Use.SUB_RESOURCE: _WEB,
    Use.WORKER: _WEB,
    Use.WEBSOCKET: frozenset({"ws", "wss"}),
}
_BLOB_USES = frozenset({Use.SUB_FRAME, Use.SUB_RESOURCE, Use.WORKER})
# Empty documents that a page gives itself; they load nothing and inherit the page's origin.
_EMPTY_FRAMES = frozenset({"about:blank", "about:srcdoc"})

# Second labels under which a country's registry sells names to everybody: what is below them is not one owner's.
_SHARED_LABELS = frozenset({"ac", "co", "com", "edu", "gov", "mil", "net", "org"})


_Prefixes = tuple[str, ...]

_KNOWN_AUTHORITIES = 512
"""How many authorities are remembered with their rules: a main site has a few dozen. Never paths: they hold tickets."""


class OriginPolicy:
    """The origins of one session, and the verdict for any address.

    Args:
        rules: the pack's origins; international names in their ASCII form.

    Raises:
        KioskError: MAIN_SITE_NOT_TRUSTED, a rule cannot be read or is too wide, or there is none.
    """

    def __init__(self, rules: Iterable[OriginRule]) -> None:
        # Path prefixes by origin; the prefix "/" stands for every path and is the only one then.
        self._exact: dict[Origin, _Prefixes] = {}
        self._below: dict[tuple[str, int], dict[str, _Prefixes]] = {}
        self._look_up = lru_cache(_KNOWN_AUTHORITIES)(self._find)
        for rule in rules:
            try:
                self._add(rule)
            except Unreadable as error:
                raise _not_trusted(f"configured origin: {error or 'cannot be read'}") from None
        if not self._exact:
            raise _not_trusted("no origin configured")

    def _add(self, rule: OriginRule) -> None:
        origin = _read_origin_only(rule.origin)
        for path in rule.paths:
            if not path.startswith("/") or read_path(path) != path:
                raise Unreadable("a path that no address could have")
        paths = rule.paths or ("/",)
        self._exact[origin] = _merged(self._exact.get(origin, ()), paths)
        if rule.subdomains:
            if _is_shared(origin):
                raise Unreadable("subdomains of a host that is no single owner's")
            names = self._below.setdefault((origin.scheme, origin.port), {})
            names[origin.host] = _merged(names.get(origin.host, ()), paths)

    def decide(self, url: str, use: Use) -> Verdict:
        """Say whether ``url`` may be loaded for ``use``. Never raises, whatever the string is.

        Besides the session's origins only these pass: empty frames (about:blank, about:srcdoc), inline data: as a
        sub-resource, and blob: that a page of an allowed origin made, except in the main frame, where an object
        without address would take the evaluation's place.
        """
        parts = split_scheme(url)
        if parts is None:
            return Verdict("", Refusal.UNREADABLE)
        scheme, rest = parts
        if scheme in _SCHEMES_OF[use]:
            return self._decide_origin(scheme, rest)
        if scheme == "about":
            is_empty_frame = use is Use.SUB_FRAME and url in _EMPTY_FRAMES
            return Verdict("", None if is_empty_frame else Refusal.SCHEME)
        if scheme == "data":
            return Verdict("", None if use is Use.SUB_RESOURCE else Refusal.SCHEME)
        if scheme == "blob" and use in _BLOB_USES:
            return self._decide_blob(rest)
        return Verdict("", Refusal.SCHEME)

    def has_origin(self, url: str) -> bool:
        """Whether ``url`` is http or https of one of the origins, whatever its path. Never raises."""
        parts = split_scheme(url)
        if parts is None or parts[0] not in _WEB:
            return False
        try:
            return self._look_up(parts[0], split_authority(parts[1])[0])[1] != ()
        except Unreadable:
            return False

    def _decide_blob(self, creator_url: str) -> Verdict:
        parts = split_scheme(creator_url)
        if parts is None or parts[0] not in _WEB:
            return Verdict("", Refusal.SCHEME)
        # What follows the origin is a number and no path: the page that made it was inside the rules.
        return self._decide_origin(*parts, any_path=True)

    def _decide_origin(self, scheme: str, rest: str, *, any_path: bool = False) -> Verdict:
        try:
            authority, tail = split_authority(rest)
            host, rules = self._look_up(scheme, authority)
        except HasUserInfo:
            return Verdict("", Refusal.USER_INFO)
        except Unreadable:
            return Verdict("", Refusal.UNREADABLE)
        if not rules:
            return Verdict(host, Refusal.ORIGIN)
        if any_path or ("/",) in rules:
            return Verdict(host)
        try:
            path = read_path(tail)
        except Unreadable:
            return Verdict(host, Refusal.UNREADABLE)
        is_inside = any(_is_at_or_below(path, prefix) for prefixes in rules for prefix in prefixes)
        return Verdict(host, None if is_inside else Refusal.PATH)

    def _find(self, scheme: str, authority: str) -> tuple[str, tuple[_Prefixes, ...]]:
        """Return the host, and the path prefixes of each rule that names it or includes it from a name above."""
        origin = read_authority(scheme, authority)
        found = []
        if (prefixes := self._exact.get(origin)) is not None:
            found.append(prefixes)
        below = self._below.get((origin.scheme, origin.port))
        if below and not origin.is_address:
            name = origin.host
            while (name := name.partition(".")[2]) != "":
                if (prefixes := below.get(name)) is not None:
                    found.append(prefixes)
        return origin.host, tuple(found)


def _merged(known: _Prefixes, new: _Prefixes) -> _Prefixes:
    return ("/",) if "/" in (*known, *new) else (*known, *new)


def _is_at_or_below(path: str, prefix: str) -> bool:
    """Whether ``path`` is ``prefix`` or lies below it, by whole segments."""
    return path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) :][:1] in {"", "/"})


def _is_shared(origin: Origin) -> bool:
    """Whether names below the host belong to many owners, or cannot be: a guess that leans to yes.

    The list of public suffixes changes every month and a booth is offline; a pack names a deeper host instead.
    """
    if origin.is_address:
        return True
    labels = origin.host.split(".")
    if len(labels) == 2:
        return len(labels[1]) == 2 and (labels[0] in _SHARED_LABELS or len(labels[0]) == 2)
    return len(labels) < 2


def _read_origin_only(url: str) -> Origin:
    """Read an origin as configuration writes it: nothing follows the authority but, at most, one slash."""
    parts = split_scheme(url)
    if parts is None or parts[0] not in DEFAULT_PORT:
        raise Unreadable
    authority, tail = split_authority(parts[1])
    if tail not in {"", "/"}:
        raise Unreadable
    return read_authority(parts[0], authority)


def _not_trusted(reason: str) -> KioskError:
    return KioskError(ErrorCode.MAIN_SITE_NOT_TRUSTED, reason, retryable=False)
