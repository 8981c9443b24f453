"""ID card readers over PC/SC, whichever way their SAM takes SDT frames (``pcsc_frames``)."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from smartcard import scard

from drivers.contracts import CancelToken, DeviceState, DeviceStatus, IdCardRecord, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode, OtherCard, WrongCardError
from drivers.idcard.atr import is_id_card, is_stored_value_card
from drivers.idcard.gate import SamGate
from drivers.idcard.other_cards import name_card
from drivers.idcard.pcsc_frames import NoSamReplyError, OpenFrames, RawFrames
from drivers.idcard.pcsc_link import PcscLink, PcscLinks
from drivers.idcard.pcsc_monitor import PcscMonitor
from drivers.idcard.pcsc_status import MUTE_CARD, describe
from drivers.idcard.reader import ReadPolicy, SdtSession

_REMOVAL_SEEN_WITHIN_S: Final = 0.8
"""pcscd looks for a lifted card every 0.4 s, so a transmit may fail before the removal is known."""
_NAMING_TIMEOUT_S: Final = 2.0
_VERSION_TIMEOUT_S: Final = 1.0


class PcscCardReader:
    """A ``CardReader`` over PC/SC.

    Uses PC/SC's own calls with contexts it can throw away: pyscard's monitors and connections do not survive a
    restart of the service (pyscard issues 82, 128).
    """

    def __init__(self, name_pattern: str, policy: ReadPolicy, open_frames: OpenFrames = RawFrames) -> None:
        """Make a reference to a reader; nothing is opened yet.

        Args:
            name_pattern: regular expression searched in the readers' PC/SC names; the first match is used.
            policy: what the booth asks of its reader.
            open_frames: makes the way to the SAM, anew for each card.
        """
        self._monitor = PcscMonitor(re.compile(name_pattern), self._update_status)
        self._gate = SamGate(policy)
        self._open_frames = open_frames
        self._links = PcscLinks()
        self._firmware: str | None = None
        self._status = self._gate.status("")

    @property
    def status(self) -> DeviceStatus:
        """The state seen last, without touching the device."""
        return self._status

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``; see ``CardReader``."""
        return self._monitor.wait(known, timeout_s=timeout_s, cancel=cancel)

    def read(self, *, timeout_s: float, cancel: CancelToken) -> IdCardRecord:
        """Find, select and read the card that lies there; see ``CardReader``."""
        if cancel.is_cancelled:
            raise CancelledError
        self._monitor.step(0.0, cancel)
        self._require_card()
        try:
            self._links.require_working()
            return self._read(time.monotonic() + timeout_s, cancel)
        except DeviceError as error:
            told = self._explained(error, cancel)
            self._gate.note(told)
            if told is error:
                raise
            raise told from error
        finally:
            self._update_status()

    def close(self) -> None:
        """Give the reader back. Idempotent."""
        self._monitor.close()

    def _read(self, deadline: float, cancel: CancelToken) -> IdCardRecord:
        atr = self._monitor.atr
        if is_stored_value_card(atr):
            raise WrongCardError(OtherCard.TRANSIT)
        if not is_id_card(atr) and not self._finds_card(deadline, cancel):
            other = self._name_card(cancel)
            if other is not None:
                raise WrongCardError(other)
        with self._session(deadline, cancel) as session:
            return self._gate.read(session)

    def _finds_card(self, deadline: float, cancel: CancelToken) -> bool:
        with self._session(deadline, cancel) as session:
            return session.is_there()

    @contextlib.contextmanager
    def _session(self, deadline: float, cancel: CancelToken) -> Iterator[SdtSession]:
        """Open the way to the SAM, and learn who it is before anything else."""
        frames = self._open_frames(self._monitor.reader_name)
        with self._links.closing(frames.link):
            session = SdtSession(frames, timeout_s=deadline - time.monotonic(), cancel=cancel)
            self._gate.identify(session)
            if self._firmware is None:
                self._firmware = _firmware(frames.link, cancel)
            yield session

    def _require_card(self) -> None:
        match self._monitor.presence:
            case Presence.NO_READER:
                raise DeviceError(ErrorCode.READER_ABSENT, self._monitor.detail)
            case Presence.EMPTY:
                raise DeviceError(ErrorCode.CARD_LIFTED, "no card")
            case Presence.CARD:
                pass

    def _explained(self, error: DeviceError, cancel: CancelToken) -> DeviceError:
        """Return what a failure means, given what PC/SC says about the reader and the card."""
        if isinstance(error, NoSamReplyError):
            if is_id_card(self._monitor.atr):
                context = error.context
                return DeviceError(ErrorCode.CARD_READER_BROKEN, "reader has no SAM", context=context, retryable=False)
            return WrongCardError(self._name_card(cancel), answer=str(error.context["answer"]))
        result = error.context.get("scard")
        # Two cards at once answer like one that is silent.
        is_mute = result in {describe(hresult) for hresult in MUTE_CARD}
        if is_mute or (result is not None and error.code is ErrorCode.CARD_UNREADABLE):
            if self._is_lifted(cancel):
                return DeviceError(ErrorCode.CARD_LIFTED, str(error), context=error.context)
            if is_mute:
                return DeviceError(ErrorCode.CARDS_SEVERAL, "does not answer", context=error.context)
        if error.code is ErrorCode.CARD_UNREADABLE and self._monitor.has_card_elsewhere:
            return DeviceError(ErrorCode.CARDS_SEVERAL, "another slot holds a card", context=error.context)
        return error

    def _name_card(self, cancel: CancelToken) -> OtherCard | None:
        """Ask what lies there.

        Raises:
            DeviceError: it went away, or does not answer.
            CancelledError: ``cancel`` was set.
        """
        name, atr = self._monitor.reader_name, self._monitor.atr
        try:
            with self._links.to_card(name, timeout_s=_NAMING_TIMEOUT_S, cancel=cancel) as transmit:
                return name_card(transmit, atr)
        except DeviceError as error:
            if error.code is ErrorCode.CARD_UNREADABLE:
                return None
            raise

    def _is_lifted(self, cancel: CancelToken) -> bool:
        deadline = time.monotonic() + _REMOVAL_SEEN_WITHIN_S
        while self._monitor.presence is Presence.CARD and not cancel.is_cancelled:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return False
            self._monitor.step(remaining_s, cancel)
        return True

    def _update_status(self) -> None:
        name = self._monitor.reader_name
        if not name:
            self._gate.forget()
            self._firmware = None
        status = self._gate.status(name, firmware=self._firmware or "", absent=self._monitor.detail)
        trouble = self._monitor.trouble
        if trouble:
            code = ErrorCode.CARD_READER_BROKEN if name else ErrorCode.READER_ABSENT
            status = replace(status, state=DeviceState.FAILED, detail=trouble, code=code)
        self._status = status


def _firmware(link: PcscLink, cancel: CancelToken) -> str:
    """Return the version the reader's driver tells, "" when it does not."""
    try:
        value = link.call(
            lambda to: to.attribute(scard.SCARD_ATTR_VENDOR_IFD_VERSION), timeout_s=_VERSION_TIMEOUT_S, cancel=cancel
        )
    except DeviceError as error:
        if "scard" not in error.context:
            raise
        return ""
    return firmware_version(bytes(value))


def firmware_version(value: bytes) -> str:
    """Return SCARD_ATTR_VENDOR_IFD_VERSION as text: a number 0xMMmmbbbb (PC/SC part 3, 3.1), major and minor in BCD."""
    if len(value) != 4:
        return ""
    number = int.from_bytes(value, sys.byteorder)
    return f"{number >> 24:x}.{number >> 16 & 0xFF:02x}.{number & 0xFFFF}"
