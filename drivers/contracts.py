"""What every device promises: small protocols with blocking calls, a time limit and a cancel token.

A driver owns no thread and knows no Qt; the caller gives each device one thread for life. References are cheap
to make; ``open`` touches the hardware. Anything personal carried here hides itself from ``repr``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, StrEnum, auto
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drivers.errors import ErrorCode
from drivers.ups_contracts import BatteryTest as BatteryTest
from drivers.ups_contracts import Feeds as Feeds
from drivers.ups_contracts import Supply as Supply
from drivers.ups_contracts import Ups as Ups
from drivers.ups_contracts import UpsFlag as UpsFlag
from drivers.ups_contracts import UpsReading as UpsReading

Image = npt.NDArray[np.uint8]
"""Picture, shape (height, width, 3), channel order B, G, R, values 0 to 255."""


class CancelToken:
    """Tells a blocking driver call to come back early. Safe to set from any thread, once, for good."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Set the token and wake every call that waits on it."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` on ``cancel``, or now when already cancelled. It must not block."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def wait(self, timeout_s: float) -> bool:
        """Sleep up to ``timeout_s`` seconds; true when cancelled."""
        return self._event.wait(timeout_s)


class DeviceKind(StrEnum):
    """The devices of a booth, by their names on the wire."""

    READER = "reader"
    CAMERA = "camera"
    HEADSET = "headset"
    UPS = "ups"


class DeviceState(StrEnum):
    """What a device can do now. Unavailable beats stale: no news is ABSENT or FAILED, never READY."""

    READY = "ready"
    DEGRADED = "degraded"
    ABSENT = "absent"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class DeviceStatus:
    """One device at one moment.

    Attributes:
        name: the product's or system's name for it, "" when unknown. Never a person's data.
        detail: short technical fact for the administrator ("1280x720", "SCARD 0x8010001D").
        serial: what tells this piece from others of its kind (a card reader's SAM id), "" when unknown.
        firmware: version of the device's own software, "" when unknown.
        code: what failed, where the driver knows it better than "absent" (a card reader: E-108, E-110).
    """

    kind: DeviceKind
    state: DeviceState
    name: str = ""
    detail: str = ""
    serial: str = ""
    firmware: str = ""
    code: ErrorCode | None = None


# --- ID card -------------------------------------------------------------------------------------------------------


class Presence(Enum):
    """What lies on the reader."""

    NO_READER = auto()
    EMPTY = auto()
    CARD = auto()


class Assurance(Enum):
    """Who vouches for a record: a certified SAM, or nobody (drill)."""

    SAM_AUTHENTICATED = auto()
    UNVERIFIED = auto()


class CardType(StrEnum):
    """Type flag of the text block, offset 248 (docs/reference of GA/T 467; see drivers/idcard/record.py)."""

    RESIDENT = "resident"
    HK_MO_TW_RESIDENT = "hk-mo-tw-resident"
    FOREIGN_RESIDENT_2017 = "foreign-resident-2017"
    FOREIGN_RESIDENT_2023 = "foreign-resident-2023"


@dataclass(frozen=True, kw_only=True)
class IdCardRecord:
    """What an ID card says. Every field but the type and the assurance is personal and hidden from ``repr``.

    Attributes:
        name: Chinese name; the English one of a foreigner whose card has no Chinese name.
        sex: GB/T 2261.1 code: "0" unknown, "1" male, "2" female, "9" not stated.
        nation: GB/T 3304 code, two digits, "" where the card has none.
        address: as printed, "" on foreigners' cards.
        id_number: GB 11643 number, 18 characters; on foreigners' cards of 2017 three letters and twelve digits.
        issuer: issuing authority, its code on foreigners' cards of 2017, "" on those of 2023.
        valid_until: last day of validity, ``None`` for 长期 (no end).
        photo_block: the 1024 byte photo block as read, still encoded.
        newest_address: what was written to the card after a move, "" when nothing was or nobody asked.
        english_name: of foreigners' cards, "" on others.
        nationality: GB/T 2659 code, three letters, "" on Chinese citizens' cards.
        pass_number: 通行证 number of HK, Macao and Taiwan residents, "" on other cards.
        issue_count: how often the card was issued, two digits, "" where the card does not say.
    """

    card_type: CardType
    assurance: Assurance
    name: str = field(repr=False)
    sex: str = field(repr=False)
    nation: str = field(repr=False)
    birth_date: date = field(repr=False)
    address: str = field(repr=False)
    id_number: str = field(repr=False)
    issuer: str = field(repr=False)
    valid_from: date = field(repr=False)
    valid_until: date | None = field(repr=False)
    photo_block: bytes = field(repr=False)
    newest_address: str = field(default="", repr=False)
    english_name: str = field(default="", repr=False)
    nationality: str = field(default="", repr=False)
    pass_number: str = field(default="", repr=False)
    issue_count: str = field(default="", repr=False)


class CardReader(Protocol):
    """An ID card reader. One thread calls it; ``CancelToken.cancel`` may come from any other."""

    @property
    def status(self) -> DeviceStatus:
        """The state seen last, without touching the device."""

    def wait(self, known: Presence, *, timeout_s: float, cancel: CancelToken) -> Presence:
        """Block until the presence differs from ``known``, the time is up, or ``cancel``; return what is there now.

        Never raises for a reader or service that went away: that is ``Presence.NO_READER``, and the driver finds
        the way back by itself on later calls.
        """

    def read(self, *, timeout_s: float, cancel: CancelToken) -> IdCardRecord:
        """Find, select and read the card that lies there.

        Raises:
            DeviceError: READER_ABSENT, CARD_LIFTED, CARD_UNREADABLE, CARD_WRONG_TYPE (a ``WrongCardError``),
                CARD_NUMBER_MISMATCH, CARDS_SEVERAL, CARD_READER_BROKEN or SAM_NOT_ALLOWED. The next placement can be
                read without reopening anything.
            CancelledError: ``cancel`` was set.
        """

    def close(self) -> None:
        """Give the reader back. Idempotent."""


class PhotoDecoder(Protocol):
    """Turns the closed 1024 byte photo block of a card into a picture."""

    def decode(self, photo_block: bytes) -> Image | None:
        """Return the portrait (126 rows, 102 columns), or ``None`` when this block cannot be decoded."""


# --- camera --------------------------------------------------------------------------------------------------------


class Exposure(StrEnum):
    """What the light does to a picture."""

    GOOD = "good"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"


@dataclass(frozen=True, kw_only=True)
class FrameFacts:
    """What can be said of a picture without looking for anybody in it.

    Attributes:
        mean_luminance: 0 (black) to 255.
        p5: luminance that a twentieth of the picture does not reach.
        p95: luminance that a twentieth of the picture exceeds.
        is_black: nothing to see at all: covered, or no light.
        is_frozen: the same picture for seconds, to the last bit; a sensor's noise never lets that happen.
    """

    mean_luminance: float
    p5: float
    p95: float
    exposure: Exposure
    is_black: bool
    is_frozen: bool


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One camera picture.

    Attributes:
        captured_at: ``time.monotonic()`` seconds of the capture.
        facts: made by ``CameraHub`` once for all its readers, ``None`` straight from a camera.
    """

    image: Image = field(repr=False)
    captured_at: float
    facts: FrameFacts | None = None


class Camera(Protocol):
    """A camera. ``present`` may be called at any time; the rest by the one camera thread."""

    def present(self) -> DeviceStatus:
        """Say whether the camera is there without opening it (no privacy light, no hand-over)."""

    def open(self) -> None:
        """Start capturing. Raises ``DeviceError(CAMERA_LOST)`` when it cannot."""

    def read(self, *, timeout_s: float) -> Frame:
        """Return the next frame. Raises ``DeviceError(CAMERA_LOST)`` when none comes in time."""

    def close(self) -> None:
        """Stop capturing. Idempotent."""


# --- headset -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SoundEndpoint:
    """One playback or capture endpoint of the sound server.

    Attributes:
        name: what the sound server calls it, stable for the same plug (``alsa_output.usb-...``, a WASAPI endpoint id).
        description: the product's name for people.
        serial: "vid:pid:serial" of the USB device, the same after every hot-plug; "" when it has none.
    """

    name: str
    description: str
    serial: str = ""


@dataclass(frozen=True, kw_only=True)
class HeadsetPair:
    """A whole headset: what plays into the ears and what hears the voice.

    Attributes:
        is_spare: not the headset that the booth is configured for, but the one that stands in for it.
    """

    playback: SoundEndpoint
    capture: SoundEndpoint
    is_spare: bool = False


class Headset(Protocol):
    """The headset worn by the expert. One thread calls it."""

    def status(self) -> DeviceStatus:
        """READY with both endpoints, DEGRADED with one, ABSENT with none, FAILED when the sound server is away.

        Nothing that plays into the room is ever a headset: a booth's neighbour must not hear (E-401).
        """

    def pair(self) -> HeadsetPair | None:
        """Return the whole headset that is plugged now: the configured one, else a spare; ``None`` without one."""

    def take(self) -> HeadsetPair:
        """Make the plugged headset the system's default, unmute it and set the configured volumes.

        What was default before is remembered once, for ``give_back``. Call it again after a hot-plug: it takes the
        headset that is there now.

        Raises:
            DeviceError: HEADSET_ABSENT without a whole headset or without the sound server.
        """

    def give_back(self) -> None:
        """Restore defaults, mutes and volumes as ``take`` found them, as far as those devices are still there."""

    def wait(self, *, timeout_s: float, cancel: CancelToken) -> None:
        """Block until a device was plugged, unplugged or muted, the time is up, or ``cancel``."""

    def close(self) -> None:
        """``give_back``, and drop the connection to the sound server. Idempotent."""
