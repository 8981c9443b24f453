"""Keeps a headset for whoever talks through it: takes the one that is plugged, and its stand-in when that one goes."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Signal

from drivers.contracts import CancelToken, Headset, HeadsetPair
from drivers.errors import DeviceError

from .threads import SupervisedLoop

LOOK_S = 0.5
"""Longest time that a new wish waits while the sound server is listened to."""


class HeadsetBridge(QObject):
    """One thread owns the headset. Signals are emitted there.

    Args:
        headset: this bridge's own connection to the sound server.

    Signals:
        taken(HeadsetPair): it is the system's default now: the first one, or another one than before.
        lost(): there is none, or none any more. The next one that is plugged is taken by itself.
    """

    taken = Signal(object)
    lost = Signal()

    def __init__(self, headset: Headset, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._headset = headset
        self._wish: object | None = None
        self._wake = threading.Event()
        self._loop = SupervisedLoop("headset-keeper", self._keep)

    def start(self) -> None:
        """Start the thread."""
        self._loop.start()

    def stop(self) -> None:
        """Give the headset back and end the thread."""
        self._wish = None
        self._wake.set()
        self._loop.stop()
        self._headset.close()

    def take(self) -> None:
        """Keep a headset from now on; answered by ``taken`` or ``lost``."""
        self._wish = object()  # each wish is answered, also one that follows a give-back at once
        self._wake.set()

    def give_back(self) -> None:
        """Restore what was the default before. Idempotent."""
        self._wish = None
        self._wake.set()

    def _keep(self, cancel: CancelToken) -> None:
        cancel.on_cancel(self._wake.set)
        while not cancel.is_cancelled:
            wish = self._wish
            if wish is not None:
                self._hold(wish, cancel)
                self._headset.give_back()
            else:
                self._wake.wait()
                self._wake.clear()

    def _hold(self, wish: object, cancel: CancelToken) -> None:
        known: HeadsetPair | None = None
        is_first = True
        while self._wish is wish and not cancel.is_cancelled:
            pair = self._look(known)
            if pair is None and (known is not None or is_first):
                self.lost.emit()
            elif pair is not None and pair != known:
                self.taken.emit(pair)
            known, is_first = pair, False
            self._headset.wait(timeout_s=LOOK_S, cancel=cancel)

    def _look(self, known: HeadsetPair | None) -> HeadsetPair | None:
        """Return the headset that is ours now."""
        pair = self._headset.pair()
        if pair is None or pair == known:
            return pair
        try:
            return self._headset.take()
        except DeviceError:
            return None
