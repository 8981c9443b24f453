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
import time
from enum import Enum, auto
from pathlib import Path
from types import FrameType
from typing import Final

from drivers.idcard.sdt import PREAMBLE, Command, FrameError, SamStatus, decode_reply, encode_command
from drivers.idcard.storage_pages import READ_PAGE, split_pages
from drivers.simulated.bench import BenchFile
from drivers.simulated.other_cards import BARE_ID_CARD, OTHER_CARDS, ScriptedCard
from drivers.simulated.sam import PIECE_INTERVAL_S, PIECE_LENGTH, CardCutError, SamEmulator

DEFAULT_PORT: Final = 0x8C7B

_OPENED_ATR: Final = bytes.fromhex("3B 8F 80 01 80 4F 0C A0 00 00 03 06 07 90 00 00 00 00 00 FF")
_NO_SUCH_INSTRUCTION: Final = bytes.fromhex("6D 00")
_NO_SUCH_PAGE: Final = bytes.fromhex("6A 82")
_CANNOT_READ: Final = bytes.fromhex("64 00")
_OK: Final = bytes.fromhex("90 00")
_CONTROL_LENGTH: Final = 1
_GET_ATR: Final = b"\x04"
_LOOK_INTERVAL_S: Final = 0.05
_MESSAGE_TIMEOUT_S: Final = 1.0


class Shown(Enum):
    """What the reader makes of an ID card."""

    FRAMES = auto()
    """It hands every byte for the card to its SAM."""
    ESCAPES = auto()
    """It hands SDT frames to its SAM, whatever lies there, and the rest to the card."""
    PAGES = auto()
    """It opens the card by itself and shows its record as a memory card's pages."""
    BARE = auto()
    """It has no SAM: the card answers for itself."""


class VpcdCard:
    """The card's end of the connection: connected means lying on the reader."""

    def __init__(self, bench: BenchFile, sam: SamEmulator, port: int, shown: Shown = Shown.FRAMES) -> None:
        self._bench = bench
        self._sam = sam
        self._port = port
        self._shown = shown
        self._pages = _Pages(sam)
        self._other: ScriptedCard | None = None
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
            self._pages = _Pages(self._sam)
            self._other = OTHER_CARDS.get(card) if card is not None else None
        if (self._sam.has_card or self._other is not None) and self._socket is None:
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
                self._send(connection, len(reply).to_bytes(2, "big") + reply)
        except CardCutError as cut:
            connection.sendall((2 * len(cut.begun)).to_bytes(2, "big") + cut.begun)
            self._lift()
        except OSError:
            self._lift()
            self._sam.follow(None)  # The reader went away; it begins anew with the card that lies on it.

    def _send(self, connection: socket.socket, data: bytes) -> None:
        step = PIECE_LENGTH if self._sam.dribbles else len(data)
        for start in range(0, len(data), step):
            if start:
                time.sleep(PIECE_INTERVAL_S)
            connection.sendall(data[start : start + step])

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) == _CONTROL_LENGTH:
            return self._atr() if message == _GET_ATR else None
        if self._shown is Shown.ESCAPES and PREAMBLE in message:
            return self._sam.handle(message)
        if self._other is not None:
            return self._other.answer(message)
        match self._shown:
            case Shown.FRAMES:
                return self._sam.handle(message)
            case Shown.PAGES:
                return self._pages.answer(message)
            case Shown.BARE | Shown.ESCAPES:
                return BARE_ID_CARD.answer(message)

    def _atr(self) -> bytes:
        if self._other is not None:
            return self._other.atr
        return _OPENED_ATR if self._shown is Shown.PAGES else BARE_ID_CARD.atr


class _Pages:
    """The memory of one opened card; the reader fills it from its SAM when it is first asked for."""

    def __init__(self, sam: SamEmulator) -> None:
        self._sam = sam
        self._pages: list[bytes] = []

    def answer(self, apdu: bytes) -> bytes | None:
        if apdu[:2] != READ_PAGE[:2] or len(apdu) != len(READ_PAGE):
            return _NO_SUCH_INSTRUCTION
        if not self._pages:
            reply = self._read_card()
            if not reply:
                return reply
            try:
                opened = decode_reply(reply)
            except FrameError:
                return _CANNOT_READ
            if opened.status != SamStatus.SUCCESS:
                return _CANNOT_READ
            self._pages = split_pages(bytes(opened.data))
        number = apdu[2]
        return self._pages[number] + _OK if number < len(self._pages) else _NO_SUCH_PAGE

    def _read_card(self) -> bytes | None:
        for command in (Command.FIND_CARD, Command.SELECT_CARD):  # Refused once it was read, and not needed then.
            self._sam.handle(encode_command(command))
        return self._sam.handle(encode_command(Command.READ_BASE))


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
