"""What a reader may do for this booth: its SAM is known and accepted before its first record, or it is unfit."""

from __future__ import annotations

from typing import Final

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, IdCardRecord
from drivers.errors import DeviceError, ErrorCode
from drivers.idcard.reader import ReadPolicy, SdtSession, require_accepted
from drivers.idcard.sam import SamIdentity

_UNFIT: Final = frozenset({ErrorCode.CARD_READER_BROKEN, ErrorCode.SAM_NOT_ALLOWED})


class SamGate:
    """Stands before the records of one reader from its opening to its loss, and tells its state."""

    def __init__(self, policy: ReadPolicy) -> None:
        self._policy = policy
        self._sam: SamIdentity | None = None
        self._is_identified = False
        self._fault: ErrorCode | None = None
        self._detail = ""

    def identify(self, session: SdtSession) -> None:
        """Ask the SAM who it is, once per opening. One that is not accepted makes the reader FAILED here.

        Raises:
            DeviceError: as ``SdtSession.identify``; what makes the reader unfit is noted.
            CancelledError: the session's cancel token was set.
        """
        if self._is_identified:
            return
        try:
            self._sam = session.identify()
            self._is_identified = True
            require_accepted(self._sam, self._policy)
        except DeviceError as error:
            self.note(error)
            if error.code is not ErrorCode.SAM_NOT_ALLOWED:
                raise

    def read(self, session: SdtSession) -> IdCardRecord:
        """Read the card, if the SAM is one of the booth's.

        Raises:
            DeviceError: as ``CardReader.read``; what makes the reader unfit is noted.
            CancelledError: the session's cancel token was set.
        """
        self.identify(session)
        require_accepted(self._sam, self._policy)
        try:
            record = session.read(self._policy)
        except DeviceError as error:
            self.note(error)
            raise
        self._fault = None
        return record

    def note(self, error: DeviceError) -> None:
        """Remember an error that makes the reader unfit; others pass with their card, or with another program's end."""
        if error.code in _UNFIT and not error.retryable:
            self._fault, self._detail = error.code, str(error)

    def recover(self) -> None:
        """The SAM works again. One that is not accepted stays so."""
        if self._fault is ErrorCode.CARD_READER_BROKEN:
            self._fault = None

    def forget(self) -> None:
        """The reader went away; what comes back may be another one."""
        self._sam, self._is_identified, self._fault = None, False, None

    def status(
        self, name: str, *, firmware: str = "", absent: str = "", unfit: ErrorCode | None = None
    ) -> DeviceStatus:
        """Return the reader's state.

        Args:
            name: the reader's name, "" when there is none.
            firmware: version of the reader's own software.
            absent: why there is none.
            unfit: what is wrong when it is there and can never be used (a library that is not the pinned one).
        """
        if not name:
            state = DeviceState.FAILED if unfit else DeviceState.ABSENT
            return DeviceStatus(kind=DeviceKind.READER, state=state, detail=absent, code=unfit)
        return DeviceStatus(
            kind=DeviceKind.READER,
            state=DeviceState.FAILED if self._fault else DeviceState.READY,
            name=name,
            detail=self._detail if self._fault else "",
            code=self._fault,
            serial=str(self._sam) if self._sam is not None else "",
            firmware=firmware,
        )
