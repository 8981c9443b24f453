"""How the experts of a project meet: facts of the assignment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ConferenceKind(StrEnum):
    """Which conference a main site's pack asks for."""

    NONE = "none"
    BUILT_IN = "built-in"
    EXTERNAL = "external"


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """The conference of a project.

    Attributes:
        mask: faces are covered before they leave the booth.
        voice: voices are changed before they leave the booth.
        desktop: the booth's screen goes to the supervisor's room.
    """

    kind: ConferenceKind = ConferenceKind.NONE
    mask: bool = False
    voice: bool = False
    desktop: bool = False


NO_MEETING = Meeting()


class SoundStep(StrEnum):
    """Where the sound check is.

    STARTING: the headset is opened. TONE_LEFT, TONE_RIGHT: a tone sounds in that ear, and the expert says whether it
    was heard. SPEAK: digits are read out. HEAR_BACK: the expert hears the own voice as the others will.
    """

    STARTING = "starting"
    TONE_LEFT = "tone-left"
    TONE_RIGHT = "tone-right"
    SPEAK = "speak"
    HEAR_BACK = "hear-back"
