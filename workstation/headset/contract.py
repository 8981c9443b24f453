"""What a sound check is asked, what it says while it runs, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.errors import ErrorCode


class Step(StrEnum):
    """Where a sound check is.

    QUIET: it listens to the room. LEFT, RIGHT: a tone plays in one ear and the expert is asked. SPEAK: the expert
    reads digits aloud. PLAYBACK: the expert hears the own voice.
    """

    QUIET = "quiet"
    LEFT = "left"
    RIGHT = "right"
    SPEAK = "speak"
    PLAYBACK = "playback"


class Suggestion(StrEnum):
    """What would help, as a key of the texts.

    PLUG: no headset, or it was pulled. NOT_HEARD: the expert hears no tone. MUTE_SWITCH: the microphone is off.
    TOO_QUIET: no voice, or too soft. CLIPPING: too loud. HUM: mains hum. ECHO: the microphone hears the ear cups.
    """

    NONE = ""
    PLUG = "plug"
    NOT_HEARD = "not-heard"
    MUTE_SWITCH = "mute-switch"
    TOO_QUIET = "too-quiet"
    CLIPPING = "clipping"
    HUM = "hum"
    ECHO = "echo"


class Transform(StrEnum):
    """How the expert hears the own voice: as it is, or as the others will."""

    PLAIN = "plain"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a sound check ended.

    Attributes:
        code: ``None`` passed; else HEADSET_ABSENT, MICROPHONE_SILENT, HEADSET_HOWLS, HEADSET_LOST, or
            ANONYMITY_NOT_READY when the voice cannot be changed.
        is_looped: the unattended check heard its own tone: both halves were tested, not only the microphone.
    """

    code: ErrorCode | None = None
    suggestion: Suggestion = Suggestion.NONE
    is_looped: bool = False
