"""Runs a pre-flight in a process of its own: what hangs or crashes there costs neither the kiosk nor the tool."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading

from pydantic import ValidationError

from workstation.site.preflight import PreflightReport
from workstation.spawn import module_command

from .request import PROCESS_TIMEOUT_S, PreflightRequest


class PreflightProcess:
    """One pre-flight. ``stop`` may come from any thread."""

    def __init__(self, *, timeout_s: float = PROCESS_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def run(self, request: PreflightRequest) -> PreflightReport | None:
        """Return the report; ``None`` when it was stopped, crashed or took too long."""
        with self._lock:
            if self._is_stopped:
                return None
            self._process = process = subprocess.Popen(
                module_command("workstation.preflight"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # so that its browser can be ended with it
            )
        try:
            output, _ = process.communicate(request.model_dump_json().encode(), timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            output = b""
        finally:
            self._end(process)
        try:
            return PreflightReport.model_validate_json(output)
        except ValidationError:
            return None

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        with self._lock:
            return self._is_stopped

    def stop(self) -> None:
        """End it. Idempotent."""
        with self._lock:
            self._is_stopped = True
            process = self._process
        if process is not None and process.poll() is None:
            _kill_group(process.pid)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _kill_group(process.pid)  # also what outlived it
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
