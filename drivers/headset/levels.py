"""What can be measured in a piece of sound: level, clipping, mains hum, tones, voice. Pure arithmetic on numpy arrays.

Sound is signed 16 bit mono at 48 kHz, shape (samples,). Full scale (a sample of ±32768) is 1.0; an RMS of full scale
is 0 dBFS here, so a sine that just does not clip has -3 dBFS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE: Final = 48_000
FLOOR_DBFS: Final = -100.0
"""What silence measures; one bit is -90."""
_FULL_SCALE: Final = 32_768.0
_CLIPPED: Final = 32_700
"""Drivers and echo cancellers clip a little below full scale."""
_CLIPPING_SHARE: Final = 0.001
_SILENT_PEAK: Final = 1
"""A dithered converter still moves by one step when the microphone is switched off."""

MAINS_HZ: Final = 50.0
"""IEC 60038: 50 Hz in mainland China."""
_HUM_HARMONICS: Final = 8
_HUM_WIDTH_HZ: Final = 2.5
_HUM_BELOW_HZ: Final = 1_000.0
_HUM_SHARE: Final = 0.6
_HUM_MIN_DBFS: Final = -50.0

_TONE_OVER_NOISE: Final = 10.0
_TONE_PURITY: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Level:
    """How loud a piece of sound is.

    Attributes:
        level_dbfs: RMS.
        peak_dbfs: of its loudest sample.
        is_clipping: a thousandth of its samples or more are at full scale.
        is_silent: digital silence: no microphone sounds so, only a switched-off one.
    """

    level_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    is_clipping: bool = False
    is_silent: bool = True


@dataclass(frozen=True, kw_only=True)
class Tone:
    """One frequency in a piece of sound.

    Attributes:
        hertz: the frequency.
        amplitude: of the sine, full scale is 1.
        purity: its share of the sound's power, 0 to 1.
    """

    hertz: float
    amplitude: float
    purity: float

    def stands_out(self, noise_rms: float) -> bool:
        """Whether it is the tone that was played and no accident.

        Args:
            noise_rms: of the same microphone before the tone, full scale is 1.
        """
        least = _TONE_OVER_NOISE * max(noise_rms, 1 / _FULL_SCALE)
        return self.amplitude >= least and self.purity > _TONE_PURITY

    @property
    def level_dbfs(self) -> float:
        """Its RMS."""
        return decibel(self.amplitude / math.sqrt(2))


def decibel(ratio: float) -> float:
    """Return an amplitude ratio in dB, ``FLOOR_DBFS`` at least."""
    return max(FLOOR_DBFS, 20 * math.log10(ratio)) if ratio > 0 else FLOOR_DBFS


def rms(samples: Samples) -> float:
    """Return the root of the mean square, full scale is 1; 0 of nothing."""
    if not len(samples):
        return 0.0
    scaled = samples.astype(np.float64) / _FULL_SCALE
    return math.sqrt(float(np.mean(scaled * scaled)))


def measure(samples: Samples) -> Level:
    """Return how loud ``samples`` are."""
    if not len(samples):
        return Level()
    magnitude = np.abs(samples.astype(np.int32))
    peak = int(magnitude.max())
    return Level(
        level_dbfs=decibel(rms(samples)),
        peak_dbfs=decibel(peak / _FULL_SCALE),
        is_clipping=float(np.mean(magnitude >= _CLIPPED)) >= _CLIPPING_SHARE,
        is_silent=peak <= _SILENT_PEAK,
    )


def hears_hum(samples: Samples) -> bool:
    """Whether mains hum is most of what is heard: 50 Hz and its multiples, below 1 kHz.

    Ask it of a pause: a deep voice has the same frequencies. Takes half a second at least to tell them from others.
    """
    if len(samples) < RATE // 2:
        return False
    frequency, power = _spectrum(samples)
    low = (frequency >= MAINS_HZ / 2) & (frequency < _HUM_BELOW_HZ)
    multiple = np.rint(frequency / MAINS_HZ)
    is_mains = np.abs(frequency - multiple * MAINS_HZ) <= _HUM_WIDTH_HZ
    mains = float(power[low & is_mains & (multiple <= _HUM_HARMONICS)].sum())
    total = float(power[low].sum())
    return mains > _HUM_SHARE * total and decibel(math.sqrt(mains)) > _HUM_MIN_DBFS


def find_tone(samples: Samples, hertz: float) -> Tone:
    """Look for one frequency: a Goertzel filter's answer, as one scalar product.

    Args:
        samples: 50 ms or more.
        hertz: below 24 kHz.
    """
    if not len(samples):
        return Tone(hertz=hertz, amplitude=0.0, purity=0.0)
    scaled = samples.astype(np.float64) / _FULL_SCALE
    scaled -= scaled.mean()
    turn = np.exp(-2j * np.pi * hertz / RATE * np.arange(len(scaled)))
    amplitude = 2 * abs(complex(scaled @ turn)) / len(scaled)
    power = float(np.mean(scaled * scaled))
    purity = min(1.0, amplitude * amplitude / 2 / power) if power > 0 else 0.0
    return Tone(hertz=hertz, amplitude=amplitude, purity=purity)


def strongest_tone(samples: Samples) -> Tone:
    """Return the strongest narrow line above the mains' range: what howling would be."""
    if len(samples) < RATE // 50:
        return Tone(hertz=0.0, amplitude=0.0, purity=0.0)
    frequency, power = _spectrum(samples)
    power[frequency < 2 * MAINS_HZ] = 0
    top = int(power.argmax())
    line = float(power[max(0, top - 2) : top + 3].sum())
    total = rms(samples) ** 2
    return Tone(
        hertz=float(frequency[top]),
        amplitude=math.sqrt(2 * line),
        purity=min(1.0, line / total) if total > 0 else 0.0,
    )


def _spectrum(samples: Samples) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return frequencies in Hz, and the power of each so that their sum is the mean square (full scale 1)."""
    scaled = samples.astype(np.float64) / _FULL_SCALE
    window = np.hanning(len(scaled))
    bins = np.abs(np.fft.rfft((scaled - scaled.mean()) * window)) ** 2
    frequency: npt.NDArray[np.float64] = np.asarray(np.fft.rfftfreq(len(scaled), 1 / RATE), np.float64)
    return frequency, 2 * bins / (len(scaled) * float((window**2).sum()))
