"""A UPS in this process, driven by the drill bench, for machines without NUT."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.contracts import BatteryTest, UpsFlag, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.bench import BenchFile

FULL_RUNTIME_S = 4 * 3600 + 12 * 60
"""What the simulated battery lasts, in seconds: a little over the four hours that the rules ask for."""

LOW_RUNTIME_S = 5 * 60
"""Seconds left at which the simulated UPS calls its battery low."""

_MAINS_VOLTAGE_V = 229.4


class SimulatedUps:
    """Mains as the bench says; the battery counts down from the first poll without mains and is full again at once.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, bench: BenchFile, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bench = bench
        self._clock = clock
        self._outage_began: float | None = None

    def poll(self, *, timeout_s: float) -> UpsReading:  # noqa: ARG002 - the contract's name; nothing waits here
        """Read the bench; see ``Ups.poll``."""
        if self._bench.read().mains_on:
            self._outage_began = None
            return self._reading(UpsFlag.OL, FULL_RUNTIME_S, _MAINS_VOLTAGE_V)
        now = self._clock()
        if self._outage_began is None:
            self._outage_began = now
        left_s = max(0.0, FULL_RUNTIME_S - (now - self._outage_began))
        flags = UpsFlag.OB | UpsFlag.DISCHRG
        if left_s < LOW_RUNTIME_S:
            flags |= UpsFlag.LB
        return self._reading(flags, left_s, 0.0)

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> None:  # noqa: ARG002 - as for ``poll``
        """Refuse; see ``Ups.start_test``."""
        raise DeviceError(ErrorCode.UPS_TEST_REFUSED, "simulated")

    def stop_test(self, *, timeout_s: float) -> None:  # noqa: ARG002 - as for ``poll``
        """Refuse; see ``Ups.stop_test``."""
        raise DeviceError(ErrorCode.UPS_TEST_REFUSED, "simulated")

    def close(self) -> None:
        """Nothing to give back."""

    @staticmethod
    def _reading(flags: UpsFlag, runtime_s: float, voltage_v: float) -> UpsReading:
        return UpsReading(
            flags=flags,
            battery_charge_percent=100.0 * runtime_s / FULL_RUNTIME_S,
            runtime_s=runtime_s,
            load_percent=22.0,
            input_voltage_v=voltage_v,
            model="Simulated UPS",
        )
