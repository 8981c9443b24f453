"""How long the battery still lasts: the UPS's own estimate against what the falling charge says, the lower one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from statistics import linear_regression

from drivers.contracts import UpsReading

_WINDOW_S = 10 * 60.0
_MIN_SPAN_S = 5 * 60.0
_MIN_GAP_S = 5.0
"""Closer samples than this add nothing; it bounds the window at 120 of them."""


class RuntimeSource(StrEnum):
    """Where a runtime estimate comes from."""

    DEVICE = "device"
    CHARGE_SLOPE = "charge-slope"


@dataclass(frozen=True, kw_only=True)
class RuntimeEstimate:
    """Seconds left on battery at the present load, and who says so."""

    seconds: float
    source: RuntimeSource

    @property
    def minutes(self) -> int:
        """Whole minutes left, rounded down."""
        return int(self.seconds // 60)


class RuntimeForecast:
    """Follows one UPS.

    Cheap UPSes report no runtime, or one that does not fall. After five minutes on battery the least-squares slope of
    the charge over the last ten gives a second estimate.

    Args:
        low_charge_percent: charge at which the UPS will give up, percent (NUT's ``battery.charge.low``).
    """

    def __init__(self, low_charge_percent: float = 20.0) -> None:
        self._low_charge_percent = low_charge_percent
        self._discharge: deque[tuple[float, float]] = deque()

    def observe(self, reading: UpsReading, monotonic_s: float) -> RuntimeEstimate | None:
        """Take one poll and return the lower estimate, ``None`` when there is none."""
        self._record(reading, monotonic_s)
        if reading.flags is None:
            return None
        candidates = {
            RuntimeSource.DEVICE: reading.runtime_s,
            RuntimeSource.CHARGE_SLOPE: self._slope_runtime_s(monotonic_s),
        }
        estimates = [
            RuntimeEstimate(seconds=seconds, source=source)
            for source, seconds in candidates.items()
            if seconds is not None
        ]
        return min(estimates, key=lambda estimate: estimate.seconds, default=None)

    def _record(self, reading: UpsReading, monotonic_s: float) -> None:
        if reading.flags is None:
            return
        if not reading.on_battery:
            self._discharge.clear()
            return
        samples, charge = self._discharge, reading.battery_charge_percent
        if charge is None or (samples and monotonic_s - samples[-1][0] < _MIN_GAP_S):
            return
        samples.append((monotonic_s, charge))
        while samples[0][0] < monotonic_s - _WINDOW_S:
            samples.popleft()

    def _slope_runtime_s(self, monotonic_s: float) -> float | None:
        samples = self._discharge
        if not samples or samples[-1][0] - samples[0][0] < _MIN_SPAN_S:
            return None
        slope, intercept = linear_regression([at for at, _ in samples], [charge for _, charge in samples])
        if slope >= 0:
            return None
        charge_now = intercept + slope * monotonic_s
        return max(0.0, (charge_now - self._low_charge_percent) / -slope)
