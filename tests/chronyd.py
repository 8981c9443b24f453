"""A real chronyd that never touches the clock, and a time server that says what time a test wants."""

from __future__ import annotations

import os
import pwd
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.simulated.child import end, free_port

CHRONYD = "/usr/sbin/chronyd"
_START_TIMEOUT_S = 15.0
_NTP_EPOCH_S = 2_208_988_800


class ChronydService:
    """``chronyd -x`` on loopback, in the foreground, as the calling user; a context manager.

    Attributes:
        options: what ``chronyc`` needs to ask it.
    """

    def __init__(self, directory: Path, *lines: str) -> None:
        self._directory, self._lines, self._port = directory, lines, free_port()
        self.options = ("-h", "127.0.0.1", "-p", str(self._port))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        config = self._directory / "chrony.conf"
        fixed = ("port 0", f"cmdport {self._port}", "bindcmdaddress 127.0.0.1", "bindcmdaddress /")
        config.write_text("\n".join((*fixed, f"pidfile {self._directory / 'chronyd.pid'}", *self._lines, "")))
        command = [CHRONYD, "-x", "-d", "-U", "-u", pwd.getpwuid(os.geteuid()).pw_name, "-f", str(config)]
        with (self._directory / "chronyd.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_TIMEOUT_S
        ask = ["chronyc", *self.options, "-n", "tracking"]
        while subprocess.run(ask, capture_output=True, timeout=10, check=False).returncode:
            assert self._process.poll() is None, (self._directory / "chronyd.log").read_text()
            assert time.monotonic() < deadline, "chronyd does not answer"
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it. Idempotent."""
        process, self._process = self._process, None
        end(process)


class NtpServer:
    """Answers NTP requests (RFC 5905) with this machine's time and ``ahead_s`` more; a context manager."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._is_over = False
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._is_over:
            try:
                request, peer = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            now = self._stamp()
            # leap 0, version 4, server; stratum 1; poll; precision; delay; dispersion; reference "GPS"
            head = struct.pack("!BBbbII4s", 0x24, 1, 6, -20, 0, 0, b"GPS\0")
            self._socket.sendto(head + now + request[40:48] + now + self._stamp(), peer)

    def _stamp(self) -> bytes:
        seconds = time.time() + self._ahead_s + _NTP_EPOCH_S
        return struct.pack("!II", int(seconds), int(seconds % 1 * (1 << 32)))
