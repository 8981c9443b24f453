"""The whole journal read and checked, by a connection of its own: nobody who writes waits for it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.contracts import CancelToken
from drivers.errors import CancelledError
from workstation.journal import database, retention
from workstation.journal.faults import is_damage
from workstation.journal.rows import READ, Row, walk
from workstation.site.contract import GENESIS_HASH

_ROWS_AT_ONCE: Final = 500
_PAUSE_S: Final = 0.002
_STEPS_BETWEEN_LOOKS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """Outcome of checking the whole chain.

    Attributes:
        events: how many events the journal holds.
        first_broken_seq: the first event that is missing, altered or out of place; ``None`` for a sound chain.
        head: ``chain_hash`` of the last event, or ``GENESIS_HASH`` for an empty journal.
        pruned_to: ``seq`` of the last event that was pruned, 0 when none was.
        is_sound: the chain holds, and the file around it is whole.
    """

    events: int
    first_broken_seq: int | None
    head: str
    pruned_to: int = 0
    is_sound: bool = True


def check(path: Path, cancel: CancelToken) -> ChainReport:
    """Read everything in one snapshot: hash by hash, then SQLite's own structures.

    Raises:
        sqlite3.Error: it cannot be opened now.
        CancelledError: the token was cancelled.
    """
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.isolation_level = None
        connection.set_progress_handler(lambda: cancel.is_cancelled, _STEPS_BETWEEN_LOOKS)
        try:
            connection.execute("BEGIN")
            return _check(connection, cancel)
        except sqlite3.Error as error:
            if cancel.is_cancelled:
                raise CancelledError from error
            if not is_damage(error):
                raise
            return ChainReport(events=0, first_broken_seq=None, head=GENESIS_HASH, is_sound=False)


def _check(connection: sqlite3.Connection, cancel: CancelToken) -> ChainReport:
    events, last, broken = walk(_rows(connection, cancel), database.first_link(connection))
    is_whole = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
    is_whole = is_whole and connection.execute("PRAGMA foreign_key_check(unsent)").fetchone() is None
    return ChainReport(
        events=events,
        first_broken_seq=broken,
        head=last.chain_hash,
        pruned_to=retention.anchor(connection)[0],
        is_sound=broken is None and is_whole,
    )


def _rows(connection: sqlite3.Connection, cancel: CancelToken) -> Iterator[Row]:
    """Give the rows with a pause now and then: Python's lock is the screen's, too."""
    rows = connection.execute(f"{READ} FROM events ORDER BY seq")
    while some := rows.fetchmany(_ROWS_AT_ONCE):
        if cancel.is_cancelled:
            raise CancelledError
        yield from some
        time.sleep(_PAUSE_S)
