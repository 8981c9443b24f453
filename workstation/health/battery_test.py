"""A battery test from its start to its report: when one may begin, when it is ended, what was seen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.contracts import BatteryTest, UpsFlag, UpsReading
from workstation.health.power import low_percent
from workstation.health.supply import MAINS_GONE_V
from workstation.journey.effects import Fact

_DISCHARGING = UpsFlag.OB | UpsFlag.DISCHRG | UpsFlag.CAL


class Refusal(StrEnum):
    """Why no test was started (E-607)."""

    UNKNOWN_UPS = "unknown-ups"
    VISIT = "visit"
    RUNNING = "running"
    SILENT = "silent"
    NO_MAINS = "no-mains"
    CHARGE = "charge"
    DEVICE = "device"


class Result(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ABORTED = "aborted"


class Why(StrEnum):
    """What ended a test, or decided it."""

    CHARGE_LIMIT = "charge-limit"
    TIME_LIMIT = "time-limit"
    ENDED_BY_UPS = "ended-by-ups"
    BATTERY_LOW = "battery-low"
    REPLACE_BATTERY = "replace-battery"
    DEVICE_ERROR = "device-error"
    WORN = "worn"
    NOT_SEEN = "not-seen"
    MAINS_LOST = "mains-lost"
    SILENT = "silent"
    VISIT = "visit"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class BatteryTestLimits:
    """What a test may take from a battery that an outage could need a minute later.

    Attributes:
        start_percent: the least charge to begin with.
        end_percent: it is ended at this charge.
        longest_s: or after so long.
        appear_s: the UPS must show that it runs on battery within this time.
        silent_s: no news for so long ends it.
        worn_percent: less of the capacity of the first test than this is a failed battery.
    """

    start_percent: float = 90.0
    end_percent: float = 70.0
    longest_s: float = 30 * 60.0
    appear_s: float = 90.0
    silent_s: float = 30.0
    worn_percent: float = 60.0


USUAL_TEST_LIMITS = BatteryTestLimits()
MIN_DROP_PERCENT = 3.0
"""Less charge taken than this says nothing of the capacity."""
RETURN_S = 90.0
"""So long a UPS may take back to the mains when a test was ended; later its words about the mains count again."""


@dataclass(frozen=True, kw_only=True)
class BatteryReport:
    """What a test has shown.

    Attributes:
        drop_percent: charge taken.
        cost: work (percent of load times seconds) per percent of charge, ``None`` when too little was taken.
        proven_s: what a full battery lasts at the load of the test, by ``cost``.
        health_percent: capacity against the first test of this battery, ``None`` without one to compare with.
    """

    test: BatteryTest
    result: Result
    why: Why
    seconds: float
    charge_percent: float | None = None
    drop_percent: float = 0.0
    load_percent: float | None = None
    cost: float | None = None
    proven_s: float | None = None
    health_percent: float | None = None
    said: str = ""

    def facts(self) -> dict[str, Fact]:
        """Return the report as scalars for the journal; what was not measured is left out."""
        facts: dict[str, Fact] = {
            "test": self.test.value,
            "result": self.result.value,
            "why": self.why.value,
            "duration_s": round(self.seconds, 1),
            "charge_percent": self.charge_percent,
            "drop_percent": round(self.drop_percent, 1),
            "load_percent": self.load_percent,
            "proven_s": None if self.proven_s is None else round(self.proven_s),
            "health_percent": None if self.health_percent is None else round(self.health_percent),
            "said": self.said[:100],
        }
        return {name: value for name, value in facts.items() if value not in {None, ""}}


def refusal(reading: UpsReading, limits: BatteryTestLimits = USUAL_TEST_LIMITS) -> Refusal | None:
    """Return what speaks against a test of this UPS now, ``None`` when nothing does."""
    flags = reading.flags
    if flags is None:
        return Refusal.SILENT
    if UpsFlag.OL not in flags or flags & (UpsFlag.OB | UpsFlag.FSD):
        return Refusal.NO_MAINS
    if flags & (UpsFlag.CAL | UpsFlag.DISCHRG):
        return Refusal.RUNNING
    charge = reading.battery_charge_percent
    if charge is None or charge < limits.start_percent or UpsFlag.LB in flags:
        return Refusal.CHARGE
    return None


class BatteryTestRun:
    """Follows one test by what the UPS says.

    Args:
        first_cost: ``cost`` of this battery's first test, ``None`` before it.
        reading: the last poll before the start.
        at_s: monotonic seconds of the start.
    """

    def __init__(
        self,
        test: BatteryTest,
        reading: UpsReading,
        at_s: float,
        *,
        first_cost: float | None = None,
        limits: BatteryTestLimits = USUAL_TEST_LIMITS,
    ) -> None:
        self._test, self._limits, self._first_cost = test, limits, first_cost
        self._began_s = self._seen_s = self._last_s = at_s
        self._before, self._charge = reading.battery_charge_percent, reading.battery_charge_percent
        self._load = reading.load_percent
        self._low_percent = low_percent(reading)
        self._work = 0.0
        self._on_battery = self._is_due_for_replacement = False
        self._said = ""

    def observe(self, reading: UpsReading, at_s: float) -> Why | None:
        """Take one poll; return what ends the test now, ``None`` while it goes on."""
        flags = reading.flags
        if flags is None:
            return Why.SILENT if at_s - self._seen_s > self._limits.silent_s else None
        self._seen_s, self._said = at_s, reading.test_result
        self._is_due_for_replacement |= UpsFlag.RB in flags
        voltage = reading.input_voltage_v
        if UpsFlag.FSD in flags or (voltage is not None and voltage < MAINS_GONE_V and UpsFlag.OB in flags):
            return Why.MAINS_LOST
        if not flags & _DISCHARGING:
            return self._not_discharging(reading, at_s)
        self._measure(reading, at_s)
        self._on_battery = True
        if UpsFlag.LB in flags:
            return Why.BATTERY_LOW
        if self._charge is not None and self._charge <= self._limits.end_percent:
            return Why.CHARGE_LIMIT
        return Why.TIME_LIMIT if at_s - self._began_s >= self._limits.longest_s else None

    def report(self, why: Why, at_s: float) -> BatteryReport:
        """Return what was seen until ``why``."""
        drop = 0.0 if self._before is None or self._charge is None else max(0.0, self._before - self._charge)
        cost = self._work / drop if drop >= MIN_DROP_PERCENT and self._work > 0 else None
        health = None if cost is None or not self._first_cost else 100 * cost / self._first_cost
        result, why = self._result(why, health)
        proven_s = None
        if cost is not None and self._load:
            proven_s = (100 - self._low_percent) * cost / self._load
        return BatteryReport(
            test=self._test,
            result=result,
            why=why,
            seconds=at_s - self._began_s,
            charge_percent=self._charge,
            drop_percent=drop,
            load_percent=self._load,
            cost=cost,
            proven_s=proven_s,
            health_percent=health,
            said=self._said,
        )

    def _not_discharging(self, reading: UpsReading, at_s: float) -> Why | None:
        if self._on_battery:
            return Why.ENDED_BY_UPS
        said = reading.test_result.lower()
        if at_s - self._began_s < self._limits.appear_s or "progress" in said:
            return None
        # A quick test can be over between two polls: then only the UPS's own words tell of it.
        return Why.ENDED_BY_UPS if "passed" in said or _is_error(said) else Why.NOT_SEEN

    def _measure(self, reading: UpsReading, at_s: float) -> None:
        load = reading.load_percent if reading.load_percent is not None else self._load
        if self._on_battery and load is not None:
            self._work += load * (at_s - self._last_s)
        self._last_s = at_s
        self._load = load
        if reading.battery_charge_percent is not None:
            self._charge = reading.battery_charge_percent

    def _result(self, why: Why, health: float | None) -> tuple[Result, Why]:
        if why in {Why.MAINS_LOST, Why.SILENT, Why.VISIT, Why.STOPPED, Why.NOT_SEEN}:
            return Result.ABORTED, why
        if why is Why.BATTERY_LOW:
            return Result.FAILED, why
        if self._is_due_for_replacement:
            return Result.FAILED, Why.REPLACE_BATTERY
        if why is Why.ENDED_BY_UPS and _is_error(self._said.lower()):
            return Result.FAILED, Why.DEVICE_ERROR
        if health is not None and health < self._limits.worn_percent:
            return Result.FAILED, Why.WORN
        return Result.PASSED, why


def _is_error(said: str) -> bool:
    """Whether NUT's ``ups.test.result`` tells of a bad battery ("Done and error", "Battery bad", "failed")."""
    return any(word in said for word in ("error", "fail", "bad"))
