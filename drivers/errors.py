"""The one error family of the workstation and its stable codes (docs/operator/errors.md)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """Every failure the expert or the site administrator can be told about. Codes are never reused."""

    READER_ABSENT = "E-101"
    CARD_NOT_PRESENTED = "E-102"
    CARD_LIFTED = "E-103"
    CARD_UNREADABLE = "E-104"
    CARD_WRONG_TYPE = "E-105"
    CARD_EXPIRED = "E-106"
    CARD_NUMBER_MISMATCH = "E-107"
    CARD_READER_BROKEN = "E-108"
    CARD_PHOTO_UNUSABLE = "E-109"
    SAM_NOT_ALLOWED = "E-110"
    CARDS_SEVERAL = "E-111"
    PHOTO_REQUIRED = "E-112"
    FACE_NOT_SEEN = "E-201"
    FACE_COVERED = "E-202"
    FACE_SEVERAL = "E-203"
    FACE_NOT_LIVE = "E-204"
    FACE_UNCERTAIN = "E-205"
    FACE_MISMATCH = "E-206"
    FACE_DECLINED = "E-207"
    FACE_ENGINE_FAILED = "E-208"
    ROSTER_NOT_HERE = "E-301"
    ROSTER_NOT_LISTED = "E-302"
    ROSTER_OTHER_BOOTH = "E-303"
    ROSTER_OTHER_SITE = "E-304"
    ROSTER_ALREADY_SIGNED_IN = "E-306"
    ROSTER_REPLACED = "E-308"
    HEADSET_ABSENT = "E-401"
    MICROPHONE_SILENT = "E-402"
    HEADSET_HOWLS = "E-403"
    HEADSET_LOST = "E-404"
    CAMERA_LOST = "E-405"
    CAMERA_COVERED = "E-406"
    CONFERENCE_LOST = "E-407"
    ANONYMITY_NOT_READY = "E-408"
    MAIN_SITE_UNREACHABLE = "E-501"
    SITE_SERVER_UNREACHABLE = "E-502"
    NETWORK_DOWN = "E-503"
    MAIN_SITE_NOT_TRUSTED = "E-504"
    TICKET_REFUSED = "E-505"
    ACCOUNT_REFUSED = "E-506"
    MAIN_SITE_SIGNED_OUT = "E-507"
    COMPONENT_MISSING = "E-508"
    ON_BATTERY = "E-601"
    BATTERY_LOW = "E-602"
    MAINS_BACK = "E-603"
    RESTARTED = "E-604"
    STORAGE_FULL = "E-605"
    CLOCK_OFF = "E-606"
    UPS_TEST_REFUSED = "E-607"
    SEAT_LEFT = "E-701"
    SHORT_LEAVE = "E-702"
    SEAT_SEVERAL = "E-703"
    SEAT_OTHER_PERSON = "E-704"
    DEVICE_NOT_REGISTERED = "E-706"
    ACTION_NOT_ALLOWED = "E-707"
    INTERNAL = "E-901"


class KioskError(Exception):
    """A failure with a stable code.

    Attributes:
        code: which failure; the text for people is looked up by it.
        context: raw facts for the log (status words, return codes). Never personal data.
        retryable: whether the same action may succeed without anybody repairing something.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        context: Mapping[str, str | int | float] | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(f"{code} {message}".strip())
        self.code = code
        self.context = dict(context or {})
        self.retryable = retryable


class DeviceError(KioskError):
    """A device failed. Drivers map vendor codes to it once and keep the raw value in ``context``."""


class OtherCard(StrEnum):
    """What lay on the reader when it was no resident identity card; the expert is told by name."""

    BANK = "bank"
    SOCIAL_SECURITY = "social-security"
    TRANSIT = "transit"
    PASSPORT = "passport"
    PHONE = "phone"


class WrongCardError(DeviceError):
    """CARD_WRONG_TYPE.

    Attributes:
        card: what it is instead, ``None`` when nobody knows.
    """

    def __init__(self, card: OtherCard | None, message: str = "", **context: str | float) -> None:
        super().__init__(ErrorCode.CARD_WRONG_TYPE, message or card or "", context=context)
        self.card = card


class CancelledError(Exception):
    """The caller's cancel token was set while a blocking call waited."""
