"""The two kinds of background thread: a loop that watches one device for life, and a lane that runs calls in order."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from PySide6.QtCore import QObject, Signal

from drivers.contracts import CancelToken

_log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 5.0
_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class SupervisedLoop:
    """One thread for one device. When the body raises, it is started again after a growing pause.

    Args:
        name: the thread's name, ``dev-…``.
        body: runs until the token is cancelled; returning early means "start again".
    """

    def __init__(self, name: str, body: Callable[[CancelToken], None]) -> None:
        self._body = body
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it, for a bounded time."""
        self._cancel.cancel()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        failures = 0
        while not self._cancel.is_cancelled:
            try:
                self._body(self._cancel)
                failures = 0
            except Exception:  # noqa: BLE001 - the supervisor: whatever a driver raises, the device comes back
                _log.exception("%s failed and is started again", self._thread.name)
                failures += 1
            if self._cancel.wait(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]):
                return


class Lane(QObject):
    """One thread that runs calls one after the other.

    Signals:
        crashed(BaseException): a call raised what nobody expected; the application must stop the journey.
    """

    crashed = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def submit(self, call: Callable[[], None]) -> None:
        """Run ``call`` after the ones before it. Ignored once the lane is closed."""
        try:
            self._executor.submit(self._run, call)
        except RuntimeError:
            _log.debug("a call came after the end of the program")

    def drain(self) -> None:
        """Wait until every call submitted so far has run, for a bounded time."""
        with contextlib.suppress(RuntimeError):  # closed: nothing waits
            wait([self._executor.submit(lambda: None)], STOP_TIMEOUT_S)

    def close(self) -> None:
        """Drop what waits, finish what runs."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - thread entry: everything unforeseen goes to the application
            self.crashed.emit(error)
