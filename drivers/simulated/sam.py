"""The security module of the drill card reader: the SDT rules of a real one, and faults on demand."""

from __future__ import annotations

from collections import defaultdict, deque
from enum import Enum, auto
from typing import Final

from drivers.idcard.sam import SamIdentity
from drivers.idcard.sdt import (
    MIN_COMMAND_LENGTH,
    PREAMBLE,
    Command,
    FrameDecoder,
    FrameError,
    SamStatus,
    encode_frame,
)
from drivers.simulated.people import DRILL_CARDS, DrillCard

_CARD_STATUS_WORD: Final = bytes(2)
SAM_ID: Final = SamIdentity(raw=bytes.fromhex("05 00 03 00 D8 B3 34 01 87 D6 12 00 B1 68 DE 3A"))
"""05.03-20231128-0001234567-0987654321, invented."""
PIECE_LENGTH: Final = 32
PIECE_INTERVAL_S: Final = 0.02
_MANAGEMENT_NUMBER: Final = bytes(28)


class Fault(Enum):
    """What can go wrong with a reply, besides its status."""

    BAD_XOR = auto()
    TRUNCATED = auto()
    ZERO_LENGTH = auto()
    GARBAGE_BEFORE = auto()
    WRONG_LENGTH = auto()
    CUT_IN_MIDDLE = auto()
    """The card is lifted while the reply is on its way."""
    SILENT = auto()
    DRIBBLE = auto()
    """The reply comes in pieces of ``PIECE_LENGTH`` bytes every ``PIECE_INTERVAL_S``."""


class CardCutError(Exception):
    """The card was lifted while its reply was on its way.

    Attributes:
        begun: the part of the reply that still arrived.
    """

    def __init__(self, begun: bytes) -> None:
        super().__init__("card lifted while it was read")
        self.begun = begun


class _Step(Enum):
    IDLE = auto()
    FOUND = auto()
    SELECTED = auto()
    READ = auto()


class SamEmulator:
    """A SAM as a function from frame to reply; no thread, no I/O.

    Attributes:
        dribbles: whether the reply just given has to be sent in pieces (fault DRIBBLE).
    """

    def __init__(self) -> None:
        self.dribbles = False
        self._card: DrillCard | None = None
        self._followed: str | None = None
        self._step = _Step.IDLE
        self._faults: defaultdict[Command, deque[Fault | SamStatus]] = defaultdict(deque)

    @property
    def has_card(self) -> bool:
        """Whether a card lies on the reader."""
        return self._card is not None

    def follow(self, card_name: str | None) -> bool:
        """Place or lift a card when the bench's card changed; true when it did.

        A name the drill does not know is no card. Lifting a card ends the faults meant for it. A reader that loses its
        power loses its card too, as seen by the SAM.
        """
        if card_name == self._followed:
            return False
        if self._followed is not None:
            self._faults.clear()
        self._followed = card_name
        self._card = DRILL_CARDS.get(card_name) if card_name is not None else None
        self._step = _Step.IDLE
        return True

    def inject(self, fault: Fault | SamStatus, times: int = 1, *, command: Command = Command.READ_BASE) -> None:
        """Spoil the next ``times`` replies to a command; a status is answered instead of the data."""
        self._faults[command].extend([fault] * times)

    def handle(self, frame: bytes) -> bytes | None:
        """Answer one frame; ``None`` for a reader that keeps silent.

        Raises:
            CardCutError: the card is gone (fault CUT_IN_MIDDLE).
        """
        decoder = FrameDecoder(MIN_COMMAND_LENGTH)
        try:
            payload = decoder.feed(frame)
        except FrameError:
            return _reply(SamStatus.CHECKSUM_ERROR)
        if payload is None:
            return _reply(SamStatus.LENGTH_ERROR)
        try:
            command = Command(bytes(payload))
        except ValueError:
            return _reply(SamStatus.COMMAND_ERROR)
        self.dribbles = False
        if self._faults[command]:
            return self._spoil(self._faults[command].popleft(), command)
        if command is Command.READ_BASE and self._card is not None and self._card.lifted_early:
            return self._spoil(Fault.CUT_IN_MIDDLE, command)
        return self._answer(command)

    def _answer(self, command: Command) -> bytes:
        match command:
            case Command.SAM_STATUS:
                return _reply(SamStatus.SUCCESS)
            case Command.SAM_ID:
                return _reply(SamStatus.SUCCESS, SAM_ID.raw)
            case Command.FIND_CARD:
                return self._find()
            case Command.SELECT_CARD:
                return self._select()
            case Command.READ_BASE:
                return self._read()
            case Command.READ_NEWEST_ADDRESS:
                return self._newest_address()
            case Command.READ_MANAGEMENT_NUMBER:
                if self._is_selected():
                    return _reply(SamStatus.SUCCESS, _MANAGEMENT_NUMBER)
                return _reply(SamStatus.READ_FAILED)

    def _find(self) -> bytes:
        if self._card is None or self._step is _Step.READ:
            return _reply(SamStatus.NO_CARD)
        self._step = _Step.FOUND
        return _reply(SamStatus.CARD_FOUND, bytes(4))

    def _select(self) -> bytes:
        if self._card is None or self._step is not _Step.FOUND:
            return _reply(SamStatus.SELECT_FAILED)
        self._step = _Step.SELECTED
        return _reply(SamStatus.SUCCESS, bytes(8))

    def _read(self) -> bytes:
        if self._card is None or not self._is_selected():
            return _reply(SamStatus.READ_FAILED)
        if self._card.read_status is not SamStatus.SUCCESS:
            self._step = _Step.IDLE
            return _reply(self._card.read_status)
        self._step = _Step.READ
        text, photo = self._card.text, self._card.photo()
        lengths = len(text).to_bytes(2, "big") + len(photo).to_bytes(2, "big")
        return _reply(SamStatus.SUCCESS, lengths + text + photo)

    def _newest_address(self) -> bytes:
        if self._card is None or not self._is_selected():
            return _reply(SamStatus.READ_FAILED)
        if not self._card.newest_address:
            return _reply(SamStatus.NO_SUCH_ITEM)
        return _reply(SamStatus.SUCCESS, self._card.newest_address)

    def _is_selected(self) -> bool:
        return self._step in {_Step.SELECTED, _Step.READ}

    def _spoil(self, fault: Fault | SamStatus, command: Command) -> bytes | None:
        if isinstance(fault, SamStatus):
            self._step = _Step.IDLE
            return _reply(fault)
        reply = self._answer(command)
        match fault:
            case Fault.BAD_XOR:
                return reply[:-1] + bytes([reply[-1] ^ 0xFF])
            case Fault.TRUNCATED:
                return reply[: len(reply) // 2]
            case Fault.ZERO_LENGTH:
                return b""
            case Fault.GARBAGE_BEFORE:
                return b"\x00\xff" + PREAMBLE[:3] + reply
            case Fault.WRONG_LENGTH:
                return PREAMBLE + (len(reply)).to_bytes(2, "big") + reply[len(PREAMBLE) + 2 :]
            case Fault.CUT_IN_MIDDLE:
                self._card = None
                self._step = _Step.IDLE
                raise CardCutError(reply[: len(reply) // 2])
            case Fault.SILENT:
                return None
            case Fault.DRIBBLE:
                self.dribbles = True
                return reply


def _reply(status: SamStatus, data: bytes = b"") -> bytes:
    return encode_frame(_CARD_STATUS_WORD + bytes([status]) + data)
