"""What every ``Ups`` promises: the simulated one, and the clients of real upsd, apcupsd and snmpd."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.contracts import BatteryTest, Ups, UpsFlag, UpsReading
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated import snmpd as snmp_side
from drivers.simulated.apcupsd import ApcupsdService
from drivers.simulated.bench import BenchFile
from drivers.simulated.snmpd import SnmpdService
from drivers.simulated.ups import FULL_RUNTIME_S, LOW_RUNTIME_S, TEST_S, SimulatedUps
from drivers.simulated.upsd import HOST, PASSWORD, UPS_NAME, USERNAME, UpsdService
from drivers.ups.apcupsd import ApcupsdUps
from drivers.ups.nut import NutUps
from drivers.ups.snmp import Community, SnmpUps, User
from tests.tampering import Tampering, cut_after, pass_on

REAL = ["nut", "apcupsd", "snmp-v2c", "snmp-v3"]
STREAMS = ["nut", "apcupsd"]
DEADLINE_S = 0.5
GRACE_S = 2.0


def community(name: str) -> Community:
    return Community(name=lambda: name)


def user(passphrase: str) -> User:
    return User(
        name=snmp_side.USER, passphrase=lambda: passphrase, privacy_passphrase=lambda: snmp_side.PRIVACY_PASSPHRASE
    )


CLIENTS: dict[str, Callable[[int], Ups]] = {
    "nut": lambda port: NutUps(HOST, port, UPS_NAME, username=USERNAME, password=lambda: PASSWORD),
    "apcupsd": lambda port: ApcupsdUps(HOST, port),
    "snmp-v2c": lambda port: SnmpUps(HOST, port, community(snmp_side.READ_COMMUNITY)),
    "snmp-v3": lambda port: SnmpUps(HOST, port, user(snmp_side.AUTH_PASSPHRASE)),
}
WRONG: dict[str, tuple[Callable[[int], Ups], float, str]] = {
    "snmp-v2c": (lambda port: SnmpUps(HOST, port, community("guess")), 2, "timed out"),
    "snmp-v3": (lambda port: SnmpUps(HOST, port, user("guessed it")), 20, "WrongDigest"),
}


@dataclass(frozen=True)
class Rig:
    """A UPS and the hands beside it. ``lose`` and ``find`` take away what the server has its data from."""

    ups: Ups
    show: Callable[..., object]
    lose: Callable[[], object] = lambda: None
    find: Callable[[], object] = lambda: None
    stop: Callable[[], object] = lambda: None
    start: Callable[[], object] = lambda: None


@pytest.fixture(scope="module")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("upsd")) as service:
        yield service


@pytest.fixture(scope="module", autouse=True)  # its thread is there before a test counts threads
def apcupsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApcupsdService]:
    with ApcupsdService(tmp_path_factory.mktemp("apcupsd")) as service:
        yield service


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnmpdService]:
    with SnmpdService(tmp_path_factory.mktemp("snmpd")) as service:
        yield service


def service_of(kind: str, request: pytest.FixtureRequest) -> UpsdService | ApcupsdService | SnmpdService:
    name = {"nut": "upsd", "apcupsd": "apcupsd"}.get(kind, "snmpd")
    service: UpsdService | ApcupsdService | SnmpdService = request.getfixturevalue(name)
    service.set("OL")
    return service


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path, allow_logs: Callable[[str], None]) -> Iterator[Rig]:
    kind: str = request.param
    allow_logs("drivers.ups")
    if kind == "simulated":
        bench = BenchFile(tmp_path / "bench.json")
        with closing(SimulatedUps(bench)) as simulated:
            yield Rig(simulated, lambda status: bench.change(mains_on="OL" in status))
        return
    service = service_of(kind, request)
    with closing(CLIENTS[kind](service.port)) as ups:
        match service:
            case UpsdService():
                yield Rig(
                    ups,
                    service.set,
                    service.stop_driver,
                    service.start_driver,
                    service.stop_server,
                    service.start_server,
                )
            case ApcupsdService():
                yield Rig(ups, service.set, service.lose_ups, service.find_ups, service.stop, service.start)
            case SnmpdService():
                yield Rig(ups, service.set, lambda: service.set(""), service.set, service.stop, service.start)


@pytest.fixture
def tampered(request: pytest.FixtureRequest, allow_logs: Callable[[str], None]) -> Iterator[tuple[Ups, Tampering]]:
    kind: str = request.param
    allow_logs("drivers.ups")
    service = service_of(kind, request)
    with Tampering(service.port, is_udp=kind.startswith("snmp")) as relay, closing(CLIENTS[kind](relay.port)) as ups:
        poll_until(ups, on_line)
        yield ups, relay


def every(*kinds: str, fixture: str = "rig") -> pytest.MarkDecorator:
    return pytest.mark.parametrize(fixture, kinds, indirect=True)


def poll_until(ups: Ups, is_wanted: Callable[[UpsReading], bool], *, limit_s: float = 30) -> UpsReading:
    deadline = time.monotonic() + limit_s
    while not is_wanted(reading := ups.poll(timeout_s=5)):
        assert time.monotonic() < deadline, reading
        time.sleep(0.05)
    return reading


def on_line(reading: UpsReading) -> bool:
    return reading.flags is not None and UpsFlag.OL in reading.flags


def is_unknown(reading: UpsReading) -> bool:
    return reading.flags is None


@every("simulated", *REAL)
def test_mains_off_and_on(rig: Rig) -> None:
    reading = poll_until(rig.ups, on_line)
    assert not reading.on_battery
    assert reading.runtime_s is not None
    assert reading.runtime_s >= 4 * 3600
    rig.show("OB DISCHRG")
    reading = poll_until(rig.ups, lambda reading: reading.on_battery)
    assert reading.flags == UpsFlag.OB | UpsFlag.DISCHRG
    assert reading.model == "Simulated UPS"
    assert not reading.battery_low
    rig.show("OL")
    poll_until(rig.ups, on_line)


@every(*REAL)
def test_a_battery_that_gets_low_and_is_charged_again(rig: Rig) -> None:
    rig.show("OB DISCHRG", charge=61, runtime_s=9000, load=40)
    reading = poll_until(rig.ups, lambda reading: reading.battery_charge_percent == 61 and reading.on_battery)
    assert (reading.runtime_s, reading.load_percent, reading.input_voltage_v) == (9000, 40, 0)
    rig.show("OB DISCHRG LB", charge=4, runtime_s=120)
    assert poll_until(rig.ups, lambda reading: reading.battery_low).on_battery
    rig.show("OL", charge=5)
    assert not poll_until(rig.ups, lambda reading: reading.flags == UpsFlag.OL).battery_low


@every("nut", "snmp-v2c", "snmp-v3")
def test_a_worn_out_battery(rig: Rig) -> None:
    """An apcupsd that follows another one, as here, does not hand this bit on: see test_apcupsd_nis.py."""
    rig.show("OL RB")
    poll_until(rig.ups, lambda reading: reading.flags == UpsFlag.OL | UpsFlag.RB)


@every(*REAL)
def test_what_the_server_does_not_know_is_unknown_and_comes_back(rig: Rig) -> None:
    poll_until(rig.ups, on_line)
    rig.lose()
    try:
        reading = poll_until(rig.ups, is_unknown)
        assert reading.detail
        assert not reading.on_battery
    finally:
        rig.find()
    poll_until(rig.ups, on_line)


@every(*REAL)
def test_a_server_that_is_gone_is_unknown_and_comes_back(rig: Rig) -> None:
    poll_until(rig.ups, on_line)
    rig.stop()
    try:
        reading = rig.ups.poll(timeout_s=1)
        assert reading.flags is None
        assert reading.detail in {"ECONNREFUSED", "timed out"}
    finally:
        rig.start()
    poll_until(rig.ups, on_line)


@every("simulated", *REAL)
def test_close_twice_and_poll_again(rig: Rig) -> None:
    poll_until(rig.ups, on_line)
    rig.ups.close()
    rig.ups.close()
    assert rig.ups.poll(timeout_s=5).flags is not None


@every(*STREAMS, fixture="tampered")
def test_a_server_gone_at_any_byte_is_unknown(tampered: tuple[Ups, Tampering]) -> None:
    ups, relay = tampered
    ups.close()
    poll_until(ups, on_line)
    whole = relay.passed
    assert whole > 200
    for count in range(0, whole, max(1, whole // 12)):
        ups.close()
        relay.spoil = cut_after(count)
        assert ups.poll(timeout_s=5).flags is None, count
    relay.spoil = pass_on
    poll_until(ups, on_line)


@every(*REAL, fixture="tampered")
@pytest.mark.parametrize("seed", range(4))
def test_garbage_is_unknown_and_the_next_poll_recovers(tampered: tuple[Ups, Tampering], seed: int) -> None:
    ups, relay = tampered
    noise = random.Random(seed)
    relay.spoil = lambda data: noise.randbytes(len(data))
    assert ups.poll(timeout_s=DEADLINE_S).flags is None
    relay.spoil = lambda data: data[: noise.randrange(1, len(data))]
    assert ups.poll(timeout_s=DEADLINE_S).flags is None
    relay.spoil = pass_on
    poll_until(ups, on_line)


@every(*REAL, fixture="tampered")
def test_the_deadline_is_kept_when_nothing_comes(tampered: tuple[Ups, Tampering]) -> None:
    ups, relay = tampered
    is_over = threading.Event()

    def stall(data: bytes) -> bytes | None:
        is_over.wait(30)
        return None

    relay.spoil = stall
    began = time.monotonic()
    reading = ups.poll(timeout_s=DEADLINE_S)
    taken = time.monotonic() - began
    is_over.set()
    assert (reading.flags, reading.detail) == (None, "timed out")
    assert taken < DEADLINE_S + GRACE_S


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_secret_is_unknown_and_refuses_a_battery_test(
    kind: str, request: pytest.FixtureRequest, allow_logs: Callable[[str], None]
) -> None:
    allow_logs("drivers.ups")
    service = service_of(kind, request)
    make, timeout_s, detail = WRONG[kind]
    with closing(make(service.port)) as ups:
        assert ups.poll(timeout_s=timeout_s) == UpsReading(flags=None, detail=detail)
        with pytest.raises(DeviceError) as raised:
            ups.start_test(BatteryTest.QUICK, timeout_s=timeout_s)
    assert raised.value.code is ErrorCode.UPS_TEST_REFUSED
    assert "guess" not in str(raised.value)


@every("apcupsd", "snmp-v2c", "nut")
def test_without_the_right_there_is_no_battery_test(rig: Rig) -> None:
    """Not over the network server of apcupsd, not with a community that may only read, not of dummy-ups."""
    poll_until(rig.ups, on_line)
    for ask in (lambda: rig.ups.start_test(BatteryTest.DEEP, timeout_s=5), lambda: rig.ups.stop_test(timeout_s=5)):
        with pytest.raises(DeviceError) as raised:
            ask()
        assert raised.value.code is ErrorCode.UPS_TEST_REFUSED
    assert on_line(rig.ups.poll(timeout_s=5))


@pytest.mark.parametrize(
    "credentials", [community(snmp_side.WRITE_COMMUNITY), user(snmp_side.AUTH_PASSPHRASE)], ids=["v2c", "v3"]
)
def test_a_battery_test_by_snmp(snmpd: SnmpdService, credentials: Community | User) -> None:
    snmpd.set("OL")
    with closing(SnmpUps(HOST, snmpd.port, credentials)) as ups:
        assert ups.poll(timeout_s=5).test_result == ""
        ups.start_test(BatteryTest.QUICK, timeout_s=5)
        assert ups.poll(timeout_s=5).test_result == "in progress"
        ups.stop_test(timeout_s=5)
        assert ups.poll(timeout_s=5).test_result == "aborted"


def test_the_simulated_battery_counts_down_from_the_outage(tmp_path: Path) -> None:
    now = [1000.0]
    bench = BenchFile(tmp_path / "bench.json")
    ups = SimulatedUps(bench, clock=lambda: now[0])
    assert ups.poll(timeout_s=1).runtime_s == FULL_RUNTIME_S
    bench.change(mains_on=False)
    assert ups.poll(timeout_s=1).runtime_s == FULL_RUNTIME_S
    now[0] += 3600
    reading = ups.poll(timeout_s=1)
    assert reading.runtime_s == FULL_RUNTIME_S - 3600
    assert reading.battery_charge_percent == pytest.approx(100 * (1 - 3600 / FULL_RUNTIME_S))
    now[0] += FULL_RUNTIME_S - 3600 - LOW_RUNTIME_S + 1
    reading = ups.poll(timeout_s=1)
    assert reading.battery_low
    now[0] += 10 * FULL_RUNTIME_S
    assert ups.poll(timeout_s=1).runtime_s == 0
    bench.change(mains_on=True)
    assert ups.poll(timeout_s=1).flags == UpsFlag.OL


def test_the_simulated_battery_test_runs_and_passes_or_is_ended(tmp_path: Path) -> None:
    now = [1000.0]
    bench = BenchFile(tmp_path / "bench.json")
    ups = SimulatedUps(bench, clock=lambda: now[0])
    ups.start_test(BatteryTest.QUICK, timeout_s=1)
    now[0] += TEST_S / 2
    reading = ups.poll(timeout_s=1)
    assert reading.flags == UpsFlag.OL | UpsFlag.DISCHRG
    assert reading.test_result == "in progress"
    assert reading.battery_charge_percent is not None
    assert reading.battery_charge_percent < 100
    now[0] += TEST_S
    reading = ups.poll(timeout_s=1)
    assert (reading.flags, reading.test_result, reading.battery_charge_percent) == (UpsFlag.OL, "passed", 100)
    ups.start_test(BatteryTest.DEEP, timeout_s=1)
    ups.stop_test(timeout_s=1)
    assert ups.poll(timeout_s=1).test_result == "aborted"
    ups.start_test(BatteryTest.QUICK, timeout_s=1)
    bench.change(mains_on=False)
    assert ups.poll(timeout_s=1).test_result == "aborted"
    with pytest.raises(DeviceError, match="on battery"):
        ups.start_test(BatteryTest.QUICK, timeout_s=1)
