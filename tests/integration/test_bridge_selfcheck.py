"""The self-check's line about the pack: components here, altered, missing, not seen in time; packs that come late."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal, Slot
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode, KioskError
from kiosk_config.pack.model import Component, MainSitePack, OriginRule, PageMark, TicketGet
from workstation.bridge import selfcheck
from workstation.bridge.doors import Doors
from workstation.bridge.selfcheck import SelfCheckBridge
from workstation.journey.facts import Check, CheckKind
from workstation.preflight.components import check_component

LIMIT_MS = 15_000
CONTENT = b"driver"
DEVICES = (Check(kind=CheckKind.HEADSET, required=True),)


class Health(QObject):
    """Answers when it is told to."""

    checked = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.watched: list[str | None] = []

    def watch_main_site(self, origin: str | None, _trust: object) -> None:
        self.watched.append(origin)

    def check(self, attempt: int) -> None:
        self.asked.append(attempt)


class Shelf:
    def __init__(self) -> None:
        self.pack: MainSitePack | None = None

    def get(self, _main_site_id: str) -> MainSitePack:
        if self.pack is None:
            raise KioskError(ErrorCode.COMPONENT_MISSING, "none")
        return self.pack


class Booth(QObject):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.health, self.shelf = folder, Health(), Shelf()
        doors = Doors(self.shelf)
        doors.expect("test")
        self.bridge = SelfCheckBridge(self.health, doors)  # type: ignore[arg-type] - a scripted one
        self.answers: list[tuple[int, Check]] = []
        self.crashes: list[BaseException] = []
        self.bridge.checked.connect(self.on_checked)
        self.bridge.lane.crashed.connect(self.crashes.append)

    @Slot(int, object)
    def on_checked(self, attempt: int, checks: tuple[Check, ...]) -> None:
        *devices, way = checks
        assert tuple(devices) == DEVICES
        assert (way.kind, way.required) == (CheckKind.PACK, True)
        self.answers.append((attempt, way))

    def component(self, name: str, content: bytes | None = CONTENT) -> Component:
        path = self.folder / f"{name}.so"
        if content is not None:
            path.write_bytes(content)
        return Component(name=name, path=str(path), sha256=hashlib.sha256(CONTENT).hexdigest())

    def needs(self, *components: Component) -> None:
        now = datetime.now(UTC)
        self.shelf.pack = MainSitePack(
            main_site_id="test",
            name="test",
            serial=1,
            issued_at=now,
            valid_until=now + timedelta(days=1),
            origins=(OriginRule(origin="https://main.example"),),
            launch=TicketGet(url="https://main.example/"),
            arrived=PageMark(origin="https://main.example"),
            components=components,
        )


@pytest.fixture
def booth(tmp_path: Path, qtbot: QtBot) -> Iterator[Booth]:
    booth = Booth(tmp_path)
    yield booth
    booth.bridge.stop()
    assert booth.crashes == []


@pytest.fixture
def check(booth: Booth, qtbot: QtBot) -> Callable[[], Check]:
    def check() -> Check:
        attempt = len(booth.health.asked) + 1
        booth.bridge.check(attempt)
        booth.health.checked.emit(attempt, DEVICES)
        qtbot.waitUntil(lambda: bool(booth.answers), timeout=LIMIT_MS)
        [(answered, way)] = booth.answers
        assert answered == attempt
        booth.answers.clear()
        return way

    return check


def test_a_pack_without_components_needs_none(booth: Booth, check: Callable[[], Check]) -> None:
    booth.needs()
    assert check().code is None
    assert booth.health.watched == ["https://main.example"]


def test_components_that_are_here_open_the_door(booth: Booth, check: Callable[[], Check]) -> None:
    booth.needs(booth.component("CA驱动"), booth.component("签章"))
    way = check()
    assert (way.code, way.detail) == (None, "")


@pytest.mark.parametrize("content", [b"DRIVER", None], ids=["altered", "missing"])
def test_a_component_that_is_not_as_wanted_closes_it_and_is_named(
    booth: Booth, check: Callable[[], Check], content: bytes | None
) -> None:
    booth.needs(booth.component("好的"), booth.component("CA驱动", content))
    way = check()
    assert (way.code, way.detail) == (ErrorCode.COMPONENT_MISSING, "CA驱动")
    booth.component("CA驱动")
    assert check().code is None


def test_a_component_altered_after_it_was_good_is_found(booth: Booth, check: Callable[[], Check]) -> None:
    booth.needs(component := booth.component("CA驱动"))
    assert check().code is None
    before = Path(component.path).stat()
    Path(component.path).write_bytes(b"DRIVER")
    os.utime(component.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert check().code is ErrorCode.COMPONENT_MISSING


def test_without_a_pack_nobody_enters_and_one_that_came_meanwhile_counts(
    booth: Booth, check: Callable[[], Check], qtbot: QtBot
) -> None:
    way = check()
    assert (way.code, way.detail) == (ErrorCode.COMPONENT_MISSING, "")
    booth.bridge.check(7)
    booth.needs(booth.component("CA驱动", None))
    booth.health.checked.emit(7, DEVICES)
    qtbot.waitUntil(lambda: bool(booth.answers), timeout=LIMIT_MS)
    assert booth.answers == [
        (7, Check(kind=CheckKind.PACK, required=True, code=ErrorCode.COMPONENT_MISSING, detail="CA驱动"))
    ]


def test_what_is_not_seen_in_time_is_not_good(
    booth: Booth, check: Callable[[], Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    released, in_gui_thread = threading.Event(), threading.current_thread()

    def slow(component: Component) -> Any:
        assert threading.current_thread() is not in_gui_thread
        if component.name == "慢":
            released.wait(LIMIT_MS / 1000)
        return check_component(component)

    monkeypatch.setattr(selfcheck, "check_component", slow)
    monkeypatch.setattr(selfcheck, "CHECK_TIMEOUT_S", 0.2)
    booth.needs(booth.component("快"), booth.component("慢"), booth.component("后"))
    way = check()
    assert (way.code, way.detail) == (ErrorCode.COMPONENT_MISSING, "慢")
    released.set()
    monkeypatch.setattr(selfcheck, "CHECK_TIMEOUT_S", LIMIT_MS / 1000)
    assert check().code is None


def test_only_the_newest_question_is_answered(booth: Booth, qtbot: QtBot) -> None:
    booth.needs(booth.component("CA驱动"))
    booth.bridge.check(1)
    booth.bridge.check(2)
    booth.health.checked.emit(1, DEVICES)
    booth.health.checked.emit(2, DEVICES)
    qtbot.waitUntil(lambda: bool(booth.answers), timeout=LIMIT_MS)
    booth.bridge.lane.drain()
    qtbot.wait(1)
    assert [attempt for attempt, _ in booth.answers] == [2]
