"""Changes a voice while it is spoken: pitch-synchronous overlap-add of grains that are stretched in time.

Two figures make the new voice. Grains (two periods of the voice under a Hann window) are placed closer together or
wider apart: that is the pitch. Every grain is read faster or slower than it was spoken: that moves the formants, the
resonances by which people and machines tell speakers apart. Both are drawn anew for every changer and wander slowly
while it works, and periods are left out or used twice, so that there is no one setting that takes the change back.
Words stay: their order, length and the distances between the formants are kept.
"""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np
import numpy.typing as npt

from workstation.conference.contract import BLOCK, SAMPLE_RATE
from workstation.conference.media.pitch import LOWEST_HZ, WINDOW, period

Sound = npt.NDArray[np.int16]
"""One packet of sound, shape (480,), 48 kHz mono."""

LOWER: Final = ((0.72, 0.82), (0.80, 0.87))
HIGHER: Final = ((1.28, 1.45), (1.14, 1.24))
"""Ranges of pitch and formant ratio. Both go the same way, as they do between people; a semitone is 1.06."""
WANDER: Final = 0.025
"""The most by which a ratio leaves its middle while the changer works."""
_WANDER_HZ = (0.11, 0.37)

LATENCY: Final = 1920
"""Samples by which the output is late: 40 ms. With the 10 ms of a block that is waited for it is 50 ms."""

_LONGEST = SAMPLE_RATE / LOWEST_HZ
_BREATH = 240
"""Samples between grains where there is no voice: 5 ms."""
_SLACK = 0.2
"""The next grain is looked for this part of a period around where it should be."""
_MARGIN = 4 * int(_LONGEST)
_HISTORY = LATENCY + _MARGIN
_AHEAD = 3 * int(_LONGEST)
"""Room for the grains that reach beyond the block that is being made."""


class VoiceChanger:
    """One voice's change, block by block.

    Args:
        pitch: ratio of the new pitch to the old one; drawn from ``LOWER`` or ``HIGHER`` when left out.
        formant: the same of the formants; both or none are given.
        seed: of everything that is drawn; from the system's random numbers when left out.
    """

    def __init__(self, pitch: float = 0.0, formant: float = 0.0, seed: int | None = None) -> None:
        self._random = np.random.default_rng(secrets.randbits(128) if seed is None else seed)
        pitches, formants = LOWER if self._random.random() < 0.5 else HIGHER
        self.pitch = pitch or float(self._random.uniform(*pitches))
        self.formant = formant or float(self._random.uniform(*formants))
        self._wander_hz = self._random.uniform(*_WANDER_HZ, 4)
        self._wander_phase = self._random.uniform(0, 2 * np.pi, 4)
        self._input = np.zeros(_HISTORY, np.float32)
        self._output = np.zeros(BLOCK + _AHEAD, np.float32)
        self._blocks = 0
        self._period = 0.0
        self._mark: float | None = None
        self._next = 0.0

    def process(self, block: Sound) -> Sound:
        """Take the next 480 samples and return the 480 that are due, ``LATENCY`` samples late."""
        if block.shape != (BLOCK,):
            raise ValueError(f"a block has {BLOCK} samples")
        self._input[:-BLOCK] = self._input[BLOCK:]
        self._input[-BLOCK:] = block.astype(np.float32) / 32768
        if self._mark is not None:
            self._mark -= BLOCK
        self._lay_grains(self._period)
        # A look's middle is 20 ms old, and what is laid next is 30 ms old: each look serves the following block.
        self._period = period(self._input[-WINDOW:])
        self._blocks += 1
        due = np.clip(self._output[:BLOCK] * 32768, -32768, 32767).astype(np.int16)
        self._output[:-BLOCK] = self._output[BLOCK:]
        self._output[-BLOCK:] = 0
        self._next -= BLOCK
        return due

    def wipe(self) -> None:
        """Overwrite what was heard."""
        self._input[:] = 0
        self._output[:] = 0

    def _lay_grains(self, voice_period: float) -> None:
        """Add every grain that reaches into the block which is due. 0 on the output's scale is that block's start."""
        pitch, formant = self._ratios()
        length = voice_period or _BREATH
        reach = length / formant
        while self._next - reach < BLOCK:
            # Where this moment was spoken, on the input's scale.
            spoken = len(self._input) - BLOCK - LATENCY + self._next
            if voice_period:
                self._mark = self._next_mark(spoken, voice_period)
                middle, step = self._mark, voice_period / pitch
            else:
                self._mark = None
                middle, step = spoken + self._random.uniform(-0.5, 0.5) * _BREATH, float(_BREATH)
            self._lay(middle, reach, formant, gain=step / reach)
            self._next += step

    def _ratios(self) -> tuple[float, float]:
        seconds = self._blocks * BLOCK / SAMPLE_RATE
        waves = np.sin(2 * np.pi * self._wander_hz * seconds + self._wander_phase)
        pitch, formant = 1 + WANDER * (waves[:2] + waves[2:]) / 2
        return self.pitch * float(pitch), self.formant * float(formant)

    def _next_mark(self, spoken: float, length: float) -> float:
        """Return the middle of the period nearest to ``spoken`` that continues the last one."""
        mark = self._mark
        if mark is None or mark < spoken - 2 * length:
            half = int(length / 2)
            start = int(spoken) - half
            return float(start + np.argmax(np.abs(self._input[start : start + 2 * half + 1])))
        periods = round((spoken - mark) / length)
        if periods <= 0:
            return mark
        return self._aligned(mark, mark + periods * length, length)

    def _aligned(self, mark: float, expected: float, length: float) -> float:
        """Move ``expected`` to where the sound is most like that around ``mark``."""
        half, slack = int(length / 2), int(_SLACK * length)
        last, near = int(mark), int(expected)
        template = self._input[last - half : last + half]
        around = self._input[near - half - slack : near + half + slack]
        if last - half < 0 or len(around) < len(template):
            return expected
        shift = int(np.argmax(np.correlate(around, template, "valid"))) - slack
        return float(near + shift)

    def _lay(self, middle: float, reach: float, formant: float, *, gain: float) -> None:
        first, last = int(np.ceil(self._next - reach)), int(np.floor(self._next + reach))
        first = max(first, 0)
        offsets = np.arange(first, last + 1, dtype=np.float64) - self._next
        places = np.clip(middle + offsets * formant, 0, len(self._input) - 1.001)
        left = places.astype(np.intp)
        part = (places - left).astype(np.float32)
        grain = self._input[left] * (1 - part) + self._input[left + 1] * part
        window = 0.5 + 0.5 * np.cos(np.pi * offsets / reach)
        self._output[first : last + 1] += (gain * window * grain).astype(np.float32)
