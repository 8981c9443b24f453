"""The expert of the drill does what the kiosk asks: from a line of its log to a gesture on the bench."""

from __future__ import annotations

import secrets
import time

from drivers.simulated.bench import BenchFile, Gesture
from workstation.drill.kiosk import Line

REACTION_S = (0.35, 0.7)
"""How long a person takes to understand a prompt and begin."""


def prompted(line: Line) -> Gesture:
    """Return the gesture that a line of the kiosk's log asks for, ``NONE`` for every other line."""
    try:
        return Gesture(line["action"]) if line.get("event") == "face_prompted" else Gesture.NONE
    except (KeyError, ValueError):
        return Gesture.NONE


class Cooperation:
    """Listens to the kiosk's log and moves on the bench. One thread.

    Args:
        bench: where the gestures go.
    """

    def __init__(self, bench: BenchFile) -> None:
        self._bench = bench
        self._due: list[tuple[float, Gesture]] = []

    def hear(self, line: Line) -> None:
        """Listen to one line; what it asks for is done a moment later."""
        gesture = prompted(line)
        if gesture is not Gesture.NONE:
            reaction_s = secrets.SystemRandom().uniform(*REACTION_S)
            self._due.append((line["read_at"] + reaction_s, gesture))

    def act(self) -> None:
        """Do what is due. Call it a few times a second."""
        now = time.monotonic()
        ready = [gesture for at, gesture in self._due if at <= now]
        self._due = [(at, gesture) for at, gesture in self._due if at > now]
        for gesture in ready:
            self._bench.perform(gesture)
