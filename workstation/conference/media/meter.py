"""The microphone's level and whether somebody speaks, for the expert's meter."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from drivers.headset.activity import VoiceDetector
from drivers.headset.levels import FLOOR_DBFS, measure
from workstation.conference.media.voice import Sound

_BLOCKS = 10
_CLIPPING_BLOCKS: Final = 100
"""Clipping is shown for a second."""


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
        self._activity = VoiceDetector()
        self._clipped_ago = _CLIPPING_BLOCKS
        self.reading = Reading()

    def take(self, block: Sound) -> None:
        """Hear the next 10 ms."""
        self._heard.append(block)
        level = measure(np.concatenate(self._heard))
        self._clipped_ago = 0 if level.is_clipping else self._clipped_ago + 1
        self.reading = Reading(
            level_dbfs=level.level_dbfs,
            peak_dbfs=level.peak_dbfs,
            is_clipping=self._clipped_ago < _CLIPPING_BLOCKS,
            speaking=self._activity.feed(block),
        )

    def silence(self) -> None:
        """There is no microphone: forget what was heard."""
        self._heard.clear()
        self._activity.wipe()
        self._clipped_ago = _CLIPPING_BLOCKS
        self.reading = Reading()
