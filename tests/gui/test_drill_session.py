"""The drill's session: what the kiosk's log says becomes the review panel, and a choice becomes an order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton

from drivers.simulated.bench import BenchFile, BenchState
from drivers.simulated.people import PERSON_A
from workstation.drill import session
from workstation.drill.administrator import Administrator
from workstation.drill.console import DrillConsole
from workstation.drill.roster import BOOTH_ID
from workstation.site.administration import ReviewPicture, ReviewRow
from workstation.site.contract import GENESIS_HASH, CommandKind, EventReport
from workstation.site.outages import OutageKind, OutageLedger, RoomOutage

CASE = ReviewRow(
    booth_id=BOOTH_ID,
    booth_label="03",
    session_id="s-1",
    code="E-205",
    opened_at=datetime(2026, 6, 1, tzinfo=UTC),
    may_repeat=True,
    card_year=2008,
    pictures=[ReviewPicture.CARD, ReviewPicture.LIVE],
    views=0,
    viewed_at=None,
)


class Desk(Administrator):
    """Answers without a server."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "t" * 40)
        self.cases = [CASE]
        self.kinds: list[str] = []
        self.orders: list[tuple[str, str, CommandKind]] = []
        self.is_away = False
        self.rooms: list[RoomOutage] = []

    def outages(self) -> OutageLedger:
        if self.is_away:
            raise requests.ConnectionError
        return OutageLedger(day="2026-06-01", at=CASE.opened_at, rooms=self.rooms, rows=[], by_booth=[], by_project=[])

    def events(self, booth_id: str) -> list[EventReport]:
        return [event(booth_id, kind) for kind in self.kinds]

    def waiting_cases(self) -> list[ReviewRow]:
        if self.is_away:
            raise requests.ConnectionError
        return self.cases

    def picture(self, case: ReviewRow, picture: ReviewPicture) -> bytes:
        assert picture in case.pictures
        return (files("assets.drill") / PERSON_A.picture).read_bytes()

    def review(self, booth_id: str, session_id: str, kind: CommandKind) -> None:
        self.orders.append((booth_id, session_id, kind))


def event(_booth_id: str, kind: str) -> EventReport:
    return EventReport(
        event_id=UUID(int=uuid4().int), seq=1, at=CASE.opened_at, kind=kind, session_id="s-1",
        previous_hash=GENESIS_HASH, chain_hash=GENESIS_HASH,
    )  # fmt: skip


class FakeStage:
    config_file, environment = "", {}

    def __init__(self, bench: BenchFile) -> None:
        self.administrator, self.bench = Desk(), bench

        self.spoken = 0

    def follow(self) -> None:
        """Nothing to follow."""

    def speak(self) -> None:
        self.spoken += 1


class FakeKiosk:
    is_running = True

    def __init__(self, *_: Any) -> None:
        pass

    def stop(self) -> None:
        """Nothing runs."""


@pytest.fixture
def bench(tmp_path) -> BenchFile:
    bench = BenchFile(tmp_path / "bench.json")
    bench.write(BenchState())
    return bench


@pytest.fixture
def stage(bench) -> Iterator[FakeStage]:
    stage = FakeStage(bench)
    yield stage
    stage.administrator.close()


@pytest.fixture
def console(qtbot, bench) -> DrillConsole:
    console = DrillConsole(bench, session.CARDS)
    qtbot.addWidget(console)
    console.show()
    return console


@pytest.fixture
def drill(console, stage, monkeypatch) -> Iterator[session.Session]:
    monkeypatch.setattr(session, "KioskProcess", FakeKiosk)
    drill = session.Session(stage, console, QApplication.instance())
    yield drill
    drill.stop()


def words(console: DrillConsole) -> str:
    return "\n".join(label.text() for label in console.findChildren(QLabel) if label.isVisible())


def said(console: DrillConsole) -> str:
    return console.findChildren(QPlainTextEdit)[0].toPlainText()


