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

TEST_S = 8.0
"""Seconds that a simulated battery test takes; a real quick one takes about ten."""

_TEST_DROP = 0.03
"""Part of the charge that seems lost during a test."""

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
        self._test_began: float | None = None
        self._test_result = ""

    def poll(self, *, timeout_s: float) -> UpsReading:  # noqa: ARG002 - the contract's name; nothing waits here
        """Read the bench; see ``Ups.poll``."""
        now = self._clock()
        if self._bench.read().mains_on:
            self._outage_began = None
            return self._reading_on_mains(now)
        if self._test_began is not None:
            self._end_test("aborted")
        if self._outage_began is None:
            self._outage_began = now
        left_s = max(0.0, FULL_RUNTIME_S - (now - self._outage_began))
        flags = UpsFlag.OB | UpsFlag.DISCHRG
        if left_s < LOW_RUNTIME_S:
            flags |= UpsFlag.LB
        return self._reading(flags, left_s, 0.0)

    def start_test(self, test: BatteryTest, *, timeout_s: float) -> None:  # noqa: ARG002 - as for ``poll``
        """Run on battery for a few seconds and pass; refused without mains. See ``Ups.start_test``."""
        if not self._bench.read().mains_on:
            raise DeviceError(ErrorCode.UPS_TEST_REFUSED, "on battery")
        self._test_began = self._clock()
        self._test_result = "in progress"

    def stop_test(self, *, timeout_s: float) -> None:  # noqa: ARG002 - as for ``poll``
        """See ``Ups.stop_test``."""
        if self._test_began is not None:
            self._end_test("aborted")

    def close(self) -> None:
        """Nothing to give back."""

    def _reading_on_mains(self, now: float) -> UpsReading:
        if self._test_began is None:
            return self._reading(UpsFlag.OL, FULL_RUNTIME_S, _MAINS_VOLTAGE_V)
        tested_s = now - self._test_began
        if tested_s >= TEST_S:
            self._end_test("passed")
            return self._reading(UpsFlag.OL, FULL_RUNTIME_S, _MAINS_VOLTAGE_V)
        # A battery's voltage and the charge made of it fall at once under load, and come back after it.
        left_s = FULL_RUNTIME_S * (1 - _TEST_DROP * tested_s / TEST_S)
        return self._reading(UpsFlag.OL | UpsFlag.DISCHRG, left_s, _MAINS_VOLTAGE_V)

    def _end_test(self, result: str) -> None:
        self._test_began, self._test_result = None, result

    def _reading(self, flags: UpsFlag, runtime_s: float, voltage_v: float) -> UpsReading:
        return UpsReading(
            flags=flags,
            battery_charge_percent=100.0 * runtime_s / FULL_RUNTIME_S,
            runtime_s=runtime_s,
            load_percent=22.0,
            input_voltage_v=voltage_v,
            battery_low_percent=100.0 * LOW_RUNTIME_S / FULL_RUNTIME_S,
            nominal_power_w=600.0,
            test_result=self._test_result,
            model="Simulated UPS",
        )
