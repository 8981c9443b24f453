"""Follows one face from frame to frame, and says when it may be another one: a gap, a jump, somebody beside it."""

from __future__ import annotations

from enum import Enum, auto

from workstation.face.contract import Box
from workstation.face.look import Look

MAX_GAP_S = 0.7
"""So long one face may be missing or have company. A blink, a hand, a lost detection are shorter."""
MAX_SPEED = 3.5
"""Face widths a second. Somebody who leans back moves less than two; a frame's worth is added for slow cameras."""
MIN_STEP = 0.35
"""Face widths between two frames that are never a jump."""
MAX_GROWTH = 1.6
"""Of the box between two frames; detection boxes breathe by a tenth."""


class Continuity(Enum):
    """What a frame says of the track."""

    SAME = auto()
    PAUSED = auto()
    BROKEN = auto()


class Track:
    """One face in time. Begins with the first single face, and anew after every break."""

    def __init__(self) -> None:
        self._box: Box | None = None
        self._seen_at = 0.0

    def follow(self, look: Look) -> Continuity:
        """Take the next frame; frames come in order of time."""
        if len(look.faces) != 1:
            if self._box is None:
                return Continuity.PAUSED
            if look.captured_at - self._seen_at <= MAX_GAP_S:
                return Continuity.PAUSED
            self._box = None
            return Continuity.BROKEN
        before, elapsed_s = self._box, look.captured_at - self._seen_at
        self._box, self._seen_at = look.faces[0].box, look.captured_at
        if before is None or (elapsed_s <= MAX_GAP_S and not _jumped(before, self._box, elapsed_s)):
            return Continuity.SAME
        return Continuity.BROKEN


def _jumped(before: Box, now: Box, elapsed_s: float) -> bool:
    distance = max(abs(a - b) for a, b in zip(before.centre, now.centre, strict=True)) / before.width
    growth = max(before.width / now.width, now.width / before.width)
    return distance > max(MIN_STEP, MAX_SPEED * elapsed_s) or growth > MAX_GROWTH
