"""Journaled events of the booths: stored once, their chain checked, nothing ever refused for its place in it."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from workstation.site.administration import ChainFault, ChainIncident, EventPage
from workstation.site.contract import GENESIS_HASH, REVIEW_OVER, SIGNED_OUT, EventReport, canonical_data, event_hash
from workstation.site.server import arrivals, reviews
from workstation.site.server.models import Event, Incident

PAGE = 500


def store(session: Session, booth_id: str, events: list[EventReport], now: datetime) -> list[UUID]:
    """Store what is new and return the ids of all: each of them is on disk when the transaction ends."""
    for event in events:
        known = session.scalar(
            select(Event.chain_hash).where(Event.booth_id == booth_id, Event.event_id == event.event_id)
        )
        if known is None:
            for fault in _faults(session, booth_id, event):
                _record(session, booth_id, event, fault, now)
            session.add(_row(booth_id, event))
            session.flush()
            if event.kind == SIGNED_OUT:
                arrivals.leave(session, booth_id, event.session_id, now)
            if event.kind in REVIEW_OVER:
                reviews.over(session, booth_id, event.session_id, now)
        elif known != event.chain_hash:
            _record(session, booth_id, event, ChainFault.CONFLICT, now)
    return [event.event_id for event in events]


def page(session: Session, booth_id: str, after: int) -> EventPage:
    """Return a booth's events stored after row ``after``, at most ``PAGE``, and all incidents of the booth."""
    rows = session.scalars(
        select(Event).where(Event.booth_id == booth_id, Event.row_id > after).order_by(Event.row_id).limit(PAGE)
    ).all()
    incidents = session.scalars(select(Incident).where(Incident.booth_id == booth_id).order_by(Incident.row_id)).all()
    return EventPage(
        events=[_report(row) for row in rows],
        incidents=[
            ChainIncident(event_id=row.event_id, seq=row.seq, fault=ChainFault(row.fault), found_at=row.found_at)
            for row in incidents
        ],
        next_after=rows[-1].row_id if len(rows) == PAGE else None,
    )


def _faults(session: Session, booth_id: str, event: EventReport) -> list[ChainFault]:
    faults = []
    if event_hash(event) != event.chain_hash:
        faults.append(ChainFault.HASH)
    if not _follows(session, booth_id, event):
        faults.append(ChainFault.GAP)
    sibling = select(Event.row_id).where(Event.booth_id == booth_id, Event.previous_hash == event.previous_hash)
    if session.scalar(sibling.limit(1)) is not None:
        faults.append(ChainFault.FORK)
    return faults


def _follows(session: Session, booth_id: str, event: EventReport) -> bool:
    if event.previous_hash == GENESIS_HASH:
        return event.seq == 1
    before = select(Event.row_id).where(
        Event.booth_id == booth_id, Event.chain_hash == event.previous_hash, Event.seq == event.seq - 1
    )
    return session.scalar(before.limit(1)) is not None


def _record(session: Session, booth_id: str, event: EventReport, fault: ChainFault, now: datetime) -> None:
    known = select(Incident.row_id).where(
        Incident.booth_id == booth_id, Incident.event_id == event.event_id, Incident.fault == fault.value
    )
    if session.scalar(known) is None:
        session.add(
            Incident(booth_id=booth_id, event_id=event.event_id, seq=event.seq, fault=fault.value, found_at=now)
        )
        session.flush()


def _row(booth_id: str, event: EventReport) -> Event:
    return Event(
        booth_id=booth_id,
        event_id=event.event_id,
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        session_id=event.session_id,
        data=canonical_data(event.data),
        previous_hash=event.previous_hash,
        chain_hash=event.chain_hash,
    )


def _report(row: Event) -> EventReport:
    return EventReport(
        event_id=row.event_id,
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        session_id=row.session_id,
        data=json.loads(row.data),
        previous_hash=row.previous_hash,
        chain_hash=row.chain_hash,
    )
