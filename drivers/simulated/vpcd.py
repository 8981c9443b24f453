"""The drill card for the PC/SC test driver vpcd: a process that lies on the virtual reader while the bench says so.

Wire (vsmartcard, virtualsmartcard/doc/api.txt): every message is a big-endian length of two bytes and a body. A body
of one byte is control: 0 power off, 1 power on, 2 reset (no reply), 4 asks for the ATR. Anything else is for the card.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from drivers.simulated.bench import BenchFile
from drivers.simulated.sam import CardCutError, SamEmulator

DEFAULT_PORT: Final = 0x8C7B

# "Resident Identity Card of PRC" in pcsc-tools' list: a type B card by PC/SC part 3.
_ATR: Final = bytes.fromhex("3B 88 80 01 D1 03 86 05 00 80 80 00 58")
_CONTROL_LENGTH: Final = 1
_GET_ATR: Final = b"\x04"
_LOOK_INTERVAL_S: Final = 0.05
_MESSAGE_TIMEOUT_S: Final = 1.0


class VpcdCard:
    """The card's end of the connection: connected means lying on the reader."""

    def __init__(self, bench: BenchFile, sam: SamEmulator, port: int) -> None:
        self._bench = bench
        self._sam = sam
        self._port = port
        self._socket: socket.socket | None = None

    def run(self, lifeline: int) -> None:
        """Follow the bench until the file descriptor ``lifeline`` ends (a pipe whose writer went away)."""
        try:
            while True:
                self._follow_bench()
                watched = [lifeline] if self._socket is None else [lifeline, self._socket.fileno()]
                readable, _, _ = select.select(watched, [], [], _LOOK_INTERVAL_S)
                if lifeline in readable and not os.read(lifeline, 64):
                    return
                if self._socket is not None and self._socket.fileno() in readable:
                    self._serve(self._socket)
        finally:
            self._lift()

    def _follow_bench(self) -> None:
        card = self._bench.read().card
        if self._sam.follow(card):
            self._lift()
        if self._sam.has_card and self._socket is None:
            self._place()

    def _place(self) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_MESSAGE_TIMEOUT_S)
        except OSError:
            return  # No service now; the next look tries again.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _lift(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _serve(self, connection: socket.socket) -> None:
        try:
            message = _receive(connection, int.from_bytes(_receive(connection, 2), "big"))
            reply = self._answer(message)
            if reply is not None:
                connection.sendall(len(reply).to_bytes(2, "big") + reply)
        except CardCutError as cut:
            connection.sendall((2 * len(cut.begun)).to_bytes(2, "big") + cut.begun)
            self._lift()
        except OSError:
            self._lift()

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) == _CONTROL_LENGTH:
            return _ATR if message == _GET_ATR else None
        return self._sam.handle(message)


def _receive(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        # vpcd sends length and body apart; without this, each waits 40 ms for a delayed acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = connection.recv(length - len(received))
        if not part:
            raise ConnectionResetError
        received += part
    return received


def _exit_on_signal(_signal_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Run the drill card until standard input closes or SIGTERM comes."""
    parser = argparse.ArgumentParser(prog="python -m drivers.simulated.vpcd", description=main.__doc__)
    parser.add_argument("--bench", type=Path, required=True, help="bench state file")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="TCP port of vpcd's first slot")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _exit_on_signal)
    VpcdCard(BenchFile(arguments.bench), SamEmulator(), arguments.port).run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
