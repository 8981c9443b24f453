"""A UPS that speaks Megatec's protocol on a pseudo terminal, as most Chinese ones do on their serial port.

NUT's ``nutdrv_qx`` believes it: so the way from a battery test asked of upsd to the UPS is tried with everything real
but the UPS. Commands end with CR: ``Q1`` status, ``F`` ratings, ``I`` who it is, ``T`` ten-second test, ``TL`` test
until the battery is low, ``CT`` end of the test (https://networkupstools.org/protocols/megatec.html).
"""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_S = 0.05
_TEST_RUNNING = 0x04


class MegatecUps:
    """One UPS on mains; a context manager.

    Attributes:
        port: the pseudo terminal's path, for the driver.
        is_testing: whether it runs on battery because it was asked to.
        heard: every command that was no question, in order.
    """

    def __init__(self, directory: Path) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = directory / "tty"
        self.port.symlink_to(os.ttyname(self._slave))
        self.is_testing = False
        self.heard: list[str] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="megatec-ups")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _run(self) -> None:
        received = b""
        while not self._is_over.is_set():
            if select.select([self._master], [], [], _POLL_S)[0]:
                *commands, received = (received + os.read(self._master, 256)).split(b"\r")
                for command in commands:
                    os.write(self._master, self._answer(command))

    def _answer(self, command: bytes) -> bytes:
        match command:
            case b"Q1":
                bits = _TEST_RUNNING if self.is_testing else 0
                return b"(229.4 000.0 229.0 022 50.0 27.1 29.2 %s\r" % f"{bits:08b}".encode()
            case b"F":
                return b"#220.0 003 24.00 50.0\r"
            case b"I":
                return f"#{'Simulated':<15} {'UPS':<10} {'V1.0':<10}\r".encode()
            case b"T" | b"TL" | b"CT":
                self.heard.append(command.decode())
                self.is_testing = command != b"CT"
                return b""
            case _:
                return command + b"\r"  # what it does not know it repeats
