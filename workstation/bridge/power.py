"""The booth's power in the GUI thread: what its UPSes say together, battery tests, and the way to the power-off."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from drivers.contracts import BatteryTest, Supply
from drivers.errors import ErrorCode
from workstation.health.battery_proofs import BatteryProofs
from workstation.health.battery_test import (
    USUAL_TEST_LIMITS,
    BatteryReport,
    BatteryTestLimits,
    Refusal,
    Why,
)
from workstation.health.power_off import PowerOffRequest
from workstation.health.readings import Moment
from workstation.health.shutdown import COUNTING, Outlook, PowerPhase, ShutdownClock
from workstation.health.supply import (
    NOT_MONITORED,
    USUAL_LIMITS,
    Endurance,
    PowerLimits,
    UpsSeen,
    endurance,
    read_supply,
    read_ups,
)
from workstation.journey.effects import Fact
from workstation.journey.states import Idle, Journey, holder_of
from workstation.site.contract import Command, CommandKind, MatchReply

from .threads import SupervisedLoop
from .ups import UpsListener, UpsWatch

_log = logging.getLogger(__name__)

TICK_MS = 1000
SEAL_S = 3.0
"""Between the last journal entry and the power-off: for the disk, and for the site to hear of it."""


@dataclass(frozen=True, kw_only=True)
class PowerState:
    """What the screen says of the power.

    Attributes:
        is_monitored: a UPS is configured that feeds the booth.
        until: how long it lasts, and whether that is enough, ``None`` where nobody knows.
        will_power_off: the end of the countdown is the machine's, not only the program's word.
    """

    outlook: Outlook
    is_monitored: bool
    will_power_off: bool
    until: Endurance | None = None


class PowerBridge(QObject):
    """Lives in the GUI thread; each UPS has a thread of its own.

    Signals:
        reading_taken(Reading): of a UPS, and the summary of all (subject "").
        event_found(str kind, str session_id, dict facts): for the journal.
        state_changed(PowerState): once a second.
        save_wanted(): the expert is to be reminded to save, now.
    """

    reading_taken = Signal(object)
    event_found = Signal(str, str, object)
    state_changed = Signal(object)
    save_wanted = Signal()
    _seen = Signal(object)
    _test_started = Signal(str, object)
    _test_refused = Signal(str, object, str)
    _tested = Signal(str, object)

    def __init__(
        self,
        supplies: Sequence[Supply],
        proofs: BatteryProofs,
        power_off: PowerOffRequest,
        *,
        limits: PowerLimits = USUAL_LIMITS,
        test_limits: BatteryTestLimits = USUAL_TEST_LIMITS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._supplies, self._limits, self._power_off = tuple(supplies), limits, power_off
        listener = UpsListener(
            seen=self._seen.emit,
            started=self._test_started.emit,
            refused=self._test_refused.emit,
            tested=self._tested.emit,
        )
        self._watches = {supply.id: UpsWatch(supply, proofs, listener, limits=test_limits) for supply in self._supplies}
        self._loops = [SupervisedLoop(f"dev-ups-{name}", watch.run) for name, watch in self._watches.items()]
        self._latest: dict[str, UpsSeen] = {}
        self._clock = ShutdownClock(limits)
        self._outlook = Outlook(phase=PowerPhase.UNKNOWN)
        self._journey: Journey | None = None
        self._ends_at: datetime | None = None
        self._seen.connect(self._on_seen)
        self._test_started.connect(self._on_test_started)
        self._test_refused.connect(self._on_test_refused)
        self._tested.connect(self._on_tested)
        self._ticker = QTimer(self, interval=TICK_MS)
        self._ticker.timeout.connect(self._judge)
        self._sealed = QTimer(self, interval=round(SEAL_S * 1000), singleShot=True)
        self._sealed.timeout.connect(self._on_sealed_timeout)

    def start(self) -> None:
        """Begin to watch."""
        for loop in self._loops:
            loop.start()
        self._ticker.start()
        self._judge()

    def stop(self) -> None:
        """End the threads, and tests under way, and close the connections."""
        self._ticker.stop()
        self._sealed.stop()
        for loop in self._loops:
            loop.stop()
        for supply in self._supplies:
            supply.ups.close()

    @Slot(object)
    def on_journey_changed(self, journey: Journey) -> None:
        """Learn who is here: a battery is not tested under an expert."""
        was_idle = self._journey is None or isinstance(self._journey.state, Idle)
        self._journey = journey
        if isinstance(journey.state, Idle):
            self._ends_at = None
        elif was_idle:
            for watch in self._watches.values():
                watch.abort_test(Why.VISIT)

    @Slot(int, object)
    def on_match_answered(self, _attempt: int, reply: MatchReply) -> None:
        """Learn until when the power is needed."""
        if reply.assignment is not None:
            self._ends_at = reply.assignment.starts_at + timedelta(hours=reply.assignment.expected_hours)

    @Slot(object)
    def on_command(self, command: Command) -> None:
        """Take an order of the site; every other command is somebody else's."""
        if command.kind is CommandKind.UPS_TEST:
            self.test_battery(command.text)

    def test_battery(self, ups: str) -> None:
        """Test the battery of a UPS; the journal says how that went, or why not."""
        watch = self._watches.get(ups)
        if watch is None:
            self._on_test_refused(ups[:32], Refusal.UNKNOWN_UPS, "")
        elif self._journey is None or not isinstance(self._journey.state, Idle):
            self._on_test_refused(ups, Refusal.VISIT, "")
        else:
            watch.request_test()

    @Slot(object)
    def _on_seen(self, seen: UpsSeen) -> None:
        self._latest[seen.id] = seen
        self.reading_taken.emit(read_ups(seen, self._limits))
        self._judge()

    @Slot()
    def _judge(self) -> None:
        now = Moment.now()
        supply = read_supply(self._latest.values(), now, self._limits)
        is_monitored = supply.reading.detail != NOT_MONITORED
        if is_monitored:
            self.reading_taken.emit(supply.reading)
        before, self._outlook = self._outlook, self._clock.follow(supply, now.monotonic_s)
        self._follow(before, self._outlook, supply.id)
        self.state_changed.emit(
            PowerState(
                outlook=self._outlook,
                is_monitored=is_monitored or not self._has_spoken,
                will_power_off=self._power_off.is_possible,
                until=endurance(
                    supply.reading,
                    now.utc,
                    ends_at=self._ends_at,
                    outage_s=self._outlook.outage_s,
                    required_s=self._limits.required_s,
                ),
            )
        )

    @property
    def _has_spoken(self) -> bool:
        """Whether every UPS was asked at least once; before that, "not monitored" would be said too early."""
        return len(self._latest) == len(self._supplies)

    def _follow(self, before: Outlook, now: Outlook, ups: str) -> None:
        if now.reminders > before.reminders:
            self.save_wanted.emit()
        if now.phase in COUNTING and before.phase not in COUNTING:
            facts: dict[str, Fact] = {
                "ups": ups,
                "code": ErrorCode.BATTERY_LOW.value,
                "off_in_s": round(now.off_in_s or 0.0),
            }
            self._record("power_closing", facts)
        if before.phase in COUNTING and now.phase not in COUNTING:
            self._sealed.stop()
            self._power_off.withdraw()
            self._record("power_closing_cancelled", {"outage_s": round(now.was_out_s, 1)})
        if now.phase is PowerPhase.OFF and before.phase is not PowerPhase.OFF:
            self._seal(now)

    def _seal(self, outlook: Outlook) -> None:
        """Write the last entry. The restart record of an evaluation is on disk since it began, and stays (E-604)."""
        state = "" if self._journey is None else type(self._journey.state).__name__
        facts: dict[str, Fact] = {
            "code": ErrorCode.BATTERY_LOW.value,
            "state": state,
            "outage_s": round(outlook.outage_s, 1),
            "power_off": self._power_off.is_possible,
        }
        self._record("power_sealed", facts)
        self._sealed.start()

    @Slot()
    def _on_sealed_timeout(self) -> None:
        try:
            self._power_off.make()
        except OSError as error:
            _log.error("the power-off cannot be asked for: %s", type(error).__name__)
            self._record("power_off_failed", {"why": type(error).__name__})

    @Slot(str, object)
    def _on_test_started(self, ups: str, test: BatteryTest) -> None:
        self._record("battery_test_started", {"ups": ups, "test": test.value})

    @Slot(str, object, str)
    def _on_test_refused(self, ups: str, why: Refusal, detail: str) -> None:
        facts: dict[str, Fact] = {
            "ups": ups,
            "code": ErrorCode.UPS_TEST_REFUSED.value,
            "why": why.value,
            "detail": detail[:100],
        }
        self._record("battery_test_refused", facts)

    @Slot(str, object)
    def _on_tested(self, ups: str, report: BatteryReport) -> None:
        self._record("battery_tested", {"ups": ups, **report.facts()})

    def _record(self, kind: str, facts: Mapping[str, Fact]) -> None:
        holder = None if self._journey is None else holder_of(self._journey.state)
        self.event_found.emit(kind, "" if holder is None else holder.session_id, dict(facts))
