"""Hash-chained event log in SQLite: what happened is on disk before anybody is told about it.

Callers give keyed hashes, aliases and device facts, never a name, a number or a picture. The type of an event's
data (scalars only) keeps whole records of a person out; the meaning of a string is the caller's duty.
"""

from __future__ import annotations

import errno
import json
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import ValidationError

from drivers.errors import ErrorCode, KioskError
from workstation.journal import commands, retention
from workstation.site.contract import GENESIS_HASH, EventReport, EventValue, canonical_data, event_hash, utc

JournalEvent = EventReport
"""An event is kept in the form in which it travels, so that nothing can be lost between the two."""

MAX_DATA_CHARACTERS = 4096
"""Longest ``canonical_data`` of one event; a batch of 100 stays far below the site server's body limit."""

_BUSY_TIMEOUT_S = 2.0
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    session_id TEXT NOT NULL,
    data TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    chain_hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS events_are_not_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'journal events are never changed'); END;
CREATE TABLE IF NOT EXISTS unsent (seq INTEGER PRIMARY KEY REFERENCES events (seq)) STRICT;
CREATE TABLE IF NOT EXISTS resume (slot INTEGER PRIMARY KEY CHECK (slot = 1), body TEXT NOT NULL) STRICT;
"""
_SCHEMAS = (_SCHEMA, retention.SCHEMA, commands.SCHEMA)

_logger = logging.getLogger(__name__)

_Row = tuple[int, str, str, str, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """Outcome of checking the whole chain.

    Attributes:
        events: how many events the journal holds.
        first_broken_seq: the first event that is missing, altered or out of place; ``None`` for a sound chain.
        head: ``chain_hash`` of the last event, or ``GENESIS_HASH`` for an empty journal.
        pruned_to: ``seq`` of the last event that was pruned, 0 when none was.
    """

    events: int
    first_broken_seq: int | None
    head: str
    pruned_to: int = 0


class Journal:
    """The event log of one booth. Every method may be called from any thread.

    One connection, guarded by a lock. A file that is no sound database is renamed, never deleted, and a new journal
    starts with an event that says so.

    Attributes:
        set_aside: where a corrupt file found at the start was moved to.

    Raises:
        KioskError: STORAGE_FULL when the disk is full; INTERNAL when the file cannot be opened, is held by another
            process (retryable), or breaks while in use. Every method may raise it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.set_aside: Path | None = None
        try:
            self._connection = _open(path)
        except sqlite3.Error as error:
            if _primary_code(error) not in _CORRUPT:
                raise _typed(error) from error
            self.set_aside = _set_aside(path)
            _logger.error("the journal file is corrupt and was set aside as %s", self.set_aside.name)
            self._connection = _open_again(path)
        except OSError as error:
            raise _typed_os(error) from error
        if self.set_aside is not None:
            self.append("journal_set_aside", "", {"file": self.set_aside.name})

    def append(self, kind: str, session_id: str, data: Mapping[str, EventValue]) -> JournalEvent:
        """Add an event; when this returns it is on disk.

        The chain: ``chain_hash`` is SHA-256 over seven lines, as ``workstation.site.contract.event_hash`` states;
        ``previous_hash`` is the ``chain_hash`` before it, 64 zeros for the first; ``seq`` counts from 1.

        Args:
            kind: what happened, ``[a-z][a-z0-9_]*``.
            session_id: the booth session it belongs to, "" for none.
            data: scalars only, hashes and aliases in place of anything personal.

        Raises:
            KioskError: see the class; also INTERNAL, not retryable, when kind or data are not as described.
        """
        with self._transaction() as connection:
            head = connection.execute("SELECT seq, chain_hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
            seq, previous_hash = (1, GENESIS_HASH) if head is None else (head[0] + 1, head[1])
            event = _event(seq, previous_hash, kind, session_id, data)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(event))
            connection.execute("INSERT INTO unsent VALUES (?)", (seq,))
        return event

    def unsent(self, limit: int) -> list[JournalEvent]:
        """Return up to ``limit`` events that nobody acknowledged, oldest first."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT events.* FROM unsent JOIN events USING (seq) ORDER BY seq LIMIT ?", (limit,)
            ).fetchall()
        return [_stored(row) for row in rows]

    def latest(self, kinds: Iterable[str], limit: int) -> list[JournalEvent]:
        """Return the last ``limit`` events of these kinds, oldest first. Reads the whole journal: for the start."""
        wanted = sorted(kinds)
        marks = ", ".join("?" * len(wanted))
        query = f"SELECT * FROM events WHERE kind IN ({marks}) ORDER BY seq DESC LIMIT ?"  # noqa: S608 - marks only
        with self._transaction() as connection:
            rows = connection.execute(query, (*wanted, limit)).fetchall()
        return [_stored(row) for row in reversed(rows)]

    def acknowledge(self, event_ids: Iterable[UUID]) -> None:
        """Note that these events are stored at the site for good. Unknown and repeated ids are harmless."""
        names = [(str(event_id),) for event_id in event_ids]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM unsent WHERE seq = (SELECT seq FROM events WHERE event_id = ?)", names)

    def verify(self) -> ChainReport:
        """Walk the whole chain from where it was pruned and recompute every hash."""
        with self._transaction() as connection:
            pruned_to, head = retention.anchor(connection)
            expected_seq, broken = pruned_to + 1, None
            for row in connection.execute("SELECT * FROM events ORDER BY seq"):
                if broken is None and not _holds(row, expected_seq, head):
                    broken = expected_seq
                expected_seq, head = expected_seq + 1, row[7]
        events = expected_seq - 1 - pruned_to
        return ChainReport(events=events, first_broken_seq=broken, head=head, pruned_to=pruned_to)

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` acknowledged events older than ``before`` from the start; see ``retention``.

        What was pruned is gone for good from the booth; the site has it. Returns how many events went.
        """
        with self._transaction() as connection:
            commands.forget(connection, before)
            return retention.prune(connection, before, limit)

    def take_command(self, command_id: UUID) -> bool:
        """Note on disk that a command is about to be carried out. ``False``: it was taken before, do nothing."""
        with self._transaction() as connection:
            return commands.take(connection, command_id, datetime.now(UTC))

    def unconfirmed_commands(self) -> list[UUID]:
        """Return the taken commands that the site may not know of yet, oldest first."""
        with self._transaction() as connection:
            return commands.unconfirmed(connection)

    def confirm_commands(self, command_ids: Iterable[UUID]) -> None:
        """Note that the site knows these commands to be taken. Unknown and repeated ids are harmless."""
        with self._transaction() as connection:
            commands.confirm(connection, command_ids)

    def save_resume(self, body: str) -> None:
        """Keep the application's restart record, in place of the one before."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO resume VALUES (1, ?)", (body,))

    def load_resume(self) -> str | None:
        """Return the restart record, ``None`` when there is none."""
        with self._transaction() as connection:
            row = connection.execute("SELECT body FROM resume").fetchone()
        return None if row is None else str(row[0])

    def forget_resume(self) -> None:
        """Remove the restart record. Idempotent."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM resume")

    def close(self) -> None:
        """Close the file. Idempotent; every other call fails from now on."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise _typed(error) from error
            finally:
                self._roll_back()

    def _roll_back(self) -> None:
        """End a transaction that did not reach its COMMIT. SQLite may have ended it already (disk full)."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            _logger.info("rollback of the journal failed: %s", type(error).__name__)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # The restart record is deleted at sign-out; its bytes shall not stay in free pages.
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript("".join(_SCHEMAS))
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            _raise_corrupt()
    except BaseException:
        connection.close()
        raise
    return connection


