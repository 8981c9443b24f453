"""The outage clocks of a booth between board, meeting, journal and screen, with a real journal and across a kill."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.contracts import Feeds, UpsFlag, UpsReading
from drivers.errors import ErrorCode
from workstation.bridge.outages import OutageBridge
from workstation.bridge.records import URGENT, RecordBridge
from workstation.health.board import HealthBoard
from workstation.health.outages import OutageClock, OutageRule
from workstation.health.probes import read_link
from workstation.health.readings import Moment
from workstation.health.supply import UpsSeen, read_supply
from workstation.journal.journal import Journal
from workstation.site.outages import OUTAGE_BEGAN, OUTAGE_ENDED, OUTAGE_RULE_REACHED, OutageKind
from workstation.site.readings import ReadingKind

SESSION = "5b9d4b4e-0000-4000-8000-000000000001"


class Screen(QObject):
    """Keeps what the bridge tells."""

    def __init__(self, bridge: OutageBridge) -> None:
        super().__init__()
        self.clocks: tuple[OutageClock, ...] = ()
        self.told: list[tuple[str, str, Mapping[str, Any]]] = []
        bridge.changed.connect(self.on_changed)
        bridge.event_found.connect(self.on_event)

    @Slot(object)
    def on_changed(self, clocks: tuple[OutageClock, ...]) -> None:
        self.clocks = clocks

    @Slot(str, str, object)
    def on_event(self, kind: str, session_id: str, facts: Mapping[str, Any]) -> None:
        self.told.append((kind, session_id, facts))


def later(moment: Moment, seconds: float) -> Moment:
    return Moment(utc=moment.utc + timedelta(seconds=seconds), monotonic_s=moment.monotonic_s + seconds)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


def test_a_power_cut_is_told_to_journal_and_screen(qtbot: QtBot, journal: Journal) -> None:
    rule = OutageRule(outage=OutageKind.MAINS, after_s=3600, text="中止评标")
    bridge, board, start = OutageBridge(journal, [rule]), HealthBoard(), Moment.now()
    screen, records = Screen(bridge), RecordBridge(journal)
    bridge.event_found.connect(records.append)
    for seconds, flags in (
        (0, UpsFlag.OL),
        (5, UpsFlag.OB),
        (3599, UpsFlag.OB),
        (3610, UpsFlag.OB),
        (3620, UpsFlag.OL),
    ):
        at = later(start, seconds)
        seen = UpsSeen(id="ups", feeds=frozenset({Feeds.BOOTH}), reading=UpsReading(flags=flags), at=at)
        board.observe(read_supply([seen], at).reading)
        bridge.follow(board.snapshot(at))
        if seconds == 3610:
            [clock] = screen.clocks
            assert (clock.seconds, clock.reached) == (3605, rule)
    bridge.follow(board.snapshot(later(start, 3630)))
    [clock] = screen.clocks
    assert (clock.seconds, clock.is_over) == (3615, True)
    records.close()
    told = [event for event in journal.unsent(10) if event.kind != "outage_lasts"]
    assert [event.kind for event in told] == [OUTAGE_BEGAN, OUTAGE_RULE_REACHED, OUTAGE_ENDED]
    assert {event.kind for event in told} <= URGENT
    assert told[-1].data["duration_s"] == 3615


def test_after_a_kill_the_clock_goes_on_from_the_journal(qtbot: QtBot, journal: Journal, tmp_path: Path) -> None:
    board, start = HealthBoard(), later(Moment.now(), -900)
    before = OutageBridge(journal)
    screen = Screen(before)
    board.observe(read_link(ReadingKind.SITE, start, code=ErrorCode.SITE_SERVER_UNREACHABLE))
    before.follow(board.snapshot(start))
    for kind, session_id, facts in screen.told:
        journal.append(kind, session_id, facts)
    journal.close()

    again = Journal(tmp_path / "journal.sqlite3")
    after = OutageBridge(again)
    screen, now = Screen(after), Moment.now()
    board = HealthBoard()
    after.follow(board.snapshot(now))
    assert screen.clocks == ()
    board.observe(read_link(ReadingKind.SITE, now, code=ErrorCode.SITE_SERVER_UNREACHABLE))
    after.follow(board.snapshot(now))
    [clock] = screen.clocks
    assert clock.seconds == pytest.approx(900, abs=30)
    board.observe(read_link(ReadingKind.SITE, later(now, 10), code=None))
    after.follow(board.snapshot(later(now, 10)))
    after.follow(board.snapshot(later(now, 20)))
    assert [(kind, facts.get("interrupted")) for kind, _, facts in screen.told][-1] == (OUTAGE_ENDED, True)
    again.close()


def test_a_lost_meeting_is_an_outage_and_the_rest_goes_on_to_the_journal(qtbot: QtBot, journal: Journal) -> None:
    bridge = OutageBridge(journal)
    screen = Screen(bridge)
    bridge.hear_meeting("conference_joined", SESSION, {"people": 4})
    bridge.hear_meeting("conference_lost", SESSION, {"reason": "ice-failed"})
    bridge.hear_meeting("conference_lost", SESSION, {"reason": "hung", "given_up": True})
    bridge.hear_meeting("conference_back", SESSION, {"people": 4, "duration_s": 3.0})
    bridge.follow(HealthBoard().snapshot(later(Moment.now(), 60)))
    assert [kind for kind, _, _ in screen.told] == [
        "conference_joined",
        OUTAGE_BEGAN,
        "conference_given_up",
        OUTAGE_ENDED,
    ]
    assert {session_id for _, session_id, _ in screen.told} == {SESSION}
    assert screen.told[1][2]["reason"] == "ice-failed"
    assert (screen.told[1][2]["code"], screen.told[-1][2]["outage"]) == ("E-407", "conference")
    assert screen.told[-1][2]["duration_s"] < 30


def test_leaving_a_lost_meeting_ends_its_clock(qtbot: QtBot, journal: Journal) -> None:
    bridge = OutageBridge(journal)
    screen = Screen(bridge)
    bridge.hear_meeting("conference_lost", SESSION, {"reason": "left"})
    bridge.hear_meeting("conference_left", SESSION, {"duration_s": 100.0})
    bridge.follow(HealthBoard().snapshot(later(Moment.now(), 60)))
    assert screen.told[-1][0] == OUTAGE_ENDED
    assert screen.told[-1][2]["outcome"] == "unwatched"


def test_a_damaged_event_keeps_no_booth_from_starting(qtbot: QtBot, tmp_path: Path, allow_logs: Any) -> None:
    allow_logs("workstation.bridge.outages")
    allow_logs("workstation.journal.journal")
    journal = Journal(tmp_path / "damaged.sqlite3")
    journal.append(OUTAGE_BEGAN, "", {"outage": "mains"})
    other = sqlite3.connect(tmp_path / "damaged.sqlite3")
    other.executescript("DROP TRIGGER events_are_not_changed; UPDATE events SET data = '{';")
    other.close()
    bridge = OutageBridge(journal)
    screen = Screen(bridge)
    bridge.follow(HealthBoard().snapshot(Moment.now()))
    assert (screen.clocks, screen.told) == ((), [])
    journal.close()