def enter(drill: session.Session, state: str) -> None:
    drill.line_read.emit({"event": "state_entered", "state": state})


SENT = {"event": "recorded", "kind": "review_sent", "taken": True}


def test_the_panel_follows_the_kiosk(drill, console, stage) -> None:
    assert "人工复核" not in words(console)
    enter(drill, "human-review")
    assert "工位还没有送来照片" in words(console)
    drill.line_read.emit(SENT)
    assert "证件照 · 2008 年" in words(console)
    assert "库内无照片" in words(console)
    enter(drill, "face-check")
    assert "人工复核" not in words(console)
    stage.administrator.is_away = True
    enter(drill, "human-review")
    drill.line_read.emit(SENT)
    assert "站点服务器没有接受：ConnectionError" in said(console)


@pytest.mark.parametrize(
    ("caption", "kind"), [("再拍", CommandKind.REVIEW_AGAIN), ("到场", CommandKind.REVIEW_ON_SITE)]
)
def test_a_choice_is_an_order_for_the_visit_that_waits(drill, console, stage, caption, kind) -> None:
    enter(drill, "human-review")
    drill.line_read.emit(SENT)
    (button,) = [button for button in console.findChildren(QPushButton) if button.text() == caption]
    button.click()
    assert stage.administrator.orders == []
    assert "没有等待复核的专家" in said(console)
    stage.administrator.kinds = ["review_needed"]
    button.click()
    assert stage.administrator.orders == [(BOOTH_ID, "s-1", kind)]
    assert f"已下达：{caption}" in said(console)


@pytest.mark.parametrize(
    ("kinds", "waits"),
    [
        (["review_needed", "help_called", "review_sent", "review_on_site"], True),
        (["review_needed", "review_again"], False),
        (["review_needed", "review_again", "face_compared", "review_needed"], True),
        (["review_needed", "presence_verified"], False),
        (["review_needed", "review_rejected"], False),
        (["review_needed", "visit_cancelled"], False),
        ([], False),
    ],
)
def test_a_review_waits_until_it_is_over_whatever_else_happens(stage, kinds, waits) -> None:
    stage.administrator.kinds = kinds
    assert (stage.administrator.waiting_review(BOOTH_ID) == "s-1") is waits


def test_somebody_speaks_when_the_kiosk_asks_and_when_the_operator_does(qtbot, drill, stage, console) -> None:
    drill.line_read.emit({"event": "sound_stepped", "step": "speak", "read_at": 0.0})
    qtbot.waitUntil(lambda: stage.spoken == 1, timeout=5000)
    console.speech_requested.emit()
    assert stage.spoken == 2


def test_running_outages_stand_on_the_console(qtbot, monkeypatch, console, stage) -> None:
    monkeypatch.setattr(session, "LEDGER_MS", 20)
    monkeypatch.setattr(session, "KioskProcess", FakeKiosk)
    over = RoomOutage(
        outage=OutageKind.CONFERENCE, room="一室", began_at=CASE.opened_at, ended_at=CASE.opened_at, duration_s=9,
        booths=["b-1"], projects=[],
    )  # fmt: skip
    running = RoomOutage(
        outage=OutageKind.MAINS, room="一室", began_at=CASE.opened_at, ended_at=None, duration_s=83.4,
        booths=["b-1", "b-2"], projects=[],
    )  # fmt: skip
    drill = session.Session(stage, console, QApplication.instance())
    stage.administrator.rooms = [over, running]
    qtbot.waitUntil(lambda: "停电 · 一室 · 影响 2 工位 · 已中断 00:01:23" in words(console))
    assert "会议中断" not in words(console)
    stage.administrator.is_away = True
    qtbot.waitUntil(lambda: "站点服务器没有应答" in words(console))
    stage.administrator.is_away, stage.administrator.rooms = False, [over]
    qtbot.waitUntil(lambda: "已中断" not in words(console) and "没有应答" not in words(console))
    drill.stop()
