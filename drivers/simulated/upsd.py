"""A real NUT server with NUT's dummy UPS behind it, for the drill bench and the tests.

The daemons run in the foreground as children, as the calling user (root or not), on a loopback port, with every file
in one directory of the caller's.
"""

from __future__ import annotations

import functools
import os
import pwd
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.simulated.child import end
from drivers.ups.protocol import quote

NUT_DAEMONS = Path("/lib/nut")
"""Where Debian keeps the daemons. ``/usr/sbin/upsd`` is a wrapper that obeys only ``/etc/nut``."""

HOST = "127.0.0.1"
UPS_NAME = "booth"
USERNAME = "monitor"
PASSWORD = 'drill "only"'  # noqa: S105 - for the loopback simulation; quoted so that quoting is exercised

_UPS_CONF = f"""maxretry = 1
[{UPS_NAME}]
  driver = dummy-ups
  port = booth.dev
  mode = dummy-loop
  pollinterval = 1
  desc = "simulated UPS of the drill bench"
"""

_MEGATEC_CONF = f"""maxretry = 1
[{UPS_NAME}]
  driver = nutdrv_qx
  port = {{port}}
  protocol = megatec
  pollinterval = 1
"""

TEST_USERNAME = "tester"
"""May also ask for battery tests; the password is the same."""

_UPSD_USERS = f"""[{USERNAME}]
  password = {quote(PASSWORD)}
  upsmon secondary
[{TEST_USERNAME}]
  password = {quote(PASSWORD)}
  instcmds = ALL
"""

_START_TIMEOUT_S = 15.0
_PORT_ATTEMPTS = 20


class UpsdService:
    """``upsd`` and ``dummy-ups`` on a free loopback port; a context manager.

    The dummy driver reads its file again each second, so a change by ``set`` is seen by a client within about two.

    Args:
        directory: an existing directory for configuration, sockets and logs. Its path must be short enough for a
            Unix socket (about 80 characters).
        serial_port: when given, ``nutdrv_qx`` asks the UPS there (``drivers.simulated.megatec``) in place of the dummy.
        tls: further lines of ``upsd.conf`` (``CERTPATH``, ``CERTIDENT``).

    Attributes:
        port: where upsd listens; fixed from the first start on, 0 before.
    """

    def __init__(self, directory: Path, *, serial_port: Path | None = None, tls: str = "") -> None:
        self.port = 0
        self._etc = directory / "etc"
        self._run = directory / "run"
        self._driver_name = "dummy-ups" if serial_port is None else "nutdrv_qx"
        self._ups_conf = _UPS_CONF if serial_port is None else _MEGATEC_CONF.format(port=serial_port)
        self._tls = tls
        self._socket = self._run / f"{self._driver_name}-{UPS_NAME}"
        self._user = pwd.getpwuid(os.geteuid()).pw_name
        self._driver: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start both daemons and return when a client can read the UPS.

        Raises:
            RuntimeError: it did not work in time; the message ends with the daemon's own words.
        """
        for folder in (self._etc, self._run):
            folder.mkdir(mode=0o750, exist_ok=True)
        self._write("ups.conf", self._ups_conf)
        self._write("upsd.users", _UPSD_USERS)
        self.set()
        try:
            self.start_driver()
            self.start_server()
            self._wait_for_reading()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End both daemons. Idempotent."""
        self.stop_server()
        self.stop_driver()

    def set(
        self,
        status: str = "OL",
        *,
        charge: float = 100,
        runtime_s: float = 15120,
        load: float = 22,
    ) -> None:
        """Say what the UPS reports from now on: NUT status tokens, charge and load in percent, seconds of runtime."""
        self._write(
            "booth.dev",
            f"ups.status: {status}\nbattery.charge: {charge:g}\nbattery.runtime: {runtime_s:.0f}\n"
            f"ups.load: {load:g}\ninput.voltage: {0 if 'OB' in status.split() else 229.4:g}\n"
            "ups.mfr: Simulated\nups.model: Simulated UPS\n",
        )

    def start_driver(self) -> None:
        """Start the driver and wait for its socket."""
        self._socket.unlink(missing_ok=True)
        driver = self._driver = self._spawn(self._driver_name, "-a", UPS_NAME)
        self._wait(driver, self._driver_name, self._socket.exists)

    def stop_driver(self) -> None:
        """End the driver, as if the cable to the UPS came off."""
        driver, self._driver = self._driver, None
        end(driver)

    def start_server(self) -> None:
        """Start upsd: on a new free port the first time, on the same one later.

        Another process can take a port between the choice and the start, so upsd's own word that it listens decides.
        """
        for attempt in range(_PORT_ATTEMPTS):
            port = self.port or _candidate_port()
            self._write("upsd.conf", f"LISTEN {HOST} {port}\nMAXAGE 15\nSTATEPATH {self._run}\n{self._tls}")
            server = self._server = self._spawn("upsd")
            try:
                self._wait(server, "upsd", functools.partial(self._is_listening, port))
            except RuntimeError:
                self.stop_server()
                if attempt == _PORT_ATTEMPTS - 1:
                    raise
            else:
                self.port = port
                return

    def stop_server(self) -> None:
        """End upsd."""
        server, self._server = self._server, None
        end(server)

    def _spawn(self, daemon: str, *arguments: str) -> subprocess.Popen[bytes]:
        paths = ("NUT_CONFPATH", self._etc), ("NUT_STATEPATH", self._run), ("NUT_ALTPIDPATH", self._run)
        with self._log_path(daemon).open("wb") as log:
            return subprocess.Popen(
                [str(NUT_DAEMONS / daemon), *arguments, "-F", "-u", self._user],
                env={"PATH": "/usr/bin:/bin"} | {name: str(path) for name, path in paths},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait(self, process: subprocess.Popen[bytes], daemon: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                words = self._log_path(daemon).read_text(errors="replace")[-500:]
                raise RuntimeError(f"{daemon} did not start: {words}")
            time.sleep(0.02)

    def _wait_for_reading(self) -> None:
        server = self._server
        if server is None:
            raise RuntimeError("upsd was stopped")
        self._wait(server, "upsd", self._has_status)

    def _has_status(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.sendall(f"GET VAR {UPS_NAME} ups.status\n".encode())
                answer = connection.recv(1024)
        except OSError:
            return False
        # "WAIT" is what upsd says between the driver's greeting and its first data.
        return answer.startswith(b"VAR") and b"WAIT" not in answer

    def _is_listening(self, port: int) -> bool:
        return f"listening on {HOST} port {port}" in self._log_path("upsd").read_text(errors="replace")

    def _log_path(self, daemon: str) -> Path:
        return self._run / f"{daemon}.log"

    def _write(self, name: str, text: str) -> None:
        """Replace a file whole: the driver may be reading it."""
        temporary = self._etc / f".{name}.new"
        temporary.write_text(text)
        temporary.chmod(0o640)
        temporary.replace(self._etc / name)


def _candidate_port() -> int:
    """Pick a port below the ephemeral range, so that no outgoing connection takes it while upsd is down."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
