"""The drill bench: one small JSON file says what lies on the reader, who sits there and what is cut.

The drill console (or a test) writes it; the simulated devices and services read it when it changes. A file is the
whole protocol, so the kiosk needs no back door and every process sees the same bench.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Scene(StrEnum):
    """Who is in front of the camera."""

    PERSON_A = "person-a"
    PERSON_B = "person-b"
    NOBODY = "nobody"
    TWO = "two"


class BenchState(BaseModel):
    """Everything a person standing at the booth could change with their hands.

    Attributes:
        card: name of the drill card on the reader (``drivers.simulated.people``), ``None`` when none lies there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: str | None = None
    scene: Scene = Scene.NOBODY
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
