"""The journal: what it promises about order, hashes, acknowledgement, restart record and damage."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.errors import ErrorCode, KioskError
from workstation.journal.journal import MAX_DATA_CHARACTERS, Journal
from workstation.site.contract import GENESIS_HASH, EventReport, event_hash


@pytest.fixture
def journal(tmp_path: Path):
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=30),
)


def test_events_are_chained_from_genesis(journal):
    first = journal.append("booth_started", "", {})
    second = journal.append("card_read", "s-1", {"reader": "acr", "attempt": 2})
    assert (first.seq, second.seq) == (1, 2)
    assert first.previous_hash == GENESIS_HASH
    assert second.previous_hash == first.chain_hash
    report = journal.verify()
    assert (report.events, report.first_broken_seq, report.head) == (2, None, second.chain_hash)


def test_empty_journal_is_sound(journal):
    report = journal.verify()
    assert (report.events, report.first_broken_seq, report.head) == (0, None, GENESIS_HASH)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=12), VALUES, max_size=5))
def test_an_event_is_the_same_in_memory_on_disk_and_on_the_wire(journal, data):
    event = journal.append("reading_changed", "s-1", data)
    stored = journal.unsent(100)[-1]
    travelled = EventReport.model_validate_json(event.model_dump_json())
    assert event == stored == travelled
    assert event_hash(travelled) == event.chain_hash
    journal.acknowledge([event.event_id])


@pytest.mark.parametrize(
    "data",
    [
        {"v": ["a"]},
        {"v": {"name": "x"}},
        {"v": b"x"},
        {"v": float("nan")},
        {"v": float("inf")},
        {"v": object()},
        {1: "x", "a": 2},
        {"v": "\ud800"},
        {"v": "x" * MAX_DATA_CHARACTERS},
    ],
)
def test_data_that_is_not_scalar_is_refused_and_leaves_no_trace(journal, data):
    with pytest.raises(KioskError) as caught:
        journal.append("card_read", "", data)
    assert caught.value.code is ErrorCode.INTERNAL
    assert not caught.value.retryable
    assert journal.verify().events == 0
    assert journal.append("card_read", "", {}).seq == 1


@pytest.mark.parametrize(("kind", "session"), [("Card Read", ""), ("", ""), ("ok", "a b"), ("ok", "x\ny")])
def test_kind_and_session_are_checked(journal, kind, session):
    with pytest.raises(KioskError) as caught:
        journal.append(kind, session, {})
    assert caught.value.code is ErrorCode.INTERNAL


def test_refusal_does_not_repeat_the_value(journal):
    with pytest.raises(KioskError) as caught:
        journal.append("card_read", "张三 411500190001010010", {})
    assert "411500190001010010" not in f"{caught.value!r} {caught.value} {caught.value.context}"


def test_acknowledged_events_are_not_sent_again_and_stay_in_the_chain(journal):
    events = [journal.append("step", "", {"n": n}) for n in range(5)]
    journal.acknowledge([events[0].event_id, events[2].event_id, events[0].event_id, uuid4()])
    assert [event.seq for event in journal.unsent(10)] == [2, 4, 5]
    assert [event.seq for event in journal.unsent(2)] == [2, 4]
    assert journal.verify().events == 5


@pytest.mark.parametrize(
    "statement",
    ["UPDATE events SET kind = 'x'", "DELETE FROM events", "UPDATE events SET chain_hash = '' WHERE seq = 1"],
)
def test_the_database_itself_refuses_to_change_events(journal, tmp_path, statement):
    journal.append("step", "", {})
    with sqlite3.connect(tmp_path / "journal.db") as other, pytest.raises(sqlite3.IntegrityError):
        other.execute(statement)
    other.close()


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE events SET data = '{\"n\":9}' WHERE seq = 3", 3),
        ("UPDATE events SET at = 'yesterday' WHERE seq = 2", 2),
        ("DELETE FROM events WHERE seq = 2", 2),
        ("UPDATE events SET data = 'no json' WHERE seq = 4", 4),
    ],
)
def test_verify_finds_the_first_event_that_was_tampered_with(journal, tmp_path, statement, broken):
    for n in range(5):
        journal.append("step", "", {"n": n})
    other = sqlite3.connect(tmp_path / "journal.db")
    other.executescript(
        f"DROP TRIGGER events_are_not_changed; DROP TRIGGER only_pruned_events_are_deleted; {statement};"
    )
    other.close()
    assert journal.verify().first_broken_seq == broken


def test_reopening_goes_on_with_the_chain(tmp_path):
    first = Journal(tmp_path / "journal.db")
    event = first.append("booth_started", "", {})
    first.close()
    first.close()
    second = Journal(tmp_path / "journal.db")
    assert second.append("booth_started", "", {}).previous_hash == event.chain_hash
    assert second.verify().first_broken_seq is None
    second.close()


def test_a_closed_journal_gives_a_typed_error(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    journal.close()
    with pytest.raises(KioskError):
        journal.append("step", "", {})


def test_threads_may_append_at_once(journal):
    def work() -> None:
        for _ in range(20):
            journal.append("step", "", {})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    report = journal.verify()
    assert (report.events, report.first_broken_seq) == (80, None)


def test_resume_record(journal, tmp_path):
    assert journal.load_resume() is None
    journal.save_resume(json.dumps({"state": "evaluating"}))
    journal.save_resume(json.dumps({"state": "locked"}))
    assert json.loads(journal.load_resume()) == {"state": "locked"}
    journal.forget_resume()
    journal.forget_resume()
    assert journal.load_resume() is None


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_only_the_owner_can_read_it(journal, tmp_path):
    journal.append("step", "", {})
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


@pytest.mark.parametrize("damage", ["text", "header", "page"])
def test_a_corrupt_file_is_set_aside_and_work_goes_on(tmp_path, damage, allow_logs):
    allow_logs("workstation.journal.journal")
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for n in range(200):
        journal.append("step", "", {"n": n})
    journal.close()
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = bytearray(b"this is no database\n" * 100)
    elif damage == "header":
        content[0:16] = b"\0" * 16
    else:
        content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)

    journal = Journal(path)
    assert journal.set_aside is not None
    assert journal.set_aside.read_bytes() == bytes(content)
    kinds = [event.kind for event in journal.unsent(500)]
    assert kinds == [*["step"] * (200 if damage == "header" else 0), "journal_set_aside"]
    assert journal.verify().first_broken_seq is None
    journal.close()


def test_a_full_disk_is_a_typed_error_and_heals(journal):
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for _ in range(1000):
            journal.append("step", "", {"text": "x" * 1000})

    with pytest.raises(KioskError) as caught:
        fill()
    assert caught.value.code is ErrorCode.STORAGE_FULL
    assert caught.value.retryable
    stored = journal.verify().events
    assert stored < 1000
    journal._connection.execute("PRAGMA max_page_count = 100000")
    assert journal.append("step", "", {}).seq == stored + 1
    assert journal.verify().first_broken_seq is None


def test_a_locked_file_is_a_typed_error_and_heals(journal, tmp_path, monkeypatch):
    journal._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(KioskError) as caught:
        journal.append("step", "", {})
    assert caught.value.code is ErrorCode.INTERNAL
    assert caught.value.retryable
    other.execute("ROLLBACK")
    other.close()
    assert journal.append("step", "", {}).seq == 1


def test_a_path_that_cannot_be_opened_is_a_typed_error(tmp_path):
    with pytest.raises(KioskError) as caught:
        Journal(tmp_path)
    assert caught.value.code is ErrorCode.INTERNAL
