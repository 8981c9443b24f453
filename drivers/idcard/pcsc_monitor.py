"""Watches one PC/SC reader: is it there, and does a card lie on it."""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from smartcard import scard

from drivers.contracts import CancelToken, Presence
from drivers.idcard.pcsc_status import (
    CANCELLED,
    NO_READERS,
    SUCCESS,
    TIMEOUT,
    UNKNOWN_READER,
    describe,
    masked,
)

logger = logging.getLogger(__name__)

_PNP_READER: Final = r"\\?PnP?\Notification"
"""Pseudo reader whose state changes when a reader is plugged or unplugged (PC/SC part 5)."""
_FIRST_RETRY_S: Final = 0.5
_LAST_RETRY_S: Final = 5.0
_LONGEST_BLOCK_S: Final = 1.0
"""A wake that comes just before SCardGetStatusChange blocks is lost by PC/SC; this bounds the delay."""
_GONE: Final = scard.SCARD_STATE_IGNORE | scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE


class PcscMonitor:
    """Follows the first reader whose name matches, through service restarts and unplugging.

    Used by one thread, which owns the context; ``wake`` may come from any other.

    Attributes:
        reader_name: PC/SC's name of the reader, "" while there is none.
        placement: PC/SC's event counter of the reader (upper half of ``dwEventState``); differs between two
            placements of a card even when the lifting between them was not seen.
        detail: why there is no reader, "" otherwise.
    """

    def __init__(self, name_pattern: re.Pattern[str]) -> None:
        self._name_pattern = name_pattern
        self._context: int | None = None
        self._reader_state = scard.SCARD_STATE_UNAWARE
        self._pnp_state = scard.SCARD_STATE_UNAWARE
        self._retry_s = _FIRST_RETRY_S
        self._retry_at = 0.0
        self.reader_name = ""
        self.placement = 0
        self.detail = describe(NO_READERS)

    @property
    def presence(self) -> Presence:
        """What was seen last."""
        if not self.reader_name:
            return Presence.NO_READER
        return Presence.CARD if self._reader_state & scard.SCARD_STATE_PRESENT else Presence.EMPTY

    def step(self, timeout_s: float, cancel: CancelToken) -> None:
        """Look, and block for at most ``timeout_s`` while nothing changes. May come back early."""
        if self._context is None:
            self._context = self._establish(timeout_s, cancel)
        if self._context is None:
            return
        if not self.reader_name and not self._find_reader(self._context):
            return
        is_new = bool(self.reader_name) and self._reader_state == scard.SCARD_STATE_UNAWARE
        self._await_change(self._context, 0.0 if is_new else min(timeout_s, _LONGEST_BLOCK_S))

    def wake(self) -> None:
        """End a blocking ``step``. Does not block."""
        context = self._context
        if context is not None:
            scard.SCardCancel(context)

    def close(self) -> None:
        """Release the context. Idempotent."""
        if self._context is not None:
            scard.SCardReleaseContext(self._context)
            self._context = None

    def _establish(self, timeout_s: float, cancel: CancelToken) -> int | None:
        pause_s = self._retry_at - time.monotonic()
        if pause_s > 0:
            cancel.wait(min(pause_s, timeout_s))
            if pause_s > timeout_s or cancel.is_cancelled:
                return None
        hresult, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if masked(hresult) != SUCCESS:
            self._lose_service(masked(hresult))
            return None
        return context

    def _find_reader(self, context: int) -> bool:
        """Choose a reader; false when the service is away. No matching reader is a state, not a failure."""
        hresult, names = scard.SCardListReaders(context, [])
        if masked(hresult) not in {SUCCESS, NO_READERS}:
            self._lose_service(masked(hresult))
            return False
        self._retry_s = _FIRST_RETRY_S
        name = next((name for name in names if self._name_pattern.search(name)), "")
        if name:
            logger.info("card reader found: %s", name)
            self.reader_name, self.detail = name, ""
            self._reader_state = scard.SCARD_STATE_UNAWARE
        else:
            self.detail = describe(NO_READERS)
        return True

    def _await_change(self, context: int, timeout_s: float) -> None:
        watched = [(_PNP_READER, self._pnp_state)]
        if self.reader_name:
            watched.append((self.reader_name, self._reader_state))
        hresult, states = scard.SCardGetStatusChange(context, int(timeout_s * 1000), watched)
        match masked(hresult):
            case 0:
                self._update({name: state for name, state, _atr in states})
            case other if other == UNKNOWN_READER:
                self._lose_reader(other)
            case other if other not in {TIMEOUT, CANCELLED}:
                self._lose_service(other)

    def _update(self, states: dict[str, int]) -> None:
        self._pnp_state = states[_PNP_READER] & ~scard.SCARD_STATE_CHANGED
        if not self.reader_name:
            return
        state = states[self.reader_name] & ~scard.SCARD_STATE_CHANGED
        if state & _GONE:
            self._lose_reader(UNKNOWN_READER)
            return
        self._reader_state = state
        self.placement = state >> 16

    def _lose_reader(self, hresult: int) -> None:
        if self.reader_name:
            logger.info("card reader lost: %s (%s)", self.reader_name, describe(hresult))
        self.reader_name = ""
        self.detail = describe(hresult)

    def _lose_service(self, hresult: int) -> None:
        """A context does not survive its service: drop it, and try a new one later and later."""
        self._lose_reader(hresult)
        self.close()
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)
