"""One PC/SC connection, to a card or to its reader, on a thread that may be abandoned."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from smartcard import scard

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.pcsc_status import SUCCESS, device_error, masked

logger = logging.getLogger(__name__)

_CANCEL_CHECK_S: Final = 0.05
_JOIN_TIMEOUT_S: Final = 1.0
_HUNG_JOIN_TIMEOUT_S: Final = 0.1
_MAX_ABANDONED: Final = 3

Answer = tuple[int, bytearray]
"""Result of a PC/SC call, and what it returned."""


class Connection:
    """What PC/SC connected to. Its calls have no time limit, so only a link's thread makes them."""

    def __init__(self, handle: int, protocol: int) -> None:
        self._handle = handle
        self._pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

    def transmit(self, apdu: bytes) -> Answer:
        """Send bytes to the card."""
        hresult, reply = scard.SCardTransmit(self._handle, self._pci, list(apdu))
        return hresult, bytearray(reply)

    def control(self, code: int, data: bytes) -> Answer:
        """Send bytes to the reader's driver."""
        hresult, reply = scard.SCardControl(self._handle, code, list(data))
        return hresult, bytearray(reply)

    def attribute(self, attribute: int) -> Answer:
        """Return what the reader's driver says about itself."""
        hresult, value = scard.SCardGetAttrib(self._handle, attribute)
        return hresult, bytearray(value)

    def atr(self) -> Answer:
        """Return the card's answer to reset."""
        hresult, _reader, _state, _protocol, atr = scard.SCardStatus(self._handle)
        return hresult, bytearray(atr)


class PcscLink:
    """Makes calls on one connection, each with a time limit.

    PC/SC's calls have none: a reader that answers with nothing holds them for ever, and pcscd's lock on the reader
    with them. So they run on a thread with a context of its own. A call that does not return in time is left behind;
    the thread gives its handles back whenever the call does return.
    """

    def __init__(self, reader_name: str, *, to_reader: bool = False) -> None:
        """Connect in the background; a failure is the first call's.

        Args:
            reader_name: PC/SC's name.
            to_reader: connect to the reader whatever lies on it, without powering it; only for control calls.
        """
        self._reader_name = reader_name
        self._to_reader = to_reader
        self._requests: queue.SimpleQueue[Callable[[Connection], Answer] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._is_answer_due = False
        self._thread = threading.Thread(target=self._run, name="idcard-pcsc-link", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread, and perhaps a call in it, still exists."""
        return self._thread.is_alive()

    def call(self, request: Callable[[Connection], Answer], *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Make one call and return its answer. After one that did not return the link can only be closed.

        Raises:
            DeviceError: the connection or the call failed, or did not return in time (CARD_UNREADABLE).
            CancelledError: ``cancel`` was set.
        """
        deadline = time.monotonic() + timeout_s
        self._requests.put(request)
        self._is_answer_due = True
        while True:
            remaining_s = deadline - time.monotonic()
            try:
                hresult, answer = self._answers.get(timeout=max(0.0, min(remaining_s, _CANCEL_CHECK_S)))
            except queue.Empty:
                if cancel.is_cancelled:
                    raise CancelledError from None
                if remaining_s <= 0:
                    raise DeviceError(ErrorCode.CARD_UNREADABLE, "no reply in time") from None
                continue
            self._is_answer_due = False
            if masked(hresult) != SUCCESS:
                raise device_error(masked(hresult))
            return answer

    def close(self) -> None:
        """Disconnect, leaving the card powered. Does not wait for a call that hangs."""
        self._requests.put(None)
        self._thread.join(_HUNG_JOIN_TIMEOUT_S if self._is_answer_due else _JOIN_TIMEOUT_S)

    def _run(self) -> None:
        hresult, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if masked(hresult) == SUCCESS:
            hresult = self._connect_and_serve(context)
            scard.SCardReleaseContext(context)
        if masked(hresult) != SUCCESS:
            self._answers.put((hresult, bytearray()))

    def _connect_and_serve(self, context: int) -> int:
        mode, protocols = scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        if self._to_reader:
            mode, protocols = scard.SCARD_SHARE_DIRECT, 0
        hresult, handle, protocol = scard.SCardConnect(context, self._reader_name, mode, protocols)
        if masked(hresult) != SUCCESS:
            return hresult
        connection = Connection(handle, protocol)
        while (request := self._requests.get()) is not None:
            self._answers.put(request(connection))
        scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
        return SUCCESS


class PcscLinks:
    """Closes links after use, and knows those that were left behind in a call."""

    def __init__(self) -> None:
        self._abandoned: list[PcscLink] = []

    def require_working(self) -> None:
        """Refuse to leave one thread after the other behind in a reader that never answers.

        Raises:
            DeviceError: CARD_READER_BROKEN, not retryable.
        """
        self._abandoned = [link for link in self._abandoned if link.is_running]
        if len(self._abandoned) >= _MAX_ABANDONED:
            raise DeviceError(ErrorCode.CARD_READER_BROKEN, "calls do not return", retryable=False)

    @contextlib.contextmanager
    def closing(self, link: PcscLink) -> Iterator[None]:
        """Close ``link`` at the end."""
        try:
            yield
        finally:
            link.close()
            if link.is_running:
                logger.info("card reader does not answer; its connection is left behind")
                self._abandoned.append(link)

    @contextlib.contextmanager
    def to_card(self, reader_name: str, *, timeout_s: float, cancel: CancelToken) -> Iterator[Callable[[bytes], bytes]]:
        """Give a function that sends the card an APDU and returns its reply; see ``PcscLink.call`` for its errors.

        Args:
            reader_name: PC/SC's name.
            timeout_s: for all APDUs together.
            cancel: ends the one that waits.
        """
        self.require_working()
        deadline = time.monotonic() + timeout_s
        link = PcscLink(reader_name)

        def transmit(apdu: bytes) -> bytes:
            remaining_s = deadline - time.monotonic()
            return bytes(link.call(lambda to: to.transmit(apdu), timeout_s=remaining_s, cancel=cancel))

        with self.closing(link):
            yield transmit
