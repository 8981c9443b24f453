"""SDT frames: what a host and the security module (SAM) of an ID card reader say to each other.

Frame (GA/T 467-2019 ch. 7, business-terminal interface)::

    host -> SAM:  AA AA AA 96 69 | LEN (2, big-endian) | CMD PARA            | XOR
    SAM -> host:  AA AA AA 96 69 | LEN (2, big-endian) | SW1 SW2 SW3 [data]  | XOR

LEN counts what follows it, XOR included; XOR runs over LEN and payload, so that the XOR of LEN to XOR is zero.
SW1 SW2 is a forwarded card status that differs between SAM versions; only SW3 decides.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Final

PREAMBLE: Final = bytes.fromhex("AA AA AA 96 69")
MIN_COMMAND_LENGTH: Final = 3
MIN_REPLY_LENGTH: Final = 4
MAX_LENGTH: Final = 4096
_HEAD: Final = len(PREAMBLE) + 2


class Command(Enum):
    """CMD and PARA of the commands a host sends."""

    SAM_STATUS = bytes.fromhex("11 FF")
    SAM_ID = bytes.fromhex("12 FF")
    FIND_CARD = bytes.fromhex("20 01")
    SELECT_CARD = bytes.fromhex("20 02")
    READ_BASE = bytes.fromhex("30 01")
    READ_NEWEST_ADDRESS = bytes.fromhex("30 03")
    READ_MANAGEMENT_NUMBER = bytes.fromhex("30 05")


class SamStatus(IntEnum):
    """SW3, the SAM's own status. Readers may send others; those are kept as plain numbers."""

    CHECKSUM_ERROR = 0x10
    LENGTH_ERROR = 0x11
    COMMAND_ERROR = 0x21
    NO_PRIVILEGE = 0x23
    UNRECOGNISED = 0x24
    CARD_AUTHENTICATION_FAILED = 0x31
    SAM_AUTHENTICATION_FAILED = 0x32
    VERIFICATION_FAILED = 0x33
    UNKNOWN_CARD_TYPE = 0x40
    READ_FAILED = 0x41
    RANDOM_FAILED = 0x47
    SELF_TEST_FAILED = 0x60
    NOT_AUTHORISED = 0x66
    NO_CARD = 0x80
    SELECT_FAILED = 0x81
    SUCCESS = 0x90
    NO_SUCH_ITEM = 0x91
    CARD_FOUND = 0x9F


class Outcome(Enum):
    """What a status asks of the host."""

    DONE = auto()
    NOTHING_THERE = auto()
    """No card answered; poll again."""
    SEND_AGAIN = auto()
    """The SAM received the command damaged."""
    START_AGAIN = auto()
    """The session with the card broke; go back to finding it."""
    CARD_REJECTED = auto()
    """Counterfeit, dirty or moved: mutual authentication or verification failed."""
    WRONG_CARD = auto()
    NO_SUCH_ITEM = auto()
    """The card answered, and has nothing of what was asked for."""
    READER_UNFIT = auto()
    """The SAM is broken, not authorised, or lacks the command."""
    UNEXPECTED = auto()


_OUTCOMES: Final[Mapping[int, Outcome]] = {
    SamStatus.SUCCESS: Outcome.DONE,
    SamStatus.CARD_FOUND: Outcome.DONE,
    SamStatus.NO_CARD: Outcome.NOTHING_THERE,
    SamStatus.SELECT_FAILED: Outcome.NOTHING_THERE,
    SamStatus.CHECKSUM_ERROR: Outcome.SEND_AGAIN,
    SamStatus.LENGTH_ERROR: Outcome.SEND_AGAIN,
    SamStatus.READ_FAILED: Outcome.START_AGAIN,
    SamStatus.RANDOM_FAILED: Outcome.START_AGAIN,
    SamStatus.CARD_AUTHENTICATION_FAILED: Outcome.CARD_REJECTED,
    SamStatus.SAM_AUTHENTICATION_FAILED: Outcome.CARD_REJECTED,
    SamStatus.VERIFICATION_FAILED: Outcome.CARD_REJECTED,
    SamStatus.UNKNOWN_CARD_TYPE: Outcome.WRONG_CARD,
    SamStatus.NO_SUCH_ITEM: Outcome.NO_SUCH_ITEM,
    SamStatus.COMMAND_ERROR: Outcome.READER_UNFIT,
    SamStatus.NO_PRIVILEGE: Outcome.READER_UNFIT,
    SamStatus.UNRECOGNISED: Outcome.READER_UNFIT,
    SamStatus.SELF_TEST_FAILED: Outcome.READER_UNFIT,
    SamStatus.NOT_AUTHORISED: Outcome.READER_UNFIT,
}


