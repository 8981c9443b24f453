"""Finds the pitch of a voice: McLeod's normalised square difference, on sound brought down to 8 kHz."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from workstation.conference.contract import SAMPLE_RATE

Signal = npt.NDArray[np.float32]
"""Mono sound, shape (n,), full scale is -1 to 1."""

LOWEST_HZ: Final = 75.0
HIGHEST_HZ: Final = 420.0
DECIMATION: Final = 6
"""48 kHz to 8 kHz: nothing above 1 kHz is needed to find a pitch."""
WINDOW: Final = 320 * DECIMATION
"""Samples of one look at a live voice: 40 ms, three periods of the lowest."""
VOICED: Final = 0.6
"""Likeness of a window to itself one period later from which on it counts as voice. Noise stays below 0.4."""
SILENCE: Final = 1e-3
"""RMS (-60 dBFS) below which nobody looks for a pitch."""
_FIRST_PEAK: Final = 0.9
"""The first peak of this part of the highest is the period; the highest may be two periods."""

_RATE = SAMPLE_RATE / DECIMATION


def period(window: Signal, lowest_hz: float = LOWEST_HZ, highest_hz: float = HIGHEST_HZ) -> float:
    """Return the period of these samples, at 48 kHz as they are; 0 when they are no voice.

    Args:
        window: three periods of the lowest voice at least; its length is a multiple of ``DECIMATION``.
        lowest_hz: of the voices that are looked for.
        highest_hz: the same.
    """
    sound = window.reshape(-1, DECIMATION).mean(axis=1).astype(np.float64)
    sound -= sound.mean()
    if np.sqrt(np.mean(sound**2)) < SILENCE:
        return 0.0
    likeness = _self_likeness(sound, int(np.ceil(_RATE / lowest_hz)))
    peaks = 1 + np.flatnonzero((likeness[1:-1] >= likeness[:-2]) & (likeness[1:-1] > likeness[2:]))
    peaks = peaks[peaks >= int(_RATE / highest_hz)]
    if not peaks.size:
        return 0.0
    highest = likeness[peaks].max()
    if highest < VOICED:
        return 0.0
    lag = int(peaks[np.argmax(likeness[peaks] >= _FIRST_PEAK * highest)])
    return float(DECIMATION * (lag + _vertex(*likeness[lag - 1 : lag + 2])))


def _self_likeness(sound: npt.NDArray[np.float64], longest: int) -> npt.NDArray[np.float64]:
    """Return for every lag up to the longest period how like the sound is to itself: 1 alike, 0 not, -1 opposite."""
    size = 1 << (len(sound) + longest + 2).bit_length()
    spectrum = np.fft.rfft(sound, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[: longest + 2]
    squares = np.concatenate([[0.0], np.cumsum(sound**2)])
    lags = np.arange(longest + 2)
    energy = squares[len(sound) - lags] + squares[-1] - squares[lags]
    return np.asarray(2 * products / np.maximum(energy, 1e-12))


def _vertex(before: float, top: float, after: float) -> float:
    """Return where the parabola through three neighbours has its top, relative to the middle one."""
    bend = before - 2 * top + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0
