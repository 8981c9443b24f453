"""Framing between the application and a child that sees pictures: a length (4 bytes, big endian), then a JSON header.

Pictures go through a ``SharedFrame``; a header only says their size. Readers take nothing on trust: lengths are
bounded, headers validated, sizes checked.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import IO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workstation.face.contract import MAX_SIDE_PX, ModelIdentity, ReferenceKind
from workstation.face.liveness import ChallengePolicy
from workstation.face.seat import SeatLook
from workstation.face.verification import Observation

_LENGTH = struct.Struct(">I")
MAX_HEADER_BYTES = 1 << 16


class WireError(Exception):
    """The other side sent something that is no message. The stream cannot be used any further."""


class Operation(StrEnum):
    """What the worker can be asked.

    SET_REFERENCE and USE_ENROLLED begin a session, OBSERVE goes on with it, WATCH looks at the seat; RESET ends a
    session and keeps who matched, FORGET keeps nobody.
    """

    SET_REFERENCE = "set-reference"
    USE_ENROLLED = "use-enrolled"
    OBSERVE = "observe"
    WATCH = "watch"
    RESET = "reset"
    FORGET = "forget"


PICTURED = frozenset({Operation.SET_REFERENCE, Operation.OBSERVE, Operation.WATCH})
"""What needs a picture in the shared frame."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Request(_Message):
    """A request. ``height`` and ``width`` describe the picture in the shared frame, 0 without one."""

    operation: Operation
    height: int = Field(default=0, ge=0, le=MAX_SIDE_PX)
    width: int = Field(default=0, ge=0, le=MAX_SIDE_PX)
    kind: ReferenceKind = ReferenceKind.CARD_PHOTO
    challenges: ChallengePolicy = ChallengePolicy(actions=())
    captured_at: float = 0.0


class Reply(_Message):
    """A reply; which field is set follows from the request.

    Attributes:
        begun: whether there is a reference to compare with.
        error: the engine's reason; technical, never personal.
    """

    identity: ModelIdentity | None = None
    begun: bool | None = None
    observation: Observation | None = None
    seat: SeatLook | None = None
    error: str | None = None


_Header = TypeVar("_Header", bound=BaseModel)


def write_message(stream: IO[bytes], message: BaseModel) -> None:
    """Send one message; its fields that are as usual are left out. Raises ``OSError`` when the other side is gone."""
    encoded = message.model_dump_json(exclude_defaults=True).encode()
    stream.write(_LENGTH.pack(len(encoded)) + encoded)
    stream.flush()


def read_message(stream: IO[bytes], header_type: type[_Header]) -> _Header | None:
    """Return the next message, or ``None`` when the stream ended between two.

    Raises:
        WireError: the stream ended inside a message, the length is out of range, or the header is not the type.
    """
    first = stream.read(_LENGTH.size)
    if not first:
        return None
    if len(first) < _LENGTH.size:
        raise WireError("stream ended inside the length")
    (length,) = _LENGTH.unpack(first)
    if not 1 <= length <= MAX_HEADER_BYTES:
        raise WireError(f"length {length} is out of range")
    encoded = stream.read(length)
    if len(encoded) < length:
        raise WireError("stream ended inside a message")
    try:
        return header_type.model_validate_json(encoded)
    except ValidationError as error:
        # Not the error itself: it quotes the input.
        raise WireError(f"header is no {header_type.__name__}: {error.error_count()} faults") from None
