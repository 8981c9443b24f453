"""Lets every coordinator look when it is due, and keeps the board of what they say in the GUI thread."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import CancelToken, DeviceStatus, Headset
from drivers.errors import ErrorCode
from drivers.machine_facts import PlugEvents
from workstation.health.board import HealthBoard, HealthEvent, HealthSnapshot
from workstation.health.clock_choice import ClockChoice
from workstation.health.coordinator import Coordinator
from workstation.health.coordinators.links import SERVER, ConferenceServerCoordinator, MainSiteCoordinator
from workstation.health.link_window import LinkWindow
from workstation.health.links import MainSiteProbe
from workstation.health.probes import read_device
from workstation.health.readings import Moment, Reading
from workstation.health.rota import Rota
from workstation.health.selfcheck import evaluate, is_fresh
from workstation.health.trust import PUBLIC_TRUST, MainSiteTrust
from workstation.site.conference import ConferenceTicket
from workstation.site.readings import ReadingKind, ReadingReport, ReadingState

from .threads import SupervisedLoop

HEADSET_WAIT_S = 5.0
BOARD_INTERVAL_MS = 1000
CHECK_TIMEOUT_S = 6.0
"""Longer than one probe of the main site takes; after it, what is not known counts as not good."""

_PLUGGED = ("usb", ReadingKind.TOKEN.value, ReadingKind.SIGNATURE_PAD.value, "camera")
"""Coordinators that look at once when something is plugged or unplugged."""

_SETTLE_S = 0.5
"""One plug makes a dozen events, and its interfaces come last."""

_BOTH_SERVERS = frozenset({ErrorCode.MAIN_SITE_UNREACHABLE, ErrorCode.SITE_SERVER_UNREACHABLE})
"""Who reaches neither has no network (E-503)."""


class HealthBridge(QObject):
    """Signals are emitted in the GUI thread.

    Args:
        coordinators: what looks at the booth, but for the two links, which are there only while somebody sits here.
        headset: its driver waits by itself for what changes, and so has a thread for life.
        plugs: tells of what is plugged, ``None`` where nobody does: the coordinators' periods have to do.

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
        coordinators: Sequence[Coordinator],
        headset: Headset,
        plugs: PlugEvents | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._headset, self._plugs = headset, plugs
        self._main_site: MainSiteProbe | None = None
        self._main_site_since_s = 0.0
        self._main_site_link, self._conference_link = MainSiteCoordinator(), ConferenceServerCoordinator()
        self._site_window, self._clocks = LinkWindow(), ClockChoice()
        self._rota = Rota([*coordinators, self._main_site_link, self._conference_link], self._observed.emit)
        self._asked: tuple[int, float] | None = None
        self._board = HealthBoard()
        self._conditions: frozenset[ErrorCode] = frozenset()
        self._reports: list[ReadingReport] = []
        self._loops = [
            SupervisedLoop("dev-headset", self._watch_headset),
            SupervisedLoop("rota", self._rota.run),
        ]
        if plugs is not None:
            self._loops.append(SupervisedLoop("plug-events", self._hear_plugs))
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
        self._rota.stop()
        if self._plugs is not None:
            self._plugs.close()
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

    @Slot(object)
    def watch_conference(self, ticket: ConferenceTicket) -> None:
        """Probe the way to this meeting's server until ``leave_conference``, lost meetings included."""
        self._conference_link.watch(ticket.server)

    @Slot()
    def leave_conference(self) -> None:
        """Probe that way no more: the stay is over."""
        self._conference_link.watch("")
        self._board.forget(ReadingKind.CONFERENCE, SERVER)

    @Slot()
    def forget_conference(self) -> None:
        """Drop what was seen of a meeting that is over or lost; its conditions are told by whoever holds it."""
        self._board.forget(ReadingKind.CONFERENCE)

    def _watch(self, probe: MainSiteProbe | None) -> None:
        self._main_site, self._main_site_since_s = probe, time.monotonic()
        self._main_site_link.watch(probe)
        self._board.forget(ReadingKind.MAIN_SITE)
        self._rota.look_now(self._main_site_link.name)
        self._follow_conditions()

    def check(self, attempt: int) -> None:
        """Look at every device anew; answered by ``checked`` within ``CHECK_TIMEOUT_S``."""
        self._asked = (attempt, time.monotonic())
        self.look_now()

    def look_now(self, *names: str) -> None:
        """Let the named coordinators look at once, or all of them; what they see follows as any reading does."""
        self._rota.look_now(*names)

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
        """Take a reading. One of a peer that is not watched any more may still have been on its way here."""
        seen = self._completed(reading)
        if seen is not None:
            self._tell(self._board.observe(seen))
            self._follow_conditions()

    def _completed(self, reading: Reading) -> Reading | None:
        """Return the reading with what is known beside it, ``None`` when it tells nothing (any more)."""
        match reading.kind:
            case ReadingKind.MAIN_SITE:
                is_of_another = self._main_site is None or reading.observed.monotonic_s < self._main_site_since_s
                return None if is_of_another else reading
            case ReadingKind.CONFERENCE if reading.subject == SERVER and not self._conference_link.is_watching:
                return None
            case ReadingKind.SITE:
                return self._site_window.smooth(reading)
            case ReadingKind.CLOCK:
                return self._clocks.take(reading)
            case _:
                return reading

    def _watch_headset(self, cancel: CancelToken) -> None:
        while not cancel.is_cancelled:
            self._observed.emit(read_device(self._headset.status(), Moment.now()))
            self._headset.wait(timeout_s=HEADSET_WAIT_S, cancel=cancel)

    def _hear_plugs(self, cancel: CancelToken) -> None:
        if self._plugs is None:
            return
        while not cancel.is_cancelled:
            if self._plugs.wait(cancel=cancel) and not cancel.wait(_SETTLE_S):
                self._rota.look_now(*_PLUGGED)

    @Slot()
    def _on_ticker_timeout(self) -> None:
        self._tell(self._board.expire(Moment.now()))
        self._follow_conditions()
        self.snapshot_taken.emit(self.snapshot())

    def _follow_conditions(self) -> None:
        snapshot = self.snapshot()
        readings = snapshot.readings.values()
        self._reports = [reading.report() for reading in (*readings, *snapshot.parts)]
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
