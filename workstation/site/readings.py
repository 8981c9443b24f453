"""What a booth says about its devices, its power and its lines: typed readings with unit, time and quality."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, FiniteFloat

from workstation.site.wire import Wire


class ReadingKind(StrEnum):
    """What is measured at a booth."""

    READER = "reader"
    CAMERA = "camera"
    HEADSET = "headset"
    TOKEN = "token"  # noqa: S105 - the signing certificate's USB key (CA 锁), no secret
    SIGNATURE_PAD = "signature-pad"
    UPS = "ups"
    DISK = "disk"
    MEMORY = "memory"
    TEMPERATURE = "temperature"
    CLOCK = "clock"
    SITE = "site"
    MAIN_SITE = "main-site"
    CONFERENCE = "conference"
    DISPLAY = "display"
    USB = "usb"
    SOFTWARE = "software"


class ReadingState(StrEnum):
    """Judgement of a reading. Unknown is never good."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class Quality(StrEnum):
    """How far the figures of a reading can be believed (the names follow IEC 62541-8, OPC UA status severities).

    Members:
        GOOD: measured just now.
        UNCERTAIN: estimated or derived, such as a runtime from the falling charge.
        BAD: not measured: the source is away, too old, or was never there.
    """

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class DeviceIdentity(Wire):
    """Which piece of hardware it is: the site's inventory. "" for what the device does not tell.

    Attributes:
        serial: tells this piece from others of its kind; of a card reader the id of its security module (SAM).
        firmware: version of the device's own software.
    """

    name: Annotated[str, Field(max_length=200)] = ""
    serial: Annotated[str, Field(max_length=100)] = ""
    firmware: Annotated[str, Field(max_length=100)] = ""


Subject = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$|^$")]
"""Which of several of a kind, by its name in the configuration; "" for the only one, or for their summary."""

ValueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class ReadingReport(Wire):
    """One reading of one thing.

    Attributes:
        values: figures by names that end in their unit; see ``unit_of``.
    """

    kind: ReadingKind
    subject: Subject = ""
    state: ReadingState
    quality: Quality = Quality.GOOD
    observed_at: AwareDatetime
    values: Annotated[dict[ValueName, FiniteFloat], Field(default_factory=dict, max_length=32)]
    detail: Annotated[str, Field(max_length=200)] = ""
    device: DeviceIdentity | None = None


_UNITS = {
    "_s": "s",
    "_ms": "ms",
    "_bytes": "By",
    "_percent": "%",
    "_v": "V",
    "_w": "W",
    "_celsius": "Cel",
    "_kbps": "kbit/s",
    "_dbfs": "dB",
}


def unit_of(name: str) -> str:
    """Return the unit of a figure by the end of its name, in UCUM's case-sensitive form; "1" for a bare count."""
    return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "1")
