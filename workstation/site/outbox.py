"""The loop body that reports to the site server: readings now, the journal's backlog after, commands back."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

from drivers.errors import KioskError
from workstation.site.contract import Command, EventReport, ReportReply, ReportRequest
from workstation.site.readings import ReadingReport

BATCH = 100
"""Events in one report."""

MAX_BACK_OFF_S = 60.0
DRAIN_INTERVAL_S = 1.0
"""Pause between two reports while a backlog is waiting."""

_JITTER = 0.1
_MAX_EXPONENT = 6
_random = secrets.SystemRandom()
_logger = logging.getLogger(__name__)


class EventStore(Protocol):
    """What the reporter needs of the journal."""

    def unsent(self, limit: int) -> list[EventReport]:
        """Return up to ``limit`` events that were not acknowledged, oldest first."""

    def acknowledge(self, event_ids: Iterable[UUID]) -> None:
        """Note that these events are stored at the site."""


class ReportChannel(Protocol):
    """What the reporter needs of the client."""

    def report(self, request: ReportRequest) -> ReportReply:
        """Hand a report in. Raises ``KioskError`` when it was not taken."""


class Reporter:
    """Reports once per call; the caller owns the thread and the clock. Not thread-safe: one thread calls it.

    Every report carries the newest readings and up to ``BATCH`` of the oldest waiting events. Events are sent until
    the site acknowledges them, so they arrive at least once. A command is delivered once per start of the program
    and acknowledged in the next report.

    Args:
        journal: where the events wait.
        client: the way to the site.
        collect: gives the readings as they are now, at most 50.
        state: gives the booth's state by its name on the wire.
        on_command: carries a command out; must not raise.
        version: of the program.
    """

    def __init__(
        self,
        journal: EventStore,
        client: ReportChannel,
        collect: Callable[[], list[ReadingReport]],
        state: Callable[[], str],
        on_command: Callable[[Command], None],
        *,
        version: str,
    ) -> None:
        self._journal = journal
        self._client = client
        self._collect = collect
        self._state = state
        self._on_command = on_command
        self._version = version
        self._boot_id = uuid4()
        self._delivered: set[UUID] = set()
        self._to_acknowledge: list[UUID] = []
        self._failures = 0
        self._journal_failed = False

    @property
    def is_away(self) -> bool:
        """Whether the last report was not taken."""
        return self._failures > 0

    def report_once(self) -> float:
        """Send one report and act on the reply.

        Returns:
            Seconds until the next one: the server's interval with a little jitter; less while a backlog drains; a
            full-jitter back-off of up to 60 s while the server is away. A journal that cannot be read does not
            hold the readings back: the administrator must hear of a full disk.
        """
        events = self._waiting()
        acknowledged = list(self._to_acknowledge)
        request = ReportRequest(
            boot_id=self._boot_id,
            sent_at=datetime.now(UTC),
            state=self._state(),
            version=self._version,
            readings=self._collect(),
            events=events,
            acknowledged=acknowledged,
        )
        try:
            reply = self._client.report(request)
        except KioskError as error:
            return self._back_off(error)
        self._note_return()
        self._to_acknowledge = self._to_acknowledge[len(acknowledged) :]
        sent = {event.event_id for event in events}
        stored = [event_id for event_id in reply.acked_events if event_id in sent]
        self._acknowledge(stored)
        self._deliver(reply.commands)
        if stored and len(events) == BATCH:
            return min(DRAIN_INTERVAL_S, reply.next_interval_s)
        return reply.next_interval_s * _random.uniform(1 - _JITTER, 1 + _JITTER)

    def _waiting(self) -> list[EventReport]:
        try:
            events = self._journal.unsent(BATCH)
        except KioskError as error:
            self._note_journal(error)
            return []
        self._journal_failed = False
        return events

    def _acknowledge(self, stored: list[UUID]) -> None:
        try:
            self._journal.acknowledge(stored)
        except KioskError as error:
            self._note_journal(error)

    def _note_journal(self, error: KioskError) -> None:
        if not self._journal_failed:
            _logger.info("journal cannot be reported: %s %s", error.code, dict(error.context))
        self._journal_failed = True

    def _deliver(self, commands: list[Command]) -> None:
        for command in commands:
            if command.command_id not in self._delivered:
                self._delivered.add(command.command_id)
                self._on_command(command)
            if command.command_id not in self._to_acknowledge:
                self._to_acknowledge.append(command.command_id)

    def _back_off(self, error: KioskError) -> float:
        if self._failures == 0:
            _logger.info("site server away: %s %s", error.code, dict(error.context))
        self._failures += 1
        ceiling = min(MAX_BACK_OFF_S, 2.0 ** min(self._failures, _MAX_EXPONENT))
        return _random.uniform(0, ceiling)

    def _note_return(self) -> None:
        if self._failures:
            _logger.info("site server is back after %d failed reports", self._failures)
        self._failures = 0
