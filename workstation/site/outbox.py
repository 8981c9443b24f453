"""The loop body that reports to the site server: what changed now, the journal's backlog behind, commands back."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from drivers.errors import ErrorCode, KioskError
from workstation.site.batch import BatchSize, within_bytes
from workstation.site.changes import Changes
from workstation.site.contract import Command, EventReport, ReportReply, ReportRequest
from workstation.site.orders import CommandStore, Orders
from workstation.site.readings import ReadingReport

MAX_BACK_OFF_S = 60.0
DRAIN_PAUSE_S = 0.1
"""Least pause between two reports while a backlog is waiting. A report that took longer is given as long a pause, so
that a booth never takes more than half of what the server has for it."""

PRUNE_STEP = 200
"""Events that leave the journal between two reports: a few milliseconds of its lock."""

PRUNE_INTERVAL_S = 3600.0
REFUSALS_TOLD = 5
IDLE = "idle"
"""The state in which nobody waits for the journal."""

_JITTER = 0.1
_MAX_EXPONENT = 6
_random = secrets.SystemRandom()
_logger = logging.getLogger(__name__)


class EventStore(CommandStore, Protocol):
    """What the reporter needs of the journal. Everything may raise ``KioskError``."""

    def unsent(self, limit: int) -> list[EventReport]:
        """Return up to ``limit`` events that were not acknowledged, oldest first."""

    def acknowledge(self, event_ids: Iterable[UUID]) -> None:
        """Note that these events are stored at the site."""

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` acknowledged events older than ``before`` and return how many went."""


class ReportChannel(Protocol):
    """What the reporter needs of the client."""

    def report(self, request: ReportRequest) -> ReportReply:
        """Hand a report in. Raises ``KioskError`` when it was not taken."""


