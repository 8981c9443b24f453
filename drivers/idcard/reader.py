"""Reading one card over SDT: find, select, read, and what to do about every status on the way."""

from __future__ import annotations

import time
from typing import Final, Protocol

from drivers.contracts import Assurance, CancelToken, IdCardRecord
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.record import parse_record
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


class SdtTransport(Protocol):
    """Carries one SDT frame to the SAM and its reply back."""

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send ``frame`` and return the raw reply, which the caller overwrites.

        Raises:
            DeviceError: READER_ABSENT, CARD_LIFTED, or CARD_UNREADABLE when no reply came in time.
            CancelledError: ``cancel`` was set.
        """


class SdtSession:
    """One attempt to read the card that lies on the reader, within one time limit.

    The SAM wants find, select, read in this order, and after a good read finds nothing until the card is lifted.
    """

    def __init__(self, transport: SdtTransport, *, timeout_s: float, cancel: CancelToken) -> None:
        self._transport = transport
        self._deadline = time.monotonic() + timeout_s
        self._cancel = cancel
        self._was_found = False

    def read(self, assurance: Assurance) -> IdCardRecord:
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
                return _record(reply, assurance)
            if reply.outcome is not Outcome.START_AGAIN or restarts == _MAX_RESTARTS:
                raise _failure(Command.READ_BASE, reply)
            restarts += 1

    def _find_and_select(self) -> None:
        while True:
            if self._done(Command.FIND_CARD):
                self._was_found = True
                if self._done(Command.SELECT_CARD):
                    return
            self._cancel.wait(min(POLL_INTERVAL_S, max(0.0, self._deadline - time.monotonic())))

    def _done(self, command: Command) -> bool:
        """Send find or select; false when it has to be polled again."""
        reply = self._command(command)
        if reply.outcome is Outcome.DONE:
            return True
        if reply.outcome in {Outcome.NOTHING_THERE, Outcome.START_AGAIN}:
            return False
        raise _failure(command, reply)

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


def _record(reply: Reply, assurance: Assurance) -> IdCardRecord:
    try:
        text, photo = split_base(reply.data)
    except FrameError as error:
        raise DeviceError(ErrorCode.CARD_UNREADABLE, str(error)) from error
    finally:
        wipe(reply.data)
    return parse_record(text, photo, assurance)


def _failure(command: Command, reply: Reply) -> DeviceError:
    match reply.outcome:
        case Outcome.NOTHING_THERE:
            code = ErrorCode.CARD_LIFTED
        case Outcome.WRONG_CARD:
            code = ErrorCode.CARD_WRONG_TYPE
        case Outcome.READER_UNFIT:
            code = ErrorCode.CARD_READER_BROKEN
        case _:
            code = ErrorCode.CARD_UNREADABLE
    return DeviceError(
        code,
        f"SAM status {reply.status:02X}",
        context={"command": command.value.hex(), "status": reply.status},
        retryable=code is not ErrorCode.CARD_READER_BROKEN,
    )
