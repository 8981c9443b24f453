"""The journal's bridge on a real journal: order, a disk that is full for a while, and a clean end."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from drivers.errors import ErrorCode, KioskError
from workstation.bridge import records
from workstation.bridge.records import RecordBridge, resume_from
from workstation.journal import reserve
from workstation.journal.journal import Journal
from workstation.journey.facts import Resume, SessionId

LIMIT_MS = 10_000
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil's own
RESUME = Resume(session_id=SessionId("5b9d4b4e-0000-4000-8000-000000000001"), expert_hash="a" * 64, project_id="P-1")


class FullDisk(Journal):
    """A real journal on a disk that can be full."""

    is_full = False

    def append(self, *arguments: Any, **named: Any) -> Any:
        if self.is_full:
            raise KioskError(ErrorCode.STORAGE_FULL, "the disk of the journal is full", context={"sqlite": 13})
        return super().append(*arguments, **named)

    def save_resume(self, body: str) -> None:
        if self.is_full:
            raise KioskError(ErrorCode.STORAGE_FULL, "the disk of the journal is full", context={"sqlite": 13})
        super().save_resume(body)


class Clerk(QObject):
    def __init__(self, bridge: RecordBridge) -> None:
        super().__init__()
        self.heard: list[Any] = []
        bridge.failed.connect(self.on_failed)
        bridge.recovered.connect(self.on_recovered)
        bridge.urgent_recorded.connect(self.on_urgent)

    @Slot(object)
    def on_failed(self, code: ErrorCode) -> None:
        self.heard.append(code)

    @Slot()
    def on_recovered(self) -> None:
        self.heard.append("recovered")

    @Slot()
    def on_urgent(self) -> None:
        self.heard.append("urgent")


@pytest.fixture
def journal(tmp_path) -> Iterator[FullDisk]:
    journal = FullDisk(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


@pytest.fixture
def bridge(journal: FullDisk, qtbot: QtBot) -> Iterator[RecordBridge]:
    bridge = RecordBridge(journal)
    yield bridge
    bridge.close()


@pytest.fixture
def clerk(bridge: RecordBridge) -> Clerk:
    return Clerk(bridge)


@pytest.fixture
def full_disk(journal: FullDisk, allow_logs: Callable[..., None]) -> FullDisk:
    allow_logs("workstation.bridge.records")
    journal.is_full = True
    return journal


def kinds(journal: Journal) -> list[str]:
    return [event.kind for event in journal.unsent(2000)]


def test_events_are_written_in_the_order_of_the_calls(bridge, journal) -> None:
    for number in range(50):
        bridge.append(f"event_{number}", "", {"number": number})
    bridge.close()
    assert kinds(journal) == [f"event_{number}" for number in range(50)]
    assert journal.verify().first_broken_seq is None


def test_the_restart_record_comes_back_as_it_was(bridge, journal) -> None:
    bridge.keep_resume(RESUME)
    bridge.lane.drain()
    assert resume_from(journal.load_resume()) == RESUME
    bridge.forget_resume()
    bridge.lane.drain()
    assert resume_from(journal.load_resume()) is None


@pytest.mark.parametrize("stored", ["", "{}", "[]", "nonsense", '{"session_id": 1}', '{"a": "' + "x" * 1000 + '"}'])
def test_a_restart_record_that_is_not_ours_is_none(stored: str) -> None:
    assert resume_from(stored) is None


def test_what_somebody_waits_for_is_told_once_on_disk(bridge, clerk, journal, qtbot) -> None:
    bridge.append("card_read", "", {})
    bridge.append("help_called", "", {})
    qtbot.waitUntil(lambda: clerk.heard == ["urgent"], timeout=LIMIT_MS)
    assert kinds(journal) == ["card_read", "help_called"]


def test_a_full_disk_keeps_events_and_their_order(bridge, clerk, full_disk, qtbot) -> None:
    bridge.append("card_read", "", {})
    bridge.keep_resume(RESUME)
    bridge.append("review_needed", "", {})
    qtbot.waitUntil(lambda: len(clerk.heard) == 3, timeout=LIMIT_MS)
    assert set(clerk.heard) == {ErrorCode.STORAGE_FULL}
    assert bridge.is_failing
    assert kinds(full_disk) == []
    full_disk.is_full = False
    bridge.append("signed_out", "", {})
    qtbot.waitUntil(lambda: clerk.heard[-1] == "recovered", timeout=LIMIT_MS)
    assert clerk.heard[3:] == ["urgent", "urgent", "recovered"]
    assert kinds(full_disk) == ["card_read", "review_needed", "signed_out"]
    assert resume_from(full_disk.load_resume()) == RESUME
    assert not bridge.is_failing


def test_a_booth_that_writes_nothing_recovers_by_itself(bridge, clerk, full_disk, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(records, "RETRY_INTERVAL_S", 0.05)
    bridge.append("card_read", "", {})
    qtbot.waitUntil(lambda: clerk.heard.count(ErrorCode.STORAGE_FULL) >= 3, timeout=LIMIT_MS)
    full_disk.is_full = False
    qtbot.waitUntil(lambda: clerk.heard[-1] == "recovered", timeout=LIMIT_MS)
    assert kinds(full_disk) == ["card_read"]
    qtbot.waitUntil(lambda: not bridge._retry.isActive(), timeout=LIMIT_MS)


def test_what_the_journal_never_takes_does_not_block_the_rest(bridge, clerk, journal, allow_logs, qtbot) -> None:
    allow_logs("workstation.bridge.records")
    bridge.append("Not A Kind", "", {})
    bridge.append("card_read", "", {})
    qtbot.waitUntil(lambda: "recovered" in clerk.heard, timeout=LIMIT_MS)
    bridge.close()
    assert clerk.heard == [ErrorCode.INTERNAL, "recovered"]
    assert kinds(journal) == ["card_read"]


def test_the_oldest_go_first_when_memory_is_full(bridge, full_disk, monkeypatch) -> None:
    for number in range(records.MAX_WAITING + 5):
        bridge.append(f"event_{number}", "", {})
    bridge.lane.drain()
    assert len(bridge._waiting) <= records.MAX_WAITING
    full_disk.is_full = False
    bridge.append("last", "", {})
    bridge.close()
    assert kinds(full_disk)[-1] == "last"
    assert len(kinds(full_disk)) == records.MAX_WAITING


def test_closing_writes_what_waits(bridge, journal, full_disk) -> None:
    bridge.append("card_read", "", {})
    bridge.lane.drain()
    full_disk.is_full = False
    bridge.append("signed_out", "", {})
    bridge.close()
    assert kinds(journal) == ["card_read", "signed_out"]
    bridge.append("too_late", "", {})
    assert kinds(journal) == ["card_read", "signed_out"]


def test_a_journal_that_is_gone_is_told_and_no_crash(bridge, clerk, journal, allow_logs, qtbot) -> None:
    allow_logs("workstation.bridge.records")
    journal.close()
    bridge.append("card_read", "", {})
    qtbot.waitUntil(lambda: bool(clerk.heard), timeout=LIMIT_MS)
    assert set(clerk.heard) == {ErrorCode.INTERNAL}


def test_an_event_keeps_the_time_at_which_it_happened(bridge, full_disk) -> None:
    bridge.append("card_read", "", {})
    bridge.lane.drain()
    before = datetime.now(UTC)
    full_disk.is_full = False
    bridge.append("signed_out", "", {})
    bridge.close()
    [first, second] = full_disk.unsent(10)
    assert first.at <= before
    assert first.at <= second.at


def test_a_journal_in_its_reserve_stops_new_sessions_until_there_is_room(
    bridge, journal, monkeypatch, qtbot, allow_logs
) -> None:
    allow_logs("workstation.bridge.records")
    monkeypatch.setattr(records, "RETRY_INTERVAL_S", 0.05)
    free = [0]
    monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _path: Usage(10**12, 10**12, free[0]))
    assert journal._reserve.spend()
    bridge.append("card_read", "", {})
    qtbot.waitUntil(lambda: bridge.is_failing, timeout=LIMIT_MS)
    assert kinds(journal) == ["card_read"]
    free[0] = 10**9
    qtbot.waitUntil(lambda: not bridge.is_failing, timeout=LIMIT_MS)
    assert not journal.is_on_reserve
