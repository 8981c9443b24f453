"""The card reader's bridge on the drill reader: insert, read, lift, cancel, stale attempts, a driver that breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.contracts import CancelToken, DeviceState, DeviceStatus, IdCardRecord, Image, Presence
from drivers.errors import ErrorCode, OtherCard
from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.people import PERSON_A, PERSON_B
from drivers.simulated.photo import DrillPhotoDecoder
from drivers.simulated.reader import SimulatedCardReader
from drivers.simulated.sam import Fault, SamEmulator
from workstation.bridge import threads
from workstation.bridge.card import CardBridge

LIMIT_MS = 10_000


class Desk(QObject):
    """Hears everything the bridge says, in the GUI thread."""

    def __init__(self, bridge: CardBridge) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.records: list[IdCardRecord] = []
        self.portraits: list[Image | None] = []
        self.other_cards: list[OtherCard | None] = []
        self.statuses: list[DeviceStatus] = []
        bridge.card_inserted.connect(self.on_inserted)
        bridge.card_lifted.connect(self.on_lifted)
        bridge.card_read.connect(self.on_read)
        bridge.card_failed.connect(self.on_failed)
        bridge.status_observed.connect(self.on_status)

    @Slot()
    def on_inserted(self) -> None:
        self.heard.append("inserted")

    @Slot()
    def on_lifted(self) -> None:
        self.heard.append("lifted")

    @Slot(int, object, object)
    def on_read(self, attempt: int, record: IdCardRecord, portrait: Image | None) -> None:
        self.heard.append(("read", attempt))
        self.records.append(record)
        self.portraits.append(portrait)

    @Slot(int, object, object)
    def on_failed(self, attempt: int, code: ErrorCode, other_card: OtherCard | None) -> None:
        self.heard.append((code, attempt))
        self.other_cards.append(other_card)

    @Slot(object)
    def on_status(self, status: DeviceStatus) -> None:
        self.statuses.append(status)


@pytest.fixture
def bench(tmp_path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@pytest.fixture
def sam() -> SamEmulator:
    return SamEmulator()


@pytest.fixture
def bridge(bench: BenchFile, sam: SamEmulator) -> Iterator[CardBridge]:
    bridge = CardBridge(SimulatedCardReader(BenchFile(bench.path), sam), DrillPhotoDecoder(), timeout_s=1.0)
    yield bridge
    bridge.stop()


@pytest.fixture
def desk(bridge: CardBridge, qtbot: QtBot) -> Desk:
    return Desk(bridge)


@pytest.fixture
def hears(desk: Desk, qtbot: QtBot) -> Callable[[Any], None]:
    def hears(said: Any) -> None:
        qtbot.waitUntil(lambda: said in desk.heard, timeout=LIMIT_MS)

    return hears


def test_a_card_is_seen_read_and_lifted(bridge, bench, desk, hears) -> None:
    bridge.start()
    bench.change(card="person-a")
    hears("inserted")
    bridge.read(1)
    hears(("read", 1))
    assert desk.records[0].id_number == PERSON_A.number
    assert desk.portraits[0].shape == (126, 102, 3)
    bench.change(card=None)
    hears("lifted")
    assert desk.heard == ["inserted", ("read", 1), "lifted"]
    assert {status.state for status in desk.statuses} == {DeviceState.READY}


def test_nothing_is_read_unasked(bridge, bench, desk, hears, qtbot) -> None:
    bridge.start()
    bench.change(card="person-a")
    hears("inserted")
    bench.change(card=None)
    hears("lifted")
    assert desk.heard == ["inserted", "lifted"]


def test_a_swap_is_a_lift_and_an_insertion(bridge, bench, desk, hears, qtbot) -> None:
    bridge.start()
    bench.change(card="person-a")
    hears("inserted")
    bench.change(card="person-b")
    qtbot.waitUntil(lambda: desk.heard == ["inserted", "lifted", "inserted"], timeout=LIMIT_MS)
    bridge.read(7)
    hears(("read", 7))
    assert desk.records[0].id_number == PERSON_B.number


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.BAD_XOR, Fault.ZERO_LENGTH, Fault.WRONG_LENGTH])
def test_a_damaged_reply_fails_and_the_next_placement_is_read(bridge, bench, sam, hears, fault) -> None:
    bridge.start()
    sam.inject(fault, times=9)
    bench.change(card="person-a")
    hears("inserted")
    bridge.read(1)
    hears((ErrorCode.CARD_UNREADABLE, 1))
    bench.change(card=None)
    hears("lifted")
    bench.change(card="person-b")
    bridge.read(2)
    hears(("read", 2))


def test_a_card_lifted_while_it_is_read(bridge, bench, desk, hears) -> None:
    bridge.start()
    bench.change(card="lifted-early")
    hears("inserted")
    bridge.read(1)
    hears((ErrorCode.CARD_LIFTED, 1))
    hears("lifted")
    bench.change(card="person-a")
    bridge.read(2)
    hears(("read", 2))


def test_a_read_that_is_called_off_says_nothing(bridge, bench, sam, desk, hears) -> None:
    bridge.start()
    sam.inject(Fault.SILENT)
    bench.change(card="person-a")
    hears("inserted")
    bridge.read(1)
    bridge.stop_reading()
    bench.change(card=None)
    hears("lifted")
    bench.change(card="person-a")
    bridge.read(2)
    hears(("read", 2))
    assert [said for said in desk.heard if isinstance(said, tuple)] == [("read", 2)]


def test_only_the_newest_attempt_is_answered(bridge, bench, sam, desk, qtbot) -> None:
    bridge.start()
    sam.inject(Fault.SILENT)
    bench.change(card="person-a")
    qtbot.waitUntil(lambda: "inserted" in desk.heard, timeout=LIMIT_MS)
    for attempt in (1, 2, 3):
        bridge.read(attempt)
    qtbot.waitUntil(lambda: any(isinstance(said, tuple) for said in desk.heard), timeout=LIMIT_MS)
    assert {said[1] for said in desk.heard if isinstance(said, tuple)} == {3}


def test_a_reader_that_is_unplugged_and_comes_back(bridge, bench, desk, hears, qtbot) -> None:
    bridge.start()
    bench.change(card="person-a")
    hears("inserted")
    bench.change(reader_plugged=False)
    hears("lifted")
    qtbot.waitUntil(lambda: desk.statuses[-1].state is DeviceState.ABSENT, timeout=LIMIT_MS)
    bridge.read(1)
    hears((ErrorCode.READER_ABSENT, 1))
    bench.change(reader_plugged=True)
    qtbot.waitUntil(lambda: desk.heard.count("inserted") == 2, timeout=LIMIT_MS)
    assert desk.statuses[-1].state is DeviceState.READY
    bridge.read(2)
    hears(("read", 2))


def test_stopping_in_the_middle_of_a_read_leaves_nothing(bridge, bench, sam, desk, hears) -> None:
    bridge.start()
    sam.inject(Fault.SILENT)
    bench.change(card="person-a")
    hears("inserted")
    bridge.read(1)
    bridge.stop()
    assert "dev-reader" not in {thread.name for thread in threading.enumerate()}
    bridge.stop()


def test_a_bridge_that_never_started_can_be_stopped(bridge) -> None:
    bridge.stop()


class BreakingReader(SimulatedCardReader):
    """Raises what no driver may raise, when told."""

    def __init__(self, bench: BenchFile) -> None:
        super().__init__(bench)
        self.broken_wait = threading.Event()
        self.broken_read = threading.Event()
        self.may_break = threading.Event()

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        if self.broken_wait.is_set():
            self.broken_wait.clear()
            assert self.may_break.wait(10)
            raise RuntimeError("vendor library")
        return super().wait(known, timeout_s=min(timeout_s, 0.1), cancel=cancel)

    def read(self, *, timeout_s: float, cancel: CancelToken) -> IdCardRecord:
        if self.broken_read.is_set():
            self.broken_read.clear()
            raise RuntimeError("vendor library")
        return super().read(timeout_s=timeout_s, cancel=cancel)


@pytest.fixture
def breaking(bench, monkeypatch, allow_logs) -> Iterator[tuple[BreakingReader, CardBridge]]:
    allow_logs("workstation.bridge.threads")
    monkeypatch.setattr(threads, "_BACK_OFF_S", (0.01, 0.01))
    reader = BreakingReader(BenchFile(bench.path))
    bridge = CardBridge(reader, DrillPhotoDecoder(), timeout_s=1.0)
    yield reader, bridge
    bridge.stop()


def test_a_driver_that_breaks_in_a_read_is_a_broken_reader_and_comes_back(breaking, bench, qtbot) -> None:
    reader, bridge = breaking
    desk = Desk(bridge)
    bridge.start()
    bench.change(card="person-a")
    qtbot.waitUntil(lambda: "inserted" in desk.heard, timeout=LIMIT_MS)
    reader.broken_read.set()
    bridge.read(1)
    qtbot.waitUntil(lambda: (ErrorCode.CARD_READER_BROKEN, 1) in desk.heard, timeout=LIMIT_MS)
    bridge.read(2)
    qtbot.waitUntil(lambda: ("read", 2) in desk.heard, timeout=LIMIT_MS)
    assert desk.heard.count("inserted") == 1


def test_a_card_lifted_while_the_driver_is_down_is_told_as_lifted(breaking, bench, qtbot) -> None:
    reader, bridge = breaking
    desk = Desk(bridge)
    bridge.start()
    bench.change(card="person-a")
    qtbot.waitUntil(lambda: "inserted" in desk.heard, timeout=LIMIT_MS)
    reader.broken_wait.set()
    bench.change(card=None)
    reader.may_break.set()
    qtbot.waitUntil(lambda: desk.heard == ["inserted", "lifted"], timeout=LIMIT_MS)
