"""The drill SAM at the other end of a serial line: a pseudo terminal that keeps to its speed."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import time
import tty
from pathlib import Path
from typing import Final

from drivers.idcard.sdt import MIN_COMMAND_LENGTH, FrameDecoder, FrameError, SamStatus, encode_frame
from drivers.simulated.bench import BenchFile
from drivers.simulated.sam import PIECE_INTERVAL_S, PIECE_LENGTH, CardCutError, SamEmulator

_LOOK_INTERVAL_S: Final = 0.02
_PORTION: Final = 4096
_OUTPUT_SPEED: Final = 5
"""Index into what ``termios.tcgetattr`` returns."""
_LIFTED: Final = encode_frame(bytes([0, 0, SamStatus.READ_FAILED]))


class SerialSam:
    """A card reader on a serial port.

    The port appears at ``link`` while the bench says that the reader is plugged in; every plugging makes another
    terminal, as it makes another device of a USB adapter. Like a real line it carries nothing at a wrong speed.
    """

    def __init__(self, bench: BenchFile, sam: SamEmulator, link: Path, baud: int = 115200) -> None:
        self._bench = bench
        self._sam = sam
        self._link = link
        self._speed: int = getattr(termios, f"B{baud}")
        self._decoder = FrameDecoder(MIN_COMMAND_LENGTH)
        self._received = b""
        self._master = self._slave = -1

    def run(self, lifeline: int) -> None:
        """Follow the bench until the file descriptor ``lifeline`` ends (a pipe whose writer went away)."""
        try:
            while True:
                self._follow_bench()
                watched = [lifeline] if self._master < 0 else [lifeline, self._master]
                readable, _, _ = select.select(watched, [], [], _LOOK_INTERVAL_S)
                if lifeline in readable and not os.read(lifeline, 64):
                    return
                if self._master in readable:
                    self._serve(os.read(self._master, _PORTION))
        finally:
            self._unplug()

    def _follow_bench(self) -> None:
        state = self._bench.read()
        self._sam.follow(state.card if state.reader_plugged else None)
        if state.reader_plugged and self._master < 0:
            self._plug()
        elif not state.reader_plugged and self._master >= 0:
            self._unplug()

    def _plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))

    def _unplug(self) -> None:
        if self._master >= 0:
            self._link.unlink(missing_ok=True)
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1
            self._decoder.clear()
            self._received = b""

    def _serve(self, data: bytes) -> None:
        if termios.tcgetattr(self._master)[_OUTPUT_SPEED] != self._speed:
            return
        self._received += data
        try:
            if self._decoder.feed(data) is None:
                return
        except FrameError:
            pass  # The SAM says so itself.
        frame, self._received = self._received, b""
        try:
            reply = self._sam.handle(frame)
        except CardCutError:
            reply = _LIFTED  # A SAM has the whole card before it begins to answer.
        if reply:
            self._send(reply)

    def _send(self, reply: bytes) -> None:
        length = PIECE_LENGTH if self._sam.dribbles else len(reply)
        for start in range(0, len(reply), length):
            if not self._bench.read().reader_plugged:
                return
            with contextlib.suppress(BlockingIOError):  # Nobody reads; a line does not wait.
                os.write(self._master, reply[start : start + length])
            if self._sam.dribbles:
                time.sleep(PIECE_INTERVAL_S)
