"""How a person moves in front of the camera: what they do when asked, and what everybody does all the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from drivers.simulated.bench import Gesture


@dataclass(frozen=True, kw_only=True)
class Expression:
    """What a head does at one moment.

    Attributes:
        yaw: degrees, positive to the picture's right, which is the person's left.
        pitch: degrees, positive downwards.
        roll: degrees, positive clockwise in the picture.
        lids: of the eye on the picture's left and the one on its right, 0 open .. 1 closed.
        mouth: 0 closed .. 1 wide open.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    lids: tuple[float, float] = (0.0, 0.0)
    mouth: float = 0.0

    def and_also(self, other: Expression) -> Expression:
        """Return both at once."""
        return Expression(
            yaw=self.yaw + other.yaw,
            pitch=self.pitch + other.pitch,
            roll=self.roll + other.roll,
            lids=(max(self.lids[0], other.lids[0]), max(self.lids[1], other.lids[1])),
            mouth=max(self.mouth, other.mouth),
        )


RESTING = Expression()


@dataclass(frozen=True, kw_only=True)
class Manner:
    """One person's way of doing it; the defaults are the drill's.

    Attributes:
        turn: how far they turn, degrees.
        mouth: how wide they open the mouth, 0..1.
        pace: 2 takes half the time.
        phase: of the drift, so that no two people sway alike.
    """

    turn: float = 25.0
    mouth: float = 1.0
    pace: float = 1.0
    phase: float = 0.0


USUAL = Manner()
_TIMES = {
    Gesture.TURN_LEFT: (0.6, 0.4, 0.5),
    Gesture.TURN_RIGHT: (0.6, 0.4, 0.5),
    Gesture.BLINK: (0.10, 0.25, 0.12),
    Gesture.OPEN_MOUTH: (0.3, 0.5, 0.35),
    Gesture.NONE: (0.0, 0.0, 0.0),
}
"""Seconds to get there, to stay, and to come back."""
_BLINK_EVERY_S = 3.7
_OWN_BLINK = (0.07, 0.07, 0.13)


def duration(gesture: Gesture, manner: Manner = USUAL) -> float:
    """Return how many seconds the gesture takes."""
    return sum(_TIMES[gesture]) / manner.pace


def performed(gesture: Gesture, seconds: float, manner: Manner = USUAL) -> Expression:
    """Return what the head does so many seconds after the gesture began."""
    much = _eased(seconds * manner.pace, *_TIMES[gesture])
    match gesture:
        case Gesture.TURN_LEFT:
            return Expression(yaw=manner.turn * much, roll=1.5 * much, pitch=1.5 * much)
        case Gesture.TURN_RIGHT:
            return Expression(yaw=-manner.turn * much, roll=-1.5 * much, pitch=1.5 * much)
        case Gesture.BLINK:
            return Expression(lids=(much, much), pitch=0.8 * much)
        case Gesture.OPEN_MOUTH:
            return Expression(mouth=manner.mouth * much, pitch=-2.0 * much)
        case Gesture.NONE:
            return RESTING


def idle(seconds: float, manner: Manner = USUAL) -> Expression:
    """Return what a head does by itself: it drifts, and blinks now and then."""
    drift = seconds + manner.phase
    turn, since_blink = divmod(drift + 1.9, _BLINK_EVERY_S)
    # Every blink comes at another moment of its turn, so that the pauses differ.
    blink = _eased(since_blink - 0.8 * abs(math.sin(12.9 * turn)), *_OWN_BLINK)
    return Expression(
        yaw=2.2 * math.sin(0.61 * drift) + 0.8 * math.sin(1.7 * drift),
        pitch=1.6 * math.sin(0.47 * drift + 1.0) + 0.5 * math.sin(2.1 * drift),
        roll=1.0 * math.sin(0.39 * drift),
        lids=(blink, blink),
    )


def _eased(seconds: float, there: float, stay: float, back: float) -> float:
    """Return how far along something is that starts and stops gently."""
    if seconds <= 0 or seconds >= there + stay + back:
        return 0.0
    part = min(seconds / there, 1.0, (there + stay + back - seconds) / back)
    return part * part * (3 - 2 * part)
