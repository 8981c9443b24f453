"""Arrivals: who was verified where, one person in one booth at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from workstation.site.contract import ArrivalReply, ArrivalRequest
from workstation.site.server import booths
from workstation.site.server.models import Arrival, DayKey
from workstation.site.server.problems import RefusalError


def arrive(session: Session, booth_id: str, request: ArrivalRequest, now: datetime) -> ArrivalReply:
    """Seat a person, or say where the same person sits already.

    A new arrival at a booth ends the one before it there: the booth knows best who sits in it.

    Raises:
        RefusalError: 409 when the key of the day is not known (any more), or the id was used for another arrival.
    """
    booths.existing(session, booth_id)
    known = session.get(Arrival, request.arrival_id)
    if known is not None:
        if (known.booth_id, known.key_id, known.expert_hash) != (booth_id, request.key_id, request.expert_hash):
            raise RefusalError(409, "this arrival id belongs to another arrival")
        return ArrivalReply(arrival_id=request.arrival_id)
    if session.get(DayKey, request.key_id) is None:
        raise RefusalError(409, "the key of the day is not known")
    person = f"{request.key_id}:{request.expert_hash}"
    elsewhere = session.scalar(select(Arrival).where(Arrival.seated_person == person, Arrival.booth_id != booth_id))
    if elsewhere is not None:
        label = booths.label(session, elsewhere.booth_id)
        return ArrivalReply(arrival_id=request.arrival_id, signed_in_elsewhere=label)
    before = session.scalar(select(Arrival).where(Arrival.seated_booth == booth_id))
    if before is not None:
        _free(before, now)
        session.flush()
    session.add(
        Arrival(
            arrival_id=request.arrival_id,
            booth_id=booth_id,
            key_id=request.key_id,
            expert_hash=request.expert_hash,
            method=request.method.value,
            verified_at=request.verified_at,
            seated_person=person,
            seated_booth=booth_id,
        )
    )
    return ArrivalReply(arrival_id=request.arrival_id)


def leave(session: Session, booth_id: str, session_id: str, now: datetime) -> None:
    """End an arrival. One that is unknown or already over is left as it is: signing out never fails."""
    try:
        arrival_id = UUID(session_id)
    except ValueError:
        return
    arrival = session.get(Arrival, arrival_id, with_for_update=True)
    if arrival is not None and arrival.booth_id == booth_id and arrival.left_at is None:
        _free(arrival, now)


def of_booth(session: Session, booth_id: str, arrival_id: UUID) -> Arrival:
    """Return an arrival of this booth that is not over. Raises ``RefusalError``: 404 unknown, 410 over."""
    arrival = session.get(Arrival, arrival_id)
    if arrival is None or arrival.booth_id != booth_id:
        raise RefusalError(404, "no such arrival")
    if arrival.left_at is not None:
        raise RefusalError(410, "this arrival is over")
    return arrival


def _free(arrival: Arrival, now: datetime) -> None:
    arrival.left_at = now
    arrival.seated_person = None
    arrival.seated_booth = None
