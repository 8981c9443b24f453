"""The application's side of the sound check: runs it in a child process and ends it when it does not answer."""

from __future__ import annotations

import contextlib
import logging
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import IO, Final

from drivers.contracts import HeadsetPair
from drivers.errors import CancelledError, ErrorCode
from workstation.headset.contract import Result, Suggestion, Transform
from workstation.headset.wire import (
    MAX_LINE_BYTES,
    Again,
    Answer,
    Begin,
    Ended,
    LevelSeen,
    Listen,
    StepBegun,
    WireError,
    encode,
    read_event,
)
from workstation.spawn import module_command

_log = logging.getLogger(__name__)

SILENCE_S: Final = 15.0
"""Levels come ten times a second once the microphone is open; a cold disk takes seconds to load the program."""
_EXIT_S: Final = 2.0


class SoundCheckClient:
    """One sound check after the other. One thread calls ``run``; the rest may come from any other.

    Args:
        command: what to run instead of our program.
        silence_s: how long the child may say nothing.
    """

    def __init__(self, command: Sequence[str] | None = None, *, silence_s: float = SILENCE_S) -> None:
        self._command = command or module_command("workstation.headset")
        self._silence_s = silence_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False

    def run(
        self,
        pair: HeadsetPair,
        transform: Transform,
        on_event: Callable[[StepBegun | LevelSeen], None],
    ) -> Result:
        """Check a headset and return the result; ``on_event`` is called in this thread.

        A child that died, hung or talked nonsense is put down. That is a headset that cannot be used: HEADSET_ABSENT
        before the first step, HEADSET_LOST after it.

        Raises:
            CancelledError: ``cancel`` was called meanwhile.
        """
        begin = Begin(playback=pair.playback.name, capture=pair.capture.name, transform=transform)
        return self._run(begin, on_event)

    def run_unattended(self, pair: HeadsetPair) -> Result:
        """Play a tone and listen with nobody there (``workstation.headset.unattended``). Otherwise as ``run``."""
        return self._run(Listen(playback=pair.playback.name, capture=pair.capture.name), lambda _event: None)

    def _run(self, first: Begin | Listen, on_event: Callable[[StepBegun | LevelSeen], None]) -> Result:
        has_begun = False

        def relay(event: StepBegun | LevelSeen) -> None:
            nonlocal has_begun
            has_begun = True
            on_event(event)

        try:
            process = self._start()
            self._send(first)
            return self._follow(process, relay)
        except (OSError, WireError) as error:
            with self._lock:
                if self._is_cancelled:
                    raise CancelledError from None
            _log.warning("sound check failed: %s", error)
            code = ErrorCode.HEADSET_LOST if has_begun else ErrorCode.HEADSET_ABSENT
            return Result(code=code, suggestion=Suggestion.PLUG)
        finally:
            self._end()

    def answer(self, *, heard: bool) -> None:
        """Say whether the expert heard the tone. Nothing happens when no tone is asked for."""
        self._send(Answer(heard=heard))

    def again(self) -> None:
        """Play the tone once more."""
        self._send(Again())

    def cancel(self) -> None:
        """End the check that runs; ``run`` raises ``CancelledError``."""
        with self._lock:
            if self._process is not None:
                self._is_cancelled = True
                self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._lock:
            self._is_cancelled = False
            process = self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return process

    def _follow(self, process: subprocess.Popen[bytes], on_event: Callable[[StepBegun | LevelSeen], None]) -> Result:
        """Relay events until the result. Raises ``WireError``."""
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_read_lines, args=(process.stdout, lines), name="sound-check", daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=self._silence_s)
            except queue.Empty:
                raise WireError(f"silent for {self._silence_s:g} s") from None
            if not line:
                raise WireError("ended without a result")
            event = read_event(line)
            if isinstance(event, Ended):
                return Result(code=event.code, suggestion=event.suggestion, is_looped=event.is_looped)
            on_event(event)

    def _send(self, message: Begin | Listen | Answer | Again) -> None:
        """Write a command; a child that has gone is noticed by ``run``."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.write(encode(message))
                    self._process.stdin.flush()

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read_lines(stream: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Pass lines on until the stream ends; the last is empty. A line that is too long comes in pieces: no message."""
    with stream, contextlib.suppress(OSError):
        while line := stream.readline(MAX_LINE_BYTES + 1):
            lines.put(line)
    lines.put(b"")