def _open_again(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.Error as error:
        raise _typed(error) from error


def _raise_corrupt() -> None:
    error = sqlite3.DatabaseError("quick_check failed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def _set_aside(path: Path) -> Path:
    """Rename the database and its write-ahead log, which belong together, and return the new name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    try:
        path.rename(target)
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(target.with_name(target.name + suffix))
    except OSError as error:
        raise _typed_os(error) from error
    return target


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _typed(error: sqlite3.Error) -> KioskError:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = extended & 0xFF
    context = {"sqlite": extended}
    if extended in _FULL or primary in _FULL:
        return KioskError(ErrorCode.STORAGE_FULL, "the disk of the journal is full", context=context)
    if primary in _LOCKED:
        return KioskError(ErrorCode.INTERNAL, "the journal is held by another process", context=context)
    message = "the journal file is corrupt" if primary in _CORRUPT else "the journal cannot be used"
    return KioskError(ErrorCode.INTERNAL, message, context=context, retryable=False)


def _typed_os(error: OSError) -> KioskError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    code = ErrorCode.STORAGE_FULL if full else ErrorCode.INTERNAL
    return KioskError(code, "the journal cannot be opened", context={"errno": error.errno or 0}, retryable=full)


def _event(seq: int, previous_hash: str, kind: str, session_id: str, data: Mapping[str, EventValue]) -> JournalEvent:
    now = datetime.now(UTC)
    try:
        text = canonical_data(data)
        if len(text) > MAX_DATA_CHARACTERS:
            raise _not_an_event("data too long")
        draft = EventReport(
            event_id=uuid4(),
            seq=seq,
            at=datetime.fromisoformat(utc(now)),
            kind=kind,
            session_id=session_id,
            data=json.loads(text),
            previous_hash=previous_hash,
            chain_hash=GENESIS_HASH,
        )
    except ValidationError as error:
        fields = ", ".join(sorted({str(part["loc"][0]) for part in error.errors(include_input=False)}))
        raise _not_an_event(fields) from None
    except (TypeError, ValueError) as error:
        raise _not_an_event(type(error).__name__) from None
    return draft.model_copy(update={"chain_hash": event_hash(draft)})


def _not_an_event(reason: str) -> KioskError:
    # The value itself stays out: it may be what should never have been given.
    return KioskError(ErrorCode.INTERNAL, "not a journal event", context={"reason": reason}, retryable=False)


def _row(event: JournalEvent) -> _Row:
    return (
        event.seq,
        str(event.event_id),
        utc(event.at),
        event.kind,
        event.session_id,
        canonical_data(event.data),
        event.previous_hash,
        event.chain_hash,
    )


def _stored(row: Sequence[str | int]) -> JournalEvent:
    seq, event_id, at, kind, session_id, data, previous_hash, chain_hash = row
    try:
        return EventReport.model_validate(
            {
                "seq": seq,
                "event_id": event_id,
                "at": at,
                "kind": kind,
                "session_id": session_id,
                "data": json.loads(str(data)),
                "previous_hash": previous_hash,
                "chain_hash": chain_hash,
            }
        )
    except ValueError as error:
        raise KioskError(
            ErrorCode.INTERNAL, "a journal event is damaged", context={"seq": int(seq)}, retryable=False
        ) from error


def _holds(row: Sequence[str | int], expected_seq: int, previous_hash: str) -> bool:
    try:
        event = _stored(row)
    except KioskError:
        return False
    in_place = event.seq == expected_seq and event.previous_hash == previous_hash
    return in_place and event.chain_hash == event_hash(event)
