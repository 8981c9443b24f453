"""Watches headset, camera, disk and main site, each in its own thread, and keeps the board in the GUI thread."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import Camera, CancelToken, DeviceStatus, Headset
from drivers.errors import ErrorCode
from workstation.health.board import HealthBoard, HealthEvent, HealthSnapshot
from workstation.health.links import MainSiteProbe
from workstation.health.probes import DiskLimits, read_device, read_disk
from workstation.health.readings import Moment, Reading
from workstation.health.selfcheck import evaluate, is_fresh
from workstation.health.trust import PUBLIC_TRUST, MainSiteTrust
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState

from .threads import SupervisedLoop

HEADSET_WAIT_S = 5.0
PROBE_INTERVAL_S = 3.0
BOARD_INTERVAL_MS = 1000
CHECK_TIMEOUT_S = 6.0
"""Longer than one probe of the main site takes; after it, what is not known counts as not good."""

_BOTH_SERVERS = frozenset({ErrorCode.MAIN_SITE_UNREACHABLE, ErrorCode.SITE_SERVER_UNREACHABLE})
"""Who reaches neither has no network (E-503)."""


class HealthBridge(QObject):
    """Signals are emitted in the GUI thread.

    Signals:
        condition_raised(ErrorCode), condition_cleared(ErrorCode): what the journey has to know.
        event_found(HealthEvent): an edge for the journal.
        snapshot_taken(HealthSnapshot): once a second, for the status bar.
        checked(int attempt, tuple[Check, ...]): the answer to ``check``.
    """

    condition_raised = Signal(object)
    condition_cleared = Signal(object)
    event_found = Signal(object)
    snapshot_taken = Signal(object)
    checked = Signal(int, object)
    _observed = Signal(object)

    def __init__(
        self,
        *,
        camera: Camera,
        headset: Headset,
        data_dir: Path,
        min_free_bytes: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._camera, self._headset = camera, headset
        self._data_dir = data_dir
        self._limits = DiskLimits(warn_free_bytes=2 * min_free_bytes, bad_free_bytes=min_free_bytes)
        self._main_site: MainSiteProbe | None = None
        self._main_site_since_s = 0.0
        self._probe_now = threading.Event()
        self._asked: tuple[int, float] | None = None
        self._board = HealthBoard()
        self._conditions: frozenset[ErrorCode] = frozenset()
        self._reports: list[ReadingReport] = []
        self._loops = [
            SupervisedLoop("dev-headset", self._watch_headset),
            SupervisedLoop("probes", self._probe),
        ]
        self._observed.connect(self.observe)
        self._ticker = QTimer(self)
        self._ticker.setInterval(BOARD_INTERVAL_MS)
        self._ticker.timeout.connect(self._on_ticker_timeout)

    @property
    def conditions(self) -> frozenset[ErrorCode]:
        """What was raised and not cleared yet."""
        return self._conditions

    def start(self) -> None:
        """Begin to watch."""
        for loop in self._loops:
            loop.start()
        self._ticker.start()

    def stop(self) -> None:
        """End the threads and close the devices."""
        self._ticker.stop()
        for loop in self._loops:
            loop.stop()
        self._headset.close()

    def watch_main_site(self, origin: str | None, trust: MainSiteTrust = PUBLIC_TRUST) -> None:
        """Probe this origin from now on; ``None`` ends it. What was seen of the one before is no condition any more."""
        if origin != (self._main_site and self._main_site.origin):
            self._watch(None if origin is None else MainSiteProbe(origin, trust))

    @Slot(object)
    def trust_main_site(self, trust: MainSiteTrust) -> None:
        """From now on the watched main site's hosts must show this."""
        if self._main_site is not None and self._main_site.trust != trust:
            self._watch(MainSiteProbe(self._main_site.origin, trust))

    @Slot()
    def forget_conference(self) -> None:
        """Drop what was seen of a meeting that is over or lost; its conditions are told by whoever holds it."""
        self._board.forget(ReadingKind.CONFERENCE)

    def _watch(self, probe: MainSiteProbe | None) -> None:
        self._main_site, self._main_site_since_s = probe, time.monotonic()
        self._board.forget(ReadingKind.MAIN_SITE)
        self._probe_now.set()
        self._follow_conditions()

    def check(self, attempt: int) -> None:
        """Look at every device anew; answered by ``checked`` within ``CHECK_TIMEOUT_S``."""
        self._asked = (attempt, time.monotonic())
        self._probe_now.set()

    def reports(self) -> list[ReadingReport]:
        """Return the readings of the last second, for the site. Any thread may ask."""
        return self._reports

    def snapshot(self) -> HealthSnapshot:
        """Return the board as it is now."""
        return self._board.snapshot(Moment.now())

    @Slot(object)
    def observe_device(self, status: DeviceStatus) -> None:
        """Take the status of a device that another bridge watches."""
        self.observe(read_device(status, Moment.now()))

    @Slot(object)
    def observe(self, reading: Reading) -> None:
        """Take a reading. One of a main site that is not watched any more may still have been on its way here."""
        is_of_another = self._main_site is None or reading.observed.monotonic_s < self._main_site_since_s
        if reading.kind is ReadingKind.MAIN_SITE and is_of_another:
            return
        self._tell(self._board.observe(reading))
        self._follow_conditions()

    def _watch_headset(self, cancel: CancelToken) -> None:
        while not cancel.is_cancelled:
            self._observed.emit(read_device(self._headset.status(), Moment.now()))
            self._headset.wait(timeout_s=HEADSET_WAIT_S, cancel=cancel)

    def _probe(self, cancel: CancelToken) -> None:
        cancel.on_cancel(self._probe_now.set)
        while not cancel.is_cancelled:
            self._observed.emit(read_device(self._camera.present(), Moment.now()))
            self._observed.emit(read_disk(self._data_dir, Moment.now(), self._limits))
            main_site = self._main_site
            if main_site is not None:
                reading = main_site.probe()
                if main_site is self._main_site:
                    self._observed.emit(reading)
            self._probe_now.wait(PROBE_INTERVAL_S)
            self._probe_now.clear()

    @Slot()
    def _on_ticker_timeout(self) -> None:
        self._tell(self._board.expire(Moment.now()))
        self._follow_conditions()
        self.snapshot_taken.emit(self.snapshot())

    def _follow_conditions(self) -> None:
        readings = self.snapshot().readings.values()
        self._reports = [reading.report() for reading in readings]
        now = frozenset(code for reading in readings if (code := _condition(reading)) is not None)
        if now >= _BOTH_SERVERS:
            now |= {ErrorCode.NETWORK_DOWN}
        for code in now - self._conditions:
            self.condition_raised.emit(code)
        for code in self._conditions - now:
            self.condition_cleared.emit(code)
        self._conditions = now

        self._answer_check()

    def _answer_check(self) -> None:
        if self._asked is None:
            return
        attempt, asked_at_s = self._asked
        snapshot = self.snapshot()
        if is_fresh(snapshot, asked_at_s) or time.monotonic() - asked_at_s > CHECK_TIMEOUT_S:
            self._asked = None
            self.checked.emit(attempt, evaluate(snapshot))

    def _tell(self, events: list[HealthEvent]) -> None:
        for event in events:
            self.event_found.emit(event)


def _condition(reading: Reading) -> ErrorCode | None:
    """A disk that only gets full (WARN) is the administrator's matter; it does not keep experts out."""
    if reading.kind is ReadingKind.DISK and reading.state is not ReadingState.BAD:
        return None
    return reading.code
