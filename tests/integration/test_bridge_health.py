"""The health bridge with the drill's devices: conditions once, edges once, and a self-check that is always answered."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus
from drivers.errors import ErrorCode
from drivers.machine_facts import ClockTracking, UsbDevice
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.camera import SimulatedCamera
from drivers.simulated.headset import SimulatedHeadset
from workstation.bridge import health, screens
from workstation.bridge.conference_ticket import TicketBridge
from workstation.bridge.health import HealthBridge
from workstation.bridge.screens import ScreenWatch
from workstation.health.board import HealthEvent, HealthEventKind, HealthSnapshot
from workstation.health.coordinators.camera import CameraCoordinator
from workstation.health.coordinators.clock import read_tracking
from workstation.health.coordinators.links import MainSiteCoordinator
from workstation.health.coordinators.machine import DiskCoordinator
from workstation.health.coordinators.usb import UsbCoordinator
from workstation.health.probes import DiskLimits, read_clock, read_link
from workstation.health.readings import Moment, Reading
from workstation.journey.facts import Check, CheckKind
from workstation.site.readings import ReadingKind, ReadingState

LIMIT_MS = 15_000
MIB = 1 << 20


class Board(QObject):
    """Hears everything the bridge says."""

    def __init__(self, bridge: HealthBridge) -> None:
        super().__init__()
        self.conditions: list[tuple[str, ErrorCode]] = []
        self.events: list[HealthEvent] = []
        self.snapshots: list[HealthSnapshot] = []
        self.checks: list[tuple[int, dict[CheckKind, Check]]] = []
        bridge.condition_raised.connect(self.on_raised)
        bridge.condition_cleared.connect(self.on_cleared)
        bridge.event_found.connect(self.events.append)
        bridge.snapshot_taken.connect(self.snapshots.append)
        bridge.checked.connect(self.on_checked)

    @Slot(object)
    def on_raised(self, code: ErrorCode) -> None:
        self.conditions.append(("raised", code))

    @Slot(object)
    def on_cleared(self, code: ErrorCode) -> None:
        self.conditions.append(("cleared", code))

    @Slot(int, object)
    def on_checked(self, attempt: int, checks: tuple[Check, ...]) -> None:
        self.checks.append((attempt, {check.kind: check for check in checks}))


class _MainSite(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def main_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _MainSite)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@pytest.fixture
def make(
    bench: BenchFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> Iterator[Callable[..., Any]]:
    for looked_at in (CameraCoordinator, DiskCoordinator, MainSiteCoordinator):
        monkeypatch.setattr(looked_at, "period_s", 0.1)
    monkeypatch.setattr(health, "BOARD_INTERVAL_MS", 50)
    made: list[HealthBridge] = []

    def make(**changed: Any) -> tuple[HealthBridge, Board]:
        state = BenchFile(bench.path)
        devices: dict[str, Any] = {
            "coordinators": [CameraCoordinator(SimulatedCamera(state)), DiskCoordinator(tmp_path, DiskLimits())],
            "headset": SimulatedHeadset(state),
        }
        bridge = HealthBridge(**devices | changed)
        made.append(bridge)
        return bridge, Board(bridge)

    yield make
    for bridge in made:
        bridge.stop()


@pytest.fixture
def until(qtbot: QtBot) -> Callable[[Callable[[], object]], None]:
    def until(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=LIMIT_MS)

    return until


def states(bridge: HealthBridge) -> dict[ReadingKind, ReadingState]:
    return {kind: reading.state for kind, reading in bridge.snapshot().readings.items()}


def test_a_good_booth_raises_nothing(make, until) -> None:
    bridge, board = make()
    assert set(states(bridge).values()) == {ReadingState.UNKNOWN}
    bridge.start()
    bridge.observe_device(DeviceStatus(kind=DeviceKind.READER, state=DeviceState.READY, name="R"))
    seen = {ReadingKind.READER, ReadingKind.CAMERA, ReadingKind.HEADSET, ReadingKind.DISK}
    until(lambda: {kind for kind, state in states(bridge).items() if state is ReadingState.OK} == seen)
    until(lambda: len(board.snapshots) > 2)
    assert board.conditions == []
    assert board.events == []
    assert {report.kind for report in bridge.reports()} == set(ReadingKind)


@pytest.mark.parametrize(
    "lost",
    [
        ("camera_plugged", ErrorCode.CAMERA_LOST, ReadingKind.CAMERA),
        ("headset_plugged", ErrorCode.HEADSET_ABSENT, ReadingKind.HEADSET),
    ],
)
def test_a_loss_is_told_once_and_so_is_the_return(make, bench, until, lost) -> None:
    plug, code, kind = lost
    bridge, board = make()
    bridge.start()
    until(lambda: states(bridge)[kind] is ReadingState.OK)
    bench.change(**{plug: False})
    until(lambda: board.conditions)
    count = len(board.snapshots)
    until(lambda: len(board.snapshots) > count + 5)
    assert board.conditions == [("raised", code)]
    assert bridge.conditions == {code}
    bench.change(**{plug: True})
    until(lambda: len(board.conditions) == 2)
    assert board.conditions == [("raised", code), ("cleared", code)]
    assert [event.subject for event in board.events] == [kind, kind]
    assert bridge.conditions == frozenset()


def test_a_device_that_was_never_there(make, bench, until) -> None:
    bench.change(camera_plugged=False, headset_plugged=False)
    bridge, board = make()
    bridge.start()
    until(lambda: len(board.conditions) == 2)
    assert {code for _, code in board.conditions} == {ErrorCode.CAMERA_LOST, ErrorCode.HEADSET_ABSENT}


def test_of_a_power_that_nobody_watches_nothing_is_said(make, until) -> None:
    bridge, board = make()
    bridge.start()
    until(lambda: states(bridge)[ReadingKind.CAMERA] is ReadingState.OK)
    assert states(bridge)[ReadingKind.UPS] is ReadingState.UNKNOWN
    assert board.conditions == []


def test_a_full_disk_keeps_experts_out_and_a_fuller_one_does_not(make, until, tmp_path) -> None:
    bridge, board = make(coordinators=[DiskCoordinator(tmp_path, DiskLimits(bad_free_bytes=1 << 62))])
    bridge.start()
    until(lambda: ("raised", ErrorCode.STORAGE_FULL) in board.conditions)
    limits = DiskLimits(warn_free_bytes=1 << 62, bad_free_bytes=1)
    warned, quiet = make(coordinators=[DiskCoordinator(tmp_path, limits)])
    warned.start()
    until(lambda: states(warned)[ReadingKind.DISK] is ReadingState.WARN)
    assert quiet.conditions == []


def test_the_self_check_of_a_good_booth(make, main_site, until) -> None:
    bridge, board = make()
    bridge.start()
    bridge.watch_main_site(main_site)
    bridge.check(5)
    until(lambda: board.checks)
    [(attempt, checks)] = board.checks
    assert attempt == 5
    assert all(check.code is None for check in checks.values() if check.required)
    assert checks[CheckKind.SITE].code is ErrorCode.SITE_SERVER_UNREACHABLE, "no site bridge here"


def test_the_self_check_looks_anew(make, bench, main_site, until, monkeypatch) -> None:
    monkeypatch.setattr(CameraCoordinator, "period_s", 600.0)
    monkeypatch.setattr(MainSiteCoordinator, "period_s", 600.0)
    bridge, board = make()
    bridge.start()
    bridge.watch_main_site(main_site)
    until(lambda: states(bridge)[ReadingKind.CAMERA] is ReadingState.OK)
    bench.change(camera_plugged=False)
    bridge.check(1)
    until(lambda: board.checks)
    assert board.checks[0][1][CheckKind.CAMERA].code is ErrorCode.CAMERA_LOST
    bench.change(camera_plugged=True)
    bridge.check(2)
    until(lambda: len(board.checks) == 2)
    assert board.checks[1][1][CheckKind.CAMERA].code is None


def test_a_main_site_that_is_away_is_a_condition_while_it_is_watched(make, main_site, until, unused_port) -> None:
    bridge, board = make()
    bridge.start()
    bridge.watch_main_site(f"http://127.0.0.1:{unused_port}")
    until(lambda: board.conditions == [("raised", ErrorCode.MAIN_SITE_UNREACHABLE)])
    bridge.check(1)
    until(lambda: board.checks)
    assert board.checks[0][1][CheckKind.MAIN_SITE].code is ErrorCode.MAIN_SITE_UNREACHABLE
    bridge.watch_main_site(None)  # the visit is over: the next expert has another main site
    until(lambda: board.conditions[1:] == [("cleared", ErrorCode.MAIN_SITE_UNREACHABLE)])
    bridge.watch_main_site(main_site)
    bridge.check(2)
    until(lambda: len(board.checks) == 2)
    assert board.checks[1][1][CheckKind.MAIN_SITE].code is None
    assert len(board.conditions) == 2


@pytest.fixture
def unused_port() -> Iterator[int]:
    with socket.socket() as bound:  # bound and not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_the_self_check_answers_although_a_device_says_nothing(make, until, monkeypatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.3)
    bridge, board = make()
    bridge.start()
    bridge.check(9)  # no main site is watched: that reading never comes
    until(lambda: board.checks)
    [(attempt, checks)] = board.checks
    assert attempt == 9
    assert checks[CheckKind.MAIN_SITE].code is ErrorCode.MAIN_SITE_UNREACHABLE


def test_only_the_newest_check_is_answered(make, main_site, until) -> None:
    bridge, board = make()
    bridge.watch_main_site(main_site)
    bridge.check(1)
    bridge.check(2)
    bridge.start()
    until(lambda: board.checks)
    assert [attempt for attempt, _ in board.checks] == [2]


def test_readings_grow_old(make, until, monkeypatch) -> None:
    bridge, board = make()
    bridge.start()
    bridge.observe_device(DeviceStatus(kind=DeviceKind.READER, state=DeviceState.READY))
    monkeypatch.setitem(bridge._board._max_age_s, ReadingKind.READER, 0.1)
    until(lambda: any(event.subject is ReadingKind.READER for event in board.events))
    assert states(bridge)[ReadingKind.READER] is ReadingState.UNKNOWN


def test_stopping_twice_and_without_a_start(make) -> None:
    bridge, _ = make()
    bridge.stop()
    bridge.start()
    bridge.stop()
    bridge.stop()


class Plugs:
    """Tells that something was plugged when the test says so."""

    def __init__(self) -> None:
        self._plugged = Event()

    def plug(self) -> None:
        self._plugged.set()

    def wait(self, *, cancel: CancelToken) -> bool:
        cancel.on_cancel(self._plugged.set)
        self._plugged.wait()
        self._plugged.clear()
        return not cancel.is_cancelled

    def close(self) -> None:
        """There is nothing to close."""


class Bus:
    def __init__(self) -> None:
        self.plugged: tuple[UsbDevice, ...] = ()

    def devices(self) -> tuple[UsbDevice, ...]:
        return self.plugged


def test_a_stick_is_told_as_soon_as_it_is_plugged(make, until, monkeypatch) -> None:
    monkeypatch.setattr(UsbCoordinator, "period_s", 600.0)
    monkeypatch.setattr(health, "_SETTLE_S", 0.01)
    bus, plugs = Bus(), Plugs()
    bridge, board = make(coordinators=[UsbCoordinator(bus)], plugs=plugs)
    bridge.start()
    until(lambda: states(bridge)[ReadingKind.USB] is ReadingState.OK)
    bus.plugged = (UsbDevice(vendor_id="0781", product_id="5581", classes=frozenset({"08"})),)
    plugs.plug()
    until(lambda: board.conditions == [("raised", ErrorCode.DEVICE_NOT_REGISTERED)])
    bus.plugged = ()
    plugs.plug()
    until(lambda: board.conditions[1:] == [("cleared", ErrorCode.DEVICE_NOT_REGISTERED)])
    assert [(event.kind, event.detail) for event in board.events] == [
        (HealthEventKind.USB_CHANGED, "+0781:5581:08"),
        (HealthEventKind.FOREIGN_DEVICE, "0781:5581:08"),
        (HealthEventKind.USB_CHANGED, "-0781:5581:08"),
        (HealthEventKind.FOREIGN_DEVICE_GONE, ""),
    ]


def test_the_clock_is_the_time_services_and_else_the_sites(make, until) -> None:
    bridge, board = make()
    now = Moment.now()
    bridge.observe(read_clock(now.utc - timedelta(seconds=9), round_trip_s=0.01, at=now))
    assert board.conditions == [("raised", ErrorCode.CLOCK_OFF)]
    kept = ClockTracking(is_synchronised=True, offset_s=0.0, uncertainty_s=0.01, stratum=2, sources=1, reachable=1)
    bridge.observe(read_tracking(kept, Moment.now()))
    assert board.conditions[1:] == [("cleared", ErrorCode.CLOCK_OFF)]
    assert bridge.snapshot().readings[ReadingKind.CLOCK].values["site_offset_s"] == pytest.approx(9, abs=0.1)
    assert bridge.snapshot().parts == (), "one clock, whoever tells of it"


def test_the_way_to_the_meeting_is_watched_while_there_is_one(make, until) -> None:
    bridge, board = make()
    bridge.start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        bridge.watch_conference(SimpleNamespace(server=f"ws://127.0.0.1:{server.getsockname()[1]}"))
        bridge.look_now("conference")
        until(lambda: [part.state for part in bridge.snapshot().parts] == [ReadingState.OK])
        bridge.forget_conference()
        assert len(bridge.snapshot().parts) == 1, "a meeting that is lost is when the way to it matters"
    bridge.leave_conference()
    assert bridge.snapshot().parts == ()
    assert board.conditions == [], "the meeting has its own"


def test_the_site_links_figures_are_those_of_a_window(make) -> None:
    bridge, _ = make()
    for round_trip_s in (0.010, 0.030, 0.020):
        bridge.observe(read_link(ReadingKind.SITE, Moment.now(), code=None, round_trip_s=round_trip_s))
    values = bridge.snapshot().readings[ReadingKind.SITE].values
    assert (values["round_trip_ms"], values["jitter_ms"], values["loss_percent"]) == (20, 15, 0)


def test_screens_are_told_at_the_start_and_again(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "REPEAT_MS", 20)
    watch, seen = ScreenWatch(1), list[Reading]()
    watch.reading_taken.connect(seen.append)
    watch.start()
    assert [(reading.kind, reading.state) for reading in seen] == [(ReadingKind.DISPLAY, ReadingState.OK)]
    qtbot.waitUntil(lambda: len(seen) > 2, timeout=LIMIT_MS)
    watch.stop()
    monkeypatch.setattr(screens.QGuiApplication, "screens", lambda: [QGuiApplication.primaryScreen()] * 2)
    QGuiApplication.instance().screenAdded.emit(QGuiApplication.primaryScreen())
    assert seen[-1].code is ErrorCode.DEVICE_NOT_REGISTERED


def test_the_end_of_a_stay_is_told_once(qtbot: QtBot) -> None:
    tickets, told = TicketBridge(), list[str]()
    tickets.ended.connect(lambda: told.append("ended"))
    tickets.end()
    assert told == [], "there was none"
    tickets.begin(str(uuid4()), "project")
    tickets.end()
    tickets.end()
    assert told == ["ended"]
    tickets.stop()
