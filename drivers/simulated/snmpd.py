"""A real SNMP agent (net-snmp's snmpd) that serves the UPS-MIB of a simulated UPS, for the tests.

It runs in the foreground as a child, on a loopback port, with every file in one directory of the caller's.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.simulated import ups_mib_agent
from drivers.simulated.child import end

HOST = "127.0.0.1"
READ_COMMUNITY = "drill-read"
WRITE_COMMUNITY = "drill-write"
USER = "booth"
AUTH_PASSPHRASE = "drill auth"  # noqa: S105 - for the loopback simulation
PRIVACY_PASSPHRASE = "drill privacy"  # noqa: S105 - as above

_MIB = "1.3.6.1.2.1.33.1"
_SOURCES = {"OFF": 2, "BYPASS": 4, "OB": 5, "BOOST": 6, "TRIM": 7}
_ALARMS = {"RB": 1, "OB": 2, "LB": 3, "OVER": 8, "FSD": 23, "ALARM": 13}
_START_TIMEOUT_S = 20.0


class SnmpdService:
    """``snmpd`` on a free loopback port; a context manager.

    Attributes:
        port: where it listens (UDP); fixed from the first start on.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._state = directory / "ups.json"
        self.port = _free_udp_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.set()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and return when the port is open.

        Raises:
            RuntimeError: it did not start in time; the message ends with its own words.
        """
        if self._process is not None:
            return
        config, log = self._directory / "snmpd.conf", self._directory / "snmpd.log"
        config.write_text(
            f"agentAddress udp:{HOST}:{self.port}\n"
            f"rocommunity {READ_COMMUNITY} {HOST}\n"
            f"rwcommunity {WRITE_COMMUNITY} {HOST}\n"
            f'createUser {USER} SHA-256 "{AUTH_PASSPHRASE}" AES "{PRIVACY_PASSPHRASE}"\n'
            f"rwuser {USER} auth\n"
            f"pass_persist .{_MIB} {sys.executable} {ups_mib_agent.__file__} {self._state}\n"
        )
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                ["/usr/sbin/snmpd", "-f", "-Lo", "-C", "-c", str(config), "-I", "-smux"],
                env={"PATH": "/usr/bin:/bin", "MIBS": "", "SNMP_PERSISTENT_DIR": str(self._directory / "state")},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while "NET-SNMP version" not in log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"snmpd did not start: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it. Idempotent."""
        process, self._process = self._process, None
        end(process)

    def set(self, status: str = "OL", *, charge: int = 100, runtime_s: int = 15_120, load: int = 22) -> None:
        """Say what the UPS reports from now on: NUT status tokens, charge and load in percent, seconds of runtime."""
        tokens = status.split()
        source = next((_SOURCES[token] for token in tokens if token in _SOURCES), 3 if tokens else 1)
        alarms = [_ALARMS[token] for token in tokens if token in _ALARMS]
        self.set_objects(
            (
                ("1.1.0", "string", "Simulated"),
                ("1.2.0", "string", "UPS"),
                ("2.1.0", "integer", 3 if "LB" in tokens else 2),
                ("2.3.0", "integer", runtime_s // 60),
                ("2.4.0", "integer", charge),
                ("2.5.0", "integer", 271),
                ("2.7.0", "integer", 29),
                ("3.3.1.3.1", "integer", 0 if "OB" in tokens else 229),
                ("4.1.0", "integer", source),
                ("4.4.1.4.1", "integer", 132),
                ("4.4.1.5.1", "integer", load),
                ("6.1.0", "gauge", len(alarms)),
                *((f"6.2.1.2.{row}", "objectid", f".{_MIB}.6.3.{alarm}") for row, alarm in enumerate(alarms, 1)),
                ("7.1.0", "objectid", f".{_MIB}.7.7.1"),
                ("7.2.0", "integer", 7),
                ("7.3.0", "integer", 6),
                ("7.4.0", "string", ""),
                ("9.6.0", "integer", 600),
            )
        )

    def set_objects(self, objects: Sequence[tuple[str, str, str | int]]) -> None:
        """Replace every object: its place in the UPS-MIB, its type and its value."""
        state = {f"{_MIB}.{place}": (kind, str(value)) for place, kind, value in objects}
        temporary = self._state.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        temporary.replace(self._state)


def _free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
