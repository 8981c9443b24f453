"""The four answers of a V4L2 device that tell what it is and what it can do, as the kernel lays them out.

Pure: ``drivers/camera/v4l2.py`` asks. Layouts and numbers are those of <linux/videodev2.h>, the same on every
machine of ours; a test compares them with the header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_CAPABILITY: Final = struct.Struct("=16s32s32s3I12x")
_FORMAT: Final = struct.Struct("=3I32s4sI12x")
_SIZE: Final = struct.Struct("=I4s7I8x")
_INTERVAL: Final = struct.Struct("=I4s9I8x")

_READ, _WRITE_READ = 2, 3


def _request(direction: int, number: int, layout: struct.Struct) -> int:
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


QUERYCAP: Final = _request(_READ, 0, _CAPABILITY)
ENUM_FMT: Final = _request(_WRITE_READ, 2, _FORMAT)
ENUM_FRAMESIZES: Final = _request(_WRITE_READ, 74, _SIZE)
ENUM_FRAMEINTERVALS: Final = _request(_WRITE_READ, 75, _INTERVAL)

_CAPTURE, _CAPTURE_MPLANE, _STREAMING, _DEVICE_CAPS = 0x1, 0x1000, 0x0400_0000, 0x8000_0000
_DISCRETE: Final = 1

_COMMON_SIZES: Final = (
    (320, 240), (352, 288), (640, 360), (640, 480), (800, 600), (960, 540), (1024, 768), (1280, 720), (1280, 960),
    (1280, 1024), (1600, 1200), (1920, 1080), (2560, 1440), (3840, 2160),
)  # fmt: skip
_COMMON_RATES: Final = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 60.0)


@dataclass(frozen=True, kw_only=True)
class Capability:
    """What a device node is.

    Attributes:
        card: the product's name.
        bus: where it is plugged in ("usb-0000:00:14.0-1").
        buffer_type: which kind of buffers it captures into, 0 when this node captures no pictures.
    """

    card: str
    bus: str
    buffer_type: int


@dataclass(frozen=True, kw_only=True)
class Answers(Generic[T]):
    """One answer of an enumeration.

    Attributes:
        values: what it stands for, ``()`` when it makes no sense. Ranges become the usual values in them.
        is_last: whether a range answered, after which there is nothing to ask.
    """

    values: tuple[T, ...]
    is_last: bool


def ask_capability() -> bytearray:
    """Return the buffer for ``QUERYCAP``."""
    return bytearray(_CAPABILITY.size)


def parse_capability(buffer: bytes | bytearray) -> Capability:
    """Read the answer to ``QUERYCAP``.

    ``capabilities`` tells of all nodes of a device together; a camera's second node, which gives metadata, is known by
    ``device_caps`` only.
    """
    _driver, card, bus, _version, of_all, of_node = _CAPABILITY.unpack(buffer)
    bits = of_node if of_all & _DEVICE_CAPS else of_all
    buffer_type = 1 if bits & _CAPTURE else 9 if bits & _CAPTURE_MPLANE else 0
    return Capability(card=printable(card), bus=printable(bus), buffer_type=buffer_type if bits & _STREAMING else 0)


def ask_format(index: int, buffer_type: int) -> bytearray:
    """Return the buffer for ``ENUM_FMT``."""
    return bytearray(_FORMAT.pack(index, buffer_type, 0, b"", b"", 0))


def parse_format(buffer: bytes | bytearray) -> bytes:
    """Read the answer to ``ENUM_FMT``: the four characters of the pixel format."""
    fourcc: bytes = _FORMAT.unpack(buffer)[4]
    return fourcc


def ask_size(index: int, fourcc: bytes) -> bytearray:
    """Return the buffer for ``ENUM_FRAMESIZES``."""
    return bytearray(_SIZE.pack(index, fourcc, *[0] * 7))


def parse_size(buffer: bytes | bytearray) -> Answers[tuple[int, int]]:
    """Read the answer to ``ENUM_FRAMESIZES``: pixels, width and height."""
    _index, _fourcc, kind, *numbers = _SIZE.unpack(buffer)
    if kind == _DISCRETE:
        width, height = numbers[:2]
        return Answers(values=((width, height),) if width and height else (), is_last=False)
    least_w, most_w, step_w, least_h, most_h, step_h = numbers
    sizes = {
        (width, height)
        for width, height in (*_COMMON_SIZES, (most_w, most_h))
        if _is_in(width, least_w, most_w, step_w) and _is_in(height, least_h, most_h, step_h)
    }
    return Answers(values=tuple(sorted(sizes)), is_last=True)


def ask_interval(index: int, fourcc: bytes, width: int, height: int) -> bytearray:
    """Return the buffer for ``ENUM_FRAMEINTERVALS``."""
    return bytearray(_INTERVAL.pack(index, fourcc, width, height, *[0] * 7))


def parse_interval(buffer: bytes | bytearray) -> Answers[float]:
    """Read the answer to ``ENUM_FRAMEINTERVALS``: frames a second."""
    _index, _fourcc, _width, _height, kind, *numbers = _INTERVAL.unpack(buffer)
    if kind == _DISCRETE:
        seconds, parts = numbers[:2]
        return Answers(values=(parts / seconds,) if seconds and parts else (), is_last=False)
    shortest, shortest_parts, longest, longest_parts, *_step = numbers
    if not (shortest and shortest_parts and longest and longest_parts):
        return Answers(values=(), is_last=True)
    most, least = shortest_parts / shortest, longest_parts / longest
    rates = {rate for rate in (*_COMMON_RATES, most) if least <= rate <= most}
    return Answers(values=tuple(sorted(rates)), is_last=True)


def fourcc_text(fourcc: bytes) -> str:
    """Return a pixel format's four characters for people; those that cannot be shown become "?"."""
    return "".join(chr(code) if 0x20 <= code < 0x7F else "?" for code in fourcc).rstrip()


def printable(raw: bytes) -> str:
    """Return a text that comes from a device: nothing in it may steer a terminal."""
    text = raw.split(b"\0", maxsplit=1)[0].decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _is_in(value: int, least: int, most: int, step: int) -> bool:
    return 0 < least <= value <= most and (value == most or (value - least) % max(step, 1) == 0)
