"""Makes check-ups (自检) while nobody sits here: by button, every morning, when the site asks; hands them in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import CancelToken
from drivers.errors import KioskError
from workstation.checkup.feed import ReadingFeed
from workstation.checkup.findings import tally
from workstation.checkup.maker import BoothIdentity, Groups, examine, keep_signed
from workstation.checkup.progress import Progress
from workstation.checkup.runner import CheckupRunner, Items
from workstation.checkup.schedule import MADE_UP_WITHIN, DailyTime
from workstation.checkup.store import CheckupStore
from workstation.health.board import HealthSnapshot
from workstation.site.contract import BoothInfo, Command, CommandKind
from workstation.site.selfcheck import CheckupHandIn, CheckupReport, CheckupTrigger, CheckupVerdict

from .records import RecordBridge
from .threads import Lane

_log = logging.getLogger(__name__)

CLOCK_INTERVAL_MS = 20_000
"""How often the clock is looked at, and what the site has not got is sent again."""

SHOWN_GOOD_MS = 20_000
SHOWN_BAD_MS = 300_000
"""How long a result stays on the screen: it must not be what the first expert of the day sees."""


class ReportTaker(Protocol):
    """What the check-up needs of the site's client."""

    def selfcheck(self, report_id: UUID, hand_in: CheckupHandIn) -> None:
        """Hand a report in. Raises ``KioskError`` when it was not taken."""


