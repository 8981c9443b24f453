"""The journal's thread: events and the restart record reach the disk in order, without holding up the screen."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

from pydantic import TypeAdapter, ValidationError
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.errors import ErrorCode, KioskError
from workstation.journal.journal import Journal
from workstation.journey.effects import Fact
from workstation.journey.facts import Resume

from .journal_check import JournalCheck
from .threads import Lane

_log = logging.getLogger(__name__)

URGENT = frozenset(
    {
        "anonymity_lost", "battery_test_refused", "battery_tested", "foreign_device_found", "headset_lost",
        "help_called", "meeting_alarm", "outage_began", "outage_ended", "outage_rule_reached", "power_battery_low",
        "power_closing", "power_closing_cancelled", "power_sealed", "review_needed", "seat_alarm", "seat_locked",
        "signed_out", "sound_check_alarm",
    }
)  # fmt: skip
"""Events somebody waits for: they are reported at once instead of at the next interval."""

RETRY_INTERVAL_S = 5.0
MAX_WAITING = 1000
"""Writes kept in memory while the journal cannot be written; the oldest go first."""

_RESUME = TypeAdapter(Resume)


def resume_from(stored: str | None) -> Resume | None:
    """Return the restart record as the journal kept it, ``None`` when there is none or it is not one of ours."""
    if stored is None:
        return None
    try:
        return _RESUME.validate_json(stored)
    except ValidationError:
        return None


class RecordBridge(QObject):
    """Writes in the order of the calls. What the disk refuses is kept and tried again, before anything newer.

    Attributes:
        lane: the thread that writes.
        check: reads the whole journal once a day.

    Signals (emitted in the journal's thread):
        urgent_recorded(): an event that somebody waits for is on disk.
        failed(ErrorCode): the journal could not be written, would not take an event, or goes on in its reserve.
        recovered(): it can be written again, and has its reserve.
    """

    urgent_recorded = Signal()
    failed = Signal(object)
    recovered = Signal()

    def __init__(self, journal: Journal, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._journal = journal
        self._failed = False
        self._waiting: deque[Callable[[], object]] = deque(maxlen=MAX_WAITING)
        self.lane = Lane("journal", self)
        self.check = JournalCheck(journal, self)
        # A booth that is out of order writes nothing by itself: without this it would stay so.
        self._retry = QTimer(self)
        self._retry.timeout.connect(self._on_retry_timeout)
        self.failed.connect(self._on_failed)
        self.recovered.connect(self._retry.stop)

    @property
    def is_failing(self) -> bool:
        """Whether the last write failed."""
        return self._failed

    def append(self, kind: str, session_id: str, facts: Mapping[str, Fact]) -> None:
        """Write an event that happens now, however long the disk may refuse it."""
        data, event_id, at = dict(facts), uuid4(), datetime.now(UTC)
        _log.info(kind, extra={"facts": {"event": "recorded", "kind": kind, **data}})
        self._submit(partial(self._append, kind, session_id, data, event_id=event_id, at=at))

    def keep_resume(self, resume: Resume) -> None:
        """Store the restart record."""
        body = _RESUME.dump_json(resume).decode()
        self._submit(lambda: self._journal.save_resume(body))

    def forget_resume(self) -> None:
        """Delete the restart record."""
        self._submit(self._journal.forget_resume)

    def close(self) -> None:
        """Write what waits, then end the threads."""
        self._retry.stop()
        self.check.stop()
        self.lane.drain()
        self.lane.close()

    @Slot(object)
    def _on_failed(self, _code: ErrorCode) -> None:
        self._retry.start(round(RETRY_INTERVAL_S * 1000))

    @Slot()
    def _on_retry_timeout(self) -> None:
        self.lane.submit(self._catch_up)

    def _append(self, kind: str, session_id: str, data: Mapping[str, Fact], *, event_id: UUID, at: datetime) -> None:
        self._journal.append(kind, session_id, data, event_id=event_id, at=at)
        if kind in URGENT:
            self.urgent_recorded.emit()

    def _submit(self, write: Callable[[], object]) -> None:
        self.lane.submit(lambda: self._write(write))

    def _write(self, write: Callable[[], object]) -> None:
        self._waiting.append(write)
        self._catch_up()

    def _catch_up(self) -> None:
        """Write what waits, oldest first; when nothing is left, ask whether the journal works again."""
        try:
            while self._waiting:
                self._write_oldest()
            if self._failed:
                self._journal.acknowledge(())
            if self._journal.is_on_reserve and not self._journal.restore_reserve():
                raise KioskError(ErrorCode.STORAGE_FULL, "the journal has no reserve")
        except KioskError as error:
            self._note_failure(error)
            return
        if self._failed:
            _log.info("journal can be written again")
            self._failed = False
            self.recovered.emit()

    def _write_oldest(self) -> None:
        write = self._waiting.popleft()
        try:
            write()
        except KioskError as error:
            if error.retryable:
                self._waiting.appendleft(write)
                raise
            self._note_failure(error)

    def _note_failure(self, error: KioskError) -> None:
        if not self._failed:
            _log.error("journal cannot be written: %s %s", error.code, error.context)
        self._failed = True
        self.failed.emit(error.code)
