"""Reports of the booths, the administrator's board, and commands on their way back."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workstation.site.administration import BoardReading, BoothRow
from workstation.site.contract import Command, CommandKind, ReportReply, ReportRequest
from workstation.site.readings import ReadingReport, ReadingState
from workstation.site.server import booths, events, latest, outages, reviews
from workstation.site.server.models import Booth, CommandRow, LatestReading, PastReading
from workstation.site.server.problems import RefusalError

BASE_INTERVAL_S = 5.0
MAX_INTERVAL_S = 60.0
_BUSY_FACTOR = 20
"""A booth may use one twentieth of a worker's time; when reports take longer, they come more seldom."""

_COMMANDS_IN_REPLY = 50


def report(
    session: Session, booth_id: str, request: ReportRequest, now: datetime, elapsed_s: Callable[[], float]
) -> ReportReply:
    """Store a report and build the answer, which may be sent once this is committed.

    ``elapsed_s`` tells how long this report has been worked on, which is how busy the server is. A backlog of events
    is not counted: the booth that sends it sets its own pace, and its live state must not come more seldom for it.
    """
    booth = booths.existing(session, booth_id)
    if not latest.is_late(booth, request):
        outages.note_return(session, booth, now)
        booth.state = request.state
        booth.version = request.version
        booth.last_seen = now
        latest.take(session, booth, request, now)
    booth.interval_s = next_interval_s(elapsed_s())
    stored = events.store(session, booth_id, request.events, now)
    if request.acknowledged:
        session.execute(
            update(CommandRow)
            .where(
                CommandRow.booth_id == booth_id,
                CommandRow.command_id.in_(request.acknowledged),
                CommandRow.acknowledged_at.is_(None),
            )
            .values(acknowledged_at=now)
        )
    return ReportReply(
        acked_events=stored,
        commands=_waiting(session, booth_id),
        next_interval_s=booth.interval_s,
        server_time=now,
        full_wanted=not booth.knows_readings,
    )


def next_interval_s(elapsed_s: float) -> float:
    """Return seconds until a booth should report again when storing its report took ``elapsed_s``."""
    wanted = elapsed_s * _BUSY_FACTOR
    return min(MAX_INTERVAL_S, max(BASE_INTERVAL_S, float(math.ceil(wanted))))


def board(session: Session, now: datetime) -> list[BoothRow]:
    """Return every booth as it is now."""
    rows: dict[str, list[LatestReading]] = {}
    for row in session.scalars(
        select(LatestReading).order_by(LatestReading.booth_id, LatestReading.kind, LatestReading.subject)
    ):
        rows.setdefault(row.booth_id, []).append(row)
    found = session.scalars(select(Booth).order_by(Booth.booth_id)).all()
    return [_board_row(booth, rows.get(booth.booth_id, []), now) for booth in found]


def past_readings(session: Session, booth_id: str) -> list[ReadingReport]:
    """Return the changes of judgement of a booth's readings, newest first."""
    booths.existing(session, booth_id)
    rows = session.scalars(
        select(PastReading).where(PastReading.booth_id == booth_id).order_by(PastReading.row_id.desc())
    )
    return [ReadingReport.model_validate(row.reading) for row in rows]


def command(session: Session, booth_id: str, order: Command, now: datetime) -> None:
    """Queue a command. The same id again changes nothing; with another content it is refused (409)."""
    booths.existing(session, booth_id)
    known = session.scalar(select(CommandRow).where(CommandRow.command_id == order.command_id))
    if known is None:
        reviews.decided(session, booth_id, order, now)
        session.add(
            CommandRow(
                command_id=order.command_id,
                booth_id=booth_id,
                kind=order.kind.value,
                session_id=order.session_id,
                text=order.text,
            )
        )
    elif known.booth_id != booth_id or _command(known) != order:
        raise RefusalError(409, "this command id belongs to another command")


def _waiting(session: Session, booth_id: str) -> list[Command]:
    rows = session.scalars(
        select(CommandRow)
        .where(CommandRow.booth_id == booth_id, CommandRow.acknowledged_at.is_(None))
        .order_by(CommandRow.row_id)
        .limit(_COMMANDS_IN_REPLY)
    ).all()
    return [_command(row) for row in rows]


def _command(row: CommandRow) -> Command:
    return Command(
        command_id=row.command_id,
        kind=CommandKind(row.kind),
        session_id=row.session_id,
        text=row.text,
    )


def _board_row(booth: Booth, rows: list[LatestReading], now: datetime) -> BoothRow:
    is_missing = outages.is_missing(booth, now)
    return BoothRow(
        booth_id=booth.booth_id,
        booth_label=booth.booth_label,
        state="missing" if is_missing else booth.state,
        last_seen=booth.last_seen,
        readings=[
            _on_board(row, latest.confirmed_at(booth, row.received_at), now, is_missing=is_missing) for row in rows
        ],
    )


def _on_board(row: LatestReading, confirmed_at: datetime, now: datetime, *, is_missing: bool) -> BoardReading:
    age_s = max(0.0, (now - confirmed_at) / timedelta(seconds=1))
    reading = BoardReading.model_validate({**row.reading, "confirmed_at": confirmed_at, "age_s": age_s})
    return reading.model_copy(update={"state": ReadingState.UNKNOWN}) if is_missing else reading
