"""Makes pre-flights while nobody sits here: when the site asks for one, and the day before a booking."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal, Protocol
from uuid import uuid4

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import CancelToken
from drivers.errors import KioskError
from kiosk_config.pack.model import MainSitePack
from workstation.certificate import BoothCertificate
from workstation.preflight.findings import tally
from workstation.preflight.process import PreflightProcess
from workstation.preflight.request import PreflightRequest
from workstation.site.contract import BoothInfo, Command, CommandKind
from workstation.site.preflight import PreflightReport, PreflightVerdict

from .records import RecordBridge
from .threads import Lane

_log = logging.getLogger(__name__)

SITE_ZONE = timezone(timedelta(hours=8))
"""China Standard Time."""

CLOCK_INTERVAL_MS = 30_000
RETRIES_S = (5.0, 15.0, 60.0, 300.0)
"""Pauses before a report is handed in again. What the site still lacks then, it sees in the journal."""

_MAX_WAITING = 20
_MAIN_SITE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
NotDone = Literal["visit", "no-pack", "no-result"]


class Packs(Protocol):
    """What the pre-flight needs of the booth's packs."""

    def get(self, main_site_id: str) -> MainSitePack:
        """Return the pack of a main site. Raises ``KioskError`` without one that may be used."""

    def main_site_ids(self) -> list[str]:
        """Return of which main sites a pack is kept."""


class ReportTaker(Protocol):
    """What the pre-flight needs of the site's client."""

    def preflight(self, report: PreflightReport) -> None:
        """Hand a report in. Raises ``KioskError`` when it was not taken."""


