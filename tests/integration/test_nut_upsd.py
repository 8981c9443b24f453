"""The NUT client and a real upsd with NUT's dummy UPS."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest

from drivers.contracts import BatteryTest, UpsFlag, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.megatec import MegatecUps
from drivers.simulated.upsd import HOST, PASSWORD, TEST_USERNAME, UPS_NAME, USERNAME, UpsdService
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


# --- battery tests: a real upsd, a real nutdrv_qx, and a UPS on a pseudo terminal -------------------------------------


@pytest.fixture
def megatec(tmp_path: Path) -> Iterator[MegatecUps]:
    with MegatecUps(tmp_path) as ups:
        yield ups


@pytest.fixture
def megatec_upsd(tmp_path: Path, megatec: MegatecUps) -> Iterator[UpsdService]:
    with UpsdService(tmp_path, serial_port=megatec.port) as service:
        yield service


def test_a_battery_test_reaches_the_ups_and_is_ended(megatec: MegatecUps, megatec_upsd: UpsdService) -> None:
    with closing(NutUps(HOST, megatec_upsd.port, UPS_NAME, username=TEST_USERNAME, password=lambda: PASSWORD)) as ups:
        reading = poll_until(ups, has(UpsFlag.OL))
        assert reading.battery_voltage_v == 27.1
        assert reading.temperature_celsius == 29.2
        ups.start_test(BatteryTest.QUICK, timeout_s=5)
        # nutdrv_qx says CAL while the UPS tests its battery.
        poll_until(ups, has(UpsFlag.CAL))
        ups.stop_test(timeout_s=5)
        poll_until(ups, lambda reading: reading.flags == UpsFlag.OL)
        ups.start_test(BatteryTest.DEEP, timeout_s=5)
        poll_until(ups, has(UpsFlag.CAL))
    assert megatec.heard == ["T", "CT", "TL"]


@pytest.mark.parametrize(("username", "password"), [(USERNAME, PASSWORD), (TEST_USERNAME, "guess"), ("nobody", "x")])
def test_an_account_without_the_right_or_password_is_refused(
    megatec: MegatecUps, megatec_upsd: UpsdService, username: str, password: str
) -> None:
    """Only the battery test: a stock upsd lets anybody read, and takes a wrong password without a word until then."""
    with closing(NutUps(HOST, megatec_upsd.port, UPS_NAME, username=username, password=lambda: password)) as ups:
        with pytest.raises(DeviceError, match="ACCESS-DENIED") as raised:
            ups.start_test(BatteryTest.QUICK, timeout_s=5)
        assert raised.value.code is ErrorCode.UPS_TEST_REFUSED
        poll_until(ups, has(UpsFlag.OL))
    assert megatec.heard == []


def test_dummy_ups_has_no_battery_test(upsd: UpsdService) -> None:
    ups = NutUps(HOST, upsd.port, UPS_NAME, username=TEST_USERNAME, password=lambda: PASSWORD)
    with closing(ups), pytest.raises(DeviceError, match="CMD-NOT-SUPPORTED"):
        ups.start_test(BatteryTest.QUICK, timeout_s=5)


# --- STARTTLS of a real upsd (Debian builds it with NSS) -------------------------------------------------------------


@dataclass(frozen=True)
class Tls:
    """A certificate authority's PEM file, and the lines by which upsd finds what that authority signed."""

    ca_file: Path
    upsd_conf: str


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    nss = folder / "nss"
    nss.mkdir()
    san = folder / "san"
    san.write_text("subjectAltName=IP:127.0.0.1\n")
    for command in (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=site-ca",
        "openssl req -newkey rsa:2048 -nodes -keyout upsd.key -out upsd.csr -subj /CN=upsd",
        "openssl x509 -req -in upsd.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out upsd.pem",
        "openssl pkcs12 -export -in upsd.pem -inkey upsd.key -name upsd -passout pass: -out upsd.p12",
        "certutil -N -d sql:nss --empty-password",
        "certutil -A -d sql:nss -n site-ca -t C,, -i ca.pem",
        "pk12util -i upsd.p12 -d sql:nss -W ",
    ):
        arguments = command.split(" ")
        subprocess.run(arguments, cwd=folder, check=True, capture_output=True, timeout=60)
    lines = f'CERTPATH {nss}\nCERTIDENT "upsd" ""\nCERTREQUEST 0\n'
    return Tls(folder / "ca.pem", lines)


@pytest.fixture(scope="module")
def tls_upsd(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("tls-upsd"), tls=tls.upsd_conf) as service:
        yield service


def test_starttls_with_a_real_upsd(tls: Tls, tls_upsd: UpsdService) -> None:
    account = {"username": USERNAME, "password": lambda: PASSWORD}
    with closing(NutUps(HOST, tls_upsd.port, UPS_NAME, ca_file=tls.ca_file, **account)) as ups:
        poll_until(ups, has(UpsFlag.OL))
        assert ups.poll(timeout_s=5).flags == UpsFlag.OL


def test_a_real_upsd_of_another_authority_or_name_is_refused(
    tls: Tls, tls_upsd: UpsdService, allow_logs: Callable[[str], None]
) -> None:
    allow_logs("drivers.ups.nut")
    with closing(NutUps(HOST, tls_upsd.port, UPS_NAME, ca_file=Path(certifi.where()))) as ups:
        assert ups.poll(timeout_s=5).detail.startswith("TLS: ")
    with closing(NutUps("localhost", tls_upsd.port, UPS_NAME, ca_file=tls.ca_file)) as ups:
        assert "ostname mismatch" in ups.poll(timeout_s=5).detail
    with closing(NutUps(HOST, tls_upsd.port, UPS_NAME, ca_file=tls.ca_file.with_name("none.pem"))) as ups:
        assert ups.poll(timeout_s=5).detail == "none.pem: ENOENT"


def test_two_servers_at_once_and_nothing_left_behind(tmp_path: Path, allow_logs: Callable[[str], None]) -> None:
    allow_logs("drivers.ups.nut")
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    with UpsdService(first) as one, UpsdService(second) as two:
        assert one.port != two.port
    for service in (one, two):
        with closing(NutUps(HOST, service.port, UPS_NAME)) as ups:
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
