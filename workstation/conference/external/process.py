"""One run of a client: a session of its own, a home folder in memory, and the certain end of all that it started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from workstation.private_folder import wipe_leftovers

from .start import Start

_log = logging.getLogger(__name__)

FAMILY = "evaluation-workstation-conference"
KILL_WAIT_S = 5.0
_POLL_S = 0.05


class ClientProcess:
    """The program and whatever it starts. One thread calls it.

    Whoever leaves the process group is found by its environment: nobody but this client has this home folder.

    Raises:
        OSError: it cannot be started, or a file cannot be written.
    """

    def __init__(self, start: Start, home: Path) -> None:
        self._home = home
        for folder in start.folders:
            folder.mkdir(mode=0o700, exist_ok=True)
        for path, text in start.files.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
        self._process = subprocess.Popen(
            start.command,
            env=dict(start.environment),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what it says may hold anything, and nobody reads it
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _forbid_core_dumps(self._process.pid)

    @property
    def is_running(self) -> bool:
        """Whether the program or something that it started is there: some clients are started by a starter."""
        return self._process.poll() is None or bool(_members(self._home, self._process.pid))

    @property
    def exit_code(self) -> int | None:
        """Of the program; negative for a signal, ``None`` while it runs."""
        return self._process.poll()

    def members(self) -> frozenset[int]:
        """Return the process ids of the program and of all that it started."""
        return frozenset(process.pid for process in _members(self._home, self._process.pid))

    def wait(self, timeout_s: float) -> bool:
        """Return whether all of it ended by itself in time."""
        deadline = time.monotonic() + timeout_s
        while self.is_running:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def end(self, terminate_s: float) -> None:
        """End all of it: SIGTERM, ``terminate_s`` of patience, SIGKILL. Idempotent."""
        _end(self._home, self._process.pid, terminate_s)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_WAIT_S)


def end_strays(home: Path) -> None:
    """End what a crashed kiosk's client still does in ``home``."""
    _end(home, 0, 0.0)


def forget_clients() -> None:
    """End and delete what clients before a crash have left. Never raises."""
    try:
        if count := wipe_leftovers(FAMILY, before_wipe=end_strays):
            _log.warning("conference clients of %d crashed kiosks ended", count)
    except OSError as error:
        _log.error("no look for conference clients left behind: %s", type(error).__name__)


def _end(home: Path, leader: int, terminate_s: float) -> None:
    for number, patience_s in ((signal.SIGTERM, terminate_s), (signal.SIGKILL, KILL_WAIT_S)):
        members = _members(home, leader)
        for process in members:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        deadline = time.monotonic() + patience_s
        while members and time.monotonic() < deadline:
            _, members = psutil.wait_procs(members, timeout=_POLL_S)
            members = _members(home, leader)


def _members(home: Path, leader: int) -> list[psutil.Process]:
    """Return what lives of the group ``leader`` and of those with this home folder. Zombies have ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if (leader and _session(process.pid) == leader) or _is_at_home(process.environ(), home):
                found.append(process)
    return found


def _session(pid: int) -> int:
    if sys.platform == "win32":
        return 0
    return os.getsid(pid)


def _is_at_home(environ: Mapping[str, str], home: Path) -> bool:
    return environ.get("HOME") == str(home)


def _forbid_core_dumps(pid: int) -> None:
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - not on every system

        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
