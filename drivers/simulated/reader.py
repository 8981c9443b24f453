"""The drill card reader inside the process, for machines where no PC/SC service of our own can be run."""

from __future__ import annotations

from typing import Final

from drivers.contracts import Assurance, CancelToken
from drivers.errors import CancelledError, DeviceError, ErrorCode, OtherCard, WrongCardError
from drivers.idcard.polled import PolledSdtReader
from drivers.idcard.reader import ReadPolicy
from drivers.idcard.sdt import Command, SamStatus, encode_command
from drivers.simulated.bench import BenchFile
from drivers.simulated.other_cards import OTHER_CARDS
from drivers.simulated.sam import PIECE_INTERVAL_S, PIECE_LENGTH, CardCutError, SamEmulator

_POLICY: Final = ReadPolicy(assurance=Assurance.UNVERIFIED)
_LOOK_INTERVAL_S: Final = 0.05
_FINDS_OF_A_LOOK: Final = 2
"""The bench changes cards at once. Hands do not: for one look the reader is empty between two cards."""


class SimulatedCardReader(PolledSdtReader):
    """A ``CardReader`` whose card is what the bench says; speaks SDT with the drill SAM like the real one."""

    def __init__(self, bench: BenchFile, sam: SamEmulator | None = None, policy: ReadPolicy = _POLICY) -> None:
        drill_sam = sam or SamEmulator()
        super().__init__(lambda: _BenchChannel(bench, drill_sam), policy)


class _BenchChannel:
    """An ``SdtChannel`` that hands frames to the drill SAM, while the bench says that the reader is plugged in."""

    name: str = "演练读卡器"
    firmware: str = ""

    def __init__(self, bench: BenchFile, sam: SamEmulator) -> None:
        self._bench = bench
        self._sam = sam
        self._other: OtherCard | None = None
        self._look()

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        self._look()
        if self._other is not None and frame == encode_command(Command.FIND_CARD):
            raise WrongCardError(self._other, status=SamStatus.UNKNOWN_CARD_TYPE)
        try:
            reply = self._sam.handle(frame)
        except CardCutError as error:
            raise DeviceError(ErrorCode.CARD_LIFTED) from error
        if reply is None:
            self._pass_time(timeout_s, cancel)
            raise DeviceError(ErrorCode.CARD_UNREADABLE, "no reply in time")
        if self._sam.dribbles:
            self._pass_time(len(reply) / PIECE_LENGTH * PIECE_INTERVAL_S, cancel)
        return bytearray(reply)

    def close(self) -> None:
        """Nothing to give back."""

    def _look(self) -> None:
        state = self._bench.read()
        had_card = self._sam.has_card
        if self._sam.follow(state.card if state.reader_plugged else None) and had_card:
            self._sam.inject(SamStatus.NO_CARD, _FINDS_OF_A_LOOK, command=Command.FIND_CARD)
        if not state.reader_plugged:
            raise DeviceError(ErrorCode.READER_ABSENT, "not plugged in")
        card = state.card
        self._other = OtherCard(card) if card is not None and card in OTHER_CARDS else None

    def _pass_time(self, seconds: float, cancel: CancelToken) -> None:
        for _ in range(round(seconds / _LOOK_INTERVAL_S)):
            if cancel.wait(_LOOK_INTERVAL_S):
                raise CancelledError
            self._look()
