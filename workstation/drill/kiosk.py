"""The kiosk as the drill sees it: a process that says on stderr, in JSON lines, where it is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from workstation.spawn import module_command

STOP_TIMEOUT_S = 15.0
Line = dict[str, Any]


class KioskProcess:
    """Runs ``evaluation-workstation`` and follows its log.

    Args:
        config_file: its configuration.
        environment: added to ours.
        on_line: called for every log line, in the reading thread.
        command: what to run instead of the kiosk of this checkout, such as an installed one.
    """

    def __init__(
        self,
        config_file: Path,
        environment: Mapping[str, str],
        on_line: Callable[[Line], None] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        self._on_line = on_line
        self._lines: list[Line] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [*(command or module_command("workstation")), "--config", str(config_file)],
            env={**os.environ, "PYTHONFAULTHANDLER": "1", **environment},
            stderr=subprocess.PIPE,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,), name="kiosk-log", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def lines(self) -> list[Line]:
        """Every log line so far."""
        with self._news:
            return list(self._lines)

    def wait_for(
        self,
        what: Callable[[Line], bool],
        timeout_s: float,
        *,
        after: int = 0,
        meanwhile: Callable[[], None] | None = None,
    ) -> int:
        """Wait until a log line at index ``after`` or later fits; return the index behind it.

        Every line carries ``read_at``, the monotonic time at which we read it.

        Args:
            what: whether a line fits.
            timeout_s: how long at most.
            after: the first index to look at.
            meanwhile: called ten times a second while waiting.

        Raises:
            TimeoutError: none came in time, or the kiosk ended first; with the last lines.
        """
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                if meanwhile is not None:
                    meanwhile()
                for index, line in enumerate(self._lines[after:], after):
                    if what(line):
                        return index + 1
                left = deadline - time.monotonic()
                if left <= 0 or (not self.is_running and not self._reader.is_alive()):
                    tail = "\n".join(json.dumps(line, ensure_ascii=False) for line in self._lines[-15:])
                    raise TimeoutError(f"the kiosk did not get there in {timeout_s} s:\n{tail}")
                self._news.wait(min(left, 0.1))

    def wait_for_state(
        self, state: str, timeout_s: float, *, after: int = 0, meanwhile: Callable[[], None] | None = None
    ) -> int:
        """Wait until the journey has entered ``state`` (its wire name); see ``wait_for``."""

        def is_entry(line: Line) -> bool:
            return line.get("event") == "state_entered" and line.get("state") == state

        return self.wait_for(is_entry, timeout_s, after=after, meanwhile=meanwhile)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()
        self._reader.join(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Ask it to end, insist after a while; return its exit code. Idempotent.

        One that hangs is aborted, so that the last lines say where each of its threads was.
        """
        for insist in (self._process.terminate, lambda: self._process.send_signal(signal.SIGABRT), self._process.kill):
            with contextlib.suppress(ProcessLookupError):
                insist()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
                break
        code = self._process.wait()
        self._reader.join(STOP_TIMEOUT_S)
        return code

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                try:
                    line = json.loads(raw)
                except ValueError:
                    line = {"message": raw.decode(errors="replace").rstrip(), "logger": "stderr"}
                line["read_at"] = time.monotonic()
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
                if self._on_line:
                    self._on_line(line)
