"""A PC/SC service of the drill's own, with vpcd's virtual reader and nothing else.

vpcd listens on all interfaces (its loopback mode ends pcscd when the card is lifted, vsmartcard 3.3), so this is for
drill and test machines only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from drivers.simulated.vpcd import DEFAULT_PORT

READER_NAME: Final = "Virtual PCD 00 00"
"""PC/SC's name of the first slot."""

_DRIVER: Final = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_RUN_DIRECTORY: Final = Path("/run/pcscd")
_LOCK: Final = Path(tempfile.gettempdir()) / "evaluation-workstation-pcscd.lock"
_POLL_S: Final = 0.02
_STOP_TIMEOUT_S: Final = 5.0


class PcscdError(Exception):
    """The drill's PC/SC service cannot be run here."""


@dataclass(frozen=True, kw_only=True)
class ReaderDriver:
    """An entry of pcscd's reader.conf.

    Attributes:
        name: the reader's name; pcscd adds the numbers of reader and slot.
        device: an existing file, and after a colon what the driver wants to know.
        library: the driver.
    """

    name: str
    device: str
    library: Path

    def entry(self) -> str:
        """Return it as pcscd reads it (reader.conf(5))."""
        return f'FRIENDLYNAME "{self.name}"\nDEVICENAME {self.device}\nLIBPATH {self.library}\nCHANNELID 0\n'


def free_port_pair() -> int:
    """Return the first of two neighbouring free TCP ports: vpcd takes one per slot."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class PcscdService:
    """Runs ``pcscd``; stopping and starting it again is unplugging and plugging the reader.

    Only one pcscd can run on a machine. Drills and tests take turns by a lock file; a system's own pcscd is refused.
    """

    def __init__(self, port: int = DEFAULT_PORT, others: Sequence[ReaderDriver] = ()) -> None:
        """Make a service with vpcd on TCP ``port`` and, for its second slot, ``port + 1``, and other readers."""
        self._readers = (ReaderDriver(name="Virtual PCD", device=f"/dev/null:{port}", library=_DRIVER), *others)
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_running(self) -> bool:
        """Whether the service's process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, lock_timeout_s: float = 60.0, ready_timeout_s: float = 5.0) -> None:
        """Start the service and wait until it takes clients; nothing happens when it runs.

        Raises:
            PcscdError: not root, driver not installed, another pcscd runs, another drill holds the lock for
                ``lock_timeout_s``, or the service is not ready in ``ready_timeout_s``.
        """
        if self.is_running:
            return
        if os.geteuid() != 0:
            raise PcscdError("pcscd of the drill needs root")
        if not _DRIVER.exists():
            raise PcscdError("the package vsmartcard-vpcd is not installed")
        lock = self._take_turn(lock_timeout_s)
        try:
            self._launch(lock, ready_timeout_s)
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Stop the service but keep the turn. Idempotent."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def close(self) -> None:
        """Stop the service and let others have their turn. Idempotent."""
        self.stop()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def _take_turn(self, timeout_s: float) -> IO[str]:
        if self._lock is not None:
            return self._lock
        descriptor = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        lock = os.fdopen(descriptor, "r+")
        deadline = time.monotonic() + timeout_s
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                lock.close()
                raise PcscdError("another drill or test run holds the PC/SC service")
            time.sleep(_POLL_S)
        self._lock = lock
        _end_leftover(lock.read())
        return lock

    def _launch(self, lock: IO[str], ready_timeout_s: float) -> None:
        if _takes_clients():
            raise PcscdError("another pcscd runs on this machine")
        for name in ("pcscd.comm", "pcscd.pid"):  # of a pcscd that was killed
            (_RUN_DIRECTORY / name).unlink(missing_ok=True)
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="drill-pcscd-")
            entries = "\n".join(reader.entry() for reader in self._readers)
            (Path(self._directory.name) / "readers").write_text(entries)
        self._process = subprocess.Popen(
            ["pcscd", "--foreground", "-c", self._directory.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        lock.seek(0)
        lock.truncate()
        lock.write(f"{self._process.pid} {self._directory.name}")
        lock.flush()
        deadline = time.monotonic() + ready_timeout_s
        while not _takes_clients():
            if self._process.poll() is not None:
                raise PcscdError(f"pcscd ended with code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise PcscdError("pcscd is not ready in time")
            time.sleep(_POLL_S)


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _takes_clients() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(os.fspath(_RUN_DIRECTORY / "pcscd.comm"))
        except OSError:
            return False
    return True


def _end_leftover(note: str) -> None:
    """End the pcscd that a killed holder of the lock left behind, known by its number and its directory."""
    number, _, directory = note.partition(" ")
    if not directory:
        return
    for ending in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while _runs_with(number, directory) and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), ending)
            time.sleep(_POLL_S)


def _runs_with(number: str, argument: str) -> bool:
    try:
        return argument.encode() in Path("/proc", number, "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
