"""A synthetic voice for the drill and tests: a glottal pulse train through formant resonators. Nobody's voice.

Source-filter synthesis after G. Fant, with the formant frequencies of Peterson and Barney (1952) for the vowels. Not
meant to be understood as words: it has the pitch, overtones, formants, syllables and pauses of spoken digits.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.headset.levels import MAINS_HZ, RATE, Samples

_Wave = npt.NDArray[np.float64]


class Speaker(Enum):
    """Pitch in Hz, and the length of the vocal tract as a factor on the formants."""

    MAN = (118.0, 1.0)
    WOMAN = (210.0, 1.17)


VOWELS: Final = {
    "a": (730.0, 1090.0, 2440.0),
    "i": (270.0, 2290.0, 3010.0),
    "u": (300.0, 870.0, 2240.0),
    "e": (530.0, 1840.0, 2480.0),
    "o": (570.0, 840.0, 2410.0),
}
_BANDWIDTHS_HZ: Final = (80.0, 100.0, 140.0)
_SYLLABLES: Final = ("i", "a", "e", "u", "o", "au", "iu", "ia", "uo", "ie")
"""A diphthong or vowel for each digit from 0 to 9."""
_SYLLABLE_S: Final = 0.28
_PAUSE_S: Final = 0.14


def digits(text: str, speaker: Speaker = Speaker.MAN, amplitude: float = 0.3) -> Samples:
    """Return spoken digits, a syllable each.

    Args:
        text: characters 0 to 9.
        speaker: whose voice.
        amplitude: of the loudest sample, full scale is 1.
    """
    pause = np.zeros(int(_PAUSE_S * RATE))
    parts: list[_Wave] = [pause]
    for each in text:
        parts += [_syllable(_SYLLABLES[int(each)], speaker), pause]
    return _scaled(np.concatenate(parts), amplitude)


def vowel(name: str, seconds: float, speaker: Speaker = Speaker.MAN, amplitude: float = 0.3) -> Samples:
    """Return a vowel (a key of ``VOWELS``) held on one pitch."""
    pitch_hz, tract = speaker.value
    pulses = _pulses(np.full(int(seconds * RATE), pitch_hz))
    return _scaled(_resonate(pulses, (tract * each for each in VOWELS[name])), amplitude)


def hum(seconds: float, amplitude: float = 0.1) -> Samples:
    """Return mains hum with its odd and even overtones."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * MAINS_HZ * n * time_s) / n for n in (1, 2, 3, 4, 5))
    return _scaled(np.asarray(wave), amplitude)


def noise(seconds: float, amplitude: float = 0.01, seed: int = 1) -> Samples:
    """Return white noise, the same for the same seed."""
    return _scaled(np.random.default_rng(seed).standard_normal(int(seconds * RATE)), amplitude)


def _syllable(vowels: str, speaker: Speaker) -> _Wave:
    pitch_hz, tract = speaker.value
    length = int(_SYLLABLE_S * RATE)
    # The pitch falls through a syllable, as spoken digits' does.
    pulses = _pulses(np.linspace(1.08, 0.92, length) * pitch_hz)
    first, last = (_resonate(pulses, (tract * each for each in VOWELS[name])) for name in (vowels[0], vowels[-1]))
    glide = np.linspace(0, 1, length)
    edge = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.03 * RATE))
    wave: _Wave = (first * (1 - glide) + last * glide) * edge
    return wave


def _pulses(pitch_hz: _Wave) -> _Wave:
    """Return a glottal source: an impulse a period, tilted by 12 dB an octave above 100 Hz."""
    phase = np.cumsum(pitch_hz) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    frequency = np.fft.rfftfreq(len(pulses), 1 / RATE)
    tilted: _Wave = np.fft.irfft(np.fft.rfft(pulses) / (1 + frequency / 100) ** 2, len(pulses))
    return tilted


def _resonate(wave: _Wave, formants_hz: Iterable[float]) -> _Wave:
    """Pass a wave through second order resonators in series, as their frequency response."""
    frequency = np.fft.rfftfreq(len(wave), 1 / RATE)
    turn = np.exp(-2j * np.pi * frequency / RATE)
    response = np.ones(len(frequency), complex)
    for centre_hz, width_hz in zip(formants_hz, _BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width_hz / RATE)
        angle = 2 * np.pi * centre_hz / RATE
        # Klatt (1980): unity gain at 0 Hz.
        gain = 1 - 2 * radius * np.cos(angle) + radius**2
        response *= gain / (1 - 2 * radius * np.cos(angle) * turn + radius**2 * turn**2)
    resonated: _Wave = np.fft.irfft(np.fft.rfft(wave) * response, len(wave))
    return resonated


def _scaled(wave: _Wave, amplitude: float) -> Samples:
    wave = wave - wave.mean()
    peak = float(np.abs(wave).max()) or 1.0
    return (wave / peak * amplitude * 32_767).astype(np.int16)
