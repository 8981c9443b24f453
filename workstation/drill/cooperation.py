"""The expert of the drill does what the kiosk asks: from a line of its log to a gesture, a word or a key."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial

from drivers.errors import ErrorCode
from drivers.simulated.bench import BenchFile, Gesture
from workstation.drill.kiosk import Line

REACTION_S = (0.35, 0.7)
"""How long a person takes to understand a prompt and begin."""
LIFTED_S = 1.5
"""How long a card that was not read (E-104) is in the hand before it lies on the reader again."""


def prompted(line: Line) -> Gesture:
    """Return the gesture that a line of the kiosk's log asks for, ``NONE`` for every other line."""
    try:
        return Gesture(line["action"]) if line.get("event") == "face_prompted" else Gesture.NONE
    except (KeyError, ValueError):
        return Gesture.NONE


def nothing() -> None:
    """Do nothing: somebody else's hands or voice are asked for."""


class Cooperation:
    """Listens to the kiosk's log and moves on the bench. One thread.

    Args:
        bench: where the gestures go.
        speak: what the expert does when digits are to be read aloud.
        confirm: ... and when a tone was heard.
    """

    def __init__(
        self, bench: BenchFile, *, speak: Callable[[], object] = nothing, confirm: Callable[[], object] = nothing
    ) -> None:
        self._bench = bench
        self._sound = {"speak": speak, "tone-left": confirm, "tone-right": confirm}
        self._due: list[tuple[float, Callable[[], object]]] = []

    def hear(self, line: Line) -> None:
        """Listen to one line; what it asks for is done a moment later."""
        gesture = prompted(line)
        action: Callable[[], object] = nothing if gesture is Gesture.NONE else partial(self._bench.perform, gesture)
        if line.get("event") == "sound_stepped":
            action = self._sound.get(str(line.get("step")), nothing)
        if line.get("event") == "recorded" and line.get("code") == ErrorCode.CARD_UNREADABLE.value:
            action = self._lay_again
        if action is not nothing:
            reaction_s = secrets.SystemRandom().uniform(*REACTION_S)
            self._due.append((line["read_at"] + reaction_s, action))

    def _lay_again(self) -> None:
        card = self._bench.read().card
        if card is not None:
            self._bench.change(card=None)
            self._due.append((time.monotonic() + LIFTED_S, partial(self._bench.change, card=card)))

    def act(self) -> None:
        """Do what is due. Call it a few times a second."""
        now = time.monotonic()
        ready = [action for at, action in self._due if at <= now]
        self._due = [(at, action) for at, action in self._due if at > now]
        for action in ready:
            action()
