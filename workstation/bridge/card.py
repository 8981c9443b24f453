"""The card reader's thread: watches what lies there, reads only when the journey asks."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Signal

from drivers.contracts import CancelToken, CardReader, PhotoDecoder, Presence
from drivers.errors import CancelledError, DeviceError, ErrorCode, WrongCardError

from .threads import SupervisedLoop

WAIT_S = 5.0


class CardBridge(QObject):
    """Signals are emitted in the reader's thread.

    Signals:
        card_inserted(), card_lifted(): what lies on the reader changed.
        status_observed(DeviceStatus): after every wait, at least every five seconds.
        card_read(int attempt, IdCardRecord, Image | None portrait),
        card_failed(int attempt, ErrorCode, OtherCard | None): the answer to ``read``.
    """

    card_inserted = Signal()
    card_lifted = Signal()
    status_observed = Signal(object)
    card_read = Signal(int, object, object)
    card_failed = Signal(int, object, object)

    def __init__(
        self, reader: CardReader, decoder: PhotoDecoder, *, timeout_s: float, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._reader, self._decoder = reader, decoder
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._wanted: int | None = None
        self._presence = Presence.NO_READER  # what was told last; outlives a driver that breaks
        self._wake = CancelToken()
        self._stopped = CancelToken()
        self._loop = SupervisedLoop("dev-reader", self._run)

    def start(self) -> None:
        """Begin to watch the reader."""
        self._loop.start()

    def read(self, attempt: int) -> None:
        """Read the card that lies there; answered by a signal."""
        self._want(attempt)

    def stop_reading(self) -> None:
        """Forget about the read asked for, or break off the one under way."""
        self._want(None)

    def stop(self) -> None:
        """End the thread and give the reader back."""
        self._stopped.cancel()
        self._want(None)
        self._loop.stop()
        self._reader.close()

    def _want(self, attempt: int | None) -> None:
        with self._lock:
            self._wanted = attempt
            wake, self._wake = self._wake, CancelToken()
        wake.cancel()

    def _run(self, cancel: CancelToken) -> None:
        while not cancel.is_cancelled and not self._stopped.is_cancelled:
            with self._lock:
                wake, wanted = self._wake, self._wanted
            if wanted is not None:
                self._read(wanted, wake)
                continue
            now = self._reader.wait(self._presence, timeout_s=WAIT_S, cancel=wake)
            self.status_observed.emit(self._reader.status)
            if now is not self._presence:
                self._tell(now)

    def _tell(self, now: Presence) -> None:
        before, self._presence = self._presence, now
        if now is Presence.CARD:
            self.card_inserted.emit()
        elif before is Presence.CARD:
            self.card_lifted.emit()

    def _read(self, attempt: int, wake: CancelToken) -> None:
        try:
            record = self._reader.read(timeout_s=self._timeout_s, cancel=wake)
            # Here and not in the GUI thread: a vendor's decoder may take seconds, or for ever up to its limit.
            portrait = self._decoder.decode(record.photo_block)
        except CancelledError:
            return
        except DeviceError as error:
            self._done(attempt)
            self.card_failed.emit(attempt, error.code, error.card if isinstance(error, WrongCardError) else None)
        except Exception:
            self._done(attempt)
            self.card_failed.emit(attempt, ErrorCode.CARD_READER_BROKEN, None)
            raise
        else:
            self._done(attempt)
            self.card_read.emit(attempt, record, portrait)

    def _done(self, attempt: int) -> None:
        with self._lock:
            if self._wanted == attempt:
                self._wanted = None
