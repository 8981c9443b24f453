"""A real Mumble server on loopback, for tests of external conference clients, and what a Mumble client needs."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

START_S = 20.0
_SETTINGS = """\
database={directory}/murmur.sqlite
logfile=
pidfile=
host=127.0.0.1
port={port}
bonjour=false
registerName=
serverpassword={password}
uname={user}
"""


class MurmurService:
    """``murmurd`` as a child, everything in one folder; a context manager."""

    def __init__(self, directory: Path, password: str) -> None:
        self._log = directory / "murmur.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        user = "root" if os.geteuid() == 0 else ""
        settings = directory / "murmur.ini"
        settings.write_text(_SETTINGS.format(directory=directory, port=self.port, password=password, user=user))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["murmurd", "-fg", "-ini", str(settings)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_S
        while "Not registering server" not in self.words():
            assert self._process.poll() is None, self.words()
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def words(self) -> str:
        """Return what it has said so far."""
        return self._log.read_text(errors="replace")

    def arrivals(self, alias: str) -> int:
        """Return how often somebody of this name has come in."""
        return sum(f":{alias}(" in line and "Authenticated" in line for line in self.words().splitlines())


def client_settings() -> str:
    """Return a Mumble.conf that asks nothing at the first run: the wizards are done, a certificate is there."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Mumble User")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, SHA256())
    )
    identity = pkcs12.serialize_key_and_certificates(b"Mumble Identity", key, certificate, None, NoEncryption())
    escaped = "".join(f"\\x{byte:x}" for byte in identity)
    return (
        "[General]\nlastupdate=2\n\n"
        f'[net]\ncertificate="@ByteArray({escaped})"\n\n'
        "[tts]\nenable=false\n\n[ui]\naskonquit=false\n"
    )