class Reporter:
    """Reports once per call; the caller owns the thread and the clock. Not thread-safe: one thread calls it.

    Every report carries the booth's state and the readings that changed (``Changes``); behind them some of the oldest
    waiting events, as many as do not delay the next report (``BatchSize``). So live state is never older than one
    report, however long the backlog. Events are sent until the site acknowledges them: they arrive at least once and
    in order. A command is carried out once, also across starts of the program, and acknowledged in the next report.

    Args:
        journal: where the events wait.
        client: the way to the site.
        collect: gives the readings as they are now.
        state: gives the booth's state by its name on the wire.
        on_command: carries a command out; must not raise.
        version: of the program.
        keep: for how long an event stays in the journal after it happened, acknowledged or not.
        clock: monotonic seconds.
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
        keep: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._client = client
        self._collect = collect
        self._state = state
        self._version = version
        self._keep = keep
        self._clock = clock
        self._boot_id = uuid4()
        self._number = 0
        self._changes = Changes(clock)
        self._batch = BatchSize()
        self._is_resting = False
        self._orders = Orders(journal, on_command)
        self._refused_seq = self._refusals = 0
        self._failures = 0
        self._journal_failed = False
        self._prune_due = clock()

    @property
    def is_away(self) -> bool:
        """Whether the last report was not taken."""
        return self._failures > 0

    def report_once(self) -> float:
        """Send one report and act on the reply.

        Returns:
            Seconds until the next one: the server's interval with a little jitter; less while a backlog drains; a
            full-jitter back-off of up to 60 s while the server is away, or what the server asks for. A journal that
            cannot be read does not hold the readings back: the administrator must hear of a full disk.
        """
        events, is_more = self._waiting()
        request = self._request(events)
        started = self._clock()
        try:
            reply = self._client.report(request)
        except KioskError as error:
            self._changes.was_lost()
            return self._not_taken(error, events)
        took_s = self._clock() - started
        self._note_return()
        self._changes.was_taken(full_wanted=reply.full_wanted)
        self._orders.were_acknowledged(request.acknowledged)
        stored = self._acknowledge(events, reply.acked_events)
        self._batch.took(took_s, len(events))
        self._orders.carry_out(reply.commands)
        if (stored and is_more) or reply.full_wanted:
            return min(max(DRAIN_PAUSE_S, took_s), reply.next_interval_s)
        self._prune(reply.server_time, request.state)
        return reply.next_interval_s * _random.uniform(1 - _JITTER, 1 + _JITTER)

    def _request(self, events: list[EventReport]) -> ReportRequest:
        readings, is_full = self._changes.next_report(self._collect())
        self._number += 1
        return ReportRequest(
            boot_id=self._boot_id,
            number=self._number,
            sent_at=datetime.now(UTC),
            state=self._state(),
            version=self._version,
            full=is_full,
            readings=readings,
            events=events,
            acknowledged=self._orders.to_acknowledge(),
        )

    def _waiting(self) -> tuple[list[EventReport], bool]:
        """Return the events for the next report, and whether there are more."""
        if self._is_resting:
            self._is_resting = False
            return [], False
        try:
            found = self._journal.unsent(self._batch.events + 1)
        except KioskError as error:
            self._note_journal(error)
            return [], False
        self._journal_failed = False
        events = list(within_bytes(found[: self._batch.events]))
        return events, len(found) > len(events)

    def _acknowledge(self, events: list[EventReport], acked: list[UUID]) -> list[UUID]:
        sent = {event.event_id for event in events}
        stored = [event_id for event_id in acked if event_id in sent]
        try:
            self._journal.acknowledge(stored)
        except KioskError as error:
            self._note_journal(error)
        return stored

    def _prune(self, server_time: datetime, state: str) -> None:
        """Let old events go, in small steps. Two clocks must agree on what is old: one that is off deletes nothing."""
        if state != IDLE or self._clock() < self._prune_due:
            return
        before = min(server_time, datetime.now(UTC)) - self._keep
        try:
            gone = self._journal.prune(before, PRUNE_STEP)
        except KioskError as error:
            self._note_journal(error)
            gone = 0
        if gone < PRUNE_STEP:
            self._prune_due = self._clock() + PRUNE_INTERVAL_S

    def _note_journal(self, error: KioskError) -> None:
        if not self._journal_failed:
            _logger.info("journal cannot be reported: %s %s", error.code, dict(error.context))
        self._journal_failed = True

    def _not_taken(self, error: KioskError, events: list[EventReport]) -> float:
        """Decide what to try next: less of the backlog, nothing of it, or the same later."""
        if events:
            self._batch.shrink(len(events))
        if not events or error.code is not ErrorCode.INTERNAL:
            return self._back_off(error)
        # The server answers and refuses: perhaps one of the events. Live state must not wait for it.
        if len(events) == 1:
            self._is_resting = True
            self._note_refusal(events[0].seq, error)
        return DRAIN_PAUSE_S

    def _note_refusal(self, seq: int, error: KioskError) -> None:
        """Say once that an event is stuck: not yet after a first refusal, which may have been the line's doing."""
        self._refusals = self._refusals + 1 if seq == self._refused_seq else 1
        self._refused_seq = seq
        if self._refusals == REFUSALS_TOLD:
            _logger.error("site server refuses event %d: %s", seq, dict(error.context))

    def _back_off(self, error: KioskError) -> float:
        if self._failures == 0:
            _logger.info("site server away: %s %s", error.code, dict(error.context))
        self._failures += 1
        ceiling = min(MAX_BACK_OFF_S, 2.0 ** min(self._failures, _MAX_EXPONENT))
        asked_s = float(error.context.get("retry_after_s", 0.0))
        wait_s = _random.uniform(0, ceiling)
        return max(wait_s, asked_s * _random.uniform(1, 1 + _JITTER)) if asked_s else wait_s

    def _note_return(self) -> None:
        if self._failures:
            _logger.info("site server is back after %d failed reports", self._failures)
        self._failures = 0
