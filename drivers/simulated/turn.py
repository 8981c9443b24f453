"""A real coturn server for the tests: a child of the calling user on loopback, all files in one directory."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.simulated.child import end, free_port, wait_for_ports

TURNSERVER = Path("/usr/bin/turnserver")
REALM = "drill.invalid"

_RELAY_PORTS = 100


class TurnService:
    """``turnserver`` with the shared secret of TURN REST on a free loopback port; a context manager.

    Args:
        directory: an existing directory for configuration, database and log.

    Attributes:
        secret: its ``static-auth-secret``.
        port: UDP and TCP.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.secret = secrets.token_urlsafe(24)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address as WebRTC writes it (RFC 7065)."""
        return f"turn:127.0.0.1:{self.port}?transport=udp"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            OSError: there is no ``turnserver``.
            RuntimeError: it did not work in time; the message ends with the server's own words.
        """
        configuration = self._directory / "turnserver.conf"
        configuration.touch(mode=0o600)
        low = 50_000 + secrets.randbelow(9_000)
        configuration.write_text(
            _CONFIGURATION.format(
                port=self.port,
                secret=self.secret,
                realm=REALM,
                directory=self._directory,
                low=low,
                high=low + _RELAY_PORTS,
            ),
            encoding="utf-8",
        )
        with (self._directory / "turn.out").open("wb") as log:
            self._process = subprocess.Popen(
                [str(TURNSERVER), "-c", str(configuration)],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for_ports(self._process, [self.port], self._directory / "turn.out")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server. Idempotent."""
        process, self._process = self._process, None
        end(process)


_CONFIGURATION = """\
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port={port}
min-port={low}
max-port={high}
use-auth-secret
static-auth-secret={secret}
realm={realm}
userdb={directory}/turndb
log-file=stdout
pidfile={directory}/turnserver.pid
allow-loopback-peers
no-tls
no-dtls
no-cli
"""
