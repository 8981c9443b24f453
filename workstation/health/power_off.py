"""Asks the system to power off: a file in /run that a unit of root's watches; the kiosk itself has no such right.

See assets/packaging/tree/lib/systemd/system/evaluation-workstation-poweroff.path. The file's content is of no meaning:
who may write into the folder may have the machine powered off, and nothing else.
"""

from __future__ import annotations

from pathlib import Path

REQUEST_FILE = Path("/run/evaluation-workstation/poweroff")


class PowerOffRequest:
    """Where the request goes; ``None`` where this program is not to power anything off."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def is_possible(self) -> bool:
        """Whether ``make`` does anything."""
        return self._path is not None

    def make(self) -> None:
        """Ask for it.

        Raises:
            OSError: there is no such folder, or we may not write there: the package's units are not in force.
        """
        if self._path is not None:
            self._path.touch(mode=0o600)

    def withdraw(self) -> None:
        """Take back a request that nobody has followed yet, as far as that goes."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
