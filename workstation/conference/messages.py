"""The words between application and conference page (JSON over QWebChannel, object ``booth``).

The application says ``ToPage`` by the signal ``booth.told(str)``; the page says ``FromPage`` by the slot
``booth.say(str)``. What comes from the page is not trusted: it is parsed by these models and anything else is dropped.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter

from workstation.site.conference import ConferenceTicket


class Message(BaseModel):
    """Base of every message."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=4096)


# --- to the page -----------------------------------------------------------------------------------------------------


class Join(Message):
    """Join the meeting, muted. ``media`` is the WebSocket of the processed streams. The page rejoins by itself."""

    kind: Literal["join"] = "join"
    ticket: ConferenceTicket
    media: str
    large_text: bool = False


class Renew(Message):
    """A fresh ticket for the same participant: for the next rejoin."""

    kind: Literal["renew"] = "renew"
    ticket: ConferenceTicket


class Hold(Message):
    """The booth is locked (or no longer): nothing is sent and nothing is played while ``on``."""

    kind: Literal["hold"] = "hold"
    on: bool


class Protected(Message):
    """Whether each stream is live at the gate; the page shows it and sends no track that is not."""

    kind: Literal["protected"] = "protected"
    video: Literal["off", "proving", "live", "stopped"]
    voice: Literal["off", "proving", "live", "stopped"]
    fault: str = ""


class Level(Message):
    """The microphone's level for the meter, some ten times a second."""

    kind: Literal["level"] = "level"
    dbfs: FiniteFloat
    speaking: bool


class DocumentPage(Message):
    """One page of the document that this booth presents: a picture in base64 (JPEG, PNG or WebP)."""

    kind: Literal["document-page"] = "document-page"
    name: Annotated[str, Field(max_length=200)]
    page: Annotated[int, Field(ge=1)]
    pages: Annotated[int, Field(ge=1, le=5000)]
    picture: Annotated[str, Field(max_length=8_000_000)]


class DocumentEnd(Message):
    """This booth stops presenting."""

    kind: Literal["document-end"] = "document-end"


class Leave(Message):
    """Leave for good."""

    kind: Literal["leave"] = "leave"


class Sound(Message):
    """Endpoints changed; ``label`` is the description of the playback that is now the system's default."""

    kind: Literal["sound"] = "sound"
    label: str


ToPage = Join | Renew | Hold | Protected | Level | DocumentPage | DocumentEnd | Leave | Sound


# --- from the page ---------------------------------------------------------------------------------------------------


class Ready(Message):
    """The page is loaded and listens."""

    kind: Literal["ready"] = "ready"


class Phase(Message):
    """Where the meeting stands. ``lost`` is followed by attempts to rejoin, ``attempt`` counts them.

    Attributes:
        people: participants with this one.
        reason: short technical word for the journal (``server-gone``, ``kicked``, ``refused``, ``ice-failed``).
    """

    kind: Literal["phase"] = "phase"
    phase: Literal["joining", "joined", "lost", "left"]
    people: Annotated[int, Field(ge=0, le=1000)] = 0
    attempt: Annotated[int, Field(ge=0)] = 0
    reason: Annotated[str, Field(max_length=100)] = ""


class Wish(Message):
    """What the expert pressed: microphone and camera as they shall be now."""

    kind: Literal["wish"] = "wish"
    microphone: bool
    camera: bool


class Muted(Message):
    """A moderator muted this booth, or lifted that."""

    kind: Literal["muted"] = "muted"
    by_moderator: bool


class Desktop(Message):
    """The booth's screen on its way to the supervisors. ``age_s``: since the last picture was encoded; -1 for none."""

    kind: Literal["desktop"] = "desktop"
    running: bool
    age_s: FiniteFloat


class Statistics(Message):
    """Every few seconds, of the meeting's streams (W3C webrtc-stats). -1 where there is no figure yet.

    Attributes:
        rtt_ms, jitter_ms: round trip, and the highest jitter of what is received.
        loss: share of packets lost since the last statistics, 0 to 1.
        sent_kbps, received_kbps: of all streams together.
        width, height, fps: of the own picture as it is sent.
    """

    kind: Literal["statistics"] = "statistics"
    rtt_ms: FiniteFloat
    jitter_ms: FiniteFloat
    loss: FiniteFloat
    sent_kbps: FiniteFloat
    received_kbps: FiniteFloat
    width: Annotated[int, Field(ge=-1, le=100_000)]
    height: Annotated[int, Field(ge=-1, le=100_000)]
    fps: FiniteFloat


class Present(Message):
    """The expert wants to show a document: the application lets them choose one."""

    kind: Literal["present"] = "present"


class Turn(Message):
    """The presenter turns to this page of their document."""

    kind: Literal["turn"] = "turn"
    page: Annotated[int, Field(ge=1)]


class StopPresenting(Message):
    """The presenter is done."""

    kind: Literal["stop-presenting"] = "stop-presenting"


class Stage(Message):
    """A shared document wants the room of the evaluation page (``on``), or gives it back."""

    kind: Literal["stage"] = "stage"
    on: bool


FromPage = Ready | Phase | Wish | Muted | Desktop | Statistics | Present | Turn | StopPresenting | Stage

_FROM_PAGE: TypeAdapter[FromPage] = TypeAdapter(Annotated[FromPage, Field(discriminator="kind")])

MAX_MESSAGE = 20_000
"""Longest message that is looked at, in characters."""


def read(text: str) -> FromPage | None:
    """Return what the page said, ``None`` for anything that is none of these."""
    if len(text) > MAX_MESSAGE:
        return None
    try:
        return _FROM_PAGE.validate_json(text)
    except ValueError:
        return None
