"""What the conference page may reach: its own files, the media process and the conference server. Pure."""

from __future__ import annotations

from workstation.evaluation.address import Origin, Unreadable, read_authority, split_authority, split_scheme

from .contract import SCHEME, MediaAddress

_HOST = "page"


class Reach:
    """The places of one stay.

    Args:
        media: where the processed streams come from.
        server: WebSocket address of the conference server, out of the ticket.

    Raises:
        ValueError: ``server`` is no address of a WebSocket.
    """

    def __init__(self, media: MediaAddress, server: str) -> None:
        found = _socket_of(server)
        if found is None:
            raise ValueError("the conference server's address cannot be read")
        self._media = ("ws", Origin("http", "127.0.0.1", media.port))
        self._server = found

    def allows(self, url: str) -> bool:
        """Say whether the page may ask for ``url``, as the engine writes it. Never raises."""
        return is_own(url) or _socket_of(url) in (self._media, self._server)


def is_own(url: str) -> bool:
    """Say whether ``url`` is one of the page's own files."""
    parts = split_scheme(url)
    if parts is None or parts[0] != SCHEME:
        return False
    try:
        return split_authority(parts[1])[0] == _HOST
    except Unreadable:
        return False


def host_of(url: str) -> str:
    """Return the host for the journal: never a path, which may hold a key; "" when there is none to read."""
    parts = split_scheme(url)
    try:
        authority = "" if parts is None else split_authority(parts[1])[0]
        return read_authority("http", authority).host if authority else ""
    except Unreadable:
        return ""


def _socket_of(url: str) -> tuple[str, Origin] | None:
    parts = split_scheme(url)
    if parts is None or parts[0] not in {"ws", "wss"}:
        return None
    try:
        return parts[0], read_authority(parts[0], split_authority(parts[1])[0])
    except Unreadable:
        return None
