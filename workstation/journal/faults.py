"""What SQLite and the disk say when they refuse, as the few things that the journal can do about it."""

from __future__ import annotations

import errno
import sqlite3

from drivers.errors import ErrorCode, KioskError

_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREADABLE = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DISK = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})


class DamagedError(sqlite3.DatabaseError):
    """What was read cannot be what was written, although SQLite does not complain."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's extended result code."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR))


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk has no room."""
    return code_of(error) in _FULL or code_of(error) & 0xFF in _FULL


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is beyond use: not a database any more, or a place that the disk cannot read."""
    return code_of(error) in _UNREADABLE or code_of(error) & 0xFF in _CORRUPT


def typed(error: sqlite3.Error) -> KioskError:
    """Return what callers of the journal get.

    A disk that refuses for whatever reason (full, read-only, an fsync that failed) is E-605 and may heal: what was to
    be written is not on disk, and is to be written again.
    """
    extended = code_of(error)
    primary = extended & 0xFF
    context = {"sqlite": extended}
    if is_full(error):
        return KioskError(ErrorCode.STORAGE_FULL, "the disk of the journal is full", context=context)
    if is_damage(error):
        return KioskError(ErrorCode.INTERNAL, "the journal file is corrupt", context=context, retryable=False)
    if primary in _DISK:
        return KioskError(ErrorCode.STORAGE_FULL, "the disk of the journal takes no writes", context=context)
    if primary in _LOCKED:
        return KioskError(ErrorCode.INTERNAL, "the journal is held by another process", context=context)
    return KioskError(ErrorCode.INTERNAL, "the journal cannot be used", context=context, retryable=False)


def typed_os(error: OSError) -> KioskError:
    """Return what callers of the journal get when the file system refuses outside of SQLite."""
    refused = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
    code = ErrorCode.STORAGE_FULL if refused else ErrorCode.INTERNAL
    return KioskError(code, "the journal cannot be opened", context={"errno": error.errno or 0}, retryable=refused)
