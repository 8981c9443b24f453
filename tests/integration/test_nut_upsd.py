"""The NUT client and a real upsd with NUT's dummy UPS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import certifi
import pytest

from drivers.contracts import UpsFlag, UpsReading
from drivers.simulated.upsd import HOST, PASSWORD, UPS_NAME, USERNAME, UpsdService
from drivers.ups.nut import NutUps


@pytest.fixture(scope="module")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("upsd")) as service:
        yield service


@pytest.fixture
def ups(upsd: UpsdService) -> Iterator[NutUps]:
    with closing(NutUps(HOST, upsd.port, UPS_NAME, username=USERNAME, password=lambda: PASSWORD)) as client:
        yield client


def poll_until(ups: NutUps, is_wanted: Callable[[UpsReading], bool], *, limit_s: float = 20) -> UpsReading:
    deadline = time.monotonic() + limit_s
    while not is_wanted(reading := ups.poll(timeout_s=5)):
        assert time.monotonic() < deadline, reading
        time.sleep(0.05)
    return reading


def has(flag: UpsFlag) -> Callable[[UpsReading], bool]:
    return lambda reading: reading.flags is not None and flag in reading.flags


def test_an_outage_from_start_to_end(upsd: UpsdService, ups: NutUps) -> None:
    upsd.set("OL", charge=100, runtime_s=15120, load=22)
    reading = poll_until(ups, has(UpsFlag.OL))
    assert (reading.model, reading.load_percent, reading.input_voltage_v) == ("Simulated UPS", 22, 229.4)
    upsd.set("OB DISCHRG", charge=61, runtime_s=9000)
    reading = poll_until(ups, lambda reading: reading.battery_charge_percent == 61 and reading.on_battery)
    assert reading.flags == UpsFlag.OB | UpsFlag.DISCHRG
    assert reading.runtime_s == 9000
    upsd.set("OB DISCHRG LB", charge=9, runtime_s=240)
    assert poll_until(ups, has(UpsFlag.LB)).battery_low
    upsd.set("OL CHRG", charge=10)
    reading = poll_until(ups, has(UpsFlag.OL))
    assert not reading.on_battery
    assert not reading.battery_low


def test_a_dead_driver_is_no_reading_and_comes_back(
    upsd: UpsdService, ups: NutUps, allow_logs: Callable[[str], None]
) -> None:
    allow_logs("drivers.ups.nut")
    upsd.set("OL")
    poll_until(ups, has(UpsFlag.OL))
    upsd.stop_driver()
    try:
        reading = poll_until(ups, lambda reading: reading.detail == "DRIVER-NOT-CONNECTED")
        assert reading.flags is None
    finally:
        upsd.start_driver()
    poll_until(ups, has(UpsFlag.OL))


def test_a_dead_server_is_no_reading_and_comes_back(
    upsd: UpsdService, ups: NutUps, allow_logs: Callable[[str], None]
) -> None:
    allow_logs("drivers.ups.nut")
    upsd.set("OL")
    poll_until(ups, has(UpsFlag.OL))
    port = upsd.port
    upsd.stop_server()
    try:
        assert ups.poll(timeout_s=5).detail == "ECONNREFUSED"
    finally:
        upsd.start_server()
    assert upsd.port == port
    poll_until(ups, has(UpsFlag.OL))


def test_an_unknown_ups(upsd: UpsdService, allow_logs: Callable[[str], None]) -> None:
    allow_logs("drivers.ups.nut")
    with closing(NutUps(HOST, upsd.port, "another ups")) as ups:
        assert ups.poll(timeout_s=5).detail == "UNKNOWN-UPS"


def test_starttls_where_upsd_has_no_certificate(upsd: UpsdService, allow_logs: Callable[[str], None]) -> None:
    allow_logs("drivers.ups.nut")
    with closing(NutUps(HOST, upsd.port, UPS_NAME, ca_file=Path(certifi.where()))) as ups:
        assert ups.poll(timeout_s=5).detail == "FEATURE-NOT-CONFIGURED"


def test_two_servers_at_once_and_nothing_left_behind(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    with UpsdService(first) as one, UpsdService(second) as two:
        assert one.port != two.port
    for service in (one, two):
        with closing(NutUps(HOST, service.port, UPS_NAME)) as ups, pytest.MonkeyPatch.context() as patch:
            patch.setattr("drivers.ups.nut._log.disabled", True)
            assert ups.poll(timeout_s=5).detail == "ECONNREFUSED"
        service.stop()


def test_a_start_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "daemons"
    broken.mkdir()
    driver = broken / "dummy-ups"
    driver.write_text("#!/bin/sh\necho no such driver today\nexit 1\n")
    driver.chmod(0o755)
    monkeypatch.setattr("drivers.simulated.upsd.NUT_DAEMONS", broken)
    with pytest.raises(RuntimeError, match="no such driver today"):
        UpsdService(tmp_path).start()
