"""The journal's file: how it is made, opened, and put in place of one that is damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Final

from kiosk_config.pack.durable import make_folder, sync_folder
from workstation.journal import commands, retention
from workstation.journal.carving import carve_log
from workstation.journal.faults import DamagedError
from workstation.journal.rows import GENESIS, READ, Link, Row, link_of, start_of, walk

LOOK_BACK: Final = 10_000
"""How many of the newest events are checked when the file is opened: several days of a booth, 50 ms. What is older is
checked whole when the booth is idle."""

_BUSY_TIMEOUT_S: Final = 2.0

_EVENT: Final = """
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    session_id TEXT NOT NULL,
    data TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    chain_hash TEXT NOT NULL
"""

_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events ({_EVENT}) STRICT;
CREATE TRIGGER IF NOT EXISTS events_are_not_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'journal events are never changed'); END;
CREATE TABLE IF NOT EXISTS unsent (seq INTEGER PRIMARY KEY REFERENCES events (seq)) STRICT;
CREATE TABLE IF NOT EXISTS resume (slot INTEGER PRIMARY KEY CHECK (slot = 1), body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS salvaged ({_EVENT}) STRICT;
{retention.SCHEMA}
{commands.SCHEMA}
COMMIT;
"""
"""``salvaged``: events of a file that was set aside which the site may not have; they leave when it has them. In one
transaction, so that a cut leaves all of it or nothing."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the journal at ``path``, make it when there is none, and check its newest events.

    What a program before this one wrote without living long enough to sync it is synced first: nobody may be told
    of an event that the next power cut takes back.

    Raises:
        sqlite3.Error: it cannot be opened, or is damaged (``faults.is_damage``).
        OSError: the folder or the file cannot be used.
    """
    make_folder(path.parent)
    finish_replacement(path)
    _remove_drafts(path)
    path.touch(mode=0o600)
    for file in (path, companion(path, "-wal")):
        _sync(file)
    sync_folder(path.parent)
    _check_header(path)
    _check_log(path)
    connection = connect(path)
    try:
        connection.executescript(_SCHEMA)
        _check_newest(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection as the journal needs it."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # The restart record is deleted at sign-out; its bytes shall not stay in free pages.
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def companion(path: Path, suffix: str) -> Path:
    """Return the file that belongs to the database: ``-wal``, ``-shm``, ``.new``, ``.draft``."""
    return path.with_name(path.name + suffix)


def make_replacement(path: Path) -> sqlite3.Connection:
    """Open an empty journal beside ``path`` that ``replace_with`` puts in its place."""
    draft = companion(path, ".draft")
    for suffix in ("", "-wal", "-shm"):
        companion(draft, suffix).unlink(missing_ok=True)
    draft.touch(mode=0o600)
    connection = connect(draft)
    try:
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def replace_with(path: Path, connection: sqlite3.Connection) -> None:
    """Close the replacement and put it in place of ``path`` and its log, whatever happens on the way.

    A log must never meet a database that it does not belong to, and a rename cannot take two files along. So the
    complete replacement first gets the name ``.new``; from then on every start finishes what is left to do.
    """
    try:
        connection.execute("PRAGMA journal_mode = DELETE")  # brings the log into the file and deletes it
    finally:
        connection.close()
    draft = companion(path, ".draft")
    _sync(draft)
    draft.replace(companion(path, ".new"))
    sync_folder(path.parent)
    finish_replacement(path)


def finish_replacement(path: Path) -> None:
    """Put a complete replacement in place, if there is one."""
    new = companion(path, ".new")
    if not new.exists():
        return
    for suffix in ("-wal", "-shm"):
        companion(path, suffix).unlink(missing_ok=True)
    sync_folder(path.parent)  # the old log is gone for good before the new file has its name
    new.replace(path)
    sync_folder(path.parent)


def first_link(connection: sqlite3.Connection) -> Link:
    """Return the place after which the chain in this file starts: the last event pruned, or what the first says."""
    seq, chain_hash = retention.anchor(connection)
    if seq:
        return Link(seq=seq, chain_hash=chain_hash)
    row = connection.execute(f"{READ} FROM events ORDER BY seq LIMIT 1").fetchone()
    return GENESIS if row is None else start_of(row)


def head(connection: sqlite3.Connection) -> Link:
    """Return the place of the last event."""
    row: Row | None = connection.execute(f"{READ} FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return GENESIS if row is None else link_of(row)


def _remove_drafts(path: Path) -> None:
    """Delete what a power cut left of a replacement in the making."""
    for suffix in (".draft", ".draft-wal", ".draft-shm", ".draft-journal", ".reserve.draft"):
        companion(path, suffix).unlink(missing_ok=True)
    for folder in path.parent.glob(".salvage-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _check_header(path: Path) -> None:
    """Find a flipped bit that SQLite would take for a newer format, or for a file that nobody may write."""
    with path.open("rb") as file:
        header = file.read(60)
    if not header or companion(path, "-journal").exists():
        return  # new, or cut while it was made: SQLite rolls that back
    is_ours = header[:18] == b"SQLite format 3\0\x10\0" and header[18:20] in {b"\1\1", b"\2\2"}
    if not is_ours or header[20:24] != b"\0\x40\x20\x20" or int.from_bytes(header[44:48], "big") not in {0, 4}:
        raise DamagedError("the header is damaged")


def _check_log(path: Path) -> None:
    """Find a log that is damaged in its middle: SQLite takes it for one that ends there, and drops what comes after.

    The last transaction may be torn, by a cut before anybody was told of it. One event more proves that the one
    before was synced. Looks before anything is written: the first write would begin the log anew.
    """
    log = companion(path, "-wal")
    if not log.exists() or log.stat().st_size == 0:
        return
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        is_new = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone() is None
        last = 0 if is_new else head(connection).seq
    if any(carve_log(log, last + 1)):
        raise DamagedError("the log is damaged")


def _check_newest(connection: sqlite3.Connection) -> None:
    last = head(connection)
    row = connection.execute(
        f"{READ} FROM events WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (last.seq - LOOK_BACK,)
    ).fetchone()
    before = first_link(connection) if row is None else link_of(row)
    rows = connection.execute(f"{READ} FROM events WHERE seq > ? ORDER BY seq", (before.seq,))
    if walk(rows, before)[2] is not None:
        raise DamagedError("the chain is broken")
    lost = "SELECT seq FROM unsent WHERE seq NOT IN (SELECT seq FROM events) LIMIT 1"
    if connection.execute(lost).fetchone() is not None:
        raise DamagedError("an event that waits is not there")


def _sync(path: Path) -> None:
    """Sync a file that no connection of this process has open: closing it here would drop SQLite's locks (POSIX)."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
