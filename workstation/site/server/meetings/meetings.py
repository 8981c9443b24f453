"""Meetings of projects: opened by the first who asks for the way in, closed by the administrator or by the calendar.

A meeting is *open* until somebody closes it, then *closing* while its recordings are digested, then *closed*.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from workstation.site.conference import (
    ConferencePlan,
    ConferenceRequest,
    ConferenceRole,
    ConferenceTicket,
    GuestRequest,
    Recording,
    RecordingIndex,
    RoomAccess,
)
from workstation.site.server import arrivals, booths, rosters
from workstation.site.server.day_keys import site_day
from workstation.site.server.meetings.conference_server import LIFETIME, ConferenceServer
from workstation.site.server.meetings.rooms import MeetingRooms
from workstation.site.server.models import MeetingParticipant, MeetingRow, RecordingRow, RosterRow
from workstation.site.server.problems import RefusalError

_SALT_BYTES = 16
_GUEST_ROLES = frozenset({ConferenceRole.LEADER, ConferenceRole.MODERATOR, ConferenceRole.SUPERVISOR})


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """A project's meeting as the rooms need it."""

    project_id: str
    rooms: MeetingRooms
    plan: ConferencePlan


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Somebody's place in a meeting."""

    meeting: Meeting
    participant_id: str
    alias: str
    role: ConferenceRole


def seat_of_booth(session: Session, booth_id: str, request: ConferenceRequest, key: str, now: datetime) -> Seat:
    """Return the place of the expert who sits at a booth, opening the meeting when it is the first.

    Raises:
        RefusalError: 404 or 410 for the arrival; 409 when it is not matched to the project, or the meeting is closed.
    """
    booths.existing(session, booth_id)
    arrival = arrivals.of_booth(session, booth_id, request.arrival_id)
    seat = rosters.seat_in(session, arrival, request.project_id)
    if seat is None:
        raise RefusalError(HTTPStatus.CONFLICT, "this arrival is not matched to the project")
    expert, roster = seat
    meeting = _opened(session, roster, key, now)
    seat_id = meeting.rooms.participant(key, f"arrival:{request.arrival_id}")
    return _known(
        session, Seat(meeting=meeting, participant_id=seat_id, alias=expert.alias, role=ConferenceRole.EXPERT)
    )


def seat_of_guest(session: Session, project_id: str, request: GuestRequest, key: str, now: datetime) -> Seat:
    """Return the place of somebody at the main site: the same one for the same alias and role.

    Raises:
        RefusalError: 404 without such a project; 409 when its meeting is closed; 422 for the role of an expert.
    """
    if request.role not in _GUEST_ROLES:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "experts enter by their booths")
    roster = session.get(RosterRow, project_id)
    if roster is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "no such project")
    meeting = _opened(session, roster, key, now)
    seat_id = meeting.rooms.participant(key, f"guest:{request.role}:{request.alias}")
    return _known(session, Seat(meeting=meeting, participant_id=seat_id, alias=request.alias, role=request.role))


def ticket(seat: Seat, server: ConferenceServer, now: datetime) -> ConferenceTicket:
    """Write the ticket of a seat. Only the moderator's holds a secret; leaders do not see desktops."""
    rooms, plan = seat.meeting.rooms, seat.meeting.plan
    expires_at = now + LIFETIME
    sees_desktops = plan.desktop and seat.role in {ConferenceRole.EXPERT, ConferenceRole.SUPERVISOR}
    return ConferenceTicket(
        server=server.websocket,
        token=server.token(expires_at),
        expires_at=expires_at,
        ice_servers=server.ice_servers(seat.participant_id, expires_at),
        meeting=RoomAccess(
            room=rooms.meeting,
            pin=rooms.pin,
            secret=rooms.secret if seat.role is ConferenceRole.MODERATOR else "",
        ),
        desktop=RoomAccess(room=rooms.desktop, pin=rooms.pin) if sees_desktops else None,
        participant_id=seat.participant_id,
        alias=seat.alias,
        role=seat.role,
        plan=plan,
    )


