"""The microphone's level for the expert's meter."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from workstation.conference.media.pitch import WINDOW, period
from workstation.conference.media.voice import Sound

FLOOR_DBFS: Final = -100.0
_BLOCKS = 10
_CLIPPING_BLOCKS: Final = 100
_FULL: Final = 32767
_SPOKEN_BLOCKS: Final = 30
"""Somebody who spoke speaks for another 300 ms."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """See ``MediaStatus``."""

    level_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    is_clipping: bool = False
    speaking: bool = False


class Meter:
    """Keeps the last 100 ms. One thread takes blocks, any may read."""

    def __init__(self) -> None:
        self._heard: deque[Sound] = deque(maxlen=_BLOCKS)
        self._clipped_ago = _CLIPPING_BLOCKS
        self._spoken_ago = _SPOKEN_BLOCKS
        self.reading = Reading()

    def take(self, block: Sound) -> None:
        """Hear the next 10 ms."""
        self._heard.append(block)
        self._clipped_ago = 0 if np.abs(block.astype(np.int32)).max() >= _FULL else self._clipped_ago + 1
        sound = np.asarray(np.concatenate(self._heard), np.float32) / np.float32(32768)
        self._spoken_ago = 0 if len(sound) >= WINDOW and period(sound[-WINDOW:]) else self._spoken_ago + 1
        self.reading = Reading(
            level_dbfs=_dbfs(float(np.sqrt(np.mean(sound**2)))),
            peak_dbfs=_dbfs(float(np.abs(sound).max())),
            is_clipping=self._clipped_ago < _CLIPPING_BLOCKS,
            speaking=self._spoken_ago < _SPOKEN_BLOCKS,
        )

    def silence(self) -> None:
        """There is no microphone."""
        self._heard.clear()
        self._clipped_ago, self._spoken_ago = _CLIPPING_BLOCKS, _SPOKEN_BLOCKS
        self.reading = Reading()


def _dbfs(amplitude: float) -> float:
    return max(20 * float(np.log10(max(amplitude, 1e-12))), FLOOR_DBFS)
