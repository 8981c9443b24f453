"""An ID card reader whose channel says nothing by itself: whether a card lies there has to be asked for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from drivers.contracts import CancelToken, DeviceStatus, IdCardRecord, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.gate import SamGate
from drivers.idcard.reader import ReadPolicy, SdtChannel, SdtSession

logger = logging.getLogger(__name__)

_LOOK_INTERVAL_S: Final = 0.3
_LOOK_TIMEOUT_S: Final = 2.0
_FIRST_LOOK_TIMEOUT_S: Final = 5.0
"""A channel may have to find its speed first."""
_FIRST_RETRY_S: Final = 0.5
_LAST_RETRY_S: Final = 5.0


class _Placement(Enum):
    """What the host did with the card that lies there; decides which command can see it."""

    FOUND = auto()
    TRIED = auto()
    """A read was begun; whether the SAM finished it is not known."""
    READ = auto()


class PolledSdtReader:
    """A ``CardReader`` over a channel that stays open between cards (serial port, USB, a vendor's library).

    A SAM finds a card only until it has read it; afterwards only reading more from the card shows that it still lies
    there. So a card that is *found* although it was read is another placement, and is reported as EMPTY once.
    """

    def __init__(self, open_channel: Callable[[], SdtChannel], policy: ReadPolicy) -> None:
        """Make a reference to a reader; nothing is opened yet.

        Args:
            open_channel: opens the channel or raises ``DeviceError(READER_ABSENT)``; asked again after every loss.
            policy: what the booth asks of its reader.
        """
        self._open_channel = open_channel
        self._gate = SamGate(policy)
        self._channel: SdtChannel | None = None
        self._found = ""
        self._absent = ""
        self._unfit: ErrorCode | None = None
        self._presence = Presence.NO_READER
        self._placement = _Placement.FOUND
        self._is_broken = False
        self._retry_s = _FIRST_RETRY_S
        self._retry_at = 0.0
        self._status = self._gate.status("")

    @property
    def status(self) -> DeviceStatus:
        """The state seen last, without touching the device."""
        return self._status

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``; see ``CardReader``."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._look(cancel)
            remaining_s = deadline - time.monotonic()
            if self._presence is not known or remaining_s <= 0:
                return self._presence
            if cancel.wait(min(remaining_s, _LOOK_INTERVAL_S)):
                return self._presence

    def read(self, *, timeout_s: float, cancel: CancelToken) -> IdCardRecord:
        """Find, select and read the card that lies there; see ``CardReader``."""
        if self._presence is not Presence.CARD:
            self._look(cancel)
        if cancel.is_cancelled:
            raise CancelledError
        if self._channel is None:
            raise DeviceError(ErrorCode.READER_ABSENT, self._absent)
        if self._presence is Presence.EMPTY:
            raise DeviceError(ErrorCode.CARD_LIFTED, "nothing there")
        self._placement = _Placement.TRIED
        try:
            record = self._gate.read(SdtSession(self._channel, timeout_s=timeout_s, cancel=cancel))
        except DeviceError as error:
            if error.code is ErrorCode.READER_ABSENT:
                self._lose(error)
            raise
        else:
            self._placement = _Placement.READ
            return record
        finally:
            self._update_status()

    def close(self) -> None:
        """Give the reader back. Idempotent."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _look(self, cancel: CancelToken) -> None:
        """Find out what is there now. Does nothing while a lost reader's next try is not due, or when cancelled."""
        if cancel.is_cancelled or (self._channel is None and time.monotonic() < self._retry_at):
            return
        try:
            if self._channel is None:
                self._channel = self._open_channel()
            timeout_s = _LOOK_TIMEOUT_S if self._found else _FIRST_LOOK_TIMEOUT_S
            session = SdtSession(self._channel, timeout_s=timeout_s, cancel=cancel)
            self._gate.identify(session)
            self._presence = self._seen(session)
            if self._is_broken:
                self._is_broken = False
                self._gate.recover()
        except CancelledError:
            return
        except DeviceError as error:
            self._presence = self._after(error)
        self._update_status()

    def _seen(self, session: SdtSession) -> Presence:
        if self._presence is Presence.CARD and self._placement is not _Placement.FOUND and session.is_still_there():
            self._placement = _Placement.READ
            return Presence.CARD
        is_there = session.is_there()
        was_swapped = self._presence is Presence.CARD and self._placement is _Placement.READ
        self._placement = _Placement.FOUND
        return Presence.CARD if is_there and not was_swapped else Presence.EMPTY

    def _after(self, error: DeviceError) -> Presence:
        """Return what is there after a look that failed; a reader that keeps silent is none."""
        if "status" not in error.context:
            self._lose(error)
            return Presence.NO_READER
        if error.code is ErrorCode.CARD_READER_BROKEN:
            self._is_broken = True
            self._gate.note(error)
            return Presence.EMPTY
        return Presence.CARD

    def _lose(self, error: DeviceError) -> None:
        self.close()
        self._gate.forget()
        self._presence = Presence.NO_READER
        self._absent = str(error).removeprefix(f"{error.code} ")
        self._unfit = error.code if error.code is ErrorCode.CARD_READER_BROKEN and not error.retryable else None
        if self._found:
            logger.info("card reader lost: %s (%s)", self._found, error)
            self._found = ""
            self._retry_s = _FIRST_RETRY_S
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)

    def _update_status(self) -> None:
        if self._channel is None:
            self._status = self._gate.status("", absent=self._absent, unfit=self._unfit)
            return
        if not self._found:
            self._found = self._channel.name
            logger.info("card reader found: %s", self._found)
        self._status = self._gate.status(self._found, firmware=self._channel.firmware)
