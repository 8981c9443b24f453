"""One camera for several readers: opened for the first, closed after the last, each picture handed to all."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import Final

from drivers.camera.facts import FrameWatch
from drivers.camera.rate import Pace
from drivers.contracts import Camera, DeviceStatus, Frame
from drivers.errors import DeviceError, ErrorCode

_log = logging.getLogger(__name__)

FRAME_TIMEOUT_S: Final = 3.0
"""Longest wait for a frame before the camera counts as lost."""
HANG_TIMEOUT_S: Final = 5.0
"""How long a new capture waits for the one before to let go of the device."""
OPEN_TIMEOUT_S: Final = 14.0
"""Longest ``open`` of a reader: longer than a capture waits for the one before and then for the camera."""
RELEASE_TIMEOUT_S: Final = 1.5
"""How long the last reader's ``close`` waits for the device to be closed; one that hangs is left behind."""


class CameraHub:
    """Hands the frames of one ``Camera`` to readers, each of them a ``Camera`` for one thread.

    The hub never opens a lost camera again by itself: every reader gets the loss as ``CAMERA_LOST``, and the next
    ``open`` of any reader tries again, as with a camera of one's own. So the lamp of a camera never lights unasked, and
    the pace of retries is the reader's.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._device = threading.Lock()
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._is_lost = False

    def reader(self, max_fps: float | None = None) -> HubReader:
        """Return a reader that gets every frame it comes in time for, or no more than ``max_fps`` of them a second."""
        return HubReader(self, self._lock, max_fps)

    def present(self) -> DeviceStatus:
        """See ``Camera.present``."""
        return self._camera.present()

    def join(self, reader: HubReader) -> _Session:
        """Add a reader to the capture under way, or begin one. Called by the reader, under the lock."""
        session = self._session
        if session is not None:
            session.readers.add(reader)
            return session
        self._session = session = _Session(reader)
        threading.Thread(target=self._capture, args=(session,), name="camera-hub", daemon=True).start()
        return session

    def leave(self, reader: HubReader, session: _Session) -> bool:
        """Take a reader out; true when it was the last. Called by the reader, under the lock."""
        session.readers.discard(reader)
        if session.readers or session is not self._session:
            return False
        self._session = None
        return True

    def _capture(self, session: _Session) -> None:
        try:
            if not self._device.acquire(timeout=HANG_TIMEOUT_S):
                raise _lost("the capture before has not ended")
            try:
                if session.readers:
                    self._serve(session)
            finally:
                self._device.release()
        except Exception as error:
            if not self._fail(session, error):
                raise
        finally:
            session.ended.set()

    def _serve(self, session: _Session) -> None:
        try:
            self._camera.open()
            with self._lock:
                session.is_open = True
                for reader in session.readers:
                    reader.changed.notify_all()
            if self._is_lost:
                self._is_lost = False
                _log.info("camera is back")
            watch = FrameWatch()
            while session.readers:
                frame = self._camera.read(timeout_s=FRAME_TIMEOUT_S)
                frame.image.setflags(write=False)
                frame = replace(frame, facts=watch.look(frame))
                with self._lock:
                    for reader in session.readers:
                        reader.offer(frame)
        finally:
            self._camera.close()

    def _fail(self, session: _Session, error: Exception) -> bool:
        """Tell the readers; false when the error is a defect and nobody is left to hear of it."""
        with self._lock:
            is_heard = bool(session.readers)
            # Anew: the traceback of a loss holds the last pictures.
            session.failure = _again(error) if isinstance(error, DeviceError) else error
            for reader in session.readers:
                reader.end()
            if session is self._session:
                self._session = None
        if not isinstance(error, DeviceError):
            return is_heard
        if not self._is_lost:
            self._is_lost = True
            _log.info("camera is lost: %s", error.context.get("reason", error))
        return True


class _Session:
    """One time that the camera is open, or being opened. Its hub's lock guards everything but ``ended``."""

    def __init__(self, first: HubReader) -> None:
        self.readers = {first}
        self.is_open = False
        self.failure: Exception | None = None
        self.ended = threading.Event()


class HubReader:
    """A ``Camera`` that shares the real one. Made by ``CameraHub.reader``; one thread uses it, any may close it.

    Frames are the same arrays for every reader and cannot be written to. A reader that comes late gets the newest frame
    only and delays nobody. ``timeout_s`` of ``read`` counts from the moment that ``max_fps`` allows the next frame.
    """

    def __init__(self, hub: CameraHub, lock: threading.Lock, max_fps: float | None) -> None:
        self._hub = hub
        self._lock = lock
        self.changed = threading.Condition(lock)
        self._pace = Pace(max_fps)
        self._session: _Session | None = None
        self._frame: Frame | None = None

    def present(self) -> DeviceStatus:
        """See ``Camera.present``."""
        return self._hub.present()

    def open(self) -> None:
        """See ``Camera.open``. Returns at once where another reader has opened the camera already."""
        self.close()
        with self._lock:
            self._session = session = self._hub.join(self)
            self.changed.wait_for(lambda: session.is_open or self._is_over(session), OPEN_TIMEOUT_S)
            is_open = session.is_open and not self._is_over(session)
        if not is_open:
            raise self._ended(session, "not open in time")

    def read(self, *, timeout_s: float) -> Frame:
        """See ``Camera.read``. Each frame is returned once; afterwards a reader that met a loss is closed."""
        with self._lock:
            session = self._session
            if session is None:
                raise _lost("not open")
            wait_s = self._pace.wait_s(time.monotonic()) + timeout_s
            self.changed.wait_for(lambda: self._frame is not None or self._is_over(session), wait_s)
            frame, self._frame = self._frame, None
            if frame is not None:
                self._pace.take(frame.captured_at)
                return frame
        raise self._ended(session, f"no frame in {timeout_s} s")

    def close(self) -> None:
        """See ``Camera.close``. The last reader waits for the device to be closed, for a bounded time."""
        with self._lock:
            session, self._session, self._frame = self._session, None, None
            is_last = session is not None and self._hub.leave(self, session)
            self.changed.notify_all()
        if session is not None and is_last:
            session.ended.wait(RELEASE_TIMEOUT_S)

    def offer(self, frame: Frame) -> None:
        """Take the newest frame if it is time for one. Called by the hub under the lock."""
        if not self._pace.wait_s(frame.captured_at):
            self._frame = frame
            self.changed.notify_all()

    def end(self) -> None:
        """Forget the frame nobody came for; the capture failed. Called by the hub under the lock."""
        self._frame = None
        self.changed.notify_all()

    def _is_over(self, session: _Session) -> bool:
        return session.failure is not None or self._session is not session

    def _ended(self, session: _Session, reason: str) -> Exception:
        """Close; return what ended the capture, an error of its own for each reader, else ``reason``."""
        self.close()
        failure = session.failure
        if failure is None:
            return _lost(reason)
        if isinstance(failure, DeviceError):
            return _again(failure)
        error = RuntimeError("the camera's capture ended")
        error.__cause__ = failure
        return error


def _again(error: DeviceError) -> DeviceError:
    return DeviceError(error.code, context=error.context)


def _lost(reason: str) -> DeviceError:
    return DeviceError(ErrorCode.CAMERA_LOST, context={"reason": reason})