class PreflightBridge(QObject):
    """Lives in the GUI thread; one pre-flight at a time runs in its lane.

    A pre-flight never makes an expert wait: whoever signs in ends it, and the site is told that it was not made.
    Those of the schedule wait until the seat is free.

    Args:
        packs: of this booth; asked in the lane's thread.
        records: the journal.
        at: when the pre-flights of the day before a booking are made, by the site's clock; ``None`` for never.
        site_id: who we are in a pack's audience.
        certificate: the booth's client certificate, ``None`` when it has none.
        is_drill: whether the browser may run as root.
        make_process: runs one pre-flight.
        clock: gives the current moment with a zone.

    Signals (emitted in the lane's thread):
        made(PreflightReport): a pre-flight is over, made or not.
    """

    made = Signal(object)
    _scheduled = Signal(object)

    def __init__(
        self,
        packs: Packs,
        records: RecordBridge,
        *,
        at: time | None,
        site_id: str,
        is_drill: bool,
        certificate: BoothCertificate | None = None,
        make_process: Callable[[], PreflightProcess] = PreflightProcess,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._packs, self._records, self._at = packs, records, at
        self._site_id, self._is_drill, self._certificate = site_id, is_drill, certificate
        self._make_process, self._clock = make_process, clock
        self._site: ReportTaker | None = None
        self._booth: BoothInfo | None = None
        self._is_free = False
        self._running: PreflightProcess | None = None
        self._due: deque[str] = deque(maxlen=_MAX_WAITING)
        self._scheduled_on: date | None = None
        self._stopping = CancelToken()
        self.lane = Lane("preflight", self)
        self._send_lane = Lane("preflight-reports", self)
        self.made.connect(self._on_made)
        self._scheduled.connect(self._on_scheduled)
        self._timer = QTimer(self, interval=CLOCK_INTERVAL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)

    @property
    def lanes(self) -> tuple[Lane, Lane]:
        """Both threads: their crashes are the application's to take."""
        return self.lane, self._send_lane

    def start(self) -> None:
        """Begin to look at the clock."""
        if self._at is not None:
            self._timer.start()

    def stop(self) -> None:
        """End what runs, and both threads."""
        self._timer.stop()
        self._stopping.cancel()
        self._due.clear()
        if self._running is not None:
            self._running.stop()
        self.lane.close()
        self._send_lane.close()

    def join_site(self, site: ReportTaker) -> None:
        """Report to this site server from now on."""
        self._site = site

    @Slot(object)
    def on_command(self, command: Command) -> None:
        """Take an order of the site; every other command is somebody else's."""
        if command.kind is not CommandKind.PREFLIGHT:
            return
        if not _MAIN_SITE_ID.fullmatch(command.text):
            _log.info("no pre-flight: the site named no main site")
        elif not self._is_free:
            self.made.emit(_not_made(command.text, "visit"))
        elif command.text not in self._due:
            self._due.append(command.text)
            self._next()

    @Slot(object)
    def on_booth_changed(self, booth: BoothInfo) -> None:
        """Learn when this booth is booked."""
        self._booth = booth

    def set_free(self, *, is_free: bool) -> None:
        """Say whether nobody is here. Whoever comes ends what runs."""
        if is_free == self._is_free:
            return
        self._is_free = is_free
        if is_free:
            self._next()
        elif self._running is not None:
            self._running.stop()

    @Slot()
    def _on_timer_timeout(self) -> None:
        now = self._clock().astimezone(SITE_ZONE)
        is_time = self._at is not None and now.time() >= self._at and self._scheduled_on != now.date()
        if is_time and self._is_booked_on(now.date() + timedelta(days=1)):
            self._scheduled_on = now.date()
            self.lane.submit(self._find_scheduled)

    def _find_scheduled(self) -> None:
        """Runs in the lane's thread."""
        self._scheduled.emit(self._packs.main_site_ids())

    @Slot(object)
    def _on_scheduled(self, main_site_ids: list[str]) -> None:
        self._due.extend(main_site_id for main_site_id in main_site_ids if main_site_id not in self._due)
        self._next()

    def _is_booked_on(self, day: date) -> bool:
        bookings = [] if self._booth is None else self._booth.bookings
        return any(
            each.starts_at.astimezone(SITE_ZONE).date() <= day <= each.ends_at.astimezone(SITE_ZONE).date()
            for each in bookings
        )

    def _next(self) -> None:
        if not self._is_free or self._running is not None or not self._due:
            return
        main_site_id = self._due.popleft()
        process = self._running = self._make_process()
        self.lane.submit(lambda: self._make(main_site_id, process))

    def _make(self, main_site_id: str, process: PreflightProcess) -> None:
        """Runs in the lane's thread."""
        try:
            pack = self._packs.get(main_site_id)
        except KioskError as error:
            _log.info("no pre-flight: %s %s", error.code, error.context.get("reason", ""))
            self.made.emit(_not_made(main_site_id, "no-pack"))
            return
        request = PreflightRequest(
            report_id=uuid4(),
            pack=pack,
            drill=self._is_drill,
            sub_site=self._site_id,
            certificate=self._certificate,
        )
        report = process.run(request)
        if report is None:
            report = _not_made(main_site_id, "visit" if process.is_stopped else "no-result", pack)
        self.made.emit(report)

    @Slot(object)
    def _on_made(self, report: PreflightReport) -> None:
        self._running = None
        if report.not_done:
            facts = {"main_site_id": report.main_site_id, "reason": report.not_done}
            self._records.append("preflight_refused", "", facts)
        else:
            self._records.append("preflight_done", "", tally(report))
        self._send_lane.submit(lambda: self._send(report))
        self._next()

    def _send(self, report: PreflightReport) -> None:
        """Runs in the sending thread, which may wait: the next pre-flight does not."""
        for pause_s in (*RETRIES_S, None):
            try:
                if self._site is not None:
                    self._site.preflight(report)
                    return
            except KioskError as error:
                _log.info("a pre-flight was not reported: %s %s", error.code, dict(error.context))
                if not error.retryable:
                    return
            if pause_s is None or self._stopping.wait(pause_s):
                return


def _not_made(main_site_id: str, why: NotDone, pack: MainSitePack | None = None) -> PreflightReport:
    return PreflightReport(
        report_id=uuid4(),
        main_site_id=main_site_id,
        main_site="" if pack is None else pack.name,
        serial=0 if pack is None else pack.serial,
        checked_at=datetime.now(UTC),
        not_done=why,
        verdict=PreflightVerdict.FAIL,
        checks=[],
    )
