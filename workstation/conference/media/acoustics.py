"""Measures what a voice change did: how far pitch and formants moved, and whether the raw voice is still in there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from workstation.conference.contract import BLOCK, SAMPLE_RATE
from workstation.conference.media.pitch import DECIMATION, Signal, period

_LOOK = 480 * DECIMATION
"""Samples of one look at the pitch: 60 ms, because a lowered voice may be lower than any that speaks."""
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 650.0
_LOOK_STEP = 2 * BLOCK
LEAST_LOOKS: Final = 12
"""Looks (20 ms apart) in which both sounds are voiced, before anything is said."""

_FRAME = 2048
_BANDS = np.geomspace(300, 5000, 240)
_BAND_STEP = float(np.log(_BANDS[1] / _BANDS[0]))
_MOST_STEPS = 40
_BREADTH = 0.6
"""Breadth of the smoothing, in parts of the pitch: harmonics vanish, formants stay."""
_LIKENESS_FRAME = SAMPLE_RATE // 5
_LOWEST_BIN = round(70 * 2 * _LIKENESS_FRAME / SAMPLE_RATE)
"""No voice is below 70 Hz; an offset of the microphone or the swell of a word is, passes unchanged, and is nobody's."""
_LIKENESS_REACH = int(0.08 * SAMPLE_RATE)
"""The raw voice is looked for up to 80 ms before and after where it should be."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What lies between a raw voice and the changed one.

    Attributes:
        pitch, formant: ratio of the changed to the raw, 1 for none.
        likeness: correlation of both at the best lag, 0 to 1; 1 is the raw voice itself.
    """

    pitch: float
    formant: float
    likeness: float


def measure(raw: Signal, changed: Signal) -> Change | None:
    """Compare two sounds of the same length and moment; ``None`` when there is too little voice in them."""
    starts = range(0, min(len(raw), len(changed)) - _LOOK, _LOOK_STEP)
    before = np.array([period(raw[at : at + _LOOK], _LOWEST_HZ, _HIGHEST_HZ) for at in starts])
    after = np.array([period(changed[at : at + _LOOK], _LOWEST_HZ, _HIGHEST_HZ) for at in starts])
    voiced = (before > 0) & (after > 0)
    if np.count_nonzero(voiced) < LEAST_LOOKS:
        return None
    pitch = float(np.median(before[voiced] / after[voiced]))
    raw_hz = SAMPLE_RATE / float(np.median(before[voiced]))
    formant = _shift(_envelope(raw, raw_hz), _envelope(changed, raw_hz * pitch))
    return Change(pitch=pitch, formant=formant, likeness=_likeness(raw, changed))


def _envelope(sound: Signal, pitch_hz: float) -> npt.NDArray[np.float64]:
    """Return the logarithm of the mean spectrum of the loud frames, smoothed, at ``_BANDS``."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[:: 2 * BLOCK] * np.hanning(_FRAME)
    energy = np.mean(frames**2, axis=1)
    power = np.abs(np.fft.rfft(frames[energy >= 0.01 * energy.max()], axis=1)) ** 2
    mean = (power / np.maximum(power.sum(axis=1, keepdims=True), 1e-20)).mean(axis=0)
    hertz = np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE)
    near = hertz < 2 * _BANDS[-1]
    breadth = max(_BREADTH * pitch_hz, 90.0)
    weights = np.exp(-0.5 * ((_BANDS[:, np.newaxis] - hertz[near]) / breadth) ** 2)
    return np.asarray(np.log((weights @ mean[near]) / weights.sum(axis=1) + 1e-12))


def _shift(raw: npt.NDArray[np.float64], changed: npt.NDArray[np.float64]) -> float:
    """Return by which ratio of frequencies ``changed`` fits best on ``raw``."""
    fits = []
    for steps in range(-_MOST_STEPS, _MOST_STEPS + 1):
        one = raw[max(0, -steps) : len(raw) - max(0, steps)]
        other = changed[max(0, steps) : len(changed) - max(0, -steps)]
        fits.append(_fit(one, other))
    return float(np.exp((int(np.argmax(fits)) - _MOST_STEPS) * _BAND_STEP))


def _fit(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Correlate two envelopes without their slope, which says nothing about formants."""
    flat = [_without_slope(one), _without_slope(other)]
    return float(flat[0] @ flat[1] / max(float(np.linalg.norm(flat[0]) * np.linalg.norm(flat[1])), 1e-12))


def _without_slope(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    places = np.arange(len(values)) - (len(values) - 1) / 2
    centred = values - values.mean()
    return np.asarray(centred - places * (places @ centred) / (places @ places))


def _likeness(raw: Signal, changed: Signal) -> float:
    """Return the median over the loud fifths of a second of the best correlation."""
    starts = range(0, len(raw) - _LIKENESS_FRAME + 1, _LIKENESS_FRAME)
    frames = [(raw[at : at + _LIKENESS_FRAME], changed[at : at + _LIKENESS_FRAME]) for at in starts]
    loudest = max(float(np.mean(frame**2)) for frame, _ in frames)
    loud = [_best_correlation(*frame) for frame in frames if float(np.mean(frame[0] ** 2)) >= 0.1 * loudest]
    return float(np.median(loud))


def _best_correlation(raw: Signal, changed: Signal) -> float:
    size = 2 * len(raw)
    one, other = (np.fft.rfft(sound - sound.mean(), size) for sound in (raw, changed))
    one[:_LOWEST_BIN] = other[:_LOWEST_BIN] = 0
    products = np.abs(np.fft.irfft(one * np.conj(other), size))
    best = max(float(products[:_LIKENESS_REACH].max()), float(products[-_LIKENESS_REACH:].max()))
    loudness = (float(np.linalg.norm(np.fft.irfft(sound, size))) for sound in (one, other))
    return best / max(math.prod(loudness), 1e-12)
