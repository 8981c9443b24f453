"""A damaged journal is found and set aside; what can still be read is still sent, and the chain goes on."""

from __future__ import annotations

import random
import sqlite3
import stat
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contracts import CancelToken
from drivers.errors import CancelledError
from workstation.journal.carving import PAGE, carve
from workstation.journal.journal import Journal, JournalEvent
from workstation.site.contract import GENESIS_HASH, event_hash

EVENTS = 160
ACKNOWLEDGED = 40


@pytest.fixture(autouse=True)
def _logs(allow_logs):
    allow_logs("workstation.journal.journal")


def fill(journal: Journal, count: int = EVENTS) -> list[JournalEvent]:
    chance = random.Random(1)
    return [journal.append("step", "s-1", {"n": n, "text": "x" * chance.choice([0, 30, 300])}) for n in range(count)]


class Files:
    """No dataclass: hypothesis would print what is in it."""

    def __init__(self, database: bytes, log: bytes, events: list[JournalEvent]) -> None:
        self.database, self.log, self.events = database, log, events


@pytest.fixture(scope="module")
def closed(tmp_path_factory) -> Files:
    """A journal's file, and its events; the first ``ACKNOWLEDGED`` are at the site."""
    path = tmp_path_factory.mktemp("sound") / "journal.db"
    journal = Journal(path)
    events = fill(journal)
    journal.acknowledge([event.event_id for event in events[:ACKNOWLEDGED]])
    journal.save_resume("seat")
    journal.close()
    return Files(path.read_bytes(), b"", events)


@pytest.fixture(scope="module")
def left_open(tmp_path_factory) -> Files:
    """What a killed process leaves: the database, its write-ahead log, and the events."""
    path = tmp_path_factory.mktemp("left") / "journal.db"
    journal = Journal(path)
    events = fill(journal, 60)
    files = Files(path.read_bytes(), path.with_name("journal.db-wal").read_bytes(), events)
    journal.close()
    return files


def flip(content: bytes, flips: list[int]) -> bytes:
    damaged = bytearray(content)
    for bit in flips:
        damaged[bit // 8 % len(damaged)] ^= 1 << bit % 8
    return bytes(damaged)


def page_of(content: bytes, event: JournalEvent) -> int:
    """Return the page in which the row is: only there its two hashes stand side by side."""
    return content.index((event.previous_hash + event.chain_hash).encode()) // PAGE


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=12))
def test_whatever_bits_flip_all_events_on_untouched_pages_are_sent(closed, tmp_path_factory, flips):
    content, events = closed.database, closed.events
    path = tmp_path_factory.mktemp("flipped") / "journal.db"
    path.write_bytes(flip(content, flips))
    touched = {bit // 8 % len(content) // PAGE for bit in flips}
    journal = Journal(path)
    if not journal.verify().is_sound:
        journal.mend()
    assert journal.verify().is_sound
    sent = journal.unsent(10_000)
    journal.close()
    if journal.set_aside is not None:
        expected = {event.event_id for event in events[ACKNOWLEDGED:] if page_of(content, event) not in touched}
        assert expected <= {event.event_id for event in sent}
        known = {event.event_id: event for event in events}
        assert all(known[event.event_id] == event for event in sent[:-1])
        assert journal.set_aside.exists()


@settings(max_examples=40)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=4))
def test_a_log_damaged_in_its_middle_does_not_pass_for_a_short_one(left_open, tmp_path_factory, flips):
    path = tmp_path_factory.mktemp("log") / "journal.db"
    path.write_bytes(left_open.database)
    path.with_name("journal.db-wal").write_bytes(flip(left_open.log, flips))
    journal = Journal(path)
    sent = {event.event_id for event in journal.unsent(10_000)}
    sound = journal.verify().is_sound
    journal.close()
    assert sound
    # Only what a flip hit itself may be gone, and the last event: a cut during its transaction looks the same.
    assert len({event.event_id for event in left_open.events[:-1]} - sent) <= len(flips)


