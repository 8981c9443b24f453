"""Listening to the microphone block by block while the meter is fed: what attended and unattended checks share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from drivers.headset.activity import VoiceDetector
from drivers.headset.levels import RATE, Level, Samples, Tone, find_tone, hears_hum, measure, rms
from drivers.headset.sound import Capture
from workstation.headset.judge import TONE_AMPLITUDE

BLOCK: Final = 480
TONE_HZ: Final = 997.0
"""Beside 1 kHz, so that no multiple of the mains and no clock of a USB bus (1 kHz) is taken for it."""
TONE_S: Final = 0.8
QUIET_S: Final = 1.0
TAIL_S: Final = 0.4
"""How long after its end a tone may still be on its way through the sound server."""
_READ_S: Final = 10.0
_WINDOW: Final = 10
"""Blocks, 100 ms."""

Meter = Callable[[Level, bool], None]


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """What the room sounds like."""

    level: Level
    noise_rms: float
    hum: bool


class Ear:
    """Reads a capture, and tells the meter ten times a second."""

    def __init__(self, capture: Capture, meter: Meter) -> None:
        self._capture = capture
        self._meter = meter
        self._window: deque[Samples] = deque(maxlen=_WINDOW)
        self._count = 0
        self.detector = VoiceDetector()

    def blocks(self, seconds: float) -> Iterator[Samples]:
        """Yield what is heard from now on, for ``seconds`` of sound.

        Raises:
            DeviceError: HEADSET_LOST.
            TimeoutError: nothing was heard for long, and nobody says why.
        """
        self._capture.flush()
        for _ in range(round(seconds * RATE / BLOCK)):
            block = self._capture.read(_READ_S)
            speaking = self.detector.feed(block)
            self._window.append(block)
            self._count += 1
            if self._count % _WINDOW == 0:
                self._meter(measure(self.window()), speaking)
            yield block

    def window(self) -> Samples:
        """Return the last 100 ms."""
        return np.concatenate(self._window)

    def is_window(self) -> bool:
        """Whether another 100 ms have just become full."""
        return self._count % _WINDOW == 0

    def quiet(self) -> Quiet:
        """Listen to the room."""
        room = np.concatenate(list(self.blocks(QUIET_S)))
        return Quiet(level=measure(room), noise_rms=rms(room), hum=hears_hum(room))

    def strongest(self, heard: Tone) -> Tone:
        """Return the test tone of the last 100 ms, or ``heard`` if that was stronger."""
        tone = find_tone(self.window(), TONE_HZ)
        return max(tone, heard, key=lambda each: each.amplitude)

    def wipe(self) -> None:
        """Overwrite what was heard last."""
        for block in self._window:
            block[:] = 0
        self.detector.wipe()


def nothing() -> Tone:
    """Return a tone that was not heard."""
    return Tone(hertz=TONE_HZ, amplitude=0.0, purity=0.0)


def probe_tone() -> Samples:
    """Return the tone, with soft edges: a click in the ear is no pleasure."""
    time_s = np.arange(int(TONE_S * RATE)) / RATE
    edge = np.minimum(1, np.minimum(time_s, TONE_S - time_s) / 0.02)
    tone: Samples = (TONE_AMPLITUDE * 32_767 * edge * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.int16)
    return tone
