"""Journaled events of the booths: stored once, their chain checked, nothing ever refused for its place in it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from workstation.site.administration import ChainFault, ChainIncident, EventPage
from workstation.site.contract import (
    GENESIS_HASH,
    JOURNAL_SET_ASIDE,
    REVIEW_OVER,
    SIGNED_OUT,
    EventReport,
    canonical_data,
    event_hash,
)
from workstation.site.outages import OUTAGE_EVENTS
from workstation.site.server import arrivals, outages, reviews
from workstation.site.server.database import note_stored
from workstation.site.server.models import Event, Incident

PAGE = 500

_Fault = tuple[EventReport, ChainFault]


def store(session: Session, booth_id: str, events: list[EventReport], now: datetime) -> list[UUID]:
    """Store what is new and return the ids of all: each of them is on disk when the transaction ends.

    The number of statements does not grow with the number of events, except for the few kinds that end something.
    """
    if not events:
        return []
    known = _known(session, booth_id, events)
    new, conflicts = [], []
    for event in events:
        if event.event_id not in known:
            known[event.event_id] = event.chain_hash
            new.append(event)
        elif known[event.event_id] != event.chain_hash:
            conflicts.append((event, ChainFault.CONFLICT))
    if found := _faults(session, booth_id, new) + conflicts:
        _record(session, booth_id, found, now)
    if new:
        session.execute(insert(Event), [_row(booth_id, event) for event in new])
        note_stored(session, [event.kind for event in new])
    for event in new:
        _act(session, booth_id, event, now)
    return [event.event_id for event in events]


def _act(session: Session, booth_id: str, event: EventReport, now: datetime) -> None:
    """Do what follows from a new event, whenever it comes."""
    if event.kind == SIGNED_OUT:
        arrivals.leave(session, booth_id, event.session_id, now)
    if event.kind in REVIEW_OVER:
        reviews.over(session, booth_id, event.session_id, now)
    if event.kind in OUTAGE_EVENTS:
        outages.take(session, booth_id, event)


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


def _known(session: Session, booth_id: str, events: list[EventReport]) -> dict[UUID, str]:
    """Return the ``chain_hash`` of those that are stored already."""
    stored = select(Event.event_id, Event.chain_hash).where(
        Event.booth_id == booth_id, Event.event_id.in_([event.event_id for event in events])
    )
    return {row.event_id: row.chain_hash for row in session.execute(stored)}


def _faults(session: Session, booth_id: str, events: list[EventReport]) -> list[_Fault]:
    """Check the places of new events, each against what is stored and the events before it here."""
    followed = [event.previous_hash for event in events]
    before = select(Event.chain_hash, Event.seq).where(Event.booth_id == booth_id, Event.chain_hash.in_(followed))
    siblings = select(Event.previous_hash).where(Event.booth_id == booth_id, Event.previous_hash.in_(followed))
    places = {(row.chain_hash, row.seq) for row in session.execute(before)} | {(GENESIS_HASH, 0)}
    taken = set(session.scalars(siblings))
    faults = []
    for event in events:
        if event_hash(event) != event.chain_hash:
            faults.append((event, ChainFault.HASH))
        if (event.previous_hash, event.seq - 1) not in places:
            faults.append((event, ChainFault.GAP))
        if event.kind == JOURNAL_SET_ASIDE:
            # The booth may not have been able to read the last it had sent: its new chain leaves the old one earlier.
            faults.append((event, ChainFault.RESTARTED))
        elif event.previous_hash in taken:
            faults.append((event, ChainFault.FORK))
        places.add((event.chain_hash, event.seq))
        taken.add(event.previous_hash)
    return faults


def _record(session: Session, booth_id: str, faults: list[_Fault], now: datetime) -> None:
    ids = [event.event_id for event, _ in faults]
    recorded = select(Incident.event_id, Incident.fault).where(
        Incident.booth_id == booth_id, Incident.event_id.in_(ids)
    )
    known = {(row.event_id, row.fault) for row in session.execute(recorded)}
    for event, fault in faults:
        if (event.event_id, fault.value) not in known:
            known.add((event.event_id, fault.value))
            session.add(
                Incident(booth_id=booth_id, event_id=event.event_id, seq=event.seq, fault=fault.value, found_at=now)
            )
    session.flush()


def _row(booth_id: str, event: EventReport) -> dict[str, Any]:
    return {
        "booth_id": booth_id,
        "event_id": event.event_id,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "session_id": event.session_id,
        "data": canonical_data(event.data),
        "previous_hash": event.previous_hash,
        "chain_hash": event.chain_hash,
    }


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
