"""Reads the head of an HTTP/1.x answer (RFC 9112). Pure: bytes in, a few facts out, and never an exception."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_HEAD_BYTES = 65_536
HEAD_END = b"\r\n\r\n"

_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?\Z")


@dataclass(frozen=True, kw_only=True)
class Head:
    """What the head of an answer says.

    Attributes:
        status: 100 to 599.
        date: when the server answered by its own clock, whole seconds (RFC 9110 section 6.6.1); ``None`` if not said.
        location: where it redirects to, as written; "" if nowhere.
    """

    status: int
    date: datetime | None = None
    location: str = ""


def parse_head(data: bytes) -> Head | None:
    """Return what the head says, ``None`` when this is no HTTP answer. A body behind it does not matter."""
    lines = data[:MAX_HEAD_BYTES].partition(HEAD_END)[0].decode("latin-1").split("\r\n")
    match = _STATUS_LINE.match(lines[0])
    if match is None:
        return None
    fields: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.lower(), value.strip(" \t"))
    status = int(match[1])
    # 304 is no redirect, and a Location of a 201 is none that a browser follows.
    location = fields.get("location", "") if status in {301, 302, 303, 307, 308} else ""
    return Head(status=status, date=_moment(fields), location=location)


def _moment(fields: dict[str, str]) -> datetime | None:
    """Return the Date field, not of an answer out of a cache: that one is as old as its Age says, or older."""
    if fields.get("age", "0") != "0":
        return None
    try:
        moment = parsedate_to_datetime(fields.get("date", ""))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
