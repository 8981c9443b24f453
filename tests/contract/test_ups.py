"""What every ``Ups`` promises, over the simulated one and the NUT client with a real upsd."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drivers.contracts import Ups, UpsFlag, UpsReading
from drivers.simulated.bench import BenchFile
from drivers.simulated.ups import FULL_RUNTIME_S, LOW_RUNTIME_S, SimulatedUps
from drivers.simulated.upsd import HOST, UPS_NAME, UpsdService
from drivers.ups.nut import NutUps

Mains = Callable[[bool], object]


@pytest.fixture(scope="module")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpsdService]:
    with UpsdService(tmp_path_factory.mktemp("upsd")) as service:
        yield service


@pytest.fixture(params=["simulated", "nut"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Ups, Mains]]:
    ups: Ups
    if request.param == "simulated":
        bench = BenchFile(tmp_path / "bench.json")
        ups = SimulatedUps(bench)
        with closing(ups):
            yield ups, lambda on: bench.change(mains_on=on)
    else:
        service: UpsdService = request.getfixturevalue("upsd")
        service.set("OL")
        ups = NutUps(HOST, service.port, UPS_NAME)
        with closing(ups):
            yield ups, lambda on: service.set("OL" if on else "OB DISCHRG")


def poll_until(ups: Ups, is_wanted: Callable[[UpsReading], bool]) -> UpsReading:
    deadline = time.monotonic() + 20
    while not is_wanted(reading := ups.poll(timeout_s=5)):
        assert time.monotonic() < deadline, reading
        time.sleep(0.05)
    return reading


def on_line(reading: UpsReading) -> bool:
    return reading.flags is not None and UpsFlag.OL in reading.flags


def test_mains_off_and_on(rig: tuple[Ups, Mains]) -> None:
    ups, mains = rig
    reading = poll_until(ups, on_line)
    assert not reading.on_battery
    assert reading.runtime_s is not None
    assert reading.runtime_s >= 4 * 3600
    mains(False)
    reading = poll_until(ups, lambda reading: reading.on_battery)
    assert reading.flags == UpsFlag.OB | UpsFlag.DISCHRG
    assert reading.model == "Simulated UPS"
    mains(True)
    poll_until(ups, on_line)


def test_close_twice_and_poll_again(rig: tuple[Ups, Mains]) -> None:
    ups, _ = rig
    ups.close()
    ups.close()
    assert ups.poll(timeout_s=5).flags is not None


def test_the_simulated_battery_counts_down_from_the_outage(tmp_path: Path) -> None:
    now = [1000.0]
    bench = BenchFile(tmp_path / "bench.json")
    ups = SimulatedUps(bench, clock=lambda: now[0])
    assert ups.poll(timeout_s=1).runtime_s == FULL_RUNTIME_S
    bench.change(mains_on=False)
    assert ups.poll(timeout_s=1).runtime_s == FULL_RUNTIME_S
    now[0] += 3600
    assert ups.poll(timeout_s=1).runtime_s == FULL_RUNTIME_S - 3600
    now[0] += FULL_RUNTIME_S - 3600 - LOW_RUNTIME_S + 1
    reading = ups.poll(timeout_s=1)
    assert reading.battery_low
    now[0] += 10 * FULL_RUNTIME_S
    assert ups.poll(timeout_s=1).runtime_s == 0
    bench.change(mains_on=True)
    assert ups.poll(timeout_s=1).flags == UpsFlag.OL
