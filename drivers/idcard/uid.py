"""A plain contactless reader: it sees that a card lies there and can never say whose it is.

Without a SAM nothing on an ID card can be opened, so the types here have no way to a record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from drivers.contracts import CancelToken, DeviceKind, DeviceState, DeviceStatus, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.other_cards import read_uid
from drivers.idcard.pcsc_link import PcscLinks
from drivers.idcard.pcsc_monitor import PcscMonitor

_DETAIL: Final = "reader has no SAM"


@dataclass(frozen=True, kw_only=True)
class CardSeen:
    """A card lies there.

    Attributes:
        uid: the chip's number, ``b""`` when nobody tells. It can be copied and proves nothing.
    """

    uid: bytes = field(repr=False)


class UidOnlyReader:
    """A ``CardReader`` that has no SAM: ``read`` never returns."""

    def __init__(self, name_pattern: str) -> None:
        """Make a reference to a reader; nothing is opened yet.

        Args:
            name_pattern: regular expression searched in the readers' PC/SC names; the first match is used.
        """
        self._monitor = PcscMonitor(re.compile(name_pattern), self._update_status)
        self._links = PcscLinks()
        self._status = DeviceStatus(kind=DeviceKind.READER, state=DeviceState.ABSENT)

    @property
    def status(self) -> DeviceStatus:
        """The state seen last: DEGRADED at best."""
        return self._status

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``; see ``CardReader``."""
        return self._monitor.wait(known, timeout_s=timeout_s, cancel=cancel)

    def look(self, *, timeout_s: float, cancel: CancelToken) -> CardSeen | None:
        """Return the card that lies there, ``None`` when none does. A card that tells no number is one too.

        Raises:
            CancelledError: ``cancel`` was set.
        """
        if self.wait(Presence.NO_READER, timeout_s=0.0, cancel=cancel) is not Presence.CARD:
            return None
        try:
            with self._links.to_card(self._monitor.reader_name, timeout_s=timeout_s, cancel=cancel) as transmit:
                return CardSeen(uid=read_uid(transmit))
        except DeviceError:
            return CardSeen(uid=b"") if self._monitor.presence is Presence.CARD else None

    def read(self, *, timeout_s: float, cancel: CancelToken) -> NoReturn:  # noqa: ARG002 - the contract's signature
        """Refuse; see ``CardReader``.

        Raises:
            DeviceError: CARD_READER_BROKEN, not retryable.
            CancelledError: ``cancel`` was set.
        """
        if cancel.is_cancelled:
            raise CancelledError
        raise DeviceError(ErrorCode.CARD_READER_BROKEN, _DETAIL, retryable=False)

    def close(self) -> None:
        """Give the reader back. Idempotent."""
        self._monitor.close()

    def _update_status(self) -> None:
        name, trouble = self._monitor.reader_name, self._monitor.trouble
        state, detail = DeviceState.DEGRADED, _DETAIL
        if trouble:
            state, detail = DeviceState.FAILED, trouble
        elif not name:
            state, detail = DeviceState.ABSENT, self._monitor.detail
        self._status = DeviceStatus(kind=DeviceKind.READER, state=state, name=name, detail=detail)
