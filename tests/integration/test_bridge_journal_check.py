"""The daily check of the journal: only while nobody is there, and damage is mended by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Slot
from pytestqt.qtbot import QtBot

from workstation.bridge import journal_check
from workstation.bridge.journal_check import JournalCheck
from workstation.journal.journal import Journal

LIMIT_MS = 10_000


class Witness(QObject):
    def __init__(self, check: JournalCheck) -> None:
        super().__init__()
        self.verdicts: list[bool] = []
        check.checked.connect(self.on_checked)

    @Slot(bool)
    def on_checked(self, is_sound: bool) -> None:
        self.verdicts.append(is_sound)


@pytest.fixture
def journal(tmp_path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite3")
    for n in range(20):
        journal.append("step", "", {"n": n})
    yield journal
    journal.close()


@pytest.fixture
def check(journal: Journal, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[JournalCheck]:
    monkeypatch.setattr(journal_check, "SETTLE_S", 0.05)
    check = JournalCheck(journal)
    yield check
    check.stop()


def test_a_sound_journal_is_read_once_while_nobody_is_there(check, qtbot) -> None:
    witness = Witness(check)
    check.set_free(is_free=True)
    qtbot.waitUntil(lambda: witness.verdicts == [True], timeout=LIMIT_MS)
    check.set_free(is_free=False)
    check.set_free(is_free=True)
    assert not check._settle.isActive()
    check._again.timeout.emit()
    qtbot.waitUntil(lambda: witness.verdicts == [True, True], timeout=LIMIT_MS)


def test_nothing_is_read_while_somebody_is_there(check, qtbot) -> None:
    witness = Witness(check)
    check.set_free(is_free=True)
    check.set_free(is_free=False)
    check._again.timeout.emit()
    qtbot.wait(200)
    assert witness.verdicts == []
    check.set_free(is_free=True)
    qtbot.waitUntil(lambda: witness.verdicts == [True], timeout=LIMIT_MS)


def test_damage_is_mended(check, journal, tmp_path, qtbot, allow_logs) -> None:
    allow_logs("workstation.bridge.journal_check", "workstation.journal.journal")
    other = sqlite3.connect(tmp_path / "journal.sqlite3")
    other.execute("DROP TRIGGER events_are_not_changed")
    other.execute("UPDATE events SET data = '{}' WHERE seq = 3")
    other.commit()
    other.close()
    witness = Witness(check)
    check.set_free(is_free=True)
    qtbot.waitUntil(lambda: witness.verdicts == [False], timeout=LIMIT_MS)
    assert journal.set_aside is not None
    assert journal.verify().is_sound
    assert [event.kind for event in journal.unsent(100)][-1] == "journal_set_aside"
