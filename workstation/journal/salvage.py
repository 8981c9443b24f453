"""Setting a damaged journal aside, and taking along what in it is sound and not known to be at the site."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kiosk_config.pack.durable import sync_folder
from workstation.journal import database
from workstation.journal.carving import HEADER, PAGE, carve
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
        commands: rows of the commands that were taken: none shall be carried out twice.
    """

    waiting: list[Row] = field(default_factory=list)
    head: Link = GENESIS
    resume: str | None = None
    commands: list[tuple[str, str, int]] = field(default_factory=list)


def set_aside(path: Path) -> Path:
    """Give the database and its log, which belong together, a second name that stays; return the database's.

    A name and no copy: the disk may be full. The old name is ``database.finish_replacement``'s to take away.

    Raises:
        OSError: the file system refuses.
    """
    for known in path.parent.glob(f"{path.name}.corrupt-*"):
        if known.samefile(path):
            return known  # an attempt before this one did not come to its end
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
    sync_folder(path.parent)
    return target


def salvage(damaged: Path) -> Salvage:
    """Read what can be read of the file set aside: through SQLite, and where that gives up, page by page.

    Raises:
        OSError: the disk cannot read at all.
    """
    reading = _Reading()
    if not reading.take(damaged):
        with contextlib.suppress(OSError), _with_new_header(damaged) as copy:
            reading.take(copy)
    events, earlier = reading.events, list(reading.earlier.values())
    _fill_holes(events, carve(damaged, database.companion(damaged, "-wal")))
    newest = max(events, default=0)
    start = newest - MAX_SALVAGED if reading.oldest_waiting is None else reading.oldest_waiting - MARGIN
    waiting = [events[seq] for seq in sorted(events) if seq >= start and events[seq][1] not in reading.earlier]
    return Salvage(
        waiting=earlier + waiting,
        head=link_of(events[newest]) if events else GENESIS,
        resume=reading.resume,
        commands=reading.commands,
    )


class _Reading:
    """What SQLite can still read.

    Attributes:
        events: of the chain, by ``seq``.
        earlier: by id, those saved from a file before this one.
        oldest_waiting: ``seq`` of the oldest event that the site may not have; ``None`` when nothing says so.
    """

    def __init__(self) -> None:
        self.events: dict[int, Row] = {}
        self.earlier: dict[bytes, Row] = {}
        self.oldest_waiting: int | None = None
        self.resume: str | None = None
        self.commands: list[tuple[str, str, int]] = []

    def take(self, file: Path) -> bool:
        """Add what is in ``file``. True when SQLite had no complaint."""
        address = f"{file.absolute().as_uri()}?mode=ro"
        try:
            with contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
                steps = (
                    self._take_events,
                    self._take_earlier,
                    self._take_resume,
                    self._take_commands,
                    self._take_oldest,
                )
                return all([_succeeds(step, connection) for step in steps])  # noqa: C419 - each, not up to the first
        finally:
            database.companion(file, "-shm").unlink(missing_ok=True)

    def _take_events(self, connection: sqlite3.Connection) -> None:
        """Read up from the start, and where that ends, down from the end."""
        try:
            self._take_rows(connection.execute(f"{READ} FROM events ORDER BY seq"))
        except sqlite3.Error:
            self._take_rows(connection.execute(f"{READ} FROM events ORDER BY seq DESC"))
            raise

    def _take_rows(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if is_sound(row):
                self.events.setdefault(row[0], row)

    def _take_earlier(self, connection: sqlite3.Connection) -> None:
        for row in connection.execute(f"{READ} FROM salvaged ORDER BY seq"):
            if is_sound(row):
                self.earlier[row[1]] = row

    def _take_resume(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT CAST(body AS BLOB) FROM resume").fetchone()
        if row is not None:
            self.resume = row[0].decode()

    def _take_commands(self, connection: sqlite3.Connection) -> None:
        taken = "SELECT command_id, taken_at, is_confirmed FROM taken_commands"
        self.commands = connection.execute(taken).fetchall()

    def _take_oldest(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT min(seq) FROM unsent").fetchone()
        self.oldest_waiting = max(self.events, default=0) + 1 if row[0] is None else row[0]


def _succeeds(step: Callable[[sqlite3.Connection], None], connection: sqlite3.Connection) -> bool:
    try:
        step(connection)
    except (sqlite3.Error, UnicodeDecodeError):
        return False
    return True


@contextlib.contextmanager
def _with_new_header(damaged: Path) -> Iterator[Path]:
    """Give a copy of the files whose first 100 bytes, without which SQLite reads nothing, are those of a new journal.

    https://www.sqlite.org/fileformat2.html section 1.3: at 28 the number of pages, at 32 the free ones, which no
    reader needs; 24 and 92 are equal in a new file, else the number of pages would not count.
    """
    with tempfile.TemporaryDirectory(prefix=".salvage-", dir=damaged.parent) as folder:
        copy = Path(folder) / "copy"
        shutil.copyfile(damaged, copy)
        log = database.companion(damaged, "-wal")
        if log.exists():
            shutil.copyfile(log, database.companion(copy, "-wal"))
        pattern = Path(folder) / "new"
        with contextlib.closing(database.make_replacement(pattern)) as connection:
            database.replace_with(pattern, connection)
        header = bytearray(pattern.read_bytes()[:HEADER])
        header[28:32] = (damaged.stat().st_size // PAGE).to_bytes(4, "big")
        header[32:40] = bytes(8)
        with copy.open("r+b") as file:
            file.write(header)
        yield copy


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
