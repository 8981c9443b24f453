"""Hash-chained event log in SQLite: what happened is on disk before anybody is told about it.

Callers give keyed hashes, aliases and device facts, never a name, a number or a picture. The type of an event's
data (scalars only) keeps whole records of a person out; the meaning of a string is the caller's duty.

What is promised, and under which assumptions: docs/durability.md.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from drivers.contracts import CancelToken
from workstation.journal import commands, database, retention, salvage
from workstation.journal.check import ChainReport, check
from workstation.journal.faults import is_damage, is_full, typed, typed_os
from workstation.journal.reserve import Reserve
from workstation.journal.rows import MAX_DATA_CHARACTERS, READ, Row, new_event, to_event, to_row
from workstation.site.contract import JOURNAL_SET_ASIDE, EventReport, EventValue

__all__ = ["MAX_DATA_CHARACTERS", "ChainReport", "Journal", "JournalEvent"]

JournalEvent = EventReport
"""An event is kept in the form in which it travels, so that nothing can be lost between the two."""

_INSERT = "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Journal:
    """The event log of one booth. Every method may be called from any thread.

    One connection, guarded by a lock. A file that is found damaged, at the start or in use, is set aside, never
    deleted; a new one goes on with its chain, and still sends what was sound in the old one (``salvage``).

    Attributes:
        set_aside: the new name of the damaged file that this object found last, ``None`` while all is well.

    Raises:
        KioskError: STORAGE_FULL when the disk takes no writes (full, read-only, a sync that failed): nothing is
            written then, not even in part, and the same call may succeed later. INTERNAL when the file cannot be
            opened or is held by another process (retryable). Every method may raise it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_closed = False
        self._reserve = Reserve(database.companion(path, ".reserve"))
        self.set_aside: Path | None = None
        try:
            self._connection = self._open()
        except sqlite3.Error as error:
            raise typed(error) from error
        except OSError as error:
            raise typed_os(error) from error
        self._reserve.restore()

    @property
    def is_on_reserve(self) -> bool:
        """Whether the disk is full, so that what is written now goes into the room kept for a running session."""
        return self._reserve.is_spent

    def restore_reserve(self) -> bool:
        """Set room aside again if the disk has it. True when it is there."""
        with self._lock:
            return self._reserve.restore()

    def append(
        self,
        kind: str,
        session_id: str,
        data: Mapping[str, EventValue],
        *,
        event_id: UUID | None = None,
        at: datetime | None = None,
    ) -> JournalEvent:
        """Add an event; when this returns it is on disk.

        The chain: ``chain_hash`` is SHA-256 over seven lines, as ``workstation.site.contract.event_hash`` states;
        ``previous_hash`` is the ``chain_hash`` before it, 64 zeros for the first; ``seq`` counts from 1.

        Args:
            kind: what happened, ``[a-z][a-z0-9_]*``.
            session_id: the booth session it belongs to, "" for none.
            data: scalars only, hashes and aliases in place of anything personal.
            event_id: with the same id twice there is one event: a write whose outcome is unknown (a sync that
                failed) can be repeated. By default a new one.
            at: when it happened; now by default.

        Raises:
            KioskError: see the class; also INTERNAL, not retryable, when kind or data are not as described.
        """

        def work(connection: sqlite3.Connection) -> JournalEvent:
            known = None if event_id is None else _find(connection, event_id)
            if known is not None:
                return known
            event = new_event(database.head(connection), kind, session_id, data, event_id=event_id, at=at)
            _insert(connection, event)
            return event

        return self._run(work)

    def unsent(self, limit: int) -> list[JournalEvent]:
        """Return up to ``limit`` events that nobody acknowledged: those of a file set aside, then oldest first."""

        def work(connection: sqlite3.Connection) -> list[JournalEvent]:
            rows: list[Row] = connection.execute(f"{READ} FROM salvaged ORDER BY seq LIMIT ?", (limit,)).fetchall()
            rows += connection.execute(
                f"{READ} FROM unsent CROSS JOIN events USING (seq) ORDER BY seq LIMIT ?", (limit - len(rows),)
            ).fetchall()
            return [to_event(row) for row in rows]

        return self._run(work)

    def latest(self, kinds: Iterable[str], limit: int) -> list[JournalEvent]:
        """Return the last ``limit`` events of these kinds, oldest first. Reads the whole journal: for the start."""
        wanted = sorted(kinds)
        marks = ", ".join("?" * len(wanted))
        query = f"{READ} FROM events WHERE kind IN ({marks}) ORDER BY seq DESC LIMIT ?"

        def work(connection: sqlite3.Connection) -> list[JournalEvent]:
            return [to_event(row) for row in reversed(connection.execute(query, (*wanted, limit)).fetchall())]

        return self._run(work)

    def acknowledge(self, event_ids: Iterable[UUID]) -> None:
        """Note that these events are stored at the site for good. Unknown and repeated ids are harmless."""
        names = [(str(event_id),) for event_id in event_ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM unsent WHERE seq = (SELECT seq FROM events WHERE event_id = ?)", names)
            connection.executemany("DELETE FROM salvaged WHERE event_id = ?", names)

        self._run(work)

    def verify(self, cancel: CancelToken | None = None) -> ChainReport:
        """Read the whole file and recompute every hash, beside everybody who writes. Seconds for a long journal.

        Raises:
            CancelledError: the token was cancelled.
        """
        with self._lock:
            if self._is_closed:
                raise typed(sqlite3.ProgrammingError("closed"))
        try:
            return check(self._path, cancel or CancelToken())
        except sqlite3.Error as error:
            raise typed(error) from error

    def mend(self) -> None:
        """Set the file aside and go on in a new one: ``verify`` found that it is damaged."""
        with self._lock:
            try:
                self._start_afresh()
            except sqlite3.Error as error:
                raise typed(error) from error
            except OSError as error:
                raise typed_os(error) from error

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` acknowledged events older than ``before`` from the start; see ``retention``.

        What was pruned is gone for good from the booth; the site has it. Returns how many events went.
        """

        def work(connection: sqlite3.Connection) -> int:
            commands.forget(connection, before)
            return retention.prune(connection, before, limit)

        return self._run(work)

    def take_command(self, command_id: UUID) -> bool:
        """Note on disk that a command is about to be carried out. ``False``: it was taken before, do nothing."""
        return self._run(lambda connection: commands.take(connection, command_id, datetime.now(UTC)))

    def unconfirmed_commands(self) -> list[UUID]:
        """Return the taken commands that the site may not know of yet, oldest first."""
        return self._run(commands.unconfirmed)

    def confirm_commands(self, command_ids: Iterable[UUID]) -> None:
        """Note that the site knows these commands to be taken. Unknown and repeated ids are harmless."""
        ids = list(command_ids)
        self._run(lambda connection: commands.confirm(connection, ids))

    def save_resume(self, body: str) -> None:
        """Keep the application's restart record, in place of the one before."""
        self._run(lambda connection: _save_resume(connection, body))

    def load_resume(self) -> str | None:
        """Return the restart record, ``None`` when there is none."""
        row = self._run(lambda connection: connection.execute("SELECT body FROM resume").fetchone())
        return None if row is None else str(row[0])

    def forget_resume(self) -> None:
        """Remove the restart record. Idempotent."""
        self._run(lambda connection: connection.execute("DELETE FROM resume"))

    def close(self) -> None:
        """Close the file. Idempotent; every other call fails from now on."""
        with self._lock:
            self._is_closed = True
            self._connection.close()

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run ``work`` in a transaction; once more when room could be made, or a damaged file was replaced."""
        with self._lock:
            try:
                try:
                    return self._attempt(work)
                except sqlite3.Error as error:
                    if not self._can_go_on(error):
                        raise
                return self._attempt(work)
            except sqlite3.Error as error:
                raise typed(error) from error
            except OSError as error:
                raise typed_os(error) from error

    def _can_go_on(self, error: sqlite3.Error) -> bool:
        """Do what can be done about a failure; whether the same work is worth another attempt."""
        if is_damage(error) and not self._is_closed:
            self._start_afresh()
            return True
        if is_full(error) and self._reserve.spend():
            _logger.info("the disk is full: the journal goes on in its reserve")
            return True
        return False

    def _attempt(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            result = work(self._connection)
            self._connection.execute("COMMIT")
        finally:
            self._roll_back()
        return result

    def _roll_back(self) -> None:
        """End a transaction that did not reach its COMMIT. SQLite may have ended it already (disk full)."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            _logger.info("rollback of the journal failed: %s", type(error).__name__)

    def _open(self) -> sqlite3.Connection:
        try:
            return database.open_database(self._path)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
        self._replace()
        return database.open_database(self._path)

    def _start_afresh(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        try:
            self._replace()
        finally:
            self._connection = database.open_database(self._path)

    def _replace(self) -> None:
        """Set the damaged file aside and put one in its place that goes on with the chain and has what was saved."""
        set_aside = salvage.set_aside(self._path)
        found = salvage.salvage(set_aside)
        with contextlib.closing(database.make_replacement(self._path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT OR IGNORE INTO salvaged {_INSERT}", (to_row(to_event(row)) for row in found.waiting)
            )
            if found.resume is not None:
                _save_resume(connection, found.resume)
            connection.executemany("INSERT OR IGNORE INTO taken_commands VALUES (?, ?, ?)", found.commands)
            facts: dict[str, EventValue] = {
                "file": set_aside.name,
                "head": found.head.chain_hash,
                "seq": found.head.seq,
                "salvaged": len(found.waiting),
            }
            _insert(connection, new_event(found.head, JOURNAL_SET_ASIDE, "", facts))
            connection.execute("COMMIT")
            database.replace_with(self._path, connection)
        self.set_aside = set_aside
        _logger.error(
            "the journal was damaged and set aside as %s; %d events saved", set_aside.name, len(found.waiting)
        )


def _find(connection: sqlite3.Connection, event_id: UUID) -> JournalEvent | None:
    for table in ("events", "salvaged"):
        row = connection.execute(f"{READ} FROM {table} WHERE event_id = ?", (str(event_id),)).fetchone()
        if row is not None:
            return to_event(row)
    return None


def _insert(connection: sqlite3.Connection, event: JournalEvent) -> None:
    connection.execute(f"INSERT INTO events {_INSERT}", to_row(event))
    connection.execute("INSERT INTO unsent VALUES (?)", (event.seq,))


def _save_resume(connection: sqlite3.Connection, body: str) -> None:
    connection.execute("INSERT OR REPLACE INTO resume VALUES (1, ?)", (body,))
