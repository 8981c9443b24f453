"""Sound to and from one endpoint of a headset, through PortAudio: 48 kHz, signed 16 bit.

On Linux PortAudio goes through ALSA's ``pulse`` device, which asks the sound server for the endpoint that
``PULSE_SINK`` or ``PULSE_SOURCE`` names when the stream opens. On Windows it is WASAPI in shared mode, and the name is
the device's. PortAudio never says that a device was pulled, so callbacks are counted and the placement is watched.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Literal, Self

import numpy as np
import numpy.typing as npt
import sounddevice

from drivers.contracts import CancelToken
from drivers.errors import DeviceError, ErrorCode
from drivers.headset.placement import Direction, Placement, watch_placement

Samples = npt.NDArray[np.int16]
"""Mono sound, shape (samples,), 48 kHz."""
Channel = Literal["left", "right", "both"]
_Callback = Callable[[memoryview], None]

RATE: Final = 48_000
_PLAYBACK_BLOCK: Final = 480
_WRITE_AHEAD: Final = 4
"""Blocks that ``Playback.write`` keeps waiting to be played: 40 ms."""
_KEPT_S: Final = 1.0
"""How much a capture keeps for a reader that is late; what is older is lost."""
_DEAD_S: Final = 1.0
_FIRST_S: Final = 5.0
"""An idle virtual device pauses for up to 2 s after its first callbacks."""
_LOOK_S: Final = 0.1

_open_lock = threading.RLock()
_open_streams = 0
"""How many streams live: PortAudio's list can be renewed only while there is none."""


