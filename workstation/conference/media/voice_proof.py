"""Proves the voice change: by a spoken probe before anybody is heard, and by what is heard as long as it is heard."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import numpy as np

from workstation.conference.contract import BLOCK, SAMPLE_RATE
from workstation.conference.media.acoustics import Change, measure
from workstation.conference.media.pitch import Signal
from workstation.conference.media.voice import LATENCY, Sound, VoiceChanger

_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
"""First three formants in hertz (Peterson and Barney, 1952: men's ah, ee, oo, eh)."""
_FOURTH_HZ, _BREADTHS_HZ = 3500, (80, 100, 160, 200)
_VOWEL = SAMPLE_RATE // 5
_PROBED_HZ: Final = (105.0, 155.0)

PITCH_TOLERANCE: Final = 0.06
FORMANT_TOLERANCE: Final = 0.09
"""How far, as a logarithm, a probe may come out from what the changer says of itself."""
LEAST_PITCH: Final = 0.12
LEAST_FORMANT: Final = 0.05
"""Change, as a logarithm, below which a voice counts as unchanged: two semitones, and a twentieth."""
MOST_LIKENESS: Final = 0.75
WATCHED: Final = SAMPLE_RATE // BLOCK
"""Blocks that are judged together: one second."""
STRIKES: Final = 3
"""Judgements in a row that find the formants unmoved: one vowel held alone can hide where its formants are."""


class Changer(Protocol):
    """See ``VoiceChanger``."""

    pitch: float
    formant: float

    def process(self, block: Sound) -> Sound:
        """Take and return 480 samples."""

    def wipe(self) -> None:
        """Overwrite what was heard."""


def drawn_change() -> Callable[[], Changer]:
    """Draw one change and return what makes changers that do just that."""
    drawn = VoiceChanger()
    return functools.partial(VoiceChanger, drawn.pitch, drawn.formant)


def probe_holds(make: Callable[[], Changer]) -> bool:
    """Whether vowels at two pitches come out of fresh changers as these say of themselves, and not as they were."""
    return all(_comes_out_changed(make(), hertz) for hertz in _PROBED_HZ)


def _comes_out_changed(changer: Changer, hertz: float) -> bool:
    raw = vowels(hertz)
    changed = np.concatenate([changer.process(block) for block in raw.reshape(-1, BLOCK)])
    change = measure(_signal(raw)[:-LATENCY], _signal(changed)[LATENCY:])
    return (
        change is not None
        and abs(np.log(change.pitch / changer.pitch)) <= PITCH_TOLERANCE
        and abs(np.log(change.formant / changer.formant)) <= FORMANT_TOLERANCE
        and not is_unchanged(change)
        and abs(np.log(change.formant)) >= LEAST_FORMANT
    )


def vowels(hertz: float) -> Sound:
    """Speak four vowels at a pitch, 0.2 s each, as harmonics under formants. Shape (n * 480,)."""
    spoken = []
    for number, formants in enumerate(_VOWELS):
        moment = np.arange(_VOWEL) / SAMPLE_RATE
        pitch = hertz * (1 + 0.04 * (number - 1.5)) * (1 + 0.03 * np.sin(2 * np.pi * 3 * moment))
        phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
        harmonics = np.arange(1, int(5000 / hertz))
        sound = _resonance(harmonics * hertz, (*formants, _FOURTH_HZ)) @ np.cos(np.outer(harmonics, phase))
        spoken.append(sound * np.hanning(_VOWEL) ** 0.25 / np.abs(sound).max())
    return np.asarray(12000 * np.concatenate(spoken), np.int16)


def _resonance(hertz: Signal, formants: Iterable[float]) -> Signal:
    loudness = 100 / hertz
    for formant, breadth in zip(formants, _BREADTHS_HZ, strict=True):
        loudness = loudness * formant**2 / np.hypot(formant**2 - hertz**2, breadth * hertz)
    return np.asarray(loudness)


def is_unchanged(change: Change) -> bool:
    """Whether the raw voice is still there: as a sound, or by its pitch."""
    return change.likeness > MOST_LIKENESS or abs(np.log(change.pitch)) < LEAST_PITCH


class VoiceWatch:
    """Compares what goes into a changer with what comes out of it, second by second.

    Silence and noise prove nothing and refute nothing.
    """

    def __init__(self) -> None:
        self._raw = np.zeros(LATENCY + WATCHED * BLOCK, np.float32)
        self._changed = np.zeros(WATCHED * BLOCK, np.float32)
        self._filled = 0
        self._strikes = 0

    def holds(self, raw: Sound, changed: Sound) -> bool:
        """Take one block in and the block that came out for it; false when the voice is found unchanged."""
        at = self._filled * BLOCK
        self._raw[LATENCY + at : LATENCY + at + BLOCK] = _signal(raw)
        self._changed[at : at + BLOCK] = _signal(changed)
        self._filled += 1
        if self._filled < WATCHED:
            return True
        change = measure(self._raw[: WATCHED * BLOCK], self._changed)
        self._raw[:LATENCY] = self._raw[-LATENCY:]
        self._filled = 0
        if change is None:
            return True
        self._strikes = self._strikes + 1 if abs(np.log(change.formant)) < LEAST_FORMANT else 0
        return not is_unchanged(change) and self._strikes < STRIKES

    def wipe(self) -> None:
        """Overwrite what was heard."""
        self._raw[:] = 0
        self._changed[:] = 0


def _signal(sound: Sound) -> Signal:
    return np.asarray(sound, np.float32) / np.float32(32768)
