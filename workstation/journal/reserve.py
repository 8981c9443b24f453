"""Room set aside on the disk: when it is full, what a running session still has to write fits in there."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

SIZE: Final = 8 << 20
"""Bytes. The write-ahead log grows to 4 MiB before SQLite brings it into the file and begins it anew; the other half
holds some four thousand events, a booth's of several days."""


class Reserve:
    """A file of ``SIZE`` bytes that really occupies them, until it is given up. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_spent(self) -> bool:
        """Whether the room was given up, or never was there."""
        return not self._path.exists()

    def spend(self) -> bool:
        """Give the room up. False when there is none: the disk stays as full as it is."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Take the room again where the disk has twice as much: else the next write would give it up at once."""
        if not self.is_spent:
            return True
        draft = self._path.with_name(f"{self._path.name}.draft")
        try:
            if shutil.disk_usage(self._path.parent).free < 2 * SIZE:
                return False
            _occupy(draft)
            draft.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            return False
        return True


def _occupy(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, SIZE)
        else:  # Windows: what is written occupies its place
            for _ in range(SIZE >> 20):
                os.write(descriptor, b"\0" * (1 << 20))
    finally:
        os.close(descriptor)
