"""What it costs to write an event down for good, against the plainest way to do so, and to start with many."""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from tests.bench.report import Row, show
from workstation.journal import database
from workstation.journal.journal import Journal
from workstation.journal.rows import Link, new_event, to_row

APPENDS = 500
LENGTHS = (0, 100_000)
LONG = 1_000_000
STARTS = 5
_DATA = {"code": "E-501", "subject": "ups", "detail": "on battery", "charge_percent": 87}


def run(directory: Path) -> None:
    """Print the appends of a short and of a long journal, then the starts of a very long one."""
    rows: list[Row] = []
    for length in LENGTHS:
        rows += _appends(directory / f"{length}.sqlite3", length)
    show(f"journal: {APPENDS} events, each synced, and as many bytes written and synced in a plain file", rows)
    show(f"journal: start and whole check with {LONG} events", _starts(directory / "long.sqlite3"))


def _appends(path: Path, length: int) -> list[Row]:
    _fill(path, length)
    journal = Journal(path)
    descriptor = os.open(path.with_suffix(".peer"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ours, peers = [], []
    for _ in range(APPENDS):
        begun = time.perf_counter()
        event = journal.append("reading_changed", "", _DATA)
        ours.append(1000 * (time.perf_counter() - begun))
        line = event.model_dump_json().encode() + b"\n"
        begun = time.perf_counter()
        os.write(descriptor, line)
        os.fdatasync(descriptor)
        peers.append(1000 * (time.perf_counter() - begun))
    os.close(descriptor)
    journal.close()
    return [
        Row(what=f"{who}, {length} events before, {name}", samples=[statistics.quantiles(times, n=100)[at]], unit="ms")
        for who, times in (("append", ours), ("write + fdatasync", peers))
        for name, at in (("p50", 49), ("p99", 98))
    ]


def _starts(path: Path) -> list[Row]:
    _fill(path, LONG)
    starts = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        journal = Journal(path)
        starts.append(time.perf_counter() - begun)
        journal.close()
    journal = Journal(path)
    begun = time.perf_counter()
    assert journal.verify().is_sound
    whole_s = time.perf_counter() - begun
    journal.close()
    return [
        Row(what="start", samples=starts, unit="s", limit=0.5),
        Row(what="whole check, when idle", samples=[whole_s], unit="s"),
        Row(what="size of the file", samples=[path.stat().st_size / 1e6], unit="MB"),
    ]


def _fill(path: Path, length: int) -> None:
    """Write ``length`` events that the site has, in one transaction: one by one would take an hour."""
    Journal(path).close()
    connection = database.connect(path)
    connection.execute("BEGIN")
    last, now = Link(), datetime.now(UTC)
    for _ in range(length):
        event = new_event(last, "reading_changed", "", _DATA, event_id=uuid4(), at=now)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", to_row(event))
        last = Link(seq=event.seq, chain_hash=event.chain_hash)
    connection.execute("COMMIT")
    connection.close()
