"""Setting a damaged journal aside, and taking along what in it is sound and not known to be at the site."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from workstation.journal import database
from workstation.journal.carving import carve
from workstation.journal.rows import GENESIS, READ, Link, Row, is_sound, link_of

MARGIN: Final = 1000
"""How many events before the oldest waiting one are sent again: a flipped bit may be in the list of waiting ones. The
site knows an event by its id, so that sending it again is harmless."""

MAX_SALVAGED: Final = 200_000
"""Newest events that are sent again when nothing says which were waiting."""


@dataclass(kw_only=True)
class Salvage:
    """What could be read.

    Attributes:
        waiting: sound events that the site may not have, oldest first.
        head: the last event, sound and readable, of the old chain.
        resume: the restart record.
    """

    waiting: list[Row] = field(default_factory=list)
    head: Link = GENESIS
    resume: str | None = None


def set_aside(path: Path) -> Path:
    """Give the database and its log, which belong together, a second name that stays; return the database's.

    A name and no copy: the disk may be full. The old name is ``database.finish_replacement``'s to take away.

    Raises:
        OSError: the file system refuses.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal"):
        source, kept = database.companion(path, suffix), database.companion(target, suffix)
        if source.exists():
            try:
                os.link(source, kept)
            except OSError:  # no second names on this file system
                shutil.copyfile(source, kept)
            kept.chmod(0o600)
    database.sync_folder(path.parent)
    return target


def salvage(damaged: Path) -> Salvage:
    """Read what can be read of the file set aside: through SQLite, and where that gives up, page by page.

    Raises:
        OSError: the disk cannot read at all.
    """
    found = Salvage()
    events: dict[int, Row] = {}
    earlier: list[Row] = []
    oldest = _read_by_sqlite(damaged, found, events, earlier)
    _fill_holes(events, carve(damaged, database.companion(damaged, "-wal")))
    if events:
        found.head = link_of(events[max(events)])
    start = max(events, default=0) - MAX_SALVAGED if oldest is None else oldest - MARGIN
    known = {row[1] for row in earlier}
    found.waiting = earlier + [events[seq] for seq in sorted(events) if seq >= start and events[seq][1] not in known]
    return found


def _read_by_sqlite(damaged: Path, found: Salvage, events: dict[int, Row], earlier: list[Row]) -> int | None:
    """Fill in what SQLite can still read and return the oldest waiting ``seq``, ``None`` when nothing says so."""
    waiting: list[int] = []
    connection = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        for order in ("ASC", "DESC"):
            with contextlib.suppress(sqlite3.Error):
                for row in connection.execute(f"SELECT {READ} FROM events ORDER BY seq {order}"):
                    if is_sound(row):
                        events[row[0]] = row
                break
        with contextlib.suppress(sqlite3.Error):
            earlier += [row for row in connection.execute(f"SELECT {READ} FROM salvaged ORDER BY seq") if is_sound(row)]
        with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
            body = connection.execute("SELECT CAST(body AS BLOB) FROM resume").fetchone()
            found.resume = None if body is None else body[0].decode()
        with contextlib.suppress(sqlite3.Error):
            waiting = [row[0] for row in connection.execute("SELECT min(seq) FROM unsent") if row[0] is not None]
            waiting = waiting or [max(events, default=0) + 1]
    finally:
        connection.close()
        for suffix in ("-shm",):
            database.companion(damaged, suffix).unlink(missing_ok=True)
    return waiting[0] if waiting else None


def _fill_holes(events: dict[int, Row], carved: Iterable[Row]) -> None:
    """Add what SQLite did not give. Of several events with one ``seq``, those stay that another one links to.

    Several exist when a write was begun, refused and begun again: pages of the first may still be in the log.
    """
    candidates: dict[int, dict[bytes, Row]] = {}
    for row in carved:
        if row[0] not in events:
            candidates.setdefault(row[0], {})[row[7]] = row
    for seq in sorted(candidates, reverse=True):
        after = events.get(seq + 1)
        rows = candidates[seq]
        linked = rows.get(after[6]) if after is not None else None
        before = events.get(seq - 1)
        fitting = [row for row in rows.values() if before is None or row[6] == before[7]]
        events[seq] = linked or (fitting or list(rows.values()))[-1]
