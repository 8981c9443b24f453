"""A real apcupsd, for the tests. It has no UPS but another apcupsd to follow (``UPSTYPE net``), which is played here.

apcupsd runs in the foreground as a child, on loopback ports, with every file in one directory of the caller's. Debian
lets it be installed only where NUT is not, so ``./dev`` unpacks it into the checkout.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.simulated.child import end, free_port, wait_for_ports

HOST = "127.0.0.1"
PROGRAM = Path(__file__).parents[2] / ".run/apcupsd/sbin/apcupsd"

_CONFIG = """## apcupsd.conf v1.1 ##
UPSCABLE ether
UPSTYPE net
DEVICE {host}:{master}
POLLTIME 1
LOCKFILE {folder}
SCRIPTDIR {folder}
PWRFAILDIR {folder}
NOLOGINDIR {folder}
ONBATTERYDELAY 0
BATTERYLEVEL -1
MINUTES -1
TIMEOUT 0
ANNOY 0
NOLOGON disable
KILLDELAY 0
NETSERVER on
NISIP {host}
NISPORT {port}
EVENTSFILE {folder}/events
EVENTSFILEMAX 10
UPSCLASS standalone
UPSMODE disable
STATTIME 0
LOGSTATS off
"""
"""Nothing of the machine is touched: no script is found, and each file that would stop logins lies in the folder."""

_BITS = {"OL": 0x8, "OB": 0x10, "LB": 0x40, "RB": 0x80, "OVER": 0x20, "TRIM": 0x2, "BOOST": 0x4}
_PLUGGED = 0x0500_0000
_POLL_S = 0.1


class ApcupsdService:
    """``apcupsd`` and the one that it follows; a context manager.

    Attributes:
        port: where apcupsd's network information server listens.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._master = _Master()

    def __enter__(self) -> Self:
        self.set()
        self._master.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._master.stop()

    def start(self) -> None:
        """Start apcupsd and return when it answers; what it follows may take a second longer.

        Raises:
            RuntimeError: it did not start in time; the message ends with its own words.
        """
        config, log = self._directory / "apcupsd.conf", self._directory / "apcupsd.log"
        config.write_text(_CONFIG.format(host=HOST, master=self._master.port, port=self.port, folder=self._directory))
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [str(PROGRAM), "-b", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            wait_for_ports(self._process, [self.port], log)
        except RuntimeError:
            self.stop()
            raise

    def stop(self) -> None:
        """End apcupsd. Idempotent."""
        process, self._process = self._process, None
        end(process)

    def lose_ups(self) -> None:
        """Let the other apcupsd go away, as if the cable to the UPS came off."""
        self._master.is_away.set()

    def find_ups(self) -> None:
        """Let it come back."""
        self._master.is_away.clear()

    def set(self, status: str = "OL", *, charge: float = 100, runtime_s: float = 15_120, load: float = 22) -> None:
        """Say what the UPS reports from now on: NUT status tokens, charge and load in percent, seconds of runtime."""
        bits = _PLUGGED | sum(_BITS.get(token, 0) for token in status.split())
        self._master.report = [
            "APC      : 001,024,0600",
            "UPSNAME  : booth",
            "MODEL    : Simulated UPS",
            f"STATUS   : {'ONBATT' if 'OB' in status else 'ONLINE'}",
            f"LINEV    : {0 if 'OB' in status else 229.4} Volts",
            f"LOADPCT  : {load:.1f} Percent",
            f"BCHARGE  : {charge:.1f} Percent",
            f"TIMELEFT : {runtime_s / 60:.1f} Minutes",
            "MBATTCHG : 5 Percent",
            "BATTV    : 27.1 Volts",
            "ITEMP    : 29.2 C",
            "SELFTEST : OK",
            f"STATFLAG : 0x{bits:08X}",
            "SERIALNO : AS0000000001",
            "NOMPOWER : 600 Watts",
            "END APC  : 2026-01-01 00:00:00 +0800",
        ]


class _Master:
    """The apcupsd that has the UPS: answers each question with ``report``, one connection after the other.

    Attributes:
        is_away: set while it does not listen.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.report: list[str] = []
        self.is_away = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="apcupsd-master")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            if self.is_away.is_set():
                self._is_over.wait(_POLL_S)
                continue
            with socket.create_server((HOST, self.port)) as listener:
                self._serve(listener)

    def _serve(self, listener: socket.socket) -> None:
        listener.settimeout(_POLL_S)
        while not (self._is_over.is_set() or self.is_away.is_set()):
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(_POLL_S)
        while not (self._is_over.is_set() or self.is_away.is_set()):
            with contextlib.suppress(TimeoutError):
                if not connection.recv(64):
                    return
                lines = [f"{line}\n".encode() for line in self.report]
                connection.sendall(b"".join(struct.pack(">H", len(line)) + line for line in [*lines, b""]))
