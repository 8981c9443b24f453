"""Files that a power cut leaves whole: old or new, never a mixture, and owned by whoever owns their folder."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_DRAFT: Final = ".draft-"


def make_folder(folder: Path) -> None:
    """Make ``folder`` for its owner alone where it is missing."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return
    _give_to_owner_of(folder.parent, os.open(folder, os.O_RDONLY))
    sync_folder(folder.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Put ``data`` in place of ``path``: draft, fsync, rename, fsync of the folder.

    Raises:
        OSError: the disk did not take it; ``path`` is as it was.
    """
    descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            _give_to_owner_of(path.parent, os.dup(file.fileno()))
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_drafts(folder: Path) -> None:
    """Delete what a power cut left half-written. Only under ``exclusive``."""
    for draft in folder.glob(f"{_DRAFT}*"):
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keep other processes out until the block ends; the lock dies with its holder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - POSIX only

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        _give_to_owner_of(path.parent, os.dup(descriptor))
        yield
    finally:
        os.close(descriptor)


def _give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Hand a file over when root writes for the kiosk's user, who could not read it otherwise. Closes it."""
    try:
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            owner = folder.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last. Windows has no such call, and orders it by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
