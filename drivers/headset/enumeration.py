"""What PortAudio sees at this moment, told by a process that ends with it: ``python -m drivers.headset.enumeration``.

PortAudio's list is frozen when it starts, and renewing it ends the streams of the process. A process of its own sees
the list anew and disturbs nobody; whoever starts it may end it at any moment.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

MAX_BYTES: Final = 1 << 16
_MAX_SIGHTINGS: Final = 256
_MAX_NAME: Final = 512
_LIFE_S: Final = 10.0
"""Nobody waits longer. It ends by itself then, also when the kiosk has gone and a sound driver hangs."""


class EnumerationError(Exception):
    """No list came from PortAudio. The text is technical."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One direction of one device, as PortAudio names it.

    Attributes:
        is_default: the one its sound system takes by itself.
    """

    name: str
    is_capture: bool
    is_default: bool


def encode(sightings: Sequence[Sighting]) -> bytes:
    """Return the list as JSON in ASCII."""
    return json.dumps([asdict(each) for each in sightings]).encode("ascii")


def decode(data: bytes) -> tuple[Sighting, ...]:
    """Read what ``encode`` wrote. Raises ``EnumerationError`` for anything else."""
    if len(data) > MAX_BYTES:
        raise EnumerationError("too much output")
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError):
        raise EnumerationError("output is no JSON") from None
    if not isinstance(rows, list) or len(rows) > _MAX_SIGHTINGS:
        raise EnumerationError("output is no list of devices")
    return tuple(map(_sighting, rows))


def _sighting(row: object) -> Sighting:
    if isinstance(row, dict) and len(row) == len(fields(Sighting)):
        match row:
            case {"name": str(name), "is_capture": bool(is_capture), "is_default": bool(is_default)} if _is_name(name):
                return Sighting(name=name, is_capture=is_capture, is_default=is_default)
    raise EnumerationError("output has a row that is no device")


def _is_name(text: str) -> bool:
    # JSON can spell half a surrogate pair, which nobody can print, log or send.
    return 0 < len(text) <= _MAX_NAME and not any("\ud800" <= character <= "\udfff" for character in text)


def _look() -> list[Sighting]:
    """Ask PortAudio: on Windows WASAPI, elsewhere the host API it takes by itself. Raises what sounddevice raises."""
    import sounddevice  # noqa: PLC0415 - starts PortAudio; ``decode`` is for processes that must not

    hosts = sounddevice.query_hostapis()
    wanted = "Windows WASAPI" if sys.platform == "win32" else hosts[sounddevice.default.hostapi]["name"]
    seen: list[Sighting] = []
    for device in sounddevice.query_devices():
        host = hosts[device["hostapi"]]
        if host["name"] != wanted:
            continue
        for is_capture, channels, default in (
            (False, device["max_output_channels"], host["default_output_device"]),
            (True, device["max_input_channels"], host["default_input_device"]),
        ):
            if channels:
                is_default = device["index"] == default
                seen.append(Sighting(name=device["name"], is_capture=is_capture, is_default=is_default))
    return seen


def main() -> None:
    """Write the list to stdout. What a sound driver prints goes nowhere."""
    watchdog = threading.Timer(_LIFE_S, os._exit, [1])
    watchdog.daemon = True
    watchdog.start()
    output = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    with os.fdopen(output, "wb") as stream:
        stream.write(encode(_look()))


if __name__ == "__main__":
    main()
    # Not PortAudio's way out: a driver may hang there, too.
    os._exit(0)
