"""One UPS in its own thread: polls, forecasts, and battery tests on demand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from drivers.contracts import BatteryTest, CancelToken, Supply, UpsReading
from drivers.errors import DeviceError
from workstation.health.battery_proofs import BatteryProofs
from workstation.health.battery_test import (
    RETURN_S,
    USUAL_TEST_LIMITS,
    BatteryReport,
    BatteryTestLimits,
    BatteryTestRun,
    Refusal,
    Why,
    refusal,
)
from workstation.health.power import RuntimeForecast
from workstation.health.readings import Moment
from workstation.health.supply import UpsSeen

_log = logging.getLogger(__name__)

POLL_TIMEOUT_S = 5.0
LONGEST_POLL_S = 10.0
"""A reading is stale after thirty seconds, whatever the configuration says of the polls."""
BATTERY_POLL_S = 2.0
"""On battery, and while a test runs, it is asked so often."""


@dataclass(frozen=True, kw_only=True)
class UpsListener:
    """Where a watch tells what happens. Called in its thread.

    Attributes:
        seen: every poll.
        started: the UPS has taken a test.
        refused: no test: why, and in the device's words.
        tested: a test is over.
    """

    seen: Callable[[UpsSeen], None]
    started: Callable[[str, BatteryTest], None]
    refused: Callable[[str, Refusal, str], None]
    tested: Callable[[str, BatteryReport], None]


class UpsWatch:
    """``run`` belongs to one thread; ``request_test`` and ``abort_test`` may come from any other."""

    def __init__(
        self,
        supply: Supply,
        proofs: BatteryProofs,
        listener: UpsListener,
        *,
        limits: BatteryTestLimits = USUAL_TEST_LIMITS,
    ) -> None:
        self._supply, self._proofs, self._listener, self._limits = supply, proofs, listener, limits
        proof = proofs.get(supply.id)
        self._forecast = RuntimeForecast(None if proof is None else proof.cost)
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._wanted = False
        self._abort: Why | None = None
        self._test: BatteryTestRun | None = None
        self._returning_until_s = 0.0
        self._seen_cost: tuple[float, float] | None = None

    @property
    def id(self) -> str:
        """Its name in the configuration."""
        return self._supply.id

    def request_test(self) -> None:
        """Test the battery at the next poll; answered by ``started`` or ``refused``."""
        with self._lock:
            self._wanted, self._abort = True, None
        self._wake.set()

    def abort_test(self, why: Why) -> None:
        """End a test that runs; one that waits is refused. Nothing when there is none."""
        with self._lock:
            was_wanted, self._wanted, self._abort = self._wanted, False, why
        if was_wanted:
            self._listener.refused(self.id, Refusal.VISIT, "")
        self._wake.set()

    def run(self, cancel: CancelToken) -> None:
        """Poll until cancelled. A test under way is ended first."""
        cancel.on_cancel(self._wake.set)
        while not cancel.is_cancelled:
            self._wake.clear()
            reading = self._supply.ups.poll(timeout_s=POLL_TIMEOUT_S)
            self._take(reading, Moment.now())
            is_busy = reading.on_battery or self._test is not None
            self._wake.wait(min(self._supply.poll_s, BATTERY_POLL_S if is_busy else LONGEST_POLL_S))
        if self._test is not None:
            self._end_test(self._test, Why.STOPPED, Moment.now().monotonic_s)

    def _take(self, reading: UpsReading, now: Moment) -> None:
        forecast = self._forecast.observe(reading, now.monotonic_s)
        self._follow_test(reading, now.monotonic_s)
        if self._test is None and not reading.on_battery:
            self._returning_until_s = 0.0
        is_testing = self._test is not None or now.monotonic_s < self._returning_until_s
        seen = UpsSeen(
            id=self.id,
            feeds=self._supply.feeds,
            reading=reading,
            at=now,
            forecast=forecast,
            is_testing=is_testing,
        )
        self._learn(seen)
        self._listener.seen(seen)

    def _follow_test(self, reading: UpsReading, now_s: float) -> None:
        with self._lock:
            wanted, abort = self._wanted, self._abort
            self._wanted, self._abort = False, None
        if self._test is not None:
            why = self._test.observe(reading, now_s) or abort
            if why is not None:
                self._end_test(self._test, why, now_s)
        if wanted:
            self._begin_test(reading, now_s)

    def _begin_test(self, reading: UpsReading, now_s: float) -> None:
        why = Refusal.RUNNING if self._test is not None else refusal(reading, self._limits)
        if why is not None:
            self._listener.refused(self.id, why, reading.detail)
            return
        try:
            test = self._start()
        except DeviceError as error:
            self._listener.refused(self.id, Refusal.DEVICE, str(error))
            return
        proof = self._proofs.get(self.id)
        first_cost = None if proof is None else proof.first_cost
        self._test = BatteryTestRun(test, reading, now_s, first_cost=first_cost, limits=self._limits)
        self._listener.started(self.id, test)

    def _start(self) -> BatteryTest:
        """A deep test shows the capacity, and is ended at our limits; some UPSes only have the quick one."""
        try:
            self._supply.ups.start_test(BatteryTest.DEEP, timeout_s=POLL_TIMEOUT_S)
        except DeviceError as error:
            _log.info("UPS %s has no deep test: %s", self.id, error)
        else:
            return BatteryTest.DEEP
        self._supply.ups.start_test(BatteryTest.QUICK, timeout_s=POLL_TIMEOUT_S)
        return BatteryTest.QUICK

    def _end_test(self, test: BatteryTestRun, why: Why, now_s: float) -> None:
        self._test = None
        if why not in {Why.ENDED_BY_UPS, Why.NOT_SEEN, Why.SILENT}:
            self._returning_until_s = 0.0 if why is Why.MAINS_LOST else now_s + RETURN_S
            try:
                self._supply.ups.stop_test(timeout_s=POLL_TIMEOUT_S)
            except DeviceError as error:
                _log.warning("UPS %s did not end its test: %s", self.id, error)
        report = test.report(why, now_s)
        if report.cost is not None and report.load_percent:
            self._prove(report.cost, report.load_percent)
        self._listener.tested(self.id, report)

    def _learn(self, seen: UpsSeen) -> None:
        """Keep what a real outage has shown of the battery, once it is over."""
        if seen.on_battery:
            cost, load = self._forecast.seen_cost, seen.reading.load_percent
            if cost is not None and load:
                self._seen_cost = cost, load
        elif self._seen_cost is not None and seen.reading.flags is not None:
            self._prove(*self._seen_cost)
            self._seen_cost = None

    def _prove(self, cost: float, load_percent: float) -> None:
        self._proofs.learn(self.id, cost=cost, load_percent=load_percent, at=Moment.now().utc)
        self._forecast.proven_cost = cost
