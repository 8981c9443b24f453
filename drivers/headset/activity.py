"""Voice activity: is somebody speaking? By energy over the room's noise and by the pitch of voiced sound."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from drivers.headset.levels import FLOOR_DBFS, RATE, Samples, decibel, rms

_FACTOR: Final = 3
_LOW_RATE: Final = RATE // _FACTOR
_WINDOW: Final = _LOW_RATE * 30 // 1000
_HOP: Final = RATE // 100
_LAGS: Final = slice(_LOW_RATE // 400, _LOW_RATE // 70)
"""Pitch of a human voice: 70 to 400 Hz."""
_PERIODIC: Final = 0.45
_SINGLE_LINE: Final = 0.95
"""A voice has overtones; what is almost one line is a whistle, a beep or howling."""

_OVER_NOISE_DB: Final = 9.0
_LEAST_DBFS: Final = -60.0
_FIRST_NOISE_DBFS: Final = -45.0
_NOISE_RISE_DB: Final = 0.03
"""Per 10 ms: a new steady noise is taken for the room's after some seconds; pauses between words bring it down."""
_HANGOVER: Final = 20
"""Hops, 200 ms: consonants and short pauses belong to the speech around them."""


class VoiceDetector:
    """Listens to a stream and says whether somebody speaks."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.int16)
        self._window: Samples = np.zeros(_WINDOW * _FACTOR, np.int16)
        self._noise_dbfs = _FIRST_NOISE_DBFS
        self._since_voiced = _HANGOVER
        self._voiced_hops = 0

    @property
    def voiced_s(self) -> float:
        """How long voiced sound was heard in all."""
        return self._voiced_hops / 100

    @property
    def is_speaking(self) -> bool:
        """Whether voiced sound was heard within the last 200 ms."""
        return self._since_voiced < _HANGOVER

    def feed(self, samples: Samples) -> bool:
        """Listen to what follows, of any length; return ``is_speaking``."""
        waiting = np.concatenate([self._rest, samples])
        whole = len(waiting) // _HOP * _HOP
        for start in range(0, whole, _HOP):
            self._hop(waiting[start : start + _HOP])
        self._rest = waiting[whole:]
        return self.is_speaking

    def wipe(self) -> None:
        """Overwrite what was heard last."""
        self._window[:] = 0
        self._rest = np.zeros(0, np.int16)

    def _hop(self, hop: Samples) -> None:
        self._window = np.concatenate([self._window[_HOP:], hop])
        level_dbfs = decibel(rms(self._window))
        is_loud = level_dbfs > max(self._noise_dbfs + _OVER_NOISE_DB, _LEAST_DBFS)
        self._noise_dbfs = max(FLOOR_DBFS, min(self._noise_dbfs + _NOISE_RISE_DB, level_dbfs))
        if is_loud and _is_voiced(self._window):
            self._voiced_hops += 1
            self._since_voiced = 0
        else:
            self._since_voiced += 1


def _is_voiced(window: Samples) -> bool:
    low = window.astype(np.float64).reshape(-1, _FACTOR).mean(axis=1)
    low -= low.mean()
    power = np.abs(np.fft.rfft(low * np.hanning(len(low)), 1024)) ** 2
    top = int(power.argmax())
    if float(power[max(0, top - 4) : top + 5].sum()) > _SINGLE_LINE * float(power.sum()):
        return False
    return _periodicity(low) > _PERIODIC


def _periodicity(low: npt.NDArray[np.float64]) -> float:
    """Return the greatest normalised autocorrelation at a voice's pitch, about 0 for noise and 1 for a period."""
    spectrum = np.abs(np.fft.rfft(low, 1024)) ** 2
    correlation = np.fft.irfft(spectrum)[: len(low)]
    if correlation[0] <= 0:
        return 0.0
    # The overlap shrinks with the lag; without this a deep voice would look less periodic than a high one.
    fair = correlation / np.linspace(1, 1 / len(low), len(low)) / correlation[0]
    return float(fair[_LAGS].max())
