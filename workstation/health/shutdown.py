"""When the booth powers itself off: remind, count down, seal. Pure; one thread owns it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.errors import ErrorCode
from workstation.health.supply import USUAL_LIMITS, BoothSupply, PowerLimits
from workstation.site.readings import ReadingState

FORCED_S = 30.0
"""Countdown when a shutdown was ordered (FSD): upsmon's primary waits about so long for its secondaries."""
SHORTEST_S = 60.0
"""Countdown when a UPS calls its battery low and nothing says for how long it still lasts."""
CLOSING_S = 60.0
"""So long before the end the countdown fills the screen; before it the page stays, for saving."""
REMIND_S = 120.0
"""Between two reminders to save."""


class PowerPhase(StrEnum):
    """Where an outage stands.

    UNKNOWN: nothing is known. LOW: save now (E-602). SAVE: the countdown runs, the page is still there. CLOSING: the
    countdown fills the screen. OFF: the end of it.
    """

    UNKNOWN = "unknown"
    MAINS = "mains"
    BATTERY = "battery"
    LOW = "low"
    SAVE = "save"
    CLOSING = "closing"
    OFF = "off"


COUNTING = frozenset({PowerPhase.SAVE, PowerPhase.CLOSING, PowerPhase.OFF})


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What to do right now.

    Attributes:
        off_in_s: seconds until the power-off, ``None`` while no countdown runs.
        outage_s: since when the mains are away, 0 when they are not.
        was_out_s: how long the outage was that ended now, once, else 0.
        reminders: how often the expert was to be reminded to save in this outage.
    """

    phase: PowerPhase
    off_in_s: float | None = None
    outage_s: float = 0.0
    was_out_s: float = 0.0
    reminders: int = 0


class ShutdownClock:
    """Follows the booth's supply through an outage.

    A supply that goes silent during an outage is taken to be on battery still, and its last estimate runs down by the
    clock: so does upsmon (DEADTIME), and a booth that waited for news would be cut off while it writes.
    """

    def __init__(self, limits: PowerLimits = USUAL_LIMITS) -> None:
        self._limits = limits
        self._since_s: float | None = None
        self._low_since_s: float | None = None
        self._ends_at_s: float | None = None
        self._off_at_s: float | None = None
        self._closing_s = CLOSING_S
        self._was_out_s = 0.0

    def follow(self, supply: BoothSupply, now_s: float) -> Outlook:
        """Take in how the supply is; call it once a second."""
        reading = supply.reading
        if reading.code in {ErrorCode.ON_BATTERY, ErrorCode.BATTERY_LOW}:
            self._on_battery(supply, now_s)
        elif reading.state is not ReadingState.UNKNOWN:
            self._on_mains(now_s)
        elif self._since_s is not None:
            self._on_silence(now_s)
        else:
            return Outlook(phase=PowerPhase.UNKNOWN)
        return self._outlook(now_s)

    def _on_battery(self, supply: BoothSupply, now_s: float) -> None:
        self._since_s = self._since_s if self._since_s is not None else now_s
        runtime_s = supply.reading.values.get("runtime_s")
        self._ends_at_s = None if runtime_s is None else now_s + runtime_s
        if supply.reading.code is ErrorCode.BATTERY_LOW:
            self._low_since_s = self._low_since_s if self._low_since_s is not None else now_s
        if supply.is_forced:
            self._count_down(now_s, FORCED_S)
        elif supply.is_ending:
            self._count_down(now_s, SHORTEST_S if runtime_s is None else max(SHORTEST_S, runtime_s / 2))
        elif runtime_s is not None and runtime_s < self._limits.close_s:
            self._count_down(now_s, runtime_s)

    def _on_silence(self, now_s: float) -> None:
        if self._ends_at_s is None:
            return
        left_s = self._ends_at_s - now_s
        if left_s < self._limits.warn_s and self._low_since_s is None:
            self._low_since_s = now_s
        if left_s < self._limits.close_s:
            self._count_down(now_s, left_s)

    def _on_mains(self, now_s: float) -> None:
        if self._since_s is not None:
            self._was_out_s = max(1.0, now_s - self._since_s)
        self._since_s = self._low_since_s = self._ends_at_s = self._off_at_s = None

    def _count_down(self, now_s: float, seconds: float) -> None:
        """Begin the countdown, or bring its end forward: an estimate that recovers on battery does not put it off."""
        seconds = max(0.0, min(seconds, self._limits.close_s))
        if self._off_at_s is None:
            self._closing_s = min(CLOSING_S, seconds / 3)
        if self._off_at_s is None or now_s + seconds < self._off_at_s:
            self._off_at_s = now_s + seconds

    def _outlook(self, now_s: float) -> Outlook:
        if self._since_s is None:
            was_out_s, self._was_out_s = self._was_out_s, 0.0
            return Outlook(phase=PowerPhase.MAINS, was_out_s=was_out_s)
        outage_s = now_s - self._since_s
        reminders = 0 if self._low_since_s is None else 1 + int((now_s - self._low_since_s) // REMIND_S)
        if self._off_at_s is None:
            phase = PowerPhase.BATTERY if self._low_since_s is None else PowerPhase.LOW
            return Outlook(phase=phase, outage_s=outage_s, reminders=reminders)
        left_s = max(0.0, self._off_at_s - now_s)
        phase = PowerPhase.CLOSING if left_s <= self._closing_s else PowerPhase.SAVE
        if left_s <= 0:
            phase = PowerPhase.OFF
        return Outlook(phase=phase, off_in_s=left_s, outage_s=outage_s, reminders=max(1, reminders))
