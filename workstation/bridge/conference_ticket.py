"""The way into the meeting: asked of the site until it is there, and again before it expires."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.errors import ErrorCode, KioskError
from workstation.site.conference import ConferenceTicket

from .threads import Lane

_log = logging.getLogger(__name__)

RETRIES_S = (1.0, 2.0, 5.0, 10.0, 30.0)
REFUSED_RETRY_S = 30.0
"""A site without a conference server may get one while the expert sits here."""

RENEW_AT = 0.8
"""Share of a ticket's life after which the next one is asked for."""

_SHORTEST_LIFE_S = 30.0
_LONGEST_LIFE_S = 24 * 3600.0
_ASK_PAUSE_S = 5.0


class Tickets(Protocol):
    """What is needed of the site's client."""

    def conference(self, arrival_id: UUID, project_id: str) -> ConferenceTicket:
        """Return a ticket. Raises ``KioskError`` when the site gives none."""


class TicketBridge(QObject):
    """Lives in the GUI thread; the site is asked in a thread of its own, which may wait.

    Signals:
        granted(ConferenceTicket): the first ticket of a stay, or a fresh one.
        refused(ErrorCode): the site gave none; it is asked again.
        ended(): the stay is over.
    """

    granted = Signal(object)
    refused = Signal(object)
    ended = Signal()
    _answered = Signal(int, object, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._site: Tickets | None = None
        self._stay, self._failures = 0, 0
        self._place: tuple[UUID, str] | None = None
        self._is_asking = False
        self.lane = Lane("conference-ticket", self)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._ask)
        self._answered.connect(self._on_answered)

    def join_site(self, site: Tickets) -> None:
        """Ask this site from now on."""
        self._site = site

    def begin(self, session_id: str, project_id: str) -> None:
        """Get a ticket for this stay, and keep it fresh until ``end``."""
        self.end()
        self._place = (UUID(session_id), project_id)
        self._ask()

    def renew(self) -> None:
        """Get a fresh one soon: the conference server did not take the last one."""
        if self._place is not None and not self._is_asking:
            wait_ms = round(_ASK_PAUSE_S * 1000)
            if not self._timer.isActive() or self._timer.remainingTime() > wait_ms:
                self._timer.start(wait_ms)

    def end(self) -> None:
        """Forget the stay. Idempotent."""
        if self._place is not None:
            self.ended.emit()
        self._stay += 1
        self._failures = 0
        self._place, self._is_asking = None, False
        self._timer.stop()

    def stop(self) -> None:
        """End the thread."""
        self.end()
        self.lane.close()

    @Slot()
    def _ask(self) -> None:
        if self._place is None:
            return
        self._is_asking = True
        stay, (arrival_id, project_id) = self._stay, self._place
        self.lane.submit(lambda: self._fetch(stay, arrival_id, project_id))

    def _fetch(self, stay: int, arrival_id: UUID, project_id: str) -> None:
        """Runs in the lane's thread."""
        site = self._site
        if site is None:
            self._answered.emit(stay, ErrorCode.SITE_SERVER_UNREACHABLE, True)
            return
        try:
            ticket = site.conference(arrival_id, project_id)
        except KioskError as error:
            _log.info("no way into the meeting: %s %s", error.code, error.context.get("status", ""))
            self._answered.emit(stay, error.code, error.retryable)
        else:
            self._answered.emit(stay, ticket, True)

    @Slot(int, object, bool)
    def _on_answered(self, stay: int, answer: ConferenceTicket | ErrorCode, is_retryable: bool) -> None:
        if stay != self._stay:
            return
        self._is_asking = False
        if isinstance(answer, ErrorCode):
            pause_s = RETRIES_S[min(self._failures, len(RETRIES_S) - 1)] if is_retryable else REFUSED_RETRY_S
            self._failures += 1
            self._timer.start(round(pause_s * 1000))
            self.refused.emit(answer)
            return
        self._failures = 0
        self._timer.start(round(renewal_s(answer.expires_at, datetime.now(UTC)) * 1000))
        self.granted.emit(answer)


def renewal_s(expires_at: datetime, now: datetime) -> float:
    """Return in how many seconds the next ticket is asked for."""
    life_s = (expires_at - now).total_seconds() * RENEW_AT
    return min(max(life_s, _SHORTEST_LIFE_S), _LONGEST_LIFE_S)
