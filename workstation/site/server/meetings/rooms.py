"""The four rooms of a meeting: their names and secrets, and what each of them is made like.

Names, pins and secrets are derived from the site's key and the meeting's salt, so the database holds none of them and
every server process knows them all.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workstation.site.conference import ConferencePlan
from workstation.site.server.meetings.janus import JanusRefusalError, JanusSession, Plugin

_HISTORY = 200
_PUBLISHERS = 16
_CAMERA_BIT_S = 1_024_000
"""The room's limit is above what a page sends of a picture of 720 lines (assets/conference/publisher.js)."""
_SCREEN_BIT_S = 800_000
_KEY_FRAME_S = 10
_NO_SUCH_ROOM: Mapping[Plugin, int] = {Plugin.VIDEO: 426, Plugin.TEXT: 417}
_ROOM_EXISTS: Mapping[Plugin, int] = {Plugin.VIDEO: 427, Plugin.TEXT: 418}


@dataclass(frozen=True, kw_only=True)
class MeetingRooms:
    """A meeting's rooms on the conference server.

    Attributes:
        meeting: VideoRoom, and TextRoom of the chat.
        pin: lets in.
        secret: lets moderate; the server's own for the rooms that nobody moderates.
    """

    meeting: str
    pin: str = field(repr=False)
    secret: str = field(repr=False)
    server_secret: str = field(repr=False)

    @classmethod
    def of(cls, key: str, salt: str) -> MeetingRooms:
        """Derive them from the site's ticket key and the meeting's salt."""

        def derived(purpose: str) -> str:
            return hmac.new(key.encode(), f"conference:{purpose}:{salt}".encode(), hashlib.sha256).hexdigest()

        return cls(
            meeting=derived("room")[:24],
            pin=derived("pin")[:32],
            secret=derived("secret")[:32],
            server_secret=derived("server")[:32],
        )

    @property
    def desktop(self) -> str:
        """The VideoRoom of the screens."""
        return f"{self.meeting}-desktop"

    @property
    def documents(self) -> str:
        """The TextRoom of shared pages."""
        return f"{self.meeting}-documents"

    def participant(self, key: str, who: str) -> str:
        """Return what somebody joins as: the same for the same ``who``, and nothing can be read from it."""
        return hmac.new(key.encode(), f"conference:{self.meeting}:{who}".encode(), hashlib.sha256).hexdigest()[:20]


def ensure(session: JanusSession, rooms: MeetingRooms, plan: ConferencePlan, admin_key: str, folder: Path) -> None:
    """Make the rooms that are not there, and let recording follow the plan in those that are.

    Args:
        session: at the conference server.
        rooms: the meeting's.
        plan: how the project meets.
        admin_key: opens the making of rooms.
        folder: where the conference server writes the streams of this meeting.

    Raises:
        JanusError: the server does not answer or refuses.
    """
    _ensure_video(session, rooms.meeting, _common(rooms, rooms.secret, admin_key) | _meeting(plan, folder))
    if plan.desktop:
        _ensure_video(session, rooms.desktop, _common(rooms, rooms.server_secret, admin_key) | _desktop(plan, folder))
    _ensure_text(session, rooms.meeting, {**_common(rooms, rooms.secret, admin_key), "history": _HISTORY})
    _ensure_text(session, rooms.documents, {**_common(rooms, rooms.server_secret, admin_key), "history": 0})


def destroy(session: JanusSession, rooms: MeetingRooms) -> bool:
    """End the rooms with everybody in them, and return whether there were any. Raises ``JanusError``."""
    were_there = False
    for plugin, room, secret in (
        (Plugin.VIDEO, rooms.meeting, rooms.secret),
        (Plugin.VIDEO, rooms.desktop, rooms.server_secret),
        (Plugin.TEXT, rooms.meeting, rooms.secret),
        (Plugin.TEXT, rooms.documents, rooms.server_secret),
    ):
        try:
            session.ask(plugin, "destroy", room=room, secret=secret)
            were_there = True
        except JanusRefusalError as error:
            if error.code != _NO_SUCH_ROOM[plugin]:
                raise
    return were_there


_Settings = dict[str, str | int | bool]


def _common(rooms: MeetingRooms, secret: str, admin_key: str) -> _Settings:
    return {"admin_key": admin_key, "secret": secret, "pin": rooms.pin, "is_private": True}


def _video(plan: ConferencePlan, folder: Path, bitrate: int) -> _Settings:
    return {
        "publishers": _PUBLISHERS,
        "bitrate": bitrate,
        "bitrate_cap": True,
        "fir_freq": _KEY_FRAME_S,
        "videocodec": "vp8",
        "audiocodec": "opus",
        "notify_joining": True,
        "record": plan.record,
        "rec_dir": str(folder),
        # Nobody but the holder of the secret starts, stops or renames a recording.
        "lock_record": True,
    }


def _meeting(plan: ConferencePlan, folder: Path) -> _Settings:
    return _video(plan, folder, _CAMERA_BIT_S) | {"opus_fec": True, "audiolevel_ext": True, "audiolevel_event": True}


def _desktop(plan: ConferencePlan, folder: Path) -> _Settings:
    return _video(plan, folder, _SCREEN_BIT_S) | {"audiolevel_event": False}


def _ensure_video(session: JanusSession, room: str, settings: _Settings) -> None:
    record, secret = bool(settings["record"]), str(settings["secret"])
    try:
        # Changes nothing where it is so already, and says as ``exists`` would whether the room is there.
        session.ask(Plugin.VIDEO, "enable_recording", room=room, secret=secret, record=record)
    except JanusRefusalError as error:
        if error.code != _NO_SUCH_ROOM[Plugin.VIDEO]:
            raise
        _create(session, Plugin.VIDEO, room, settings)


def _ensure_text(session: JanusSession, room: str, settings: _Settings) -> None:
    if not session.ask(Plugin.TEXT, "exists", room=room).get("exists"):
        _create(session, Plugin.TEXT, room, settings)


def _create(session: JanusSession, plugin: Plugin, room: str, settings: _Settings) -> None:
    try:
        session.ask(plugin, "create", room=room, permanent=False, **settings)
    except JanusRefusalError as error:
        # Another process of this server was quicker.
        if error.code != _ROOM_EXISTS[plugin]:
            raise