def test_a_damaged_row_is_found_by_the_whole_check_and_the_chain_goes_on(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path)
    events = fill(journal)
    journal.acknowledge([event.event_id for event in events])
    journal.save_resume("seat")
    command = uuid4()
    assert journal.take_command(command)
    change(path, "UPDATE events SET data = '{}' WHERE seq = 5")
    report = journal.verify()
    assert (report.is_sound, report.first_broken_seq) == (False, 5)
    journal.mend()
    [*again, link] = journal.unsent(10_000)
    assert {event.event_id for event in again} <= {event.event_id for event in events}
    assert link.kind == "journal_set_aside"
    assert (link.seq, link.previous_hash) == (EVENTS + 1, events[-1].chain_hash)
    assert link.chain_hash == event_hash(link)
    assert journal.set_aside is not None
    assert link.data == {
        "file": journal.set_aside.name,
        "head": events[-1].chain_hash,
        "seq": EVENTS,
        "salvaged": EVENTS - 1,
    }
    assert journal.load_resume() == "seat"
    assert not journal.take_command(command)
    following = journal.append("step", "", {})
    assert following.previous_hash == link.chain_hash
    journal.close()
    reopened = Journal(path)
    assert reopened.verify().is_sound
    reopened.acknowledge([event.event_id for event in again])
    assert [event.event_id for event in reopened.unsent(10)] == [link.event_id, following.event_id]
    reopened.close()


def test_damage_met_in_use_is_mended_at_once_and_the_write_is_done(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path)
    events = fill(journal, 20)
    change(path, "UPDATE events SET kind = 'other' WHERE seq = 7")
    sent = journal.unsent(100)
    assert [event.seq for event in sent] == [*range(1, 7), *range(8, 21), 21]
    assert sent[:6] == events[:6]
    assert journal.append("step", "", {}).seq == 22
    journal.close()


def test_a_second_damage_keeps_what_was_saved_from_the_first(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path)
    events = fill(journal, 20)
    journal.mend()
    between = journal.append("step", "", {})
    journal.mend()
    kept = [event.event_id for event in journal.unsent(100) if event.kind == "step"]
    assert kept == [event.event_id for event in [*events, between]]
    assert journal.verify().is_sound
    journal.close()
    assert len(list(tmp_path.glob("journal.db.corrupt-*"))) >= 2


def test_the_file_set_aside_is_for_its_owner_alone(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    fill(journal, 3)
    journal.mend()
    journal.close()
    assert journal.set_aside is not None
    if sys.platform != "win32":
        assert stat.S_IMODE(journal.set_aside.stat().st_mode) == 0o600


def test_when_nothing_can_be_read_the_chain_begins_anew(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database at all" * 1000)
    journal = Journal(path)
    [link] = journal.unsent(10)
    assert (link.seq, link.previous_hash, link.data["seq"]) == (1, GENESIS_HASH, 0)
    journal.close()


def test_a_check_stops_when_somebody_comes(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    fill(journal, 5)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        journal.verify(cancel)
    journal.close()


def test_the_same_event_twice_is_one(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    event_id = uuid4()
    first = journal.append("step", "", {"n": 1}, event_id=event_id)
    assert journal.append("step", "", {"n": 1}, event_id=event_id) == first
    journal.mend()
    assert journal.append("step", "", {"n": 1}, event_id=event_id) == first
    journal.close()


@settings(max_examples=200)
@given(st.binary(max_size=3 * PAGE), st.binary(max_size=3 * PAGE))
def test_carving_takes_any_bytes(tmp_path_factory, database, log):
    folder = tmp_path_factory.getbasetemp()
    (folder / "any").write_bytes(b"\x0d\x00\x00\x00\x08" + database)
    (folder / "any-wal").write_bytes(bytes(32 + 24) + b"\x0d\x00\x00\x00\x08" + log)
    assert list(carve(folder / "any", folder / "any-wal")) == []


def test_long_events_are_carved_over_all_their_pages(tmp_path):
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for n in range(12):
        journal.append("step", "", {"n": n, "text": "x" * (4000 if n % 2 else 20)})
    journal.close()
    assert {row[0] for row in carve(path, path.with_name("none"))} == set(range(1, 13))


def change(path: Path, statement: str) -> None:
    """Change the file behind the journal's back, without SQLite's consent."""
    other = sqlite3.connect(path)
    for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        other.execute(f"DROP TRIGGER {name}")
    other.execute(statement)
    other.commit()
    other.close()
