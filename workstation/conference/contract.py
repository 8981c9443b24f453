"""What the conference's rooms tell each other: how streams are protected, and what becomes of them.

The way of the data: camera hub and microphone -> ``media`` (a process of its own: mask, voice change, the gate) ->
a WebSocket on loopback -> the page in Qt WebEngine -> the Janus server. The page holds no permission for camera or
microphone, so nothing can leave the booth that has not come through the gate.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCHEME: Final = "booth-conference"
"""URL scheme of the page inside the kiosk: a secure context of its own, without a port."""
PAGE_URL: Final = f"{SCHEME}://page/"
PAGE_ORIGIN: Final = f"{SCHEME}://page"
"""What a browser sends as ``Origin``: the only one that ``media`` answers."""

SAMPLE_RATE: Final = 48_000
"""Hz of every sound here; mono."""
BLOCK: Final = 480
"""Samples of one packet of sound: 10 ms."""


@dataclass(frozen=True, kw_only=True)
class Anonymity:
    """What must be done to the streams before they leave the booth; decided by the project."""

    mask: bool = False
    voice: bool = False


class StreamPhase(StrEnum):
    """What becomes of a stream.

    OFF: not wanted (muted, or not started). PROVING: wanted, and the protection has not been seen working yet.
    LIVE: it leaves the booth. STOPPED: it was stopped because a protection or a device does not work.
    """

    OFF = "off"
    PROVING = "proving"
    LIVE = "live"
    STOPPED = "stopped"


class MediaFault(StrEnum):
    """Why a stream was stopped."""

    NONE = ""
    MASK = "mask"
    VOICE = "voice"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    PROCESS = "process"


@dataclass(frozen=True, kw_only=True)
class MediaWish:
    """What the application wants of ``media`` now. Sent whole each time.

    Attributes:
        microphone, camera: whether the stream may leave the booth.
        preview: the processed pictures and the processed voice are for the expert's own eyes and ears only; while
            this is on, nothing leaves the booth.
        capture: sound server's name of the microphone; "" while there is no headset.
        playback: the same of the ear cups, where the preview's voice is heard; "" for silence.
    """

    microphone: bool = False
    camera: bool = False
    preview: bool = False
    capture: str = ""
    playback: str = ""


@dataclass(frozen=True, kw_only=True)
class MediaStatus:
    """What ``media`` says of itself, several times a second. No news for ``SILENCE_S`` is ``MediaFault.PROCESS``.

    Attributes:
        level_dbfs, peak_dbfs: RMS and peak of the microphone's last 100 ms, before the voice change; full scale is 0.
        is_clipping: samples at full scale were seen in the last second.
        speaking: voice activity.
        frames: pictures that left, counted from the start; ``packets`` the same of sound.
        is_covered: the whole picture is covered now because no face was found.
    """

    video: StreamPhase
    voice: StreamPhase
    video_fault: MediaFault = MediaFault.NONE
    voice_fault: MediaFault = MediaFault.NONE
    level_dbfs: float = -100.0
    peak_dbfs: float = -100.0
    is_clipping: bool = False
    speaking: bool = False
    frames: int = 0
    packets: int = 0
    is_covered: bool = False


SILENCE_S: Final = 2.0


class PacketKind(StrEnum):
    """What a binary message from ``media`` to the page holds."""

    VIDEO = "video"
    AUDIO = "audio"


HEADER: Final = struct.Struct("<BBHHHQ")
"""Before every packet: kind (1 picture, 2 sound), flags (bit 0: protected as the project demands), width and height in
pixels (0 for sound), number of sound samples (0 for pictures), capture time in microseconds of a monotonic clock.

Then a picture as I420 (width * height * 3 / 2 bytes, width and height even), or sound as signed 16 bit little-endian.
"""
PROTECTED: Final = 1
KINDS: Final = {1: PacketKind.VIDEO, 2: PacketKind.AUDIO}


@dataclass(frozen=True, kw_only=True)
class MediaAddress:
    """Where the page finds ``media``: ``ws://127.0.0.1:<port>/<key>``. The key is new for every process."""

    port: int
    key: str

    @property
    def url(self) -> str:
        """The WebSocket's address."""
        return f"ws://127.0.0.1:{self.port}/{self.key}"
