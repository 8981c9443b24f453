"""Messages between the application and the face worker, over the worker's stdin and stdout.

One message is::

    offset  size  content
    0       4     h, length of the header, unsigned, big-endian, 1..65 536
    4       4     p, length of the payload, unsigned, big-endian, 0..50 331 648
    8       h     header: JSON object, UTF-8 (``Request`` or ``Reply``)
    8+h     p     payload: pixels of the picture, row by row, B G R; empty in replies

The worker speaks first (``Reply`` with ``identity``, or with ``error``), then answers each request with one reply.
Only one request is under way at a time, so nothing is numbered.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import IO, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.contracts import Image
from workstation.face.contract import MAX_SIDE_PX, ModelIdentity, ReferenceKind
from workstation.face.verification import Observation

_LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 1 << 16
MAX_PAYLOAD_BYTES = MAX_SIDE_PX * MAX_SIDE_PX * 3


class WireError(Exception):
    """The other side sent something that is no message. The stream cannot be used any further."""


class Operation(StrEnum):
    """What the worker can be asked."""

    SET_REFERENCE = "set-reference"
    OBSERVE = "observe"
    RESET = "reset"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Request(_Message):
    """Header of a request. ``height`` and ``width`` describe the picture in the payload, 0 without one."""

    operation: Operation
    height: int = Field(default=0, ge=0, le=MAX_SIDE_PX)
    width: int = Field(default=0, ge=0, le=MAX_SIDE_PX)
    kind: ReferenceKind = ReferenceKind.CARD_PHOTO
    captured_at: float = 0.0


class Reply(_Message):
    """Header of a reply; which field is set follows from the request.

    Attributes:
        error: the engine's reason; technical, never personal.
    """

    identity: ModelIdentity | None = None
    face_found: bool | None = None
    observation: Observation | None = None
    error: str | None = None


_Header = TypeVar("_Header", Request, Reply)


def write_message(stream: IO[bytes], header: Request | Reply, image: Image | None = None) -> None:
    """Send one message. Raises ``OSError`` when the other side is gone."""
    encoded = header.model_dump_json(exclude_defaults=True).encode()
    stream.write(_LENGTHS.pack(len(encoded), 0 if image is None else image.nbytes))
    stream.write(encoded)
    if image is not None:
        stream.write(image.data)
    stream.flush()


def read_message(stream: IO[bytes], header_type: type[_Header]) -> tuple[_Header, bytes] | None:
    """Return the next header and payload, or ``None`` when the stream ended between two messages.

    Raises:
        WireError: the stream ended inside a message, a length is out of range, or the header is not the type.
    """
    first = stream.read(_LENGTHS.size)
    if not first:
        return None
    if len(first) < _LENGTHS.size:
        raise WireError("stream ended inside the lengths")
    header_bytes, payload_bytes = _LENGTHS.unpack(first)
    if not 1 <= header_bytes <= MAX_HEADER_BYTES or payload_bytes > MAX_PAYLOAD_BYTES:
        raise WireError(f"lengths {header_bytes} and {payload_bytes} are out of range")
    encoded, payload = (_read_exactly(stream, count) for count in (header_bytes, payload_bytes))
    try:
        return header_type.model_validate_json(encoded), payload
    except ValidationError as error:
        # Not the error itself: it quotes the input.
        raise WireError(f"header is no {header_type.__name__}: {error.error_count()} faults") from None


def picture(request: Request, payload: bytes) -> Image:
    """Return the payload as a read-only picture. Raises ``WireError`` when its length does not fit."""
    if not payload or len(payload) != request.height * request.width * 3:
        raise WireError(f"{len(payload)} bytes are no picture of {request.width} x {request.height}")
    return np.frombuffer(payload, np.uint8).reshape(request.height, request.width, 3)


def _read_exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise WireError("stream ended inside a message")
    return data
