"""Which of the site's commands this booth has taken: on disk before one is carried out, so that none is done twice.

A power cut between the record and the deed leaves the deed undone, never done twice: a battery test that runs again
by itself in the afternoon does harm, one that the administrator orders again does not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from workstation.site.contract import utc

SCHEMA = """
CREATE TABLE IF NOT EXISTS taken_commands (
    command_id TEXT PRIMARY KEY, taken_at TEXT NOT NULL, is_confirmed INTEGER NOT NULL DEFAULT 0
) STRICT;
"""


def take(connection: sqlite3.Connection, command_id: UUID, now: datetime) -> bool:
    """Note that a command is about to be carried out. Returns ``False`` for one that was taken before."""
    statement = "INSERT OR IGNORE INTO taken_commands (command_id, taken_at) VALUES (?, ?)"
    return connection.execute(statement, (str(command_id), utc(now))).rowcount == 1


def unconfirmed(connection: sqlite3.Connection) -> list[UUID]:
    """Return the commands that the site may not know to be taken, oldest first."""
    rows = connection.execute("SELECT command_id FROM taken_commands WHERE is_confirmed = 0 ORDER BY taken_at")
    return [UUID(row[0]) for row in rows]


def confirm(connection: sqlite3.Connection, command_ids: Iterable[UUID]) -> None:
    """Note that the site knows these to be taken."""
    names = [(str(command_id),) for command_id in command_ids]
    connection.executemany("UPDATE taken_commands SET is_confirmed = 1 WHERE command_id = ?", names)


def forget(connection: sqlite3.Connection, before: datetime) -> None:
    """Delete what was taken before a moment and is known to the site, which will not send it again."""
    connection.execute("DELETE FROM taken_commands WHERE is_confirmed = 1 AND taken_at < ?", (utc(before),))
