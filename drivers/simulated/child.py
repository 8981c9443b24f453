"""What the services of the drill bench and the tests share: ports on loopback, and the end of a child process."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

_STOP_TIMEOUT_S = 5.0
_START_TIMEOUT_S = 20.0


def free_port() -> int:
    """Return a TCP port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_ports(process: subprocess.Popen[bytes], ports: Iterable[int], log: Path) -> None:
    """Return when the process answers on every port.

    Raises:
        RuntimeError: it ended, or was too slow; the message ends with the last words in ``log``.
    """
    deadline = time.monotonic() + _START_TIMEOUT_S
    for port in ports:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-500:]
                raise RuntimeError(f"{log.stem} did not start: {words}")
            time.sleep(0.02)


def end(process: subprocess.Popen[bytes] | None) -> None:
    """Terminate a process, kill it when it does not end by itself, and wait for it."""
    if process is None:
        return
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
