"""What each coordinator makes of what it sees."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ErrorCode
from drivers.machine_facts import ClockTracking, UsbDevice
from workstation.bridge.screens import read_screens
from workstation.health import machine, probes
from workstation.health.board import MAX_AGE_S
from workstation.health.coordinators.camera import CameraCoordinator
from workstation.health.coordinators.clock import ClockCoordinator, read_tracking
from workstation.health.coordinators.links import ConferenceServerCoordinator, MainSiteCoordinator
from workstation.health.coordinators.machine import DiskCoordinator, MemoryCoordinator, TemperatureCoordinator
from workstation.health.coordinators.plugged import PluggedCoordinator
from workstation.health.coordinators.software import SoftwareCoordinator, differences
from workstation.health.coordinators.usb import UsbCoordinator
from workstation.health.machine import HeatLimits, MemoryLimits, Sensor, read_memory, read_temperature
from workstation.health.probes import read_disk
from workstation.health.readings import Moment, Reading
from workstation.site.readings import Quality, ReadingKind, ReadingState

OK, WARN, BAD, UNKNOWN = ReadingState.OK, ReadingState.WARN, ReadingState.BAD, ReadingState.UNKNOWN
NOW = Moment.now()
KEY = UsbDevice(vendor_id="096e", product_id="0309", classes=frozenset({"0b", "08"}), product="ePass")
STICK = UsbDevice(vendor_id="0781", product_id="5581", classes=frozenset({"08"}), product="Ultra")
MOUSE = UsbDevice(vendor_id="046d", product_id="c077", classes=frozenset({"03"}))
PHONE = UsbDevice(vendor_id="18d1", product_id="4ee1", classes=frozenset({"06"}))


class Bus:
    def __init__(self, *plugged: UsbDevice) -> None:
        self.plugged: tuple[UsbDevice, ...] | None = plugged

    def devices(self) -> tuple[UsbDevice, ...] | None:
        return self.plugged


def only(coordinator: UsbCoordinator | PluggedCoordinator | SoftwareCoordinator) -> Reading:
    [reading] = coordinator.observe()
    assert reading.report().state is reading.state
    return reading


@pytest.mark.parametrize(
    ("kind", "period_s"),
    [
        (ReadingKind.CAMERA, CameraCoordinator.period_s),
        (ReadingKind.DISK, DiskCoordinator.period_s),
        (ReadingKind.MEMORY, MemoryCoordinator.period_s),
        (ReadingKind.TEMPERATURE, TemperatureCoordinator.period_s),
        (ReadingKind.CLOCK, ClockCoordinator.period_s),
        (ReadingKind.USB, UsbCoordinator.period_s),
        (ReadingKind.TOKEN, PluggedCoordinator.period_s),
        (ReadingKind.SIGNATURE_PAD, PluggedCoordinator.period_s),
        (ReadingKind.SOFTWARE, SoftwareCoordinator.period_s),
        (ReadingKind.MAIN_SITE, MainSiteCoordinator.period_s),
        (ReadingKind.CONFERENCE, ConferenceServerCoordinator.period_s),
    ],
)
def test_nobody_is_called_lost_between_two_looks(kind: ReadingKind, period_s: float) -> None:
    assert 3 * period_s <= MAX_AGE_S[kind]


# --- keys and pads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stays", "plugged", "state", "count", "name"),
    [
        (True, (KEY, MOUSE), OK, 1, "ePass 096e:0309"),
        (True, (KEY, KEY), OK, 2, "ePass 096e:0309"),
        (True, (MOUSE,), BAD, 0, ""),
        (False, (MOUSE,), OK, 0, ""),
        (False, (KEY,), OK, 1, "ePass 096e:0309"),
    ],
)
def test_a_key_is_seen_or_missed(
    stays: bool, plugged: tuple[UsbDevice, ...], state: ReadingState, count: int, name: str
) -> None:
    reading = only(PluggedCoordinator(ReadingKind.TOKEN, Bus(*plugged), ["096e:0309"], stays=stays))
    assert (reading.kind, reading.state, reading.values) == (ReadingKind.TOKEN, state, {"present_count": count})
    assert (reading.device.name if reading.device else "") == name
    assert reading.code is None


def test_a_key_that_is_a_card_reader_too() -> None:
    names = ["Some Reader 00 00", "FT ePass2003 00 00"]
    looking = PluggedCoordinator(
        ReadingKind.TOKEN, Bus(KEY), ["096e:0309"], reader=re.compile("ePass"), readers=lambda: names
    )
    assert only(looking).values == {"present_count": 1}
    by_name = PluggedCoordinator(ReadingKind.TOKEN, Bus(), [], reader=re.compile("ePass"), readers=lambda: names)
    seen = only(by_name)
    assert (seen.state, seen.device and seen.device.name) == (OK, "FT ePass2003 00 00")
    names.pop()
    assert only(by_name).state is BAD


def test_without_a_bus_nothing_is_known() -> None:
    bus = Bus()
    bus.plugged = None
    for coordinator in (PluggedCoordinator(ReadingKind.SIGNATURE_PAD, bus, ["1:2"]), UsbCoordinator(bus)):
        reading = only(coordinator)
        assert (reading.state, reading.report().quality) == (UNKNOWN, Quality.BAD)


# --- USB -----------------------------------------------------------------------------------------------------------


def test_every_change_is_told_once_and_the_start_is_none() -> None:
    bus = Bus(MOUSE)
    usb = UsbCoordinator(bus, ["096e:0309"])
    assert only(usb).changes == ()
    bus.plugged = (MOUSE, MOUSE, KEY)
    seen = only(usb)
    assert seen.changes == ("+046d:c077:03", "+096e:0309:08,0b")
    assert (seen.state, seen.values) == (OK, {"device_count": 3, "storage_count": 1, "foreign_count": 0})
    assert only(usb).changes == ()
    bus.plugged = (KEY,)
    assert only(usb).changes == ("-046d:c077:03", "-046d:c077:03")


@pytest.mark.parametrize("device", [STICK, PHONE])
def test_what_carries_files_and_is_not_registered_is_an_alarm(device: UsbDevice) -> None:
    bus = Bus(MOUSE, device)
    seen = only(UsbCoordinator(bus))
    assert (seen.state, seen.code, seen.detail) == (BAD, ErrorCode.DEVICE_NOT_REGISTERED, device.kind)
    assert only(UsbCoordinator(bus, [device.ids])).state is OK
    off = only(UsbCoordinator(bus, guard=False))
    assert (off.state, off.values["foreign_count"]) == (OK, 1)


DEVICES = st.builds(
    UsbDevice,
    vendor_id=st.just("1209"),
    product_id=st.from_regex(r"[0-9a-f]{4}", fullmatch=True),
    classes=st.frozensets(st.sampled_from(["03", "08", "0e"])),
)


@given(st.lists(st.lists(DEVICES, max_size=30), min_size=1, max_size=6))
def test_changes_fit_into_an_event(steps: list[list[UsbDevice]]) -> None:
    bus = Bus()
    usb = UsbCoordinator(bus)
    only(usb)
    for step in steps:
        before, bus.plugged = bus.plugged, tuple(step)
        changes = only(usb).changes
        assert bool(changes) == (sorted(d.kind for d in before or ()) != sorted(d.kind for d in step))
        assert len(" ".join(changes)) <= 200


# --- the machine ---------------------------------------------------------------------------------------------------


def test_a_disk_that_cannot_be_written_keeps_experts_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_disk(tmp_path, NOW, probes.DiskLimits(warn_free_bytes=0, bad_free_bytes=0)).state is OK
    real = os.statvfs(tmp_path)
    fields = list(real)
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    reading = read_disk(tmp_path, NOW, probes.DiskLimits(warn_free_bytes=0, bad_free_bytes=0))
    assert (reading.state, reading.code, reading.detail) == (BAD, ErrorCode.STORAGE_FULL, "read-only")


@pytest.mark.parametrize(
    ("limits", "state"),
    [
        (MemoryLimits(warn_percent=0, bad_percent=0), OK),
        (MemoryLimits(warn_percent=101, bad_percent=0), WARN),
        (MemoryLimits(warn_percent=101, bad_percent=101), BAD),
    ],
)
def test_memory(limits: MemoryLimits, state: ReadingState) -> None:
    reading = read_memory(NOW, limits)
    assert reading.state is state
    assert 0 < reading.values["available_percent"] <= 100
    assert reading.values["available_bytes"] > 0


def sensor(celsius: float, high: float | None = None, critical: float | None = None) -> Sensor:
    return Sensor(name=f"chip {celsius}", celsius=celsius, high_celsius=high, critical_celsius=critical)


@pytest.mark.parametrize(
    ("sensors", "state", "celsius"),
    [
        ((), UNKNOWN, None),
        ((sensor(float("nan")), sensor(-128), sensor(255)), UNKNOWN, None),
        ((sensor(40), sensor(60)), OK, 60),
        ((sensor(86), sensor(60)), WARN, 86),
        ((sensor(96),), BAD, 96),
        ((sensor(90, high=100, critical=110), sensor(71, high=70, critical=80)), WARN, 71),
        ((sensor(90, high=0, critical=0),), WARN, 90),
        ((sensor(81, high=70, critical=80), sensor(84)), BAD, 81),
    ],
)
def test_temperature(sensors: tuple[Sensor, ...], state: ReadingState, celsius: float | None) -> None:
    reading = read_temperature(NOW, HeatLimits(), sensors)
    assert (reading.state, reading.values.get("highest_celsius")) == (state, celsius)


@given(st.lists(st.builds(Sensor, name=st.text(), celsius=st.floats(), high_celsius=st.none() | st.floats())))
def test_whatever_sensors_say(sensors: list[Sensor]) -> None:
    read_temperature(NOW, None, tuple(sensors)).report()


def test_sensors_of_a_machine_that_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = type("Entry", (), {"label": "Package", "current": 51.0, "high": 80.0, "critical": None})
    monkeypatch.setattr(machine.psutil, "sensors_temperatures", lambda: {"coretemp": [entry]}, raising=False)
    [reading] = TemperatureCoordinator().observe()
    assert (reading.state, reading.detail) == (OK, "coretemp Package")
    monkeypatch.delattr(machine.psutil, "sensors_temperatures")
    [reading] = TemperatureCoordinator().observe()
    assert reading.state is UNKNOWN


# --- clock ---------------------------------------------------------------------------------------------------------


def tracking(offset_s: float = 0.0, *, sources: int = 2, reachable: int = 2, kept: bool = True) -> ClockTracking:
    return ClockTracking(
        is_synchronised=kept,
        offset_s=offset_s,
        uncertainty_s=0.01,
        stratum=3,
        sources=sources,
        reachable=reachable,
    )


@pytest.mark.parametrize(
    ("seen", "state", "code"),
    [
        (None, UNKNOWN, None),
        (tracking(kept=False), UNKNOWN, None),
        (tracking(1.9), OK, None),
        (tracking(2.1), WARN, ErrorCode.CLOCK_OFF),
        (tracking(-2.1), WARN, ErrorCode.CLOCK_OFF),
        (tracking(reachable=0), WARN, None),
        (tracking(sources=0, reachable=0), OK, None),
    ],
)
def test_the_clock(seen: ClockTracking | None, state: ReadingState, code: ErrorCode | None) -> None:
    reading = read_tracking(seen, NOW)
    assert (reading.state, reading.code) == (state, code)


# --- displays and software -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "wanted", "state", "code"),
    [
        (["HDMI-1"], 1, OK, None),
        (["HDMI-1", "HDMI-2"], 1, BAD, ErrorCode.DEVICE_NOT_REGISTERED),
        (["HDMI-1", "HDMI-2"], 0, OK, None),
        (["HDMI-1"], 2, WARN, None),
    ],
)
def test_displays(names: list[str], wanted: int, state: ReadingState, code: ErrorCode | None) -> None:
    reading = read_screens(names, wanted, NOW)
    assert (reading.state, reading.code, reading.values) == (state, code, {"screen_count": len(names)})


def test_versions_are_compared_across_starts(tmp_path: Path) -> None:
    memory, now = tmp_path / "versions.json", {"app": "1.0", "pack a": "3"}
    first = SoftwareCoordinator(lambda: now, memory)
    assert only(first).changes == (), "the very first start"
    assert only(first).detail == "app 1.0 · pack a 3"
    now["pack a"] = "4"
    assert only(first).changes == ("pack a 3 > 4",)
    only(first)
    now.update({"app": "1.1", "Qt": "6.11"})
    del now["pack a"]
    cut = SoftwareCoordinator(lambda: now, memory)
    told = ("app 1.0 > 1.1", "-pack a 4", "+Qt 6.11")
    assert only(cut).changes == told
    again = SoftwareCoordinator(lambda: now, memory)  # the power was cut before it was kept
    assert only(again).changes == told
    assert only(again).changes == ()
    assert only(SoftwareCoordinator(lambda: now, memory)).changes == ()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"app": 3}', "[" * 100_000, "\udcff"])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, text: str) -> None:
    memory = tmp_path / "versions.json"
    memory.write_bytes(text.encode("utf-8", "surrogateescape"))
    looking = SoftwareCoordinator(lambda: {"app": "1.0"}, memory)
    assert only(looking).changes in {(), ("+app 1.0",)}
    only(looking)
    assert memory.read_text() == '{"app": "1.0"}'


def test_where_versions_cannot_be_kept(tmp_path: Path) -> None:
    looking = SoftwareCoordinator(lambda: {"app": "1.0"}, tmp_path / "gone" / "versions.json")
    assert only(looking).state is OK
    assert only(looking).state is OK


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_differences(before: dict[str, str], now: dict[str, str]) -> None:
    assert (differences(before, now) == ()) == (before == now)
