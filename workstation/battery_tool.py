"""A battery test without a kiosk, for IT: the one that the kiosk makes, told as it goes. Nothing is journaled."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from drivers.contracts import CancelToken
from kiosk_config.model import BoothConfig
from workstation.bridge.ups import UpsListener, UpsWatch
from workstation.devices import make_supplies
from workstation.health.battery_proofs import FILE_NAME, BatteryProofs
from workstation.health.battery_test import BatteryReport, Refusal, Why
from workstation.health.supply import UpsSeen

STOP_S = 30.0
"""Longer than a UPS may take to be told that its test is over."""

Refused = tuple[Refusal, str]
"""Why there was no test, and the device's words for it."""


def run_battery_test(config: BoothConfig, ups: str, on_seen: Callable[[UpsSeen], None]) -> BatteryReport | Refused:
    """Test the battery of one UPS and return what was seen; blocks until the test is over, up to half an hour.

    What the discharge proves is kept where the kiosk keeps it. SIGINT ends the test: its report says so.

    Args:
        config: of the booth, whose kiosk must not run: it would take the test for an outage.
        ups: the UPS's id in the configuration.
        on_seen: called with every poll, in this thread.
    """
    supply = next((supply for supply in make_supplies(config) if supply.id == ups), None)
    if supply is None:
        return Refusal.UNKNOWN_UPS, ""
    news: queue.SimpleQueue[UpsSeen | BatteryReport | Refused] = queue.SimpleQueue()
    listener = UpsListener(
        seen=news.put,
        started=lambda _ups, _test: None,
        refused=lambda _ups, why, detail: news.put((why, detail)),
        tested=lambda _ups, report: news.put(report),
    )
    watch = UpsWatch(supply, BatteryProofs(config.storage.data_dir / FILE_NAME), listener)
    cancel = CancelToken()
    thread = threading.Thread(target=watch.run, args=(cancel,), name="battery-test", daemon=True)
    watch.request_test()
    thread.start()
    try:
        return _outcome(news, watch, on_seen)
    finally:
        cancel.cancel()
        thread.join(STOP_S)
        supply.ups.close()


def _outcome(
    news: queue.SimpleQueue[UpsSeen | BatteryReport | Refused], watch: UpsWatch, on_seen: Callable[[UpsSeen], None]
) -> BatteryReport | Refused:
    while True:
        try:
            told = news.get()
        except KeyboardInterrupt:
            watch.abort_test(Why.STOPPED)
            continue
        if not isinstance(told, UpsSeen):
            return told
        on_seen(told)
