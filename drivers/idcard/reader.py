"""Talking to a SAM over SDT: who it is, one card, and what to do about every status on the way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.contracts import Assurance, CancelToken, IdCardRecord
from drivers.errors import CancelledError, DeviceError, ErrorCode, WrongCardError
from drivers.idcard.record import parse_record
from drivers.idcard.sam import SAM_ID_LENGTH, SamIdentity
from drivers.idcard.sdt import (
    Command,
    FrameError,
    Outcome,
    Reply,
    SamStatus,
    decode_reply,
    encode_command,
    split_base,
    wipe,
)

POLL_INTERVAL_S: Final = 0.25
REPLY_TIMEOUT_S: Final = 5.0
_MAX_RESTARTS: Final = 2
_SELECT_FAILURES_OF_ONE_CARD: Final = 4
"""A card that is being laid down fails once or twice; one second of it means that two answer at the same time."""


class SdtTransport(Protocol):
    """Carries one SDT frame to the SAM and its reply back."""

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send ``frame`` and return the raw reply, which the caller overwrites.

        Raises:
            DeviceError: READER_ABSENT, CARD_LIFTED, or CARD_UNREADABLE when no reply came in time.
            CancelledError: ``cancel`` was set.
        """


class SdtChannel(SdtTransport, Protocol):
    """A transport that stays open between cards: a serial port, a USB device, a vendor's library.

    Attributes:
        name: the product's or system's name of the reader.
        firmware: version of its own software, "" when it does not say.
    """

    name: str
    firmware: str

    def close(self) -> None:
        """Give the device back. Idempotent."""


@dataclass(frozen=True, kw_only=True)
class ReadPolicy:
    """What a booth asks of its reader.

    Attributes:
        assurance: who vouches for what this reader says.
        sam_ids: the SAMs this booth accepts, as ``str(SamIdentity)``; empty accepts any.
        newest_address: also read the address written after a move.
    """

    assurance: Assurance
    sam_ids: frozenset[str] = frozenset()
    newest_address: bool = False


