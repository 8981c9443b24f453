"""Messages between the kiosk and the process that holds a vendor's library, over that process's stdin and stdout.

One message::

    offset  size  content
    0       4     n, length of what follows, unsigned, big-endian, 1..65 536
    4       1     kind
    5       n-1   content

The process speaks first (READY, LOST or UNFIT), then answers each message with one. This file and its neighbours
``child``, ``profiles`` and ``photo_forms`` import the standard library only and run on Python 3.8 or newer, because
the Python of a library's word size may be an old one.
"""

from __future__ import annotations

import struct
from typing import IO

READY = b"R"
"""The library is loaded and, for a reader, its port is open. No content."""
COMMAND = b"C"
"""CMD and PARA of an SDT command."""
REPLY = b"A"
"""SW3 of the SAM and the data after it."""
LOST = b"L"
"""The reader cannot be reached; why, in ASCII."""
UNFIT = b"U"
"""The library cannot be used; why, in ASCII."""
BLOCK = b"B"
"""A photo block of 1024 bytes."""
PICTURE = b"P"
"""The picture as the library made it: raw pixels or a BMP file."""
REFUSED = b"F"
"""The library made no picture; why, in ASCII."""

_LENGTH = struct.Struct(">I")
_MAX_LENGTH = 1 << 16


class WireError(Exception):
    """The other side sent something that is no message. The stream cannot be used any further."""


def write(stream: IO[bytes], kind: bytes, content: bytes | bytearray = b"") -> None:
    """Send one message over an unbuffered stream. Raises ``OSError`` when the other side is gone."""
    message = bytearray(_LENGTH.pack(1 + len(content)) + kind)
    message += content
    sent = 0
    while sent < len(message):
        sent += stream.write(memoryview(message)[sent:]) or 0
    message[:] = bytes(len(message))


def read(stream: IO[bytes]) -> tuple[bytes, bytearray] | None:
    """Return kind and content of the next message, ``None`` at the end of the stream.

    Raises:
        WireError: the length is out of bounds, or the stream ended inside a message.
    """
    head = _read_exactly(stream, _LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise WireError("ended inside a message")
    (length,) = _LENGTH.unpack(head)
    if not 1 <= length <= _MAX_LENGTH:
        raise WireError("message length out of bounds")
    message = _read_exactly(stream, length)
    if len(message) < length:
        raise WireError("ended inside a message")
    kind = bytes(message[:1])
    del message[:1]
    return kind, message


def _read_exactly(stream: IO[bytes], length: int) -> bytearray:
    """Return ``length`` bytes, fewer at the end of the stream."""
    data = bytearray()
    while len(data) < length:
        part = stream.read(length - len(data))
        if not part:
            break
        data += part
    return data
