"""The way to the database: SQLite by default, PostgreSQL by URL, one transaction per request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from workstation.site.server.models import Base

_Result = TypeVar("_Result")

_ATTEMPTS = 5
_DEADLOCK = "40P01"
_POSTGRESQL = "postgresql+psycopg"
_ERASES = "erases"
_STORED = "stored"


def erase(session: Session) -> None:
    """Note that this transaction deletes what must not be found in the database's files afterwards."""
    session.info[_ERASES] = True


def note_stored(session: Session, kinds: Sequence[str]) -> None:
    """Note the kinds of new events of this transaction for those who count them (``Database.when_stored``)."""
    session.info.setdefault(_STORED, []).extend(kinds)


def sqlite_url(folder: Path) -> str:
    """Return the URL of the default database inside ``folder``."""
    return f"sqlite:///{(folder / 'site.db').resolve()}"


class Database:
    """Runs work in transactions. Safe to use from any thread, and by several server processes at once.

    Args:
        url: SQLAlchemy URL; ``postgresql://`` means psycopg 3.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername=_POSTGRESQL)
        # Bound values never reach an exception's text: some of them are keyed to people.
        self._engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
        if parsed.get_backend_name() == "sqlite":
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        self._tell_stored: list[Callable[[Sequence[str]], None]] = []
        self._create_tables()

    def run(self, work: Callable[[Session], _Result]) -> _Result:
        """Run ``work`` in one transaction; again from its start when another transaction got in its way."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._run_once(work)
            except DBAPIError as error:
                if not _is_collision(error):
                    raise
        return self._run_once(work)

    def when_stored(self, tell: Callable[[Sequence[str]], None]) -> None:
        """Have ``tell`` called with the kinds of new events, each time after they are committed, in any thread."""
        self._tell_stored.append(tell)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _run_once(self, work: Callable[[Session], _Result]) -> _Result:
        with self._sessions.begin() as session:
            result = work(session)
        if self._is_sqlite and _ERASES in session.info:
            self._empty_log()
        for tell in self._tell_stored:
            tell(session.info.get(_STORED, ()))
        return result

    def _empty_log(self) -> None:
        """Bring the write-ahead log into the file and cut it to nothing: it still holds what was deleted.

        Waits for transactions under way for as long as they may take at all (``busy_timeout``).
        """
        with closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _create_tables(self) -> None:
        try:
            Base.metadata.create_all(self._engine)
        except DBAPIError:
            # Another process created them between our look and our CREATE.
            Base.metadata.create_all(self._engine)


def _is_collision(error: DBAPIError) -> bool:
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", "") == _DEADLOCK


_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 10000",
    "secure_delete = ON",
)
"""``secure_delete``: what is deleted is overwritten in the file, not only taken off the index."""


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # pysqlite would begin transactions by itself, too late for an exclusive read-then-write.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
