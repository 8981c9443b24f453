"""The kiosk's side of a process that holds a vendor's library: starts it, asks it, and puts it down."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from drivers.contracts import CancelToken
from drivers.errors import CancelledError
from drivers.idcard.vendor import wire

_log = logging.getLogger(__name__)

CHILD_FILE: Final = Path(__file__).with_name("child.py")
"""What a bare Python of the library's word size runs."""
_LOOK_INTERVAL_S: Final = 0.02
_CLOSING_TIME_S: Final = 2.0


class VendorError(Exception):
    """Nothing came back from the library. The text is technical and names no person."""


class VendorUnfitError(VendorError):
    """The library may not or cannot be used; trying again will not help."""


@dataclass(frozen=True, kw_only=True)
class PinnedLibrary:
    """The one file that may be loaded.

    Attributes:
        path: absolute.
        sha256: of the file, 64 hex digits.
    """

    path: Path
    sha256: str

    def open(self) -> int:
        """Open the library and compare its hash; return the descriptor, which the caller closes.

        Raises:
            VendorUnfitError: the path is relative, no regular file is there, or the hash differs.
        """
        if not self.path.is_absolute():
            raise VendorUnfitError("library path is not absolute")
        try:
            # O_NONBLOCK: opening a FIFO would wait for its other end.
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise VendorUnfitError(f"library cannot be opened: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise VendorUnfitError("library is no regular file")
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != self.sha256:
                    raise VendorUnfitError("library is not the one that was pinned (SHA-256)")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


class VendorProcess:
    """One running child. One thread calls it.

    On Linux the child loads the very file that was hashed, through the open descriptor: putting another file in its
    place between the two changes nothing. The library's folder is searched for its neighbours, which no pin covers;
    neither does it hold against someone who may write into the file itself. Elsewhere it is loaded by its path.

    Args:
        command: runs ``child.py``, without its arguments.
        library: what to load.
        arguments: profile and port, or form and argument.
        folder: where the library may write, ``None`` for nowhere.

    Raises:
        VendorUnfitError: the library may not be loaded, or the command cannot be run.
    """

    def __init__(
        self, command: Sequence[str], library: PinnedLibrary, arguments: Sequence[str], folder: Path | None = None
    ) -> None:
        descriptor = library.open()
        try:
            self._process = _start(command, library.path, descriptor, [*arguments], folder)
        except OSError as error:
            raise VendorUnfitError(f"helper cannot be run: {error.strerror}") from error
        finally:
            os.close(descriptor)
        self._inbox: queue.SimpleQueue[tuple[bytes, bytearray] | None] = queue.SimpleQueue()
        self._receiver = threading.Thread(target=self._receive, name="idcard-vendor", daemon=True)
        self._receiver.start()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    def send(self, kind: bytes, content: bytes) -> None:
        """Send a message. Raises ``VendorError`` when the child is gone.

        It cannot block: a child is sent one message at a time, and that is smaller than a pipe.
        """
        try:
            wire.write(_pipe(self._process.stdin), kind, content)
        except OSError as error:
            raise VendorError("helper ended") from error

    def receive(self, deadline: float, cancel: CancelToken | None = None) -> tuple[bytes, bytearray]:
        """Return the next message.

        Args:
            deadline: ``time.monotonic()`` seconds.
            cancel: ends the wait.

        Raises:
            VendorError: none came in time, or the child ended.
            CancelledError: ``cancel`` was set.
        """
        while True:
            if cancel is not None and cancel.is_cancelled:
                raise CancelledError
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                raise VendorError("no reply in time")
            with contextlib.suppress(queue.Empty):
                message = self._inbox.get(timeout=min(remaining_s, _LOOK_INTERVAL_S))
                if message is None:
                    raise VendorError("helper ended")
                return message

    def close(self) -> None:
        """Let the child close its port, then end it."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()
        self._receiver.join(_CLOSING_TIME_S)
        self.kill()

    def kill(self) -> int | None:
        """End the child and everything it started, whatever it is doing; return its exit status."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            # Nobody waited for the child yet, so its number cannot belong to another process group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(_CLOSING_TIME_S)
        except subprocess.TimeoutExpired:
            _log.warning("vendor library's process %d cannot be ended", self._process.pid)
        self._receiver.join(_CLOSING_TIME_S)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        return self._process.returncode

    def _receive(self) -> None:
        """Read on a thread of its own: there is no pipe read with a time limit on every system."""
        with contextlib.suppress(OSError, wire.WireError):
            while (message := wire.read(_pipe(self._process.stdout))) is not None:
                self._inbox.put(message)
        self._inbox.put(None)


def _start(
    command: Sequence[str], path: Path, descriptor: int, arguments: Sequence[str], folder: Path | None
) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    is_linux = sys.platform == "linux"
    if is_linux:
        searched = environment.get("LD_LIBRARY_PATH")
        environment["LD_LIBRARY_PATH"] = f"{path.parent}:{searched}" if searched else str(path.parent)
    loaded = f"/proc/self/fd/{descriptor}" if is_linux else str(path)
    return subprocess.Popen(
        [*command, *arguments, loaded, *([str(folder)] if folder else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment,
        pass_fds=(descriptor,) if is_linux else (),
        start_new_session=True,
    )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - made with a pipe above
    return stream
