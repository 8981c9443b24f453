"""The newest reading of everything at a booth, put together from full reports and from those of changes only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from workstation.site.contract import ReportRequest
from workstation.site.server.models import Booth, LatestReading, PastReading

PAST_READINGS_KEPT = 1000
"""Changes of judgement kept per booth: weeks for a healthy one, hours for a flapping device."""


MAX_LATEST = 128
"""Readings known of one booth: eight of each kind. More can only come up between two full reports."""


def is_late(booth: Booth, request: ReportRequest) -> bool:
    """Tell whether this report is a copy, or was overtaken by a newer one: its readings are history then."""
    return 0 < request.number <= booth.report_number and request.boot_id == booth.boot_id


def confirmed_at(booth: Booth, received_at: datetime) -> datetime:
    """Return when the booth last said that a reading is so: in words, or by a report that names no change of it.

    ``received_at`` is that of the reading, when it was in words.

    While a report is missing, only the words count: the change may have been in that one.
    """
    if booth.last_seen is None or not booth.knows_readings:
        return received_at
    return max(received_at, booth.last_seen)


def take(session: Session, booth: Booth, request: ReportRequest, now: datetime) -> None:
    """Take the readings in. A full report replaces all there are, any other those that it names."""
    same_boot = request.boot_id == booth.boot_id
    follows = same_boot and request.number in {0, booth.report_number + 1}
    booth.knows_readings = request.full or (booth.knows_readings and follows)
    booth.boot_id, booth.report_number = request.boot_id, request.number
    if not request.readings and not request.full:
        return
    rows = session.scalars(select(LatestReading).where(LatestReading.booth_id == booth.booth_id))
    latest = {(row.kind, row.subject): row for row in rows}
    room = MAX_LATEST - len(latest)
    is_past_longer = False
    for reading in request.readings:
        body = reading.model_dump(mode="json")
        row = latest.pop((reading.kind.value, reading.subject), None)
        if row is None and room <= 0 and not request.full:
            continue
        if row is None or row.reading["state"] != reading.state.value:
            session.add(PastReading(booth_id=booth.booth_id, reading=body))
            is_past_longer = True
        if row is None:
            room -= 1
            row = LatestReading(booth_id=booth.booth_id, kind=reading.kind.value, subject=reading.subject)
            session.add(row)
        row.reading, row.received_at = body, now
    if request.full:
        for vanished in latest.values():
            session.delete(vanished)
    session.flush()
    if is_past_longer:
        _forget_past(session, booth.booth_id)


def _forget_past(session: Session, booth_id: str) -> None:
    oldest_kept = session.scalar(
        select(PastReading.row_id)
        .where(PastReading.booth_id == booth_id)
        .order_by(PastReading.row_id.desc())
        .offset(PAST_READINGS_KEPT - 1)
        .limit(1)
    )
    if oldest_kept is not None:
        session.execute(delete(PastReading).where(PastReading.booth_id == booth_id, PastReading.row_id < oldest_kept))