class _Endpoint:
    """What capture and playback have in common: one stream, its pulse, and where the sound server put it."""

    def __init__(self, direction: Direction, name: str, block: int, callback: _Callback) -> None:
        self._is_closed = False
        self._warm_at = self._dead_at = time.monotonic() + _FIRST_S

        def on_block(data: memoryview, *_rest: object) -> None:
            # One store; the reading thread sees the old or the new time.
            self._dead_at = max(self._warm_at, time.monotonic() + _DEAD_S)
            callback(data)

        self._stream, self._placement = _open(direction, name, block, on_block)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the stream and forget what was not read or played. Idempotent."""
        global _open_streams  # noqa: PLW0603 - PortAudio's own state is the process's
        if self._is_closed:
            return
        self._is_closed = True
        self._placement.close()
        with _open_lock:
            with contextlib.suppress(sounddevice.PortAudioError):
                self._stream.abort()
            with contextlib.suppress(sounddevice.PortAudioError):
                self._stream.close()
            _open_streams -= 1

    def check(self) -> None:
        """Raise ``DeviceError(HEADSET_LOST)`` when the endpoint has gone or is silent to us."""
        if self._placement.is_lost:
            raise DeviceError(ErrorCode.HEADSET_LOST, "the sound server moved or ended the stream")
        if time.monotonic() > self._dead_at:
            raise DeviceError(ErrorCode.HEADSET_LOST, "no callback")


class Capture(_Endpoint):
    """A microphone. Made by ``open_capture``; one thread reads it."""

    def __init__(self, name: str, block: int) -> None:
        self._blocks: queue.Queue[Samples] = queue.Queue(maxsize=max(2, int(_KEPT_S * RATE / block)))
        super().__init__("capture", name, block, self._on_block)

    def read(self, timeout_s: float) -> Samples:
        """Return the next block.

        Raises:
            DeviceError: HEADSET_LOST: the endpoint has gone, or nothing came from it for a second.
            TimeoutError: the time was up before that.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self.check()
            left_s = deadline - time.monotonic()
            try:
                return self._blocks.get(timeout=min(_LOOK_S, max(left_s, 0.001)))
            except queue.Empty:
                if left_s <= 0:
                    raise TimeoutError from None

    def flush(self) -> None:
        """Forget what was heard and not read yet."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._blocks.get_nowait()

    def close(self) -> None:
        """End the stream and forget what was not read. Idempotent."""
        super().close()
        self.flush()

    def _on_block(self, data: memoryview) -> None:
        block = np.frombuffer(data, np.int16).copy()
        try:
            self._blocks.put_nowait(block)
        except queue.Full:
            with contextlib.suppress(queue.Empty):
                self._blocks.get_nowait()
            with contextlib.suppress(queue.Full):
                self._blocks.put_nowait(block)


class Playback(_Endpoint):
    """The ear cups. Made by ``open_playback``; one thread plays."""

    def __init__(self, name: str) -> None:
        self._blocks: deque[bytes] = deque()
        super().__init__("playback", name, _PLAYBACK_BLOCK, self._on_block)

    @property
    def is_playing(self) -> bool:
        """Whether something is still to be played."""
        return bool(self._blocks)

    def begin(self, samples: Samples, channel: Channel = "both") -> None:
        """Play ``samples`` after what still plays, and return at once."""
        for start in range(0, len(samples), _PLAYBACK_BLOCK):
            self._blocks.append(_stereo(samples[start : start + _PLAYBACK_BLOCK], channel))

    def play(self, samples: Samples, channel: Channel = "both", *, cancel: CancelToken | None = None) -> None:
        """Play ``samples`` and return when they were heard, or when cancelled.

        Raises:
            DeviceError: HEADSET_LOST.
        """
        self.begin(samples, channel)
        token = cancel or CancelToken()
        while self._blocks:
            self.check()
            if token.wait(_LOOK_S / 10):
                self.stop()
                return
        token.wait(self._latency_s)

    def write(self, block: Samples) -> None:
        """Play a block as soon as it is its turn; wait while 40 ms are ahead of it.

        Raises:
            DeviceError: HEADSET_LOST.
        """
        while len(self._blocks) > _WRITE_AHEAD:
            self.check()
            time.sleep(0.002)
        self.begin(block)

    def stop(self) -> None:
        """Forget what was not played yet."""
        self._blocks.clear()

    def close(self) -> None:
        """End the stream and forget what was not played. Idempotent."""
        self.stop()
        super().close()

    @property
    def _latency_s(self) -> float:
        latency = self._stream.latency
        return float(latency)

    def _on_block(self, data: memoryview) -> None:
        try:
            data[:] = self._blocks.popleft()
        except IndexError:
            data[:] = bytes(len(data))


def open_capture(name: str, block: int) -> Capture:
    """Open the microphone ``name`` (``SoundEndpoint.name``), to be read in blocks of ``block`` samples.

    Raises:
        DeviceError: HEADSET_ABSENT: there is no such endpoint, or no sound server.
    """
    return Capture(name, block)


def open_playback(name: str) -> Playback:
    """Open the ear cups ``name`` (``SoundEndpoint.name``).

    Raises:
        DeviceError: HEADSET_ABSENT: there is no such endpoint, or no sound server.
    """
    return Playback(name)


def _open(
    direction: Direction, name: str, block: int, on_block: Callable[..., None]
) -> tuple[sounddevice.RawStream, Placement]:
    global _open_streams  # noqa: PLW0603 - PortAudio's own state is the process's
    kind, channels = (sounddevice.RawInputStream, 1) if direction == "capture" else (sounddevice.RawOutputStream, 2)
    with _open_lock:
        placement = watch_placement(direction, name)
        try:
            device = _device(direction, name)
            with _environment("PULSE_SOURCE" if direction == "capture" else "PULSE_SINK", name):
                stream = kind(
                    samplerate=RATE,
                    blocksize=block,
                    device=device,
                    channels=channels,
                    dtype="int16",
                    latency="low",
                    callback=on_block,
                )
                stream.start()
            placement.expect()
        except sounddevice.PortAudioError as error:
            placement.close()
            raise DeviceError(ErrorCode.HEADSET_ABSENT, f"{direction} cannot be opened: {error}") from error
        except DeviceError:
            placement.close()
            raise
        _open_streams += 1
    return stream, placement


def _device(direction: str, name: str) -> int:
    """Return PortAudio's index of what to open.

    Its list is as old as its start; while no stream is open it can be made anew.
    """
    for is_renewed in (False, True):
        if is_renewed:
            if _open_streams:
                break
            sounddevice._terminate()  # noqa: SLF001 - the only way, python-sounddevice issue 125
            sounddevice._initialize()  # noqa: SLF001
        for device in sounddevice.query_devices():
            host = sounddevice.query_hostapis(device["hostapi"])["name"]
            count = device["max_input_channels" if direction == "capture" else "max_output_channels"]
            wanted = ("ALSA", "pulse") if sys.platform == "linux" else ("Windows WASAPI", name)
            if (host, device["name"]) == wanted and count:
                return device["index"]
    raise DeviceError(ErrorCode.HEADSET_ABSENT, f"PortAudio has no {direction} for {name!r}")


@contextlib.contextmanager
def _environment(key: str, value: str) -> Iterator[None]:
    """Set a variable for libpulse, which reads the C library's environment when a stream connects."""
    before = os.environ.get(key)
    os.environ[key] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[key]
        else:
            os.environ[key] = before


def _stereo(mono: Samples, channel: Channel) -> bytes:
    stereo = np.zeros((_PLAYBACK_BLOCK, 2), np.int16)
    if channel in ("left", "both"):
        stereo[: len(mono), 0] = mono
    if channel in ("right", "both"):
        stereo[: len(mono), 1] = mono
    return stereo.tobytes()
