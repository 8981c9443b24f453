"""How fast a camera really delivers, and how fast somebody wants it. Pure: the caller brings the times."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median
from typing import Final

WINDOW: Final = 30
"""Frames that are looked back on."""
SLOW_AFTER_S: Final = 5.0


class RateMeter:
    """Frames a second as the median of the last intervals, so that one late frame changes nothing.

    Args:
        asked_fps: what the camera was asked for.
    """

    def __init__(self, asked_fps: float) -> None:
        self._longest_s = 2 / asked_fps
        self._times: deque[float] = deque(maxlen=WINDOW + 1)
        self._slow_since: float | None = None

    def add(self, at: float) -> None:
        """Count a frame that came at ``at``, monotonic seconds."""
        self._times.append(at)
        interval = self._interval()
        if interval is None or interval <= self._longest_s:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = at

    def fps(self, now: float) -> float | None:
        """Return the rate, ``None`` before the second frame. It falls while no frame comes."""
        interval = self._interval()
        if interval is None:
            return None
        longest = max(interval, now - self._times[-1])
        return 1 / longest if longest > 0 else None

    def is_slow(self, now: float) -> bool:
        """Say whether the rate has been below the half of what was asked for, or no frame came, for five seconds."""
        if not self._times:
            return False
        since = self._times[-1] + self._longest_s if self._slow_since is None else self._slow_since
        return now - since >= SLOW_AFTER_S

    def _interval(self) -> float | None:
        return median(after - before for before, after in pairwise(self._times)) if len(self._times) > 1 else None


class Pace:
    """Lets through no more frames a second than wanted.

    On average, that is: a frame that comes early by a hair would otherwise cost a whole turn, and 15 of 30 frames
    a second become 10. Two are never closer than half a turn.

    Args:
        max_fps: frames a second, ``None`` for all of them.
    """

    def __init__(self, max_fps: float | None) -> None:
        self._turn_s = 0.0 if max_fps is None else 1 / max_fps
        self._due = 0.0

    def wait_s(self, at: float) -> float:
        """Return how long the next frame is not wanted yet at ``at``, monotonic seconds; 0 when it is."""
        return max(self._due - at, 0.0)

    def take(self, at: float) -> None:
        """Count a frame of ``at`` as let through."""
        self._due = max(self._due + self._turn_s, at + self._turn_s / 2)
