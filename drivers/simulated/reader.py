"""The drill card reader inside the process, for machines where no PC/SC service of our own can be run."""

from __future__ import annotations

import time
from typing import Final

from drivers.contracts import Assurance, CancelToken, DeviceKind, DeviceState, DeviceStatus, IdCardRecord, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.reader import SdtSession
from drivers.simulated.bench import BenchFile
from drivers.simulated.sam import CardCutError, SamEmulator

_LOOK_INTERVAL_S: Final = 0.05


class SimulatedCardReader:
    """A ``CardReader`` whose card is what the bench says; speaks SDT with the drill SAM like the real one."""

    def __init__(self, bench: BenchFile, sam: SamEmulator | None = None) -> None:
        self._bench = bench
        self._sam = sam or SamEmulator()
        self._status = _status(DeviceState.ABSENT)

    @property
    def status(self) -> DeviceStatus:
        """The state seen last."""
        return self._status

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``; see ``CardReader``."""
        deadline = time.monotonic() + timeout_s
        while True:
            presence = self._look()
            remaining_s = deadline - time.monotonic()
            if presence is not known or remaining_s <= 0:
                return presence
            if cancel.wait(min(remaining_s, _LOOK_INTERVAL_S)):
                return presence

    def read(self, *, timeout_s: float, cancel: CancelToken) -> IdCardRecord:
        """Find, select and read the card that lies there; see ``CardReader``."""
        return SdtSession(self, timeout_s=timeout_s, cancel=cancel).read(Assurance.UNVERIFIED)

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Hand one frame to the drill SAM; see ``SdtTransport``."""
        match self._look():
            case Presence.NO_READER:
                raise DeviceError(ErrorCode.READER_ABSENT)
            case Presence.EMPTY:
                raise DeviceError(ErrorCode.CARD_LIFTED)
            case Presence.CARD:
                pass
        try:
            reply = self._sam.handle(frame)
        except CardCutError as error:
            raise DeviceError(ErrorCode.CARD_LIFTED) from error
        if reply is not None:
            return bytearray(reply)
        if cancel.wait(timeout_s):
            raise CancelledError
        raise DeviceError(ErrorCode.CARD_UNREADABLE, "no reply in time")

    def close(self) -> None:
        """Nothing to give back."""

    def _look(self) -> Presence:
        state = self._bench.read()
        if not state.reader_plugged:
            self._status = _status(DeviceState.ABSENT)
            return Presence.NO_READER
        self._status = _status(DeviceState.READY)
        had_card = self._sam.has_card
        was_swapped = self._sam.follow(state.card) and had_card  # Lifting was too quick to be seen.
        return Presence.CARD if self._sam.has_card and not was_swapped else Presence.EMPTY


def _status(state: DeviceState) -> DeviceStatus:
    return DeviceStatus(kind=DeviceKind.READER, state=state, name="演练读卡器")
