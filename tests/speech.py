"""Speech for tests: vowels at a pitch, noise and pauses between them."""

from __future__ import annotations

import numpy as np

from workstation.conference.contract import BLOCK
from workstation.conference.media.voice import Sound
from workstation.conference.media.voice_proof import vowels


def spoken(hertz: float, seconds: float) -> Sound:
    """Return about so much speech, shape (n * 480,)."""
    random = np.random.default_rng(int(hertz))
    parts: list[Sound] = []
    while sum(map(len, parts)) < 48_000 * seconds:
        parts.append(vowels(hertz * random.uniform(0.92, 1.08)))
        parts.append(np.asarray(900 * random.standard_normal(10 * BLOCK), np.int16))
        parts.append(np.zeros(10 * BLOCK, np.int16))
    return np.concatenate(parts)
