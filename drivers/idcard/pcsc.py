"""ID card readers that take SDT frames through PC/SC: the SAM is the card's other side of ``SCardTransmit``."""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from drivers.contracts import Assurance, CancelToken, DeviceKind, DeviceState, DeviceStatus, IdCardRecord, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.pcsc_link import PcscLink
from drivers.idcard.pcsc_monitor import PcscMonitor
from drivers.idcard.reader import SdtSession

logger = logging.getLogger(__name__)

_MAX_ABANDONED: Final = 3
_REMOVAL_SEEN_WITHIN_S: Final = 0.8
"""pcscd looks for a lifted card every 0.4 s, so a transmit may fail before the removal is known."""


class PcscCardReader:
    """A ``CardReader`` over PC/SC.

    Uses PC/SC's own calls with contexts it can throw away: pyscard's monitors and connections do not survive a
    restart of the service (pyscard issues 82, 128).
    """

    def __init__(self, name_pattern: str, assurance: Assurance) -> None:
        """Make a reference to a reader; nothing is opened yet.

        Args:
            name_pattern: regular expression searched in the readers' PC/SC names; the first match is used.
            assurance: who vouches for what this reader says.
        """
        self._monitor = PcscMonitor(re.compile(name_pattern))
        self._assurance = assurance
        self._abandoned: list[PcscLink] = []
        self._fault = ""
        self._seen_placement: int | None = None
        self._wakes_on: CancelToken | None = None
        self._status = DeviceStatus(kind=DeviceKind.READER, state=DeviceState.ABSENT)

    @property
    def status(self) -> DeviceStatus:
        """The state seen last, without touching the device."""
        return self._status

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``; see ``CardReader``.

        A card that was lifted and put back between two calls is reported as EMPTY once.
        """
        deadline = time.monotonic() + timeout_s
        self._wake_on(cancel)
        remaining_s = 0.0
        while True:
            self._step(remaining_s, cancel)
            presence = self._unseen_change(known)
            remaining_s = deadline - time.monotonic()
            if presence is not known or remaining_s <= 0 or cancel.is_cancelled:
                return presence

    def read(self, *, timeout_s: float, cancel: CancelToken) -> IdCardRecord:
        """Find, select and read the card that lies there; see ``CardReader``."""
        if cancel.is_cancelled:
            raise CancelledError
        if not self._monitor.reader_name:
            self._step(0.0, cancel)
        if not self._monitor.reader_name:
            raise DeviceError(ErrorCode.READER_ABSENT, self._monitor.detail)
        self._require_working_calls()
        link = PcscLink(self._monitor.reader_name)
        try:
            record = SdtSession(link, timeout_s=timeout_s, cancel=cancel).read(self._assurance)
        except DeviceError as error:
            self._note_fault(error)
            if error.code is ErrorCode.CARD_UNREADABLE and "scard" in error.context and self._is_lifted(cancel):
                raise DeviceError(ErrorCode.CARD_LIFTED, str(error), context=error.context) from error
            raise
        else:
            self._fault = ""
            return record
        finally:
            link.close()
            if link.is_running:
                logger.info("card reader does not answer; its connection is left behind")
                self._abandoned.append(link)
            self._update_status()

    def close(self) -> None:
        """Give the reader back. Idempotent."""
        self._monitor.close()

    def _wake_on(self, cancel: CancelToken) -> None:
        # Tokens keep their callbacks for good, so each token gets one, however often it is waited on.
        if cancel is not self._wakes_on:
            self._wakes_on = cancel
            cancel.on_cancel(self._monitor.wake)

    def _step(self, timeout_s: float, cancel: CancelToken) -> None:
        self._monitor.step(timeout_s, cancel)
        if not self._monitor.reader_name:
            self._fault = ""  # What comes back may be another reader.
        self._update_status()

    def _unseen_change(self, known: Presence) -> Presence:
        presence = self._monitor.presence
        if presence is not Presence.CARD:
            self._seen_placement = None
            return presence
        seen, self._seen_placement = self._seen_placement, self._monitor.placement
        was_lifted_unseen = known is Presence.CARD and seen not in {None, self._monitor.placement}
        return Presence.EMPTY if was_lifted_unseen else presence

    def _require_working_calls(self) -> None:
        """Refuse to leave one thread after the other behind in a reader that never answers."""
        self._abandoned = [link for link in self._abandoned if link.is_running]
        if len(self._abandoned) >= _MAX_ABANDONED:
            error = DeviceError(ErrorCode.CARD_READER_BROKEN, "calls do not return", retryable=False)
            self._note_fault(error)
            raise error

    def _is_lifted(self, cancel: CancelToken) -> bool:
        deadline = time.monotonic() + _REMOVAL_SEEN_WITHIN_S
        while self._monitor.presence is Presence.CARD and not cancel.is_cancelled:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return False
            self._step(remaining_s, cancel)
        return True

    def _note_fault(self, error: DeviceError) -> None:
        if error.code is ErrorCode.CARD_READER_BROKEN:
            self._fault = str(error)
            self._update_status()

    def _update_status(self) -> None:
        name = self._monitor.reader_name
        if not name:
            state, detail = DeviceState.ABSENT, self._monitor.detail
        elif self._fault:
            state, detail = DeviceState.FAILED, self._fault
        else:
            state, detail = DeviceState.READY, ""
        self._status = DeviceStatus(kind=DeviceKind.READER, state=state, name=name, detail=detail)
