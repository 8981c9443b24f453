"""Folders of one stay: this user's alone, in memory where the system has a place for that, and gone afterwards.

A folder is locked by its process, so that the next start can tell what a crash has left behind, and delete it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QLockFile


def memory_place() -> Path:
    """Return a folder whose files stay in memory: the session's runtime folder, shared memory; else the disk's."""
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm"):  # noqa: S108 - a folder of our own is made in it
        if place and Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK):
            return Path(place)
    return Path(tempfile.gettempdir())


class PrivateFolder:
    """A new empty folder, 0700, below ``<place>/<family>-<uid>``. What crashed ones of the family left is deleted.

    Args:
        family: what the folders are for; part of their path.
        place: ``memory_place()`` by default.
        before_wipe: as for ``wipe_leftovers``.

    Attributes:
        path: the folder.

    Raises:
        OSError: it cannot be made, or somebody else has a folder of that name.
    """

    def __init__(
        self, family: str, place: Path | None = None, *, before_wipe: Callable[[Path], None] | None = None
    ) -> None:
        parent = _parent(family, place)
        wipe_leftovers(family, place, before_wipe=before_wipe)
        name = f"session-{secrets.token_hex(8)}"
        self._lock = _lock_of(parent / name)
        if not self._lock.tryLock(0):
            raise OSError(f"{name} cannot be locked")
        self.path = parent / name
        self.path.mkdir(mode=0o700)

    def wipe(self) -> None:
        """Delete the folder and all that is in it. Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.unlock()


def wipe_leftovers(family: str, place: Path | None = None, *, before_wipe: Callable[[Path], None] | None = None) -> int:
    """Delete the folders whose process is gone, and return how many there were.

    Args:
        family: as for ``PrivateFolder``.
        place: as for ``PrivateFolder``.
        before_wipe: is called with each such folder, to end whatever still uses it.
    """
    wiped = 0
    for folder in _parent(family, place).glob("session-*"):
        if not folder.is_dir() or folder.is_symlink():
            continue
        lock = _lock_of(folder)
        if lock.tryLock(0):
            if before_wipe is not None:
                before_wipe(folder)
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlock()
            wiped += 1
    return wiped


def _lock_of(folder: Path) -> QLockFile:
    lock = QLockFile(f"{folder}.lock")
    lock.setStaleLockTime(0)
    return lock


def _parent(family: str, place: Path | None) -> Path:
    """Return our folder in ``place``. In a folder that others write to, one that is not ours alone is not used."""
    suffix = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
    parent = (place or memory_place()) / f"{family}{suffix}"
    parent.mkdir(mode=0o700, exist_ok=True)
    facts = parent.lstat()
    if hasattr(os, "geteuid") and (facts.st_uid != os.geteuid() or facts.st_mode & 0o077 or parent.is_symlink()):
        raise OSError(f"{family} is not this user's alone")
    return parent
