"""What the routes call, and the two rounds that run by themselves: keeping rooms there, and closing meetings."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

from workstation.site.conference import (
    NO_CONFERENCE_SERVER,
    ConferenceRequest,
    ConferenceTicket,
    Guest,
    GuestRequest,
    RecordingIndex,
)
from workstation.site.server.meetings import meetings, recordings, rooms
from workstation.site.server.meetings.conference_server import ConferenceServer
from workstation.site.server.meetings.janus import JanusError
from workstation.site.server.meetings.meetings import Meeting, Seat
from workstation.site.server.problems import RefusalError
from workstation.site.server.rounds import every
from workstation.site.server.site import Site

ROUND_S = 2.0
"""How often rooms are looked after: pages that come back after a restart of Janus find theirs within 3 s."""

CLOSE_WAIT_S = 8.0
"""How long the answer to a close waits for the index to be complete."""

_POLL_S = 0.1
_logger = logging.getLogger(__name__)


def admit_booth(site: Site, booth_id: str, request: ConferenceRequest) -> ConferenceTicket:
    """Give the expert at a booth the way in. Raises ``RefusalError``."""
    key = site.tokens.ticket_key
    return _admit(
        site,
        _server(site),
        site.database.run(lambda session: meetings.seat_of_booth(session, booth_id, request, key, site.clock())),
    )


def admit_guest(site: Site, project_id: str, request: GuestRequest, base_url: str) -> Guest:
    """Give somebody at the main site the way in. Raises ``RefusalError``."""
    key = site.tokens.ticket_key
    ticket = _admit(
        site,
        _server(site),
        site.database.run(lambda session: meetings.seat_of_guest(session, project_id, request, key, site.clock())),
    )
    return Guest(link=meetings.guest_link(base_url, ticket), ticket=ticket)


def close(site: Site, project_id: str) -> RecordingIndex:
    """Close a meeting, and wait a moment for its index. Raises ``RefusalError``."""
    _server(site)
    site.database.run(lambda session: meetings.close(session, project_id, site.clock()))
    deadline = time.monotonic() + CLOSE_WAIT_S
    while True:
        index = site.database.run(lambda session: meetings.index(session, project_id))
        if index.closed_at is not None or time.monotonic() > deadline:
            return index
        time.sleep(_POLL_S)


@contextmanager
def tending(site: Site) -> Iterator[None]:
    """Look after the meetings in threads of their own while the block runs; not without a conference server."""
    server = site.conference
    with ExitStack() as threads:
        if server is not None:
            keeper, closer = _Rounds(site, server), _Rounds(site, server)
            threads.enter_context(every(ROUND_S, keeper.keep_rooms, name="rooms"))
            threads.enter_context(every(ROUND_S, closer.close_meetings, name="recordings"))
        yield


class _Rounds:
    """One thread's rounds. Says once that the conference server is away, and once that it is back."""

    def __init__(self, site: Site, server: ConferenceServer) -> None:
        self._site = site
        self._server = server
        self._is_away = False

    def keep_rooms(self, stop: threading.Event) -> None:
        """Make the rooms of open meetings again that a restart of the conference server took away."""
        key, now = self._site.tokens.ticket_key, self._site.clock()
        found = self._site.database.run(lambda session: meetings.open_meetings(session, key, now))
        if found and not stop.is_set():
            with self._noting():
                _ensure(self._server, found)

    def close_meetings(self, stop: threading.Event) -> None:
        """End the rooms of closing meetings and digest their recordings."""
        key = self._site.tokens.ticket_key
        for meeting in self._site.database.run(lambda session: meetings.closing_meetings(session, key)):
            with self._noting():
                self._close(meeting, stop)

    def _close(self, meeting: Meeting, stop: threading.Event) -> None:
        self._end_rooms(meeting)
        if not recordings.take_in(self._site.database, self._server.recordings, meeting, stop):
            return
        # Somebody who was admitted just before the close may have made the rooms once more.
        if not self._end_rooms(meeting):
            now = self._site.clock()
            self._site.database.run(lambda session: meetings.set_closed(session, meeting.project_id, now))

    def _end_rooms(self, meeting: Meeting) -> bool:
        with self._server.janus.session() as session:
            return rooms.destroy(session, meeting.rooms)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except (JanusError, OSError) as error:
            if not self._is_away:
                _logger.error("meetings cannot be looked after: %s", error if isinstance(error, JanusError) else "disk")
            self._is_away = True
        else:
            if self._is_away:
                _logger.info("meetings are looked after again")
            self._is_away = False


def _server(site: Site) -> ConferenceServer:
    if site.conference is None:
        raise RefusalError(HTTPStatus.CONFLICT, NO_CONFERENCE_SERVER)
    return site.conference


def _admit(site: Site, server: ConferenceServer, seat: Seat) -> ConferenceTicket:
    try:
        _ensure(server, [seat.meeting])
    except JanusError:
        # The rounds log it, once.
        raise RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, "the conference server does not answer") from None
    return meetings.ticket(seat, server, site.clock())


def _ensure(server: ConferenceServer, found: list[Meeting]) -> None:
    with server.janus.session() as session:
        for meeting in found:
            folder = server.recordings / meeting.rooms.meeting
            rooms.ensure(session, meeting.rooms, meeting.plan, server.admin_key, folder)