def uptime_s() -> float:
    """Return seconds on a clock that nobody steps and that goes on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # Linux alone has one, and needs it
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class CheckupBridge(QObject):
    """Lives in the GUI thread; one check-up at a time runs in its lane, reports are handed in by another.

    Nobody waits for a check-up: whoever lays a card down ends it. What the site or the clock asked for is made up when
    the seat is free again within the hour; what somebody pressed a button for is not.

    Args:
        make_groups: gives what to look at; called in the lane's thread.
        feed: gets the booth's readings.
        records: the journal.
        booth: whose report it is.
        data_dir: of the key and the reports.
        daily: when the check-up of every day is due.
        clock: gives the current moment with a zone.
        uptime: as ``uptime_s``.

    Signals:
        changed(Progress | None): what the screen shows of it, ``None`` for nothing.
    """

    changed = Signal(object)
    _found = Signal(int, object)
    _ended = Signal(int, object)
    _kept = Signal(object, str)
    _remembered = Signal(object)

    def __init__(
        self,
        make_groups: Callable[[], Groups],
        feed: ReadingFeed,
        records: RecordBridge,
        *,
        booth: BoothIdentity,
        data_dir: Path,
        daily: DailyTime,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        uptime: Callable[[], float] = uptime_s,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._make_groups, self._feed, self._records = make_groups, feed, records
        self._booth, self._data_dir, self._daily = booth, data_dir, daily
        self._clock, self._uptime = clock, uptime
        self._runner, self._store = CheckupRunner(), CheckupStore(data_dir)
        self._site: ReportTaker | None = None
        self._booth_label = ""
        self._is_free = False
        self._is_ready = False
        self._number = 0
        self._running: tuple[CheckupTrigger, CancelToken] | None = None
        self._ordered_s: float | None = None
        self._progress: Progress | None = None
        self.lane = Lane("checkup", self)
        self._send_lane = Lane("checkup-reports", self)
        self._found.connect(self._on_found)
        self._ended.connect(self._on_ended)
        self._kept.connect(self._on_kept)
        self._remembered.connect(self._on_remembered)
        self._timer = QTimer(self, interval=CLOCK_INTERVAL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._hide = QTimer(self, singleShot=True)
        self._hide.timeout.connect(self.dismiss)

    @property
    def lanes(self) -> tuple[Lane, Lane]:
        """Both threads: their crashes are the application's to take."""
        return self.lane, self._send_lane

    def start(self) -> None:
        """Begin to look at the clock."""
        self.lane.submit(self._remember)
        self._timer.start()

    def stop(self) -> None:
        """End what runs, and both threads."""
        self._timer.stop()
        self._hide.stop()
        self._ordered_s = None
        if self._running is not None:
            self._running[1].cancel()
        self.lane.close()
        self._send_lane.close()

    def join_site(self, site: ReportTaker) -> None:
        """Hand reports to this site server from now on, those of the time before too."""
        self._site = site
        self._send_lane.submit(self._send)

    @Slot(object)
    def on_snapshot_taken(self, snapshot: HealthSnapshot) -> None:
        """Take the booth's readings."""
        self._feed.offer(snapshot)

    @Slot(object)
    def on_command(self, command: Command) -> None:
        """Take an order of the site; every other command is somebody else's."""
        if command.kind is CommandKind.SELF_CHECK:
            self._ordered_s = self._uptime()
            self._next()

    @Slot(object)
    def on_booth_changed(self, booth: BoothInfo) -> None:
        """Learn what people call this booth."""
        self._booth_label = booth.booth_label

    @Slot()
    def press(self) -> None:
        """Somebody pressed the button."""
        self._begin(CheckupTrigger.BUTTON)

    @Slot()
    def dismiss(self) -> None:
        """Somebody does not want it on the screen: one that is still running is ended, and not made up."""
        if self._running is not None:
            self._ordered_s = None
            self._daily.done(self._clock(), self._uptime())
        self._end()

    def set_free(self, *, is_free: bool) -> None:
        """Say whether nobody is here. Whoever comes ends what runs."""
        if is_free == self._is_free:
            return
        self._is_free = is_free
        if is_free:
            self._next()
        else:
            self._end()

    def _end(self) -> None:
        self._hide.stop()
        if self._running is not None:
            self._running[1].cancel()
        self._show(None)

    def _next(self) -> None:
        """Begin what is due."""
        if self._ordered_s is not None and self._uptime() - self._ordered_s > MADE_UP_WITHIN.total_seconds():
            self._ordered_s = None
            self._records.append("checkup_refused", "", {"trigger": CheckupTrigger.COMMAND.value, "reason": "visit"})
        if self._ordered_s is not None:
            self._begin(CheckupTrigger.COMMAND)
        elif self._is_ready and self._daily.is_due(self._clock(), self._uptime()):
            self._begin(CheckupTrigger.SCHEDULE)

    def _begin(self, trigger: CheckupTrigger) -> None:
        if not self._is_free or self._running is not None:
            return
        cancel = CancelToken()
        self._running = (trigger, cancel)
        self._number += 1
        number, label = self._number, self._booth_label
        self._hide.stop()
        self.lane.submit(lambda: self._make(number, trigger, label, cancel))

    def _make(self, number: int, trigger: CheckupTrigger, label: str, cancel: CancelToken) -> None:
        """Runs in the lane's thread."""
        groups = self._make_groups()
        self._found.emit(number, Progress(plan=tuple(probe.kind for group in groups for probe in group)))
        report = examine(
            groups,
            self._booth,
            trigger,
            runner=self._runner,
            on_items=lambda items: self._found.emit(number, items),
            cancel=cancel,
            booth_label=label,
        )
        self._ended.emit(number, report)
        if report is None:
            return
        try:
            signed = keep_signed(report, self._data_dir, self._store)
        except OSError as error:
            _log.error("a check-up could not be kept: %s", type(error).__name__)
            self._kept.emit(report, "")
        else:
            self._kept.emit(report, signed.sha256)

    @Slot(int, object)
    def _on_found(self, number: int, found: Progress | Items) -> None:
        if number != self._number or self._running is None or self._running[1].is_cancelled:
            return
        if isinstance(found, Progress):
            self._show(found)
        elif self._progress is not None:
            self._show(self._progress.with_items(found))

    @Slot(int, object)
    def _on_ended(self, number: int, report: CheckupReport | None) -> None:
        if number != self._number or self._running is None:
            return
        (trigger, cancel), self._running = self._running, None
        if report is None:
            self._records.append("checkup_stopped", "", {"trigger": trigger.value})
            return
        if trigger is CheckupTrigger.COMMAND:
            self._ordered_s = None
        self._daily.done(self._clock(), self._uptime())
        if self._progress is not None and not cancel.is_cancelled:
            plan = self._progress.plan
            self._show(Progress(plan=plan, verdict=report.verdict).with_items(tuple(report.items)))
            is_good = report.verdict is CheckupVerdict.PASS
            self._hide.start(SHOWN_GOOD_MS if is_good else SHOWN_BAD_MS)

    @Slot(object, str)
    def _on_kept(self, report: CheckupReport, sha256: str) -> None:
        """Note it in the journal: with its digest, so that the chain vouches for the report; "" for one not kept."""
        facts = {"trigger": report.trigger.value, "verdict": report.verdict.value, "sha256": sha256}
        self._records.append("checkup_done", "", {**facts, **tally(report.items)})
        self._send_lane.submit(self._send)

    @Slot()
    def _on_timer_timeout(self) -> None:
        self._next()
        self._send_lane.submit(self._send)

    def _remember(self) -> None:
        """Runs in the lane's thread: look for the last daily check-up before this start."""
        try:
            times = [signed.report.checked_at for signed in self._store.reports()]
        except OSError as error:
            _log.error("the check-ups cannot be read: %s", type(error).__name__)
            times = []
        self._remembered.emit(times)

    @Slot(object)
    def _on_remembered(self, times: list[datetime]) -> None:
        for made_at in reversed(times):
            self._daily.remember(made_at)
        self._is_ready = True
        self._next()

    def _send(self) -> None:
        """Runs in the sending thread: hand in what the site has not got, the oldest first."""
        try:
            while self._site is not None and (waiting := self._store.oldest_unsent()) is not None:
                if not self._hand_in(self._site, *waiting):
                    return
                self._store.acknowledge(waiting[0])
        except OSError as error:
            _log.info("the check-ups cannot be read: %s", type(error).__name__)

    def _hand_in(self, site: ReportTaker, report_id: UUID, hand_in: CheckupHandIn) -> bool:
        """Return whether the site has it, or will never take it."""
        try:
            site.selfcheck(report_id, hand_in)
        except KioskError as error:
            is_final = error.context.get("status") in {409, 422}
            log = _log.error if is_final else _log.info
            log("a check-up was not handed in: %s %s", error.code, dict(error.context))
            return is_final
        return True

    def _show(self, progress: Progress | None) -> None:
        if progress is not self._progress:
            self._progress = progress
            self.changed.emit(progress)
