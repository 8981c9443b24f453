"""What travels about the conference (音视频会议): the plan of a project, a ticket into its rooms, recordings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from workstation.site.wire import HexDigest, Wire

RoomId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
ParticipantId = Annotated[str, Field(pattern=r"^[a-z0-9]{1,40}$")]
"""Made by the site for one stay; says nothing about the person. The desktop's stream is ``<id>-screen``."""
Secret = Annotated[str, Field(max_length=500, repr=False)]


NO_CONFERENCE_SERVER = "this site has no conference server"
"""Title of the refusal (409) of a ticket where no meeting can be held at all."""


class ConferencePlan(Wire):
    """How a project meets. Part of its roster and of every assignment.

    Attributes:
        mask: faces are covered before they leave the booth (面部遮挡).
        voice: voices are changed before they leave the booth (变声).
        desktop: the booth's screen goes to the supervisor's room (桌面监控).
        record: the server keeps every stream for the archive.
        meeting, password: what an external client joins with, when the pack names one; "" for the built-in conference.
    """

    mask: bool = False
    voice: bool = False
    desktop: bool = True
    record: bool = True
    meeting: Annotated[str, Field(max_length=200)] = ""
    password: Secret = ""


class ConferenceRole(StrEnum):
    """Who somebody is in the meeting."""

    EXPERT = "expert"
    LEADER = "leader"
    MODERATOR = "moderator"
    SUPERVISOR = "supervisor"


class IceServer(Wire):
    """A STUN or TURN server, as WebRTC's ``RTCIceServer``. TURN credentials are short-lived (TURN REST, HMAC-SHA1)."""

    urls: Annotated[list[str], Field(min_length=1, max_length=8)]
    username: Annotated[str, Field(max_length=200)] = ""
    credential: Secret = ""


class RoomAccess(Wire):
    """One room of the conference server. ``secret`` is the moderator's alone."""

    room: RoomId
    pin: Secret
    secret: Secret = ""


class ConferenceRequest(Wire):
    """Ask for the way into the meeting of one's project."""

    arrival_id: UUID
    project_id: Annotated[str, Field(min_length=1, max_length=60)]


class ConferenceTicket(Wire):
    """The way into one meeting. In memory only.

    Attributes:
        server: WebSocket address of the Janus server; ``wss:`` unless it is loopback.
        token: Janus' signed token (HMAC), valid until ``expires_at``.
        meeting: the VideoRoom where everybody meets; TextRooms of the same name and pin carry chat, and
            ``<room>-documents`` the pages of shared documents.
        desktop: the VideoRoom where screens go, and are watched by supervisors. ``None`` without desktop monitoring.
        participant_id: what to join as.
        alias: the name that everybody sees.
    """

    server: Annotated[str, Field(pattern=r"^wss?://[^\s]+$", max_length=300)]
    token: Secret
    expires_at: AwareDatetime
    ice_servers: Annotated[list[IceServer], Field(max_length=8, default_factory=list)]
    meeting: RoomAccess
    desktop: RoomAccess | None = None
    participant_id: ParticipantId
    alias: Annotated[str, Field(min_length=1, max_length=40)]
    role: ConferenceRole
    plan: ConferencePlan


class GuestRequest(Wire):
    """Ask for the way in of somebody at the main site or the supervision, who uses the page in a browser."""

    alias: Annotated[str, Field(min_length=1, max_length=40)]
    role: ConferenceRole


class Guest(Wire):
    """``link`` opens the page; what follows its ``#`` is the ticket and reaches no server's log."""

    link: Annotated[str, Field(max_length=8000, repr=False)]
    ticket: ConferenceTicket


class Recording(Wire):
    """One recorded stream, as the conference server wrote it.

    Attributes:
        file: name inside the server's folder of recordings.
        alias: whose stream it is, "" when that cannot be told any more.
        medium: audio, video, screen or data.
        started_at: of the first packet.
    """

    file: Annotated[str, Field(max_length=300)]
    alias: Annotated[str, Field(max_length=40)]
    medium: Annotated[str, Field(pattern=r"^(audio|video|screen|data)$")]
    started_at: AwareDatetime | None
    size: Annotated[int, Field(ge=0)]
    sha256: HexDigest


class RecordingIndex(Wire):
    """The recordings of a meeting, for the hand-over index (移交目录). Complete once the meeting is ``closed_at``."""

    project_id: str
    closed_at: AwareDatetime | None
    recordings: list[Recording]
