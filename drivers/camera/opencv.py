"""Cameras through ``cv2.VideoCapture``: a V4L2 device, or a video file or image sequence played in a loop."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from drivers.camera.modes import Mode, choose_mode
from drivers.camera.rate import RateMeter
from drivers.camera.v4l2 import NotACamera, NotACameraError, VideoNodes
from drivers.camera.v4l2_wire import fourcc_text
from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, Frame
from drivers.errors import DeviceError, ErrorCode

OPEN_TIMEOUT_S = 8.0
"""UVC cameras take up to 3 s to their first frame when the exposure settles."""
_RELEASE_TIMEOUT_S = 1.0


class OpenCvCamera:
    """``Camera`` on a V4L2 device, a video file, or a printf pattern ("frame-%03d.png").

    A device is looked up anew at each ``open``: a link under /dev/v4l/by-id leads to its camera wherever that was
    plugged in again.

    Args:
        source: number or path of a device, "" for the first camera found, or a file.
        width: pixels wanted; the device's best fitting mode is used (``choose_mode``). A file keeps its own.
        height: as ``width``.
        fps: frames per second wanted of a device, or to play a file at.
        nodes: the devices of this machine.
    """

    def __init__(
        self,
        source: int | str,
        width: int = 640,
        height: int = 480,
        fps: float = 30,
        *,
        nodes: VideoNodes | None = None,
    ) -> None:
        self._source = source
        self._wanted = (width, height, fps)
        self._nodes = nodes or (VideoNodes() if sys.platform == "linux" else None)
        self._found: Path | None = None
        self._capture: _Capture | None = None
        self._is_lost = False

    def present(self) -> DeviceStatus:
        """See ``Camera.present``. Says the measured rate while open, and DEGRADED when it is far below the one wanted.

        Outside Linux a device cannot be checked unopened: READY until a capture fails.
        """
        state, name = self._seen()
        capture = self._capture
        if capture is None or capture.failure:
            width, height, _ = self._wanted
            detail = NotACamera.FORBIDDEN if state is DeviceState.FAILED else f"{width}x{height}"
            return DeviceStatus(kind=DeviceKind.CAMERA, state=state, name=name, detail=detail)
        detail, is_slow = capture.measured()
        if is_slow and state is DeviceState.READY:
            state = DeviceState.DEGRADED
        return DeviceStatus(kind=DeviceKind.CAMERA, state=state, name=name, detail=detail)

    def open(self) -> None:
        """See ``Camera.open``. Returns with the first frame at hand."""
        self.close()
        self._capture = _Capture(self._way(), self._wanted[2])
        self._capture.start()
        if not self._capture.wait_for_frame(OPEN_TIMEOUT_S):
            raise self._lost()
        self._is_lost = False

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

    def _seen(self) -> tuple[DeviceState, str]:
        """Return whether the camera is there and its name; opening it would light the privacy lamp."""
        if _is_file(self._source):
            return (DeviceState.READY if _file_exists(str(self._source)) else DeviceState.ABSENT), ""
        if self._nodes is None:
            return (DeviceState.ABSENT if self._is_lost else DeviceState.READY), ""
        node = self._node(self._nodes)
        if node is None:
            return DeviceState.ABSENT, ""
        is_allowed = os.access(node, os.R_OK | os.W_OK)
        return (DeviceState.READY if is_allowed else DeviceState.FAILED), self._nodes.name(node)

    def _node(self, nodes: VideoNodes) -> Path | None:
        """Return the device node now. Finding the first camera asks all of them, so one that was found is kept."""
        if self._source != "":
            return nodes.node(self._source)
        found = self._found
        if found is None or not found.exists():
            node = nodes.node("")
            self._found = found = node and nodes.lasting(node)
        return found and found.resolve()

    def _way(self) -> _Way:
        if _is_file(self._source):
            return _File(str(self._source))
        return self._device()

    def _device(self) -> _Device:
        modes: tuple[Mode, ...] = ()
        source = self._source or 0
        if self._nodes is not None:
            source, modes = self._inspected(self._nodes)
        mode = choose_mode(modes, *self._wanted)
        if mode is None:
            raise self._lost("no mode with colour pictures")
        return _Device(source, mode)

    def _inspected(self, nodes: VideoNodes) -> tuple[str, tuple[Mode, ...]]:
        node = self._node(nodes)
        if node is None:
            raise self._lost("not there")
        try:
            return str(node), nodes.inspect(node).modes
        except NotACameraError as error:
            raise self._lost(error.why) from error

    def _lost(self, reason: str = "not open") -> DeviceError:
        if self._capture is not None:
            reason = self._capture.failure
        self.close()
        self._is_lost = True
        return DeviceError(ErrorCode.CAMERA_LOST, context={"source": self._source, "reason": reason})


@dataclass(frozen=True)
class _File:
    """A video file or an image sequence, played in a loop."""

    path: str


@dataclass(frozen=True)
class _Device:
    """A device and the mode it is asked for."""

    source: int | str
    mode: Mode


_Way = _File | _Device


class _Capture(threading.Thread):
    """Reads frames and holds the newest one.

    A thread of its own, unlike in other drivers, because ``VideoCapture.read`` has no time limit: it blocks for
    ten seconds when a USB camera stops answering, for ever with some drivers. The caller waits here with a
    deadline instead and can leave the blocked thread behind. It also keeps the device's queue empty, so that a
    slow caller sees the present and not the past.
    """

    def __init__(self, way: _Way, fps: float) -> None:
        super().__init__(name="camera-capture", daemon=True)
        self._way = way
        self._fps = fps
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._rate = RateMeter(fps)
        self._size = ""
        self._fourcc = ""
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

    def measured(self) -> tuple[str, bool]:
        """Return size, pixel format and rate as they really are ("1280x720 MJPG 29.9 fps"), and whether it is slow."""
        with self._changed:
            now = time.monotonic()
            fps = self._rate.fps(now)
            facts = (self._size, self._fourcc, "" if fps is None else f"{fps:.1f} fps")
            return " ".join(filter(None, facts)), self._rate.is_slow(now)

    def stop(self) -> None:
        """End the capture and give the device back; leaves the thread behind when the device hangs."""
        self._stopped.set()
        self.join(_RELEASE_TIMEOUT_S)

    def run(self) -> None:
        """Capture until stopped or failed."""
        try:
            failure = self._play(self._way) if isinstance(self._way, _File) else self._stream(self._way)
        except cv2.error as error:
            failure = f"OpenCV error {error.code}"
        with self._changed:
            self.failure = failure
            self._changed.notify_all()

    def _stream(self, device: _Device) -> str:
        capture = _open_device(device, self._fps)
        fourcc = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        self._fourcc = fourcc_text(fourcc.to_bytes(4, "little")) if fourcc else ""
        try:
            while not self._stopped.is_set():
                if not capture.grab():
                    return "device gave no frame"
                is_whole, image = capture.retrieve()
                if is_whole:  # cameras begin with half a JPEG now and then; that is no loss
                    self._publish(image)
        finally:
            capture.release()
        return "closed"

    def _play(self, file: _File) -> str:
        kind = cv2.CAP_IMAGES if "%" in file.path else cv2.CAP_ANY
        while True:
            capture = cv2.VideoCapture(file.path, kind)
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
        now = time.monotonic()
        with self._changed:
            self._size = f"{image.shape[1]}x{image.shape[0]}"
            self._rate.add(now)
            self._frame = Frame(image=np.asarray(image, np.uint8), captured_at=now)
            self._changed.notify_all()


def _open_device(device: _Device, fps: float) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(device.source, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    # The order matters: each of these starts from what the ones before have set.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*device.mode.fourcc))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, device.mode.width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, device.mode.height)
    capture.set(cv2.CAP_PROP_FPS, device.mode.fps or fps)
    return capture


def _is_file(source: int | str) -> bool:
    """Say whether ``source`` is a file to play, no device."""
    return isinstance(source, str) and source != "" and not source.startswith("/dev/")


def _file_exists(source: str) -> bool:
    path = Path(source)
    if "%" not in source:
        return path.is_file()
    return any(path.parent.glob(re.sub(r"%\d*d", "*", path.name)))
