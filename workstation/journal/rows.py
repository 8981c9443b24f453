"""An event as a row of the database, and whether a row still is what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from pydantic import ValidationError

from drivers.errors import ErrorCode, KioskError
from workstation.journal.faults import DamagedError
from workstation.site.contract import (
    GENESIS_HASH,
    JOURNAL_SET_ASIDE,
    EventReport,
    EventValue,
    canonical_data,
    event_hash,
    utc,
)

MAX_DATA_CHARACTERS = 4096
"""Longest ``canonical_data`` of one event; a batch of 100 stays far below the site server's body limit."""

COLUMNS = ("seq", "event_id", "at", "kind", "session_id", "data", "previous_hash", "chain_hash")

READ = (
    "SELECT seq, CAST(event_id AS BLOB), CAST(at AS BLOB), CAST(kind AS BLOB), CAST(session_id AS BLOB),"
    " CAST(data AS BLOB), CAST(previous_hash AS BLOB), CAST(chain_hash AS BLOB)"
)
"""As bytes: a flipped bit may have left text that is no UTF-8, which must be found, not raise on its way."""

Row = tuple[int, bytes, bytes, bytes, bytes, bytes, bytes, bytes]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A place in a chain: the event after it has the next ``seq`` and carries ``chain_hash`` as its previous one."""

    seq: int = 0
    chain_hash: str = GENESIS_HASH


GENESIS = Link()


def new_event(
    after: Link,
    kind: str,
    session_id: str,
    data: Mapping[str, EventValue],
    *,
    event_id: UUID | None = None,
    at: datetime | None = None,
) -> EventReport:
    """Return the event that follows ``after``.

    Raises:
        KioskError: INTERNAL, not retryable: kind or data are not as an event's.
    """
    try:
        text = canonical_data(data)
        if len(text) > MAX_DATA_CHARACTERS:
            raise _not_an_event("data too long")
        draft = EventReport(
            event_id=event_id or uuid4(),
            seq=after.seq + 1,
            at=datetime.fromisoformat(utc(at or datetime.now(UTC))),
            kind=kind,
            session_id=session_id,
            data=json.loads(text),
            previous_hash=after.chain_hash,
            chain_hash=GENESIS_HASH,
        )
    except ValidationError as error:
        fields = ", ".join(sorted({str(part["loc"][0]) for part in error.errors(include_input=False)}))
        raise _not_an_event(fields) from None
    except (TypeError, ValueError) as error:
        raise _not_an_event(type(error).__name__) from None
    return draft.model_copy(update={"chain_hash": event_hash(draft)})


def to_row(event: EventReport) -> tuple[int, str, str, str, str, str, str, str]:
    """Return the event as it is stored."""
    return (
        event.seq,
        str(event.event_id),
        utc(event.at),
        event.kind,
        event.session_id,
        canonical_data(event.data),
        event.previous_hash,
        event.chain_hash,
    )


def to_event(row: Row) -> EventReport:
    """Return the event of a row.

    Raises:
        DamagedError: it is none any more.
    """
    if not is_sound(row):
        raise DamagedError("an event is damaged")
    seq, *texts = row
    event_id, at, kind, session_id, data, previous_hash, chain_hash = (text.decode() for text in texts)
    try:
        return EventReport.model_validate(
            {
                "seq": seq,
                "event_id": event_id,
                "at": at,
                "kind": kind,
                "session_id": session_id,
                "data": json.loads(data),
                "previous_hash": previous_hash,
                "chain_hash": chain_hash,
            }
        )
    except ValueError as error:
        raise DamagedError("an event is damaged") from error


def is_sound(row: Row) -> bool:
    """Whether a row gives its own ``chain_hash``: then it is what was written, bit by bit.

    The same hash as ``event_hash``, over the stored text, which is the canonical one: five times as fast as parsing.
    """
    seq, event_id, at, kind, session_id, data, previous_hash, chain_hash = row
    if not all(isinstance(text, bytes) for text in row[1:]):
        return False
    lines = (previous_hash, b"%d" % seq, event_id, at, kind, session_id, data)
    if any(b"\n" in line for line in lines):
        return False
    return hashlib.sha256(b"\n".join(lines) + b"\n").hexdigest().encode() == chain_hash


def follows(row: Row, before: Link) -> bool:
    """Whether a row is sound and stands where it must."""
    return row[0] == before.seq + 1 and row[6] == before.chain_hash.encode() and is_sound(row)


def link_of(row: Row) -> Link:
    """Return the place of a row."""
    return Link(seq=row[0], chain_hash=row[7].decode("ascii", "replace"))


def start_of(row: Row) -> Link:
    """Return the place after which a chain may start with this row, when nothing before it was pruned.

    Either nothing, or the last event that could be read from a file that was set aside: the row itself says which.
    """
    if row[3] != JOURNAL_SET_ASIDE.encode():
        return GENESIS
    try:
        data = json.loads(row[5])
        return Link(seq=int(data["seq"]), chain_hash=str(data["head"]))
    except (ValueError, KeyError, TypeError):
        return GENESIS


def walk(rows: Iterable[Row], before: Link) -> tuple[int, Link, int | None]:
    """Return how many rows there are, the place of the last, and the first ``seq`` that is not as it must be."""
    count, broken = 0, None
    for row in rows:
        if broken is None and not follows(row, before):
            broken = before.seq + 1
        before, count = link_of(row), count + 1
    return count, before, broken


def _not_an_event(reason: str) -> KioskError:
    # The value itself stays out: it may be what should never have been given.
    return KioskError(ErrorCode.INTERNAL, "not a journal event", context={"reason": reason}, retryable=False)