def guest_link(base_url: str, ticket: ConferenceTicket) -> str:
    """Return the address that opens the page with the ticket in its fragment, which no server gets to see."""
    fragment = base64.urlsafe_b64encode(ticket.model_dump_json().encode()).rstrip(b"=").decode()
    return f"{base_url.rstrip('/')}/conference/#{fragment}"


def open_meetings(session: Session, key: str, now: datetime) -> list[Meeting]:
    """Return the meetings whose rooms must be there. Those whose roster's last day is over begin to close instead."""
    today = site_day(now).isoformat()
    found = []
    for row, roster in _rows(session, MeetingRow.closing_at.is_(None)):
        if max(roster.days, default="") < today:
            row.closing_at = now
        else:
            found.append(_meeting(row, roster, key))
    return found


def closing_meetings(session: Session, key: str) -> list[Meeting]:
    """Return the meetings whose recordings are to be digested."""
    rows = _rows(session, MeetingRow.closing_at.is_not(None), MeetingRow.closed_at.is_(None))
    return [_meeting(row, roster, key) for row, roster in rows]


def close(session: Session, project_id: str, now: datetime) -> None:
    """Begin to close a meeting. Idempotent. Raises ``RefusalError`` (404) when nobody opened it."""
    row = _existing(session, project_id)
    if row.closing_at is None:
        row.closing_at = now


def reopen(session: Session, project_id: str) -> None:
    """Take a close back. Idempotent. Raises ``RefusalError`` (404) when nobody opened it."""
    row = _existing(session, project_id)
    row.closing_at = row.closed_at = None


def set_closed(session: Session, project_id: str, now: datetime) -> None:
    """Note that every recording of a closing meeting is in the index."""
    session.execute(
        update(MeetingRow)
        .where(MeetingRow.project_id == project_id, MeetingRow.closing_at.is_not(None), MeetingRow.closed_at.is_(None))
        .values(closed_at=now)
    )


def index(session: Session, project_id: str) -> RecordingIndex:
    """Return the recordings that are digested. Raises ``RefusalError`` (404) when there was no meeting."""
    meeting = _existing(session, project_id)
    rows = session.scalars(
        select(RecordingRow).where(RecordingRow.project_id == project_id).order_by(RecordingRow.file)
    )
    return RecordingIndex(
        project_id=project_id,
        closed_at=meeting.closed_at,
        recordings=[
            Recording(
                file=row.file,
                alias=row.alias,
                medium=row.medium,
                started_at=row.started_at,
                size=row.size,
                sha256=row.sha256,
            )
            for row in rows
        ],
    )


def _opened(session: Session, roster: RosterRow, key: str, now: datetime) -> Meeting:
    row = session.get(MeetingRow, roster.project_id)
    if row is None:
        row = MeetingRow(project_id=roster.project_id, salt=secrets.token_hex(_SALT_BYTES), opened_at=now)
        session.add(row)
        session.flush()
    elif row.closing_at is not None:
        raise RefusalError(HTTPStatus.CONFLICT, "the meeting is closed")
    return _meeting(row, roster, key)


def _meeting(row: MeetingRow, roster: RosterRow, key: str) -> Meeting:
    return Meeting(
        project_id=row.project_id,
        rooms=MeetingRooms.of(key, row.salt),
        plan=ConferencePlan.model_validate(roster.conference),
    )


def _known(session: Session, seat: Seat) -> Seat:
    """Note whose streams bear the seat's id."""
    row = session.get(MeetingParticipant, seat.participant_id)
    if row is None:
        row = MeetingParticipant(participant_id=seat.participant_id, project_id=seat.meeting.project_id)
        session.add(row)
    row.alias = seat.alias
    return seat


def _rows(session: Session, *conditions: ColumnElement[bool]) -> list[tuple[MeetingRow, RosterRow]]:
    found = session.execute(
        select(MeetingRow, RosterRow)
        .join(RosterRow, RosterRow.project_id == MeetingRow.project_id)
        .where(*conditions)
        .order_by(MeetingRow.project_id)
    )
    return [(row, roster) for row, roster in found]


def _existing(session: Session, project_id: str) -> MeetingRow:
    row = session.get(MeetingRow, project_id, with_for_update=True)
    if row is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "this project has had no meeting")
    return row
