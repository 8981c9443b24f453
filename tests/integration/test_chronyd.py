"""What a real chronyd says of the clock, which it is not allowed to touch."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from drivers.errors import ErrorCode
from drivers.machine.chrony import Chrony
from drivers.machine_facts import ClockTracking
from tests.chronyd import ChronydService, NtpServer
from workstation.health.coordinators.clock import ClockCoordinator
from workstation.site.readings import ReadingState


def track_until(chrony: Chrony, is_wanted: Callable[[ClockTracking], bool], *, limit_s: float = 45) -> ClockTracking:
    deadline = time.monotonic() + limit_s
    while (found := chrony.tracking()) is None or not is_wanted(found):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def test_a_clock_that_is_its_own_reference(tmp_path: Path) -> None:
    with ChronydService(tmp_path, "local stratum 10") as chronyd:
        tracking = track_until(Chrony(*chronyd.options), lambda seen: seen.is_synchronised)
        assert (tracking.stratum, tracking.sources, tracking.reachable) == (10, 0, 0)
        assert abs(tracking.offset_s) < 1
        chronyd.stop()
        assert Chrony(*chronyd.options).tracking() is None


def test_a_clock_that_is_behind_its_server_by_five_seconds(tmp_path: Path) -> None:
    with (
        NtpServer(ahead_s=5.0) as server,
        ChronydService(tmp_path, f"server 127.0.0.1 port {server.port} iburst maxdelay 16") as chronyd,
    ):
        chrony = Chrony(*chronyd.options)
        tracking = track_until(chrony, lambda seen: seen.is_synchronised)
        assert -5.5 < tracking.offset_s < -4.0, "behind: it is slewed by less than a tenth of a second each second"
        assert (tracking.stratum, tracking.sources, tracking.reachable) == (2, 1, 1)
        [reading] = ClockCoordinator(chrony).observe()
        assert (reading.state, reading.code) == (ReadingState.WARN, ErrorCode.CLOCK_OFF)


def test_a_clock_that_nobody_keeps(tmp_path: Path) -> None:
    with NtpServer(ahead_s=0) as gone:
        port = gone.port
    with ChronydService(tmp_path, f"server 127.0.0.1 port {port} iburst") as chronyd:
        tracking = track_until(Chrony(*chronyd.options), lambda seen: True)
        assert (tracking.is_synchronised, tracking.sources, tracking.reachable) == (False, 1, 0)
        [reading] = ClockCoordinator(Chrony(*chronyd.options)).observe()
        assert (reading.state, reading.detail) == (ReadingState.UNKNOWN, "not synchronised")
