"""What leaves the journal and what never does, and the commands that were taken."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workstation.journal.journal import Journal

LATER = datetime.now(UTC) + timedelta(days=400)


@pytest.fixture
def journal(tmp_path: Path):
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def filled(journal, count):
    events = [journal.append("step", "s-1", {"n": n}) for n in range(count)]
    return [event.event_id for event in events]


def seqs(path: Path) -> list[int]:
    with sqlite3.connect(path) as other:
        found = [row[0] for row in other.execute("SELECT seq FROM events ORDER BY seq")]
    other.close()
    return found


def test_only_what_was_acknowledged_goes_from_the_start_in_steps_and_the_chain_holds(journal, tmp_path):
    ids = filled(journal, 10)
    journal.acknowledge([*ids[:6], *ids[7:]])
    assert journal.prune(LATER, 4) == 4
    assert journal.prune(LATER, 4) == 2
    assert journal.prune(LATER, 4) == 0
    assert seqs(tmp_path / "journal.db") == [7, 8, 9, 10]
    report = journal.verify()
    assert (report.events, report.first_broken_seq, report.pruned_to) == (4, None, 6)
    assert [event.seq for event in journal.unsent(10)] == [7]


def test_what_is_young_stays(journal, tmp_path):
    journal.acknowledge(filled(journal, 3))
    assert journal.prune(datetime.now(UTC) - timedelta(days=7), 100) == 0
    assert seqs(tmp_path / "journal.db") == [1, 2, 3]


def test_the_last_event_always_stays_so_that_the_next_follows_it(journal):
    journal.acknowledge(filled(journal, 5))
    assert journal.prune(LATER, 100) == 4
    assert journal.prune(LATER, 100) == 0
    assert journal.append("step", "", {}).seq == 6
    assert journal.verify().first_broken_seq is None


def test_an_anchor_that_does_not_fit_what_is_left_is_seen(journal, tmp_path):
    journal.acknowledge(filled(journal, 5))
    journal.prune(LATER, 2)
    with sqlite3.connect(tmp_path / "journal.db") as other:
        other.execute("DROP TRIGGER only_pruned_events_are_deleted")
        other.execute("DELETE FROM events WHERE seq = 3")
    other.close()
    assert journal.verify().first_broken_seq == 3


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE seq = 3",
        "DELETE FROM events",
        "DELETE FROM pruned",
        "UPDATE pruned SET seq = 4",
        "INSERT OR REPLACE INTO pruned SELECT 1, seq, chain_hash FROM events WHERE seq = 4",
        "INSERT OR REPLACE INTO pruned SELECT 1, seq, chain_hash FROM events WHERE seq = 6",
        "INSERT OR REPLACE INTO pruned VALUES (1, 3, 'x')",
        "INSERT OR REPLACE INTO pruned VALUES (1, 99, 'x')",
        "INSERT OR REPLACE INTO pruned SELECT 1, 1, chain_hash FROM pruned",
    ],
)
def test_the_database_itself_refuses_every_other_deletion(journal, tmp_path, statement):
    """Of six events two are pruned, the third is acknowledged, the fourth and fifth are not."""
    ids = filled(journal, 6)
    journal.acknowledge([*ids[:3], ids[5]])
    assert journal.prune(LATER, 2) == 2
    with sqlite3.connect(tmp_path / "journal.db") as other, pytest.raises(sqlite3.IntegrityError):
        other.execute(statement)
    other.close()
    assert seqs(tmp_path / "journal.db") == [3, 4, 5, 6]


def test_a_journal_from_before_pruning_is_opened(tmp_path):
    path = tmp_path / "journal.db"
    old = Journal(path)
    old.acknowledge(filled(old, 3))
    old.close()
    with sqlite3.connect(path) as other:
        other.executescript(
            "DROP TABLE pruned; DROP TABLE taken_commands; DROP TRIGGER only_pruned_events_are_deleted;"
            "CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'never'); END;"
        )
    other.close()
    again = Journal(path)
    assert again.prune(LATER, 10) == 2
    assert again.verify().first_broken_seq is None
    again.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 5)),
            st.tuples(st.just("acknowledge"), st.integers(1, 5)),
            st.tuples(st.just("prune"), st.integers(1, 5)),
        ),
        max_size=25,
    )
)
def test_whatever_the_order_nothing_unacknowledged_goes_and_the_chain_holds(tmp_path_factory, steps):
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.db")
    appended = acknowledged = pruned = 0
    for step, count in steps:
        if step == "append":
            appended += len(filled(journal, count))
        elif step == "acknowledge":
            waiting = journal.unsent(count)
            acknowledged += len(waiting)
            journal.acknowledge(event.event_id for event in waiting)
        else:
            pruned += journal.prune(LATER, count)
        report = journal.verify()
        assert (report.first_broken_seq, report.events, report.pruned_to) == (None, appended - pruned, pruned)
        assert pruned <= acknowledged
        assert len(journal.unsent(1000)) == appended - acknowledged
    journal.close()


def test_a_command_is_taken_once_even_after_a_restart(tmp_path):
    path = tmp_path / "journal.db"
    command = uuid4()
    first = Journal(path)
    assert first.take_command(command)
    assert not first.take_command(command)
    first.close()
    second = Journal(path)
    assert not second.take_command(command)
    assert second.unconfirmed_commands() == [command]
    second.confirm_commands([command, uuid4(), command])
    assert second.unconfirmed_commands() == []
    assert not second.take_command(command)
    second.close()


def test_commands_are_forgotten_when_they_are_confirmed_and_old(journal):
    confirmed, waiting = uuid4(), uuid4()
    journal.take_command(confirmed)
    journal.take_command(waiting)
    journal.confirm_commands([confirmed])
    journal.prune(datetime.now(UTC) - timedelta(days=7), 10)
    assert not journal.take_command(confirmed)
    journal.prune(LATER, 10)
    assert journal.take_command(confirmed)
    assert not journal.take_command(waiting)
