"""Cameras through ``cv2.VideoCapture``: a V4L2 device, or a video file or image sequence played in a loop."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, Frame
from drivers.errors import DeviceError, ErrorCode

_log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 8.0
"""UVC cameras take up to 3 s to their first frame when the exposure settles."""
_RELEASE_TIMEOUT_S = 1.0


class OpenCvCamera:
    """``Camera`` on a device index or path ("/dev/video0"), a video file, or a printf pattern ("frame-%03d.png").

    Args:
        source: see above.
        width: pixels to ask the device for; it may give another size. A file keeps its own.
        height: as ``width``.
        fps: frames per second to ask the device for, or to play the file at.
    """

    def __init__(self, source: int | str, width: int = 640, height: int = 480, fps: float = 30) -> None:
        self._source = source
        self._size = (width, height)
        self._fps = fps
        self._capture: _Capture | None = None
        self._is_lost = False

    def present(self) -> DeviceStatus:
        """See ``Camera.present``. Outside Linux an index cannot be checked unopened: READY until a capture fails."""
        path = _device_path(self._source)
        if path is None:
            is_there = not self._is_lost if isinstance(self._source, int) else _file_exists(self._source)
            return _status(DeviceState.READY if is_there else DeviceState.ABSENT, "", self._size)
        if not path.exists():
            return _status(DeviceState.ABSENT, "", self._size)
        # A device is only asked for its name here; opening it would light the privacy lamp.
        name_file = Path("/sys/class/video4linux") / path.name / "name"
        name = name_file.read_text(errors="replace").strip() if name_file.is_file() else ""
        is_allowed = os.access(path, os.R_OK | os.W_OK)
        return _status(DeviceState.READY if is_allowed else DeviceState.FAILED, name, self._size)

    def open(self) -> None:
        """See ``Camera.open``. Returns with the first frame at hand."""
        self.close()
        self._capture = _Capture(self._source, self._size, self._fps)
        self._capture.start()
        if not self._capture.wait_for_frame(OPEN_TIMEOUT_S):
            raise self._lost()
        if self._is_lost:
            self._is_lost = False
            _log.info("camera is back: %s", self._source)

    def read(self, *, timeout_s: float) -> Frame:
        """See ``Camera.read``. Each frame is returned once; frames nobody came for in time are skipped."""
        frame = self._capture.take(timeout_s) if self._capture else None
        if frame is None:
            raise self._lost()
        return frame

    def close(self) -> None:
        """See ``Camera.close``. A device that hangs is let go of by the capture thread when it wakes up."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.stop()

    def _lost(self) -> DeviceError:
        reason = self._capture.failure if self._capture else "not open"
        self.close()
        if not self._is_lost:
            self._is_lost = True
            _log.info("camera is lost: %s (%s)", self._source, reason)
        return DeviceError(ErrorCode.CAMERA_LOST, context={"source": self._source, "reason": reason})


class _Capture(threading.Thread):
    """Reads frames and holds the newest one.

    A thread of its own, unlike in other drivers, because ``VideoCapture.read`` has no time limit: it blocks for
    ten seconds when a USB camera stops answering, for ever with some drivers. The caller waits here with a
    deadline instead and can leave the blocked thread behind. It also keeps the device's queue empty, so that a
    slow caller sees the present and not the past.
    """

    def __init__(self, source: int | str, size: tuple[int, int], fps: float) -> None:
        super().__init__(name="camera-capture", daemon=True)
        self._source = source
        self._size = size
        self._fps = fps
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self.failure = ""

    def wait_for_frame(self, timeout_s: float) -> bool:
        """Say whether a frame is there within the time."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame or self.failure, timeout_s)
            if self._frame is None and not self.failure:
                self.failure = f"no frame in {timeout_s} s"
            return self._frame is not None

    def take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not taken yet, or ``None`` when none comes in time (``failure`` says why)."""
        with self._changed:
            is_there = self.wait_for_frame(timeout_s)
            frame, self._frame = self._frame, None
            return frame if is_there else None

    def stop(self) -> None:
        """End the capture and give the device back; leaves the thread behind when the device hangs."""
        self._stopped.set()
        self.join(_RELEASE_TIMEOUT_S)

    def run(self) -> None:
        """Capture until stopped or failed."""
        try:
            failure = self._play() if _is_file(self._source) else self._stream()
        except cv2.error as error:
            failure = f"OpenCV error {error.code}"
        with self._changed:
            self.failure = failure
            self._changed.notify_all()

    def _stream(self) -> str:
        capture = _open_device(self._source, self._size, self._fps)
        try:
            while not self._stopped.is_set():
                is_read, image = capture.read()
                if not is_read:
                    return "device gave no frame"
                self._publish(image)
        finally:
            capture.release()
        return "closed"

    def _play(self) -> str:
        kind = cv2.CAP_IMAGES if "%" in str(self._source) else cv2.CAP_ANY
        while True:
            capture = cv2.VideoCapture(str(self._source), kind)
            try:
                is_read, image = capture.read()
                if not is_read:
                    return "file holds no frame"
                while is_read:
                    self._publish(image)
                    if self._stopped.wait(1 / self._fps):
                        return "closed"
                    is_read, image = capture.read()
            finally:
                capture.release()

    def _publish(self, image: cv2.typing.MatLike) -> None:
        with self._changed:
            self._frame = Frame(image=np.asarray(image, np.uint8), captured_at=time.monotonic())
            self._changed.notify_all()


def _open_device(source: int | str, size: tuple[int, int], fps: float) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(source, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    # Motion JPEG first: uncompressed 1280x720 leaves USB 2 no room for 30 frames a second. The order matters.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_FPS, fps)
    return capture


def _is_file(source: int | str) -> bool:
    return isinstance(source, str) and not source.startswith("/dev/")


def _device_path(source: int | str) -> Path | None:
    """Return the device node, ``None`` where there is none: a file, or an index outside Linux."""
    if isinstance(source, int):
        return Path(f"/dev/video{source}") if sys.platform == "linux" else None
    return None if _is_file(source) else Path(source)


def _file_exists(source: str) -> bool:
    path = Path(source)
    if "%" not in source:
        return path.is_file()
    return any(path.parent.glob(re.sub(r"%\d*d", "*", path.name)))


def _status(state: DeviceState, name: str, size: tuple[int, int]) -> DeviceStatus:
    return DeviceStatus(kind=DeviceKind.CAMERA, state=state, name=name, detail=f"{size[0]}x{size[1]}")
