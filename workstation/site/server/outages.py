"""Outages as the booths tell them, and those that a booth could not tell because it was away itself."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from workstation.site.contract import EventReport
from workstation.site.outages import OUTAGE_ENDED, OutageFacts, OutageKind, Outcome
from workstation.site.server import booths
from workstation.site.server.models import Booth, OutageRow

MISSED_REPORTS = 3
"""A booth that misses so many reports in a row is missing."""

_VACANT = frozenset({"unknown", "starting", "idle", "farewell"})
"""States in which nobody works at a booth: switched off then, it is missed only within a booking."""

_logger = logging.getLogger(__name__)


def take(session: Session, booth_id: str, event: EventReport) -> None:
    """Add what an event tells to its outage. Events may come late, repeated and in any order; an end is never undone.

    Facts that are not as agreed stay in the stored event and make no outage.
    """
    try:
        facts = OutageFacts.model_validate(event.data)
    except ValidationError as error:
        fields = sorted({str(part["loc"][0]) for part in error.errors(include_input=False) if part["loc"]})
        _logger.warning("an event about an outage of booth %s is not as agreed: %s", booth_id, ", ".join(fields))
        return
    row = session.scalar(
        select(OutageRow).where(OutageRow.booth_id == booth_id, OutageRow.outage_id == facts.outage_id)
    )
    if row is None:
        row = OutageRow(
            booth_id=booth_id,
            outage_id=facts.outage_id,
            outage=facts.outage.value,
            began_at=facts.began_at,
            seen_at=facts.began_at,
            ended_at=None,
            at_least_s=0.0,
            times=1,
        )
        session.add(row)
    _add(row, facts, is_end=event.kind == OUTAGE_ENDED)
    session.flush()


def note_return(session: Session, booth: Booth, now: datetime) -> None:
    """Note for how long a booth that reports again was missing. Call it before ``last_seen`` is set anew."""
    if booth.last_seen is None or not is_missing(booth, now) or not _is_missed(booth, booth.last_seen, now):
        return
    silent_s = (now - booth.last_seen).total_seconds()
    row = OutageRow(
        booth_id=booth.booth_id,
        outage_id=uuid4(),
        outage=OutageKind.BOOTH.value,
        began_at=booth.last_seen,
        seen_at=now,
        ended_at=now,
        duration_s=silent_s,
        at_least_s=max(0.0, silent_s - MISSED_REPORTS * booth.interval_s),
        outcome=Outcome.BACK.value,
        told_by_site=True,
    )
    session.add(row)


def missing(session: Session, now: datetime) -> list[OutageRow]:
    """Return an outage for each booth that is missing now. They are not stored."""
    rows = []
    for booth in session.scalars(select(Booth).order_by(Booth.booth_id)):
        if booth.last_seen is not None and is_missing(booth, now) and _is_missed(booth, booth.last_seen, now):
            silent_s = (now - booth.last_seen).total_seconds()
            row = OutageRow(
                booth_id=booth.booth_id,
                outage=OutageKind.BOOTH.value,
                began_at=booth.last_seen,
                seen_at=now,
                ended_at=None,
                at_least_s=max(0.0, silent_s - MISSED_REPORTS * booth.interval_s),
                network_s=0.0,
                times=1,
                interrupted=False,
                outcome=None,
                told_by_site=True,
            )
            rows.append(row)
    return rows


def is_missing(booth: Booth, now: datetime) -> bool:
    """Whether a booth has missed its reports."""
    silent_after = timedelta(seconds=MISSED_REPORTS * booth.interval_s)
    return booth.last_seen is None or now - booth.last_seen > silent_after


def _is_missed(booth: Booth, since: datetime, now: datetime) -> bool:
    is_booked = any(booking.starts_at < now and booking.ends_at > since for booking in booths.bookings(booth))
    return is_booked or booth.state not in _VACANT


def _add(row: OutageRow, facts: OutageFacts, *, is_end: bool) -> None:
    if is_end and facts.ended_at is not None:
        row.ended_at = max(facts.ended_at, row.began_at)  # the booth's clock may have been set back
        row.duration_s = facts.duration_s or 0.0
        row.at_least_s = facts.at_least_s or 0.0
        row.network_s = facts.network_s
        row.times = facts.times
        row.interrupted = facts.interrupted
        row.outcome = None if facts.outcome is None else facts.outcome.value
        row.seen_at = row.ended_at
    elif row.ended_at is None:
        row.seen_at = max(row.seen_at, facts.seen_at or facts.began_at)
        row.at_least_s = max(row.at_least_s, facts.at_least_s or 0.0)
        row.times = max(row.times, facts.times)
