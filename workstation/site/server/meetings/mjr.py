"""The head of a Janus recording (``.mjr``), and the name of its file.

A recording begins with eight bytes that name the version; at the first packet follow the length of a JSON object
(16 bits, big-endian) and the object, in which ``t`` is the medium (``a``, ``v``, ``d``), ``s`` when the file was made
and ``u`` when the first packet came, both in microseconds since 1970. Of a server that was killed the head may be cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

HEAD_BYTES: Final = 8 + 2 + 0xFFFF
"""The most that a head can take."""

_MAGIC = (b"MJR00001", b"MJR00002")
_MEDIA = {"a": "audio", "v": "video", "d": "data"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Microseconds = Annotated[int, Field(ge=0, le=253_370_764_800_000_000)]
"""Up to the year 9999, where ``datetime`` ends."""

_NAME = re.compile(
    r"videoroom-(?P<room>[a-z0-9][a-z0-9-]{0,63})-user-(?P<who>[a-z0-9]{1,40})(?P<screen>-screen)?-[0-9]{1,20}"
    r"-(?P<medium>audio|video|data)-[0-9]{1,4}\.mjr"
)


class _Head(BaseModel):
    t: str
    s: _Microseconds | None = None
    u: _Microseconds | None = None


@dataclass(frozen=True, kw_only=True)
class MjrHead:
    """What the head of a recording says: ``medium`` as in ``Recording``, and the time of its first packet."""

    medium: str
    started_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class MjrName:
    """What the name of a recording says.

    Attributes:
        participant_id: whose stream it is, without the ``-screen`` of a desktop.
        medium: as in ``Recording``.
    """

    room: str
    participant_id: str
    medium: str


def read_head(data: bytes) -> MjrHead | None:
    """Read the first bytes of a recording; ``None`` when it is none, or its head is cut or not as documented.

    Args:
        data: up to ``HEAD_BYTES`` from the beginning.
    """
    if data[:8] not in _MAGIC or len(data) < 10:
        return None
    length = int.from_bytes(data[8:10], "big")
    text = data[10 : 10 + length]
    if len(text) < length:
        return None
    try:
        head = _Head.model_validate_json(text)
    except ValidationError:
        return None
    if head.t not in _MEDIA:
        return None
    moment = head.u if head.u is not None else head.s
    started_at = None if moment is None else _EPOCH + timedelta(microseconds=moment)
    return MjrHead(medium=_MEDIA[head.t], started_at=started_at)


def read_name(name: str) -> MjrName | None:
    """Read a file's name; ``None`` when no VideoRoom of ours gives such names."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    medium = "screen" if found["screen"] and found["medium"] == "video" else found["medium"]
    return MjrName(room=found["room"], participant_id=found["who"], medium=medium)
