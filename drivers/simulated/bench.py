"""The drill bench: one small JSON file says what lies on the reader, who sits there and what is cut.

The drill console (or a test) writes it; the simulated devices and services read it when it changes. A file is the
whole protocol, so the kiosk needs no back door and every process sees the same bench.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Scene(StrEnum):
    """What is in front of the camera."""

    PERSON_A = "person-a"
    PERSON_B = "person-b"
    NOBODY = "nobody"
    TWO = "two"
    PRINT = "print"
    REPLAY = "replay"
    COVERED = "covered"
    FROZEN = "frozen"
    DIM = "dim"


class Gesture(StrEnum):
    """What the person in front of the camera does once. Left is the person's own left, the picture's right."""

    NONE = "none"
    TURN_LEFT = "turn-left"
    TURN_RIGHT = "turn-right"
    BLINK = "blink"
    OPEN_MOUTH = "open-mouth"


class BenchState(BaseModel):
    """Everything a person standing at the booth could change with their hands.

    Attributes:
        card: name of the drill card on the reader (``drivers.simulated.people``), ``None`` when none lies there.
        subject: who is on the print, on the replayed screen, in the frozen picture or in the dim light.
        gesture: what the person did last; it plays once each time this or ``gestures`` changes.
        gestures: how many there were, so that one can be done twice in a row.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: str | None = None
    scene: Scene = Scene.NOBODY
    subject: Literal[Scene.PERSON_A, Scene.PERSON_B] = Scene.PERSON_A
    gesture: Gesture = Gesture.NONE
    gestures: int = 0
    reader_plugged: bool = True
    camera_plugged: bool = True
    headset_plugged: bool = True
    mains_on: bool = True
    site_link_up: bool = True
    main_site_link_up: bool = True


class BenchFile:
    """The bench state on disk. Written whole and renamed, so a reader never sees half a state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._state = BenchState()

    def read(self) -> BenchState:
        """Return the current state; cheap when the file did not change. A missing file is the default bench."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return self._state
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            self._state = BenchState.model_validate_json(self.path.read_bytes())
            self._stamp = stamp
        return self._state

    def write(self, state: BenchState) -> None:
        """Replace the state."""
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(state.model_dump_json())
        temporary.replace(self.path)

    def change(self, **fields: object) -> BenchState:
        """Change some fields and return the new state."""
        state = BenchState.model_validate(self.read().model_dump() | fields)
        self.write(state)
        return state

    def perform(self, gesture: Gesture) -> BenchState:
        """Let the person in front of the camera do something once, and return the new state."""
        return self.change(gesture=gesture, gestures=self.read().gestures + 1)
