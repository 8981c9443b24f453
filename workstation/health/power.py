"""How long the battery still lasts: what the UPS says, what the falling charge says, what was proven; the lowest wins.

Cheap UPSes report no runtime, or 0 on mains, or one that never falls; some count to empty, some to "low". So nothing is
believed alone: see docs/power.md for how far each of the three is off.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from drivers.contracts import UpsReading
from workstation.health.power_discharge import Discharge
from workstation.site.readings import Quality

USUAL_LOW_PERCENT = 20.0
"""Charge at which a UPS gives up when it does not say where (NUT's ``battery.charge.low`` of most drivers)."""
LONGEST_S = 7 * 24 * 3600.0
"""A longer estimate is a wrong unit or an idle UPS: it says nothing."""
FROZEN_AFTER_S = 6 * 60.0
FROZEN_SHARE = 0.25
"""A device's estimate that fell by less than this share of the time that passed is no measurement."""
LEAP_SHARE = 0.3
SMALL_LEAP_S = 120.0
LOAD_CHANGE = 0.15
LEAP_REMEMBERED_S = 5 * 60.0
"""An estimate that leaps up by more than these at the same load, within 15 %, is held back for a while."""
DISAGREEMENT = 2.0
"""Two sources further apart than this factor make the lower one uncertain, whichever it is."""
MOST_BEND = 0.25
BEND_REACH = 3.0
"""A charge that is read off the voltage falls along a curve. Seen by how much that was off in docs/power.md, a line is
trusted to a quarter when it is drawn three times as far ahead as it was seen, and in proportion nearer by."""
_DEVICE_BAND = (0.7, 1.3)
_PROVEN_BAND = (0.75, 1.2)
_LOAD_POLLS = 5


class RuntimeSource(StrEnum):
    """Where a runtime estimate comes from."""

    DEVICE = "device"
    DISCHARGE = "discharge"
    PROVEN = "proven"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Seconds left on battery at the present load until the UPS calls its battery low, and who says so.

    Attributes:
        low_s: it will hardly be less; what a person is promised.
        high_s: it will hardly be more.
        quality: UNCERTAIN when derived, or when two sources disagree by more than a factor of two.
    """

    seconds: float
    low_s: float
    high_s: float
    source: RuntimeSource
    quality: Quality

    @property
    def minutes(self) -> int:
        """Whole minutes left, rounded down."""
        return int(self.seconds // 60)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the device said once: the seconds it promised at this load, and the work done by then."""

    at_s: float
    load: float
    seconds: float
    work: float

    @property
    def total(self) -> float:
        """Work promised from the beginning of the discharge: the same each time from an honest device."""
        return self.seconds * self.load + self.work


class Promises:
    """What the device has said in this discharge, and how far that is believed.

    Of three polls the middle one counts, so that one bad line on the wire powers nobody off, and a battery that breaks
    down is believed at the second. What falls is believed at once. What leaps up at the same load, or does not fall at
    all, is held to the lowest promise so far.
    """

    def __init__(self) -> None:
        self._told: deque[Told] = deque()
        self._middle = self._lowest = float("inf")
        self._leapt_at_s = float("-inf")

    def add(self, told: Told) -> None:
        """Take what it says now."""
        before = self._told[-1] if self._told else None
        self._told.append(told)
        while self._told[0].at_s < told.at_s - 2 * FROZEN_AFTER_S:
            self._told.popleft()
        totals = sorted(one.total for one in list(self._told)[-3:])
        middle = totals[(len(totals) - 1) // 2]
        has_load = before is None or abs(told.load - before.load) <= LOAD_CHANGE * before.load
        rise = middle - self._middle
        if has_load and rise > LEAP_SHARE * max(0.0, self._middle - told.work) + SMALL_LEAP_S * told.load:
            self._leapt_at_s = told.at_s
        self._middle = middle
        self._lowest = min(self._lowest, middle)

    def is_doubtful(self) -> bool:
        """Whether the device is held to its lowest promise."""
        return self._told[-1].at_s - self._leapt_at_s < LEAP_REMEMBERED_S or self._is_frozen()

    def seconds(self) -> float:
        """Return what is believed of it now."""
        now = self._told[-1]
        total = min(self._middle, self._lowest) if self.is_doubtful() else self._middle
        return max(0.0, total - now.work) / now.load

    def _is_frozen(self) -> bool:
        """Whether the estimate fell far less than the work that was done since."""
        new = self._told[-1]
        old = next((told for told in reversed(self._told) if new.at_s - told.at_s >= FROZEN_AFTER_S), None)
        if old is None:
            return False
        fell = old.seconds * old.load - new.seconds * new.load
        return fell < FROZEN_SHARE * (new.work - old.work)


class RuntimeForecast:
    """Follows one UPS.

    Args:
        proven_cost: work (percent of load times seconds) per percent of charge in the last real discharge that was
            measured, ``None`` before the first.
    """

    def __init__(self, proven_cost: float | None = None) -> None:
        self.proven_cost = proven_cost
        self._discharge: Discharge | None = None
        self._promises: Promises | None = None
        self._loads: deque[float] = deque(maxlen=_LOAD_POLLS)

    @property
    def seen_cost(self) -> float | None:
        """Work per percent of charge in the discharge under way, ``None`` when too little was seen."""
        line = self._discharge.line() if self._discharge is not None else None
        return None if line is None else line.cost

    def observe(self, reading: UpsReading, monotonic_s: float) -> Forecast | None:
        """Take one poll and return the lowest estimate, ``None`` when there is none."""
        if reading.flags is None:
            return None
        if reading.load_percent is not None and reading.load_percent > 0:
            self._loads.append(reading.load_percent)
        load = sorted(self._loads)[len(self._loads) // 2] if self._loads else 1.0
        if reading.on_battery:
            self._record(reading, monotonic_s, load)
        else:
            self._discharge = self._promises = None
        found = (self._by_device(reading), self._by_discharge(reading, load), self._by_proof(reading, load))
        return _lowest([forecast for forecast in found if forecast is not None])

    def _record(self, reading: UpsReading, at_s: float, load: float) -> None:
        if self._discharge is None:
            self._discharge = Discharge()
        self._discharge.observe(at_s, reading.battery_charge_percent, load)
        if _is_estimate(reading):
            self._promises = self._promises or Promises()
            now_load = reading.load_percent or load
            told = Told(at_s=at_s, load=now_load, seconds=reading.runtime_s or 0.0, work=self._discharge.work)
            self._promises.add(told)

    def _by_device(self, reading: UpsReading) -> Forecast | None:
        if not _is_estimate(reading):
            return None
        seconds, quality = reading.runtime_s or 0.0, Quality.GOOD
        if self._promises is not None:
            seconds = self._promises.seconds()
            quality = Quality.UNCERTAIN if self._promises.is_doubtful() else Quality.GOOD
        low, high = _DEVICE_BAND
        return Forecast(
            seconds=seconds,
            low_s=low * seconds,
            high_s=high * seconds,
            source=RuntimeSource.DEVICE,
            quality=quality,
        )

    def _by_discharge(self, reading: UpsReading, load: float) -> Forecast | None:
        line = self._discharge.line() if self._discharge is not None else None
        if line is None:
            return None
        usable = max(0.0, line.charge_percent - low_percent(reading))
        bend = MOST_BEND * min(1.0, usable / (BEND_REACH * line.drop_percent))
        return Forecast(
            seconds=usable * line.cost / load,
            low_s=usable * line.least_cost / load * (1 - bend),
            high_s=usable * line.most_cost / load * (1 + bend),
            source=RuntimeSource.DISCHARGE,
            quality=Quality.UNCERTAIN,
        )

    def _by_proof(self, reading: UpsReading, load: float) -> Forecast | None:
        charge = reading.battery_charge_percent
        if self.proven_cost is None or charge is None or not self._loads:
            return None
        seconds = max(0.0, charge - low_percent(reading)) * self.proven_cost / load
        low, high = _PROVEN_BAND
        return Forecast(
            seconds=seconds,
            low_s=low * seconds,
            high_s=high * seconds,
            source=RuntimeSource.PROVEN,
            quality=Quality.UNCERTAIN,
        )


def low_percent(reading: UpsReading) -> float:
    """Return the charge at which the UPS gives up."""
    low = reading.battery_low_percent
    return USUAL_LOW_PERCENT if low is None or not 0 <= low < 100 else low


def _is_estimate(reading: UpsReading) -> bool:
    """Whether the device says a time at all: "0" mostly means "not measured" on mains or with a battery not low."""
    seconds, charge = reading.runtime_s, reading.battery_charge_percent
    if seconds is None or not 0 <= seconds <= LONGEST_S:
        return False
    is_charged = charge is not None and charge > low_percent(reading) + 10
    return seconds > 0 or (reading.on_battery and (reading.battery_low or not is_charged))


def _lowest(found: list[Forecast]) -> Forecast | None:
    if not found:
        return None
    lowest, highest = min(found, key=lambda one: one.seconds), max(found, key=lambda one: one.seconds)
    if highest.seconds > DISAGREEMENT * lowest.seconds:
        return replace(lowest, quality=Quality.UNCERTAIN)
    return lowest
