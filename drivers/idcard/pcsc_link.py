"""One PC/SC connection to the card that lies on the reader, on a thread that may be abandoned."""

from __future__ import annotations

import queue
import threading
import time
from typing import Final

from smartcard import scard

from drivers.contracts import CancelToken
from drivers.errors import CancelledError, DeviceError, ErrorCode
from drivers.idcard.pcsc_status import SUCCESS, device_error, masked

_CANCEL_CHECK_S: Final = 0.05
_JOIN_TIMEOUT_S: Final = 1.0
_HUNG_JOIN_TIMEOUT_S: Final = 0.1


class PcscLink:
    """Carries SDT frames unchanged through ``SCardTransmit`` (implements ``SdtTransport``).

    ``SCardConnect`` and ``SCardTransmit`` have no time limit: a reader that answers with nothing holds them for
    ever, and pcscd's lock on the reader with them. So they run on a thread with a context of its own. A call that
    does not return in time is left behind; the thread gives its handles back whenever the call does return.
    """

    def __init__(self, reader_name: str) -> None:
        self._reader_name = reader_name
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[tuple[int, bytearray]] = queue.SimpleQueue()
        self._is_answer_due = False
        self._thread = threading.Thread(target=self._run, name="idcard-pcsc-link", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread, and perhaps a call in it, still exists."""
        return self._thread.is_alive()

    def exchange(self, frame: bytes, *, timeout_s: float, cancel: CancelToken) -> bytearray:
        """Send one frame and return the raw reply; see ``SdtTransport``."""
        deadline = time.monotonic() + timeout_s
        self._requests.put(frame)
        self._is_answer_due = True
        while True:
            remaining_s = deadline - time.monotonic()
            try:
                hresult, reply = self._replies.get(timeout=max(0.0, min(remaining_s, _CANCEL_CHECK_S)))
            except queue.Empty:
                if cancel.is_cancelled:
                    raise CancelledError from None
                if remaining_s <= 0:
                    raise DeviceError(ErrorCode.CARD_UNREADABLE, "no reply in time") from None
                continue
            self._is_answer_due = False
            if hresult != SUCCESS:
                raise device_error(hresult)
            return reply

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
            self._replies.put((masked(hresult), bytearray()))

    def _connect_and_serve(self, context: int) -> int:
        hresult, card, protocol = scard.SCardConnect(
            context,
            self._reader_name,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        if masked(hresult) != SUCCESS:
            return hresult
        pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        while (frame := self._requests.get()) is not None:
            hresult, reply = scard.SCardTransmit(card, pci, list(frame))
            self._replies.put((masked(hresult), bytearray(reply)))
        scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
        return SUCCESS
