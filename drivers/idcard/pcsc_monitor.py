"""Watches one PC/SC reader: is it there, and does a card lie on it."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from typing import Final

from smartcard import scard

from drivers.contracts import CancelToken, Presence
from drivers.idcard.pcsc_status import (
    ACCESS_DENIED,
    CANCELLED,
    NO_READERS,
    REFUSED,
    SUCCESS,
    TIMEOUT,
    UNKNOWN_READER,
    absence_detail,
    describe,
    masked,
)

logger = logging.getLogger(__name__)

_PNP_READER: Final = r"\\?PnP?\Notification"
"""Pseudo reader whose state changes when a reader is plugged or unplugged (PC/SC part 5)."""
_SLOT: Final = re.compile(r"(.+ [0-9A-F]{2}) [0-9A-F]{2}")
"""pcsc-lite's name of a reader's slot: product, number of the reader, number of the slot."""
_FIRST_RETRY_S: Final = 0.5
_LAST_RETRY_S: Final = 5.0
_LONGEST_BLOCK_S: Final = 1.0
"""A wake that comes just before SCardGetStatusChange blocks is lost by PC/SC; this bounds the delay."""
_POLL_INTERVAL_S: Final = 0.5
"""How often to look for plugged readers where there is no pseudo reader."""
_GONE: Final = scard.SCARD_STATE_IGNORE | scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE


class PcscMonitor:
    """Follows the first reader whose name matches, through service restarts and unplugging.

    Used by one thread, which owns the context; ``wake`` may come from any other.

    Attributes:
        reader_name: PC/SC's name of the reader, "" while there is none.
        placement: PC/SC's event counter of the reader (upper half of ``dwEventState``); differs between two
            placements of a card even when the lifting between them was not seen.
        atr: the card's answer to reset, ``b""`` without a card or when it gave none.
        detail: why there is no reader, "" otherwise.
    """

    def __init__(self, name_pattern: re.Pattern[str], on_look: Callable[[], None]) -> None:
        """Make a monitor; ``on_look`` is called whenever it has looked."""
        self._name_pattern = name_pattern
        self._on_look = on_look
        self._context: int | None = None
        self._wakes_on: CancelToken | None = None
        self._has_pnp = True
        self._states: dict[str, int] = {}
        self._other_slots: list[str] = []
        self._fixed_cards: set[str] = set()
        self._seen_placement: int | None = None
        self._retry_s = _FIRST_RETRY_S
        self._retry_at = 0.0
        self._is_refused = False
        self.reader_name = ""
        self.placement = 0
        self.atr = b""
        self.detail = describe(NO_READERS)

    @property
    def presence(self) -> Presence:
        """What was seen last."""
        if not self.reader_name:
            return Presence.NO_READER
        return Presence.CARD if self._reader_state & scard.SCARD_STATE_PRESENT else Presence.EMPTY

    @property
    def has_card_elsewhere(self) -> bool:
        """Whether somebody put a card into another slot of the same reader. One that never moved is a SAM."""
        return any(
            self._states.get(name, 0) & scard.SCARD_STATE_PRESENT and name not in self._fixed_cards
            for name in self._other_slots
        )

    @property
    def trouble(self) -> str:
        """What keeps the reader from us and needs a human: its service refuses us, or another program has it."""
        if self._is_refused:
            return self.detail
        return "in use by another program" if self._reader_state & scard.SCARD_STATE_EXCLUSIVE else ""

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``; see ``CardReader``.

        A card that was lifted and put back between two calls is reported as EMPTY once.
        """
        deadline = time.monotonic() + timeout_s
        self._wake_on(cancel)
        remaining_s = 0.0
        while True:
            self.step(remaining_s, cancel)
            presence = self._unseen_change(known)
            remaining_s = deadline - time.monotonic()
            if presence is not known or remaining_s <= 0 or cancel.is_cancelled:
                return presence

    def step(self, timeout_s: float, cancel: CancelToken) -> None:
        """Look, and block for at most ``timeout_s`` while nothing changes. May come back early."""
        if self._context is None:
            self._context = self._establish(timeout_s, cancel)
        if self._context is not None and (self.reader_name or self._find_reader(self._context)):
            is_new = bool(self.reader_name) and self.reader_name not in self._states
            self._await_change(self._context, 0.0 if is_new else min(timeout_s, _LONGEST_BLOCK_S), cancel)
        self._on_look()

    def close(self) -> None:
        """Release the context. Idempotent."""
        if self._context is not None:
            scard.SCardReleaseContext(self._context)
            self._context = None

    @property
    def _reader_state(self) -> int:
        return self._states.get(self.reader_name, scard.SCARD_STATE_UNAWARE)

    def _wake_on(self, cancel: CancelToken) -> None:
        # Tokens keep their callbacks for good, so each token gets one, however often it is waited on.
        if cancel is not self._wakes_on:
            self._wakes_on = cancel
            cancel.on_cancel(self._wake)

    def _wake(self) -> None:
        context = self._context
        if context is not None:
            scard.SCardCancel(context)

    def _unseen_change(self, known: Presence) -> Presence:
        presence = self.presence
        if presence is not Presence.CARD:
            self._seen_placement = None
            return presence
        seen, self._seen_placement = self._seen_placement, self.placement
        was_lifted_unseen = known is Presence.CARD and seen not in {None, self.placement}
        return Presence.EMPTY if was_lifted_unseen else presence

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
        hresult, states = scard.SCardGetStatusChange(context, 0, [(_PNP_READER, scard.SCARD_STATE_UNAWARE)])
        self._has_pnp = masked(hresult) in {SUCCESS, TIMEOUT} and not states[0][1] & _GONE
        return context

    def _find_reader(self, context: int) -> bool:
        """Choose a reader; false when the service is away. No matching reader is a state, not a failure."""
        hresult, names = scard.SCardListReaders(context, [])
        if masked(hresult) not in {SUCCESS, NO_READERS}:
            self._lose_service(masked(hresult))
            return False
        self._retry_s = _FIRST_RETRY_S
        self._is_refused = False
        name = next((name for name in names if self._name_pattern.search(name)), "")
        if name:
            logger.info("card reader found: %s", name)
            self.reader_name, self.detail = name, ""
            self._other_slots = other_slots(name, names)
        else:
            self.detail = _absence_detail(NO_READERS)
        return True

    def _await_change(self, context: int, timeout_s: float, cancel: CancelToken) -> None:
        names = [_PNP_READER] if self._has_pnp else []
        if self.reader_name:
            names += [self.reader_name, *self._other_slots]
        if not names:
            cancel.wait(min(timeout_s, _POLL_INTERVAL_S))
            return
        if not self._has_pnp:
            timeout_s = min(timeout_s, _POLL_INTERVAL_S)
        watched = [(name, self._states.get(name, scard.SCARD_STATE_UNAWARE)) for name in names]
        hresult, states = scard.SCardGetStatusChange(context, int(timeout_s * 1000), watched)
        match masked(hresult):
            case 0:
                self._update(states)
            case other if other == TIMEOUT:  # pcsc-lite does not count it as a change when another program takes hold.
                self._update([seen for seen in states if seen[1]])
            case other if other == UNKNOWN_READER:
                self._lose_reader(other)
            case other if other != CANCELLED:
                self._lose_service(other)

    def _update(self, states: list[tuple[str, int, list[int]]]) -> None:
        for name, state, atr in states:
            is_first_look = name not in self._states
            self._states[name] = state & ~scard.SCARD_STATE_CHANGED
            is_occupied = bool(state & scard.SCARD_STATE_PRESENT)
            if name == self.reader_name:
                self.placement, self.atr = state >> 16, bytes(atr)
            elif not is_occupied:
                self._fixed_cards.discard(name)
            elif is_first_look:
                self._fixed_cards.add(name)
        if self._reader_state & _GONE:
            self._lose_reader(UNKNOWN_READER)

    def _lose_reader(self, hresult: int) -> None:
        if self.reader_name:
            logger.info("card reader lost: %s (%s)", self.reader_name, describe(hresult))
        pnp_state = self._states.get(_PNP_READER, scard.SCARD_STATE_UNAWARE)
        self._states = {_PNP_READER: pnp_state}
        self._other_slots, self._fixed_cards = [], set()
        self.reader_name, self.atr = "", b""
        self.detail = _absence_detail(hresult)

    def _lose_service(self, hresult: int) -> None:
        """A context does not survive its service: drop it, and try a new one later and later."""
        self._lose_reader(hresult)
        self._is_refused = hresult in REFUSED or hresult == ACCESS_DENIED
        self.close()
        self._states.clear()
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)


def other_slots(name: str, names: list[str]) -> list[str]:
    """Return the other slots of the reader that has the slot ``name``, as far as their names tell."""
    own = _SLOT.fullmatch(name)
    if own is None:
        return []
    found = [(other, match) for other in names if (match := _SLOT.fullmatch(other))]
    return [other for other, match in found if match[1] == own[1] and other != name]


def _absence_detail(hresult: int) -> str:
    return absence_detail(hresult, os.environ.get("SESSIONNAME", ""))
