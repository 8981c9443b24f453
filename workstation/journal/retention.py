"""How old events leave the journal: from its start, only what the site acknowledged, and the chain still verifies.

The anchor is the number and the hash of the last event that went, so that the first event left still has something
to follow. The database itself forbids every other deletion.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from workstation.site.contract import GENESIS_HASH, utc

SCHEMA = """
CREATE TABLE IF NOT EXISTS pruned (
    slot INTEGER PRIMARY KEY CHECK (slot = 1), seq INTEGER NOT NULL, chain_hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS anchor_is_an_acknowledged_event BEFORE INSERT ON pruned
    WHEN NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq AND chain_hash = NEW.chain_hash)
        OR EXISTS (SELECT 1 FROM unsent WHERE seq <= NEW.seq)
        OR NEW.seq >= (SELECT MAX(seq) FROM events)
        OR NEW.seq <= COALESCE((SELECT seq FROM pruned), 0)
    BEGIN SELECT RAISE(ABORT, 'only acknowledged events at the start of the journal are pruned'); END;
CREATE TRIGGER IF NOT EXISTS anchor_is_not_changed BEFORE UPDATE ON pruned
    BEGIN SELECT RAISE(ABORT, 'the anchor is replaced, never changed'); END;
CREATE TRIGGER IF NOT EXISTS anchor_is_not_deleted BEFORE DELETE ON pruned
    BEGIN SELECT RAISE(ABORT, 'the anchor is never deleted'); END;
DROP TRIGGER IF EXISTS events_are_not_deleted;
CREATE TRIGGER IF NOT EXISTS only_pruned_events_are_deleted BEFORE DELETE ON events
    WHEN OLD.seq > COALESCE((SELECT seq FROM pruned), 0)
    BEGIN SELECT RAISE(ABORT, 'journal events are never deleted before they are pruned'); END;
"""

_PRUNABLE = """
SELECT seq, chain_hash, at FROM events
WHERE seq < (SELECT MAX(seq) FROM events) AND seq < COALESCE((SELECT MIN(seq) FROM unsent), 9223372036854775807)
ORDER BY seq LIMIT ?
"""


def anchor(connection: sqlite3.Connection) -> tuple[int, str]:
    """Return what the first event must follow: number and hash of the last one pruned, or 0 and ``GENESIS_HASH``."""
    row = connection.execute("SELECT seq, chain_hash FROM pruned").fetchone()
    return (0, GENESIS_HASH) if row is None else (int(row[0]), str(row[1]))


def prune(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` events from the start and return how many went.

    It stops at the first one that is not acknowledged or not older than ``before``. The last event of the journal
    always stays: the next one follows it.
    """
    oldest_kept = utc(before)
    last: tuple[int, str] | None = None
    for seq, chain_hash, at in connection.execute(_PRUNABLE, (limit,)):
        if at >= oldest_kept:
            break
        last = seq, chain_hash
    if last is None:
        return 0
    connection.execute("INSERT OR REPLACE INTO pruned VALUES (1, ?, ?)", last)
    return connection.execute("DELETE FROM events WHERE seq <= ?", last[:1]).rowcount
