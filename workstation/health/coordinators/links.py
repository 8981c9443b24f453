"""The way to the main site and to the conference server. Both are there only while somebody sits here."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from workstation.health.link_window import LinkWindow
from workstation.health.readings import Moment, Reading
from workstation.site.readings import ReadingKind, ReadingState

CONNECT_TIMEOUT_S = 3.0
SERVER = "server"
"""Subject of the way to the conference server; the meeting itself has the kind's own reading."""

_PORTS = {"ws": 80, "wss": 443}


class Probe(Protocol):
    """What asks the main site."""

    def probe(self) -> Reading:
        """Ask once."""


@dataclass(frozen=True)
class _Watched:
    probe: Probe
    window: LinkWindow = field(default_factory=LinkWindow)


class MainSiteCoordinator:
    """Asks the main site that is watched, if any. ``watch`` may come from another thread."""

    name = ReadingKind.MAIN_SITE.value
    period_s = 3.0

    def __init__(self) -> None:
        self._watched: _Watched | None = None

    def watch(self, probe: Probe | None) -> None:
        """Ask this one from now on; ``None`` nobody."""
        self._watched = None if probe is None else _Watched(probe)

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        watched = self._watched
        if watched is None:
            return []
        reading = watched.window.smooth(watched.probe.probe())
        return [reading] if watched is self._watched else []


class ConferenceServerCoordinator:
    """Opens a TCP connection to the conference server, and closes it. ``watch`` may come from another thread."""

    name = ReadingKind.CONFERENCE.value
    period_s = 5.0

    def __init__(self) -> None:
        self._watched: _Watched | None = None
        self._server = ""

    @property
    def is_watching(self) -> bool:
        """Whether there is a server to ask."""
        return self._watched is not None

    def watch(self, server: str) -> None:
        """Ask this WebSocket address from now on, "" nobody. A fresh ticket to the same server changes nothing."""
        if server == self._server:
            return
        self._server, address = server, address_of(server)
        self._watched = None if address is None else _Watched(_Connector(*address))

    def observe(self) -> Iterable[Reading]:
        """Look once."""
        watched = self._watched
        if watched is None:
            return []
        reading = watched.window.smooth(watched.probe.probe())
        return [reading] if watched is self._watched else []


@dataclass(frozen=True)
class _Connector:
    host: str
    port: int

    def probe(self) -> Reading:
        """Connect once. The meeting has the codes (E-407); this only says whether the network carries it."""
        started_s, detail, values = time.monotonic(), "", {}
        try:
            socket.create_connection((self.host, self.port), timeout=CONNECT_TIMEOUT_S).close()
            values = {"round_trip_ms": 1000 * (time.monotonic() - started_s)}
        except (OSError, UnicodeError) as error:
            detail = type(error).__name__
        return Reading(
            kind=ReadingKind.CONFERENCE,
            subject=SERVER,
            state=ReadingState.OK if values else ReadingState.BAD,
            observed=Moment.now(),
            values=values,
            detail=detail,
        )


def address_of(server: str) -> tuple[str, int] | None:
    """Return host and port of a WebSocket address, ``None`` of anything else."""
    try:
        parts = urlsplit(server)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or port is None:
        return None
    return parts.hostname, port