class FrameError(Exception):
    """Bytes that are no SDT frame. The text names the defect and never quotes the bytes."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply of the SAM.

    Attributes:
        status: SW3.
        data: what follows SW3; personal in replies to READ_BASE.
    """

    status: int
    data: bytearray = field(repr=False)

    @property
    def outcome(self) -> Outcome:
        """What the status asks of the host."""
        return _OUTCOMES.get(self.status, Outcome.UNEXPECTED)


def wipe(buffer: bytearray) -> None:
    """Overwrite a buffer that held personal data."""
    buffer[:] = bytes(len(buffer))


def encode_frame(payload: bytes) -> bytes:
    """Wrap a payload (command, or SW1 SW2 SW3 and data) into a frame."""
    body = (len(payload) + 1).to_bytes(2, "big") + payload
    return PREAMBLE + body + bytes([_xor(body)])


def encode_command(command: Command) -> bytes:
    """Return the frame of a command."""
    return encode_frame(command.value)


class FrameDecoder:
    """Finds frames in a byte stream; bytes may come in any portions.

    Garbage before a preamble is dropped, and so is a preamble whose LEN is impossible.
    """

    def __init__(self, min_length: int = MIN_REPLY_LENGTH) -> None:
        self._min_length = min_length
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray) -> bytearray | None:
        """Add bytes; return the payload of the first complete frame, or ``None`` while more are needed.

        Raises:
            FrameError: a complete frame has a wrong XOR. It is dropped; what follows it is kept.
        """
        self._buffer += data
        while self._seek_preamble():
            length = int.from_bytes(self._buffer[len(PREAMBLE) : _HEAD], "big")
            if not self._min_length <= length <= MAX_LENGTH:
                self._drop(1)
                continue
            end = _HEAD + length
            if len(self._buffer) < end:
                return None
            checksum = _xor(memoryview(self._buffer)[len(PREAMBLE) : end])
            payload = self._buffer[_HEAD : end - 1]
            self._drop(end)
            if checksum:
                wipe(payload)
                raise FrameError("wrong checksum")
            return payload
        return None

    def clear(self) -> None:
        """Forget (and overwrite) what was received so far."""
        self._drop(len(self._buffer))

    def _seek_preamble(self) -> bool:
        """Drop what cannot begin a frame; true when preamble and LEN are there."""
        start = self._buffer.find(PREAMBLE)
        if start < 0:
            self._drop(max(0, len(self._buffer) - len(PREAMBLE) + 1))
            return False
        self._drop(start)
        return len(self._buffer) >= _HEAD

    def _drop(self, count: int) -> None:
        self._buffer[:count] = bytes(count)
        del self._buffer[:count]


def decode_reply(raw: bytes | bytearray) -> Reply:
    """Decode a buffer that should hold one whole reply.

    Raises:
        FrameError: it does not.
    """
    if not raw:
        raise FrameError("empty reply")
    decoder = FrameDecoder()
    try:
        payload = decoder.feed(raw)
    finally:
        decoder.clear()
    if payload is None:
        raise FrameError("no complete frame")
    reply = Reply(status=payload[2], data=payload[3:])
    wipe(payload)
    return reply


def split_base(data: bytearray) -> tuple[bytearray, bytes]:
    """Split the data of a READ_BASE reply into text block and photo block by its two length fields.

    Raises:
        FrameError: the lengths do not fit the data.
    """
    if len(data) < 4:
        raise FrameError("no block lengths")
    text_length = int.from_bytes(data[0:2], "big")
    photo_length = int.from_bytes(data[2:4], "big")
    if len(data) != 4 + text_length + photo_length:
        raise FrameError("block lengths do not fit the data")
    return data[4 : 4 + text_length], bytes(data[4 + text_length :])


def _xor(data: bytes | memoryview) -> int:
    return functools.reduce(operator.xor, data, 0)
