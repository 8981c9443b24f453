"""Feeds the media process: camera frames in, what it says of itself out. Three threads, none of them the screen's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from drivers.contracts import Camera, CancelToken, Frame
from drivers.errors import DeviceError, KioskError
from workstation.conference.contract import Anonymity, MediaAddress, MediaFault, MediaStatus, MediaWish

from .threads import Lane

_log = logging.getLogger(__name__)

FRAME_TIMEOUT_S = 3.0
STATUS_WAIT_S = 0.5
CAMERA_RETRY_S = 1.0
JOIN_TIMEOUT_S = 5.0


class Media(Protocol):
    """The media process as seen from here: one run of it."""

    def start(self, anonymity: Anonymity) -> MediaAddress:
        """Run it and return where the page finds it. Raises ``KioskError``."""

    def wish(self, wish: MediaWish) -> None:
        """Say what is wanted now; lost when the process is gone."""

    def offer(self, frame: Frame) -> bool:
        """Give it the newest picture; false while it is busy."""

    def wait_status(self, timeout_s: float) -> MediaStatus:
        """Wait for its next word, and return what is known then; both faults are PROCESS when it is gone or hangs."""

    def close(self) -> None:
        """End it. Idempotent, from any thread."""


class MediaBridge(QObject):
    """Runs one media process at a time. Signals are emitted in its threads and carry the run they belong to.

    Args:
        make: makes the process's client.
        camera: this bridge's own reader of the camera; open only while the camera is wished.

    Signals:
        started(int run, MediaAddress): the process listens.
        heard(int run, MediaStatus): what it says of itself.
        ended(int run): it could not be started, or died.
    """

    started = Signal(int, object)
    heard = Signal(int, object)
    ended = Signal(int)

    def __init__(self, make: Callable[[], Media], camera: Camera, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make, self._camera = make, camera
        self._run = 0
        self._client: Media | None = None
        self._watching: _Worker | None = None
        self._feeding: _Worker | None = None
        self.lane = Lane("conference-media", self)

    def start(self, anonymity: Anonymity) -> int:
        """Begin a run and return its number; the one before is ended."""
        self._run += 1
        run = self._run
        self.lane.submit(lambda: self._start(run, anonymity))
        return run

    def wish(self, wish: MediaWish) -> None:
        """Say what is wanted of the process from now on."""
        self.lane.submit(lambda: self._wish(wish))

    def end(self) -> None:
        """End the run. Idempotent."""
        self._run += 1
        self.lane.submit(self._end)

    def stop(self) -> None:
        """End the run and the threads; waits for them, for a bounded time."""
        self.end()
        self.lane.drain()
        self.lane.close()

    # --- in the lane's thread ---

    def _start(self, run: int, anonymity: Anonymity) -> None:
        self._end()
        if run != self._run:
            return
        client = self._client = self._make()
        try:
            address = client.start(anonymity)
        except KioskError as error:
            _log.error("the media process did not start: %s", error)
            self._end()
            self.ended.emit(run)
            return
        self._watching = _Worker("conference-status", lambda cancel: self._watch(run, client, cancel))
        self.started.emit(run, address)

    def _wish(self, wish: MediaWish) -> None:
        client = self._client
        if client is None:
            return
        client.wish(wish)
        if wish.camera and self._feeding is None:
            self._feeding = _Worker("conference-frames", lambda cancel: self._feed(client, cancel))
        elif not wish.camera:
            self._stop_feeding()

    def _stop_feeding(self) -> None:
        if self._feeding is not None:
            self._feeding.end()
            self._feeding = None

    def _end(self) -> None:
        self._stop_feeding()
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._watching is not None:
            self._watching.end()
            self._watching = None

    # --- in threads of their own ---

    def _watch(self, run: int, client: Media, cancel: CancelToken) -> None:
        while not cancel.is_cancelled:
            status = client.wait_status(STATUS_WAIT_S)
            if status.video_fault is status.voice_fault is MediaFault.PROCESS:
                if not cancel.is_cancelled:
                    _log.info("the media process is gone or hangs")
                    self.ended.emit(run)
                return
            self.heard.emit(run, status)

    def _feed(self, client: Media, cancel: CancelToken) -> None:
        cancel.on_cancel(self._camera.close)
        while not cancel.is_cancelled:
            try:
                self._camera.open()
                while not cancel.is_cancelled:
                    client.offer(self._camera.read(timeout_s=FRAME_TIMEOUT_S))
            except DeviceError:
                cancel.wait(CAMERA_RETRY_S)  # the health board tells of a camera that is gone
            finally:
                self._camera.close()


class _Worker:
    """A thread for one run."""

    def __init__(self, name: str, body: Callable[[CancelToken], None]) -> None:
        self._cancel = CancelToken()
        self._thread = threading.Thread(target=body, args=(self._cancel,), name=name, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End it and wait for it, for a bounded time."""
        self._cancel.cancel()
        self._thread.join(JOIN_TIMEOUT_S)
