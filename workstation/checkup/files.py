"""Files that are there whole or not at all, whenever the power goes."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

PART = ".part"
"""Ending of a file that is being written; one that a power cut left is nobody's."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, 0600, in place of the one before. When this returns it is on disk. Raises ``OSError``."""
    part = _written(path, data)
    try:
        part.replace(path)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def create_whole(path: Path, data: bytes) -> bool:
    """Write a new file, 0600; false when there is one by now, which stays. Raises ``OSError``."""
    part = _written(path, data)
    try:
        os.link(part, path)
        _sync_folder(path.parent)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def sweep(folder: Path) -> None:
    """Delete what a power cut left half-written. Raises ``OSError``."""
    for part in folder.glob(f"*{PART}"):
        part.unlink(missing_ok=True)


def _written(path: Path, data: bytes) -> Path:
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def _sync_folder(folder: Path) -> None:
    """Put the name on disk as well; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems refuse it for folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