class SdtSession:
    """One talk with the SAM within one time limit.

    The SAM wants find, select, read in this order, and after a good read finds nothing until the card is lifted.
    """

    def __init__(self, transport: SdtTransport, *, timeout_s: float, cancel: CancelToken) -> None:
        self._transport = transport
        self._deadline = time.monotonic() + timeout_s
        self._cancel = cancel
        self._was_found = False

    def identify(self) -> SamIdentity | None:
        """Return who the SAM is, ``None`` when the reader does not tell.

        Raises:
            DeviceError: as ``CardReader.read``.
            CancelledError: the cancel token was set.
        """
        reply = self._command(Command.SAM_ID)
        if reply.status in {SamStatus.SELF_TEST_FAILED, SamStatus.NOT_AUTHORISED}:
            raise _failure(Command.SAM_ID, reply)
        if reply.outcome is not Outcome.DONE or len(reply.data) != SAM_ID_LENGTH:
            return None
        return SamIdentity(raw=bytes(reply.data))

    def is_there(self) -> bool:
        """Whether a card answers, before it was read."""
        return self._done(Command.FIND_CARD) or self._done(Command.FIND_CARD)

    def is_still_there(self) -> bool:
        """Whether the card that was read still lies there; finding would not see it.

        A card without a management number or newest address says so, and that is an answer too.
        """
        return self._command(Command.READ_MANAGEMENT_NUMBER).outcome is Outcome.DONE or self._command(
            Command.READ_NEWEST_ADDRESS
        ).outcome in {Outcome.DONE, Outcome.NO_SUCH_ITEM}

    def read(self, policy: ReadPolicy) -> IdCardRecord:
        """Find, select and read.

        Raises:
            DeviceError: as ``CardReader.read``.
            CancelledError: the cancel token was set.
        """
        restarts = 0
        while True:
            self._find_and_select()
            reply = self._command(Command.READ_BASE)
            if reply.status == SamStatus.SUCCESS:
                return self._record(reply, policy)
            if reply.outcome is not Outcome.START_AGAIN or restarts == _MAX_RESTARTS:
                raise _failure(Command.READ_BASE, reply)
            restarts += 1

    def _find_and_select(self) -> None:
        select_failures = 0
        while True:
            if self._done(Command.FIND_CARD):
                self._was_found = True
                if self._done(Command.SELECT_CARD):
                    return
                select_failures += 1
                if select_failures == _SELECT_FAILURES_OF_ONE_CARD:
                    raise DeviceError(ErrorCode.CARDS_SEVERAL, "found, and never selected")
            self._cancel.wait(min(POLL_INTERVAL_S, max(0.0, self._deadline - time.monotonic())))

    def _done(self, command: Command) -> bool:
        """Send find or select; false when it has to be polled again."""
        reply = self._command(command)
        if reply.outcome is Outcome.DONE:
            return True
        if reply.outcome in {Outcome.NOTHING_THERE, Outcome.START_AGAIN}:
            return False
        raise _failure(command, reply)

    def _record(self, reply: Reply, policy: ReadPolicy) -> IdCardRecord:
        try:
            text, photo = split_base(reply.data)
        except FrameError as error:
            raise DeviceError(ErrorCode.CARD_UNREADABLE, str(error)) from error
        finally:
            wipe(reply.data)
        address = bytearray()
        if policy.newest_address:
            newest = self._command(Command.READ_NEWEST_ADDRESS)
            if newest.outcome is Outcome.DONE:
                address = newest.data
        return parse_record(text, photo, policy.assurance, address)

    def _command(self, command: Command) -> Reply:
        """Send a command; once more when it or its reply was damaged on the line."""
        try:
            reply = self._exchange(command)
            if reply.outcome is not Outcome.SEND_AGAIN:
                return reply
        except FrameError:
            pass
        try:
            return self._exchange(command)
        except FrameError as error:
            raise DeviceError(
                ErrorCode.CARD_UNREADABLE, str(error), context={"command": command.value.hex()}
            ) from error

    def _exchange(self, command: Command) -> Reply:
        if self._cancel.is_cancelled:
            raise CancelledError
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            code = ErrorCode.CARD_LIFTED if self._was_found else ErrorCode.CARD_UNREADABLE
            raise DeviceError(code, "not found in time", context={"command": command.value.hex()})
        raw = self._transport.exchange(
            encode_command(command), timeout_s=min(remaining_s, REPLY_TIMEOUT_S), cancel=self._cancel
        )
        try:
            return decode_reply(raw)
        finally:
            wipe(raw)


def require_accepted(sam: SamIdentity | None, policy: ReadPolicy) -> None:
    """Refuse a SAM that is not on the booth's list; one that does not tell who it is is on no list.

    Raises:
        DeviceError: SAM_NOT_ALLOWED, not retryable.
    """
    if policy.sam_ids and str(sam) not in policy.sam_ids:
        found = str(sam) if sam is not None else "none"
        raise DeviceError(ErrorCode.SAM_NOT_ALLOWED, f"SAM {found}", context={"sam_id": found}, retryable=False)


def _failure(command: Command, reply: Reply) -> DeviceError:
    context: dict[str, str | float] = {"command": command.value.hex(), "status": reply.status}
    match reply.outcome:
        case Outcome.NOTHING_THERE:
            code = ErrorCode.CARD_LIFTED
        case Outcome.WRONG_CARD:
            return WrongCardError(None, f"SAM status {reply.status:02X}", **context)
        case Outcome.READER_UNFIT:
            code = ErrorCode.CARD_READER_BROKEN
        case _:
            code = ErrorCode.CARD_UNREADABLE
    return DeviceError(
        code,
        f"SAM status {reply.status:02X}",
        context=context,
        retryable=code is not ErrorCode.CARD_READER_BROKEN,
    )
