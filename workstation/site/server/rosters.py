"""Rosters: taken in, turned into hashes at once, and matched against arrivals.

A roster's names and numbers are never stored; its photos and sealed accounts are, for those days only. At import each
number is hashed under the key of the day on which the project starts and of the day after, so that an evaluation that
goes on overnight (隔夜) still matches the expert's second sign-in. A roster that must live longer has to be sent again
with a newer version; days whose key is already gone are left out, and a roster with no day left is refused.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from workstation.site.administration import Roster, RosterReceipt
from workstation.site.conference import ConferencePlan
from workstation.site.contract import Assignment, MatchReply, MatchState, expert_hash
from workstation.site.server import accounts, booths
from workstation.site.server.day_keys import key_of_day, oldest_kept, site_day
from workstation.site.server.models import Arrival, Booth, RosterAccount, RosterExpert, RosterPhoto, RosterRow
from workstation.site.server.problems import RefusalError

_Seat = tuple[RosterExpert, RosterRow]


def take(session: Session, roster: Roster, ticket_key: str, now: datetime) -> RosterReceipt:
    """Take a roster in. The version in force again changes nothing; an older one is refused (409)."""
    row = session.get(RosterRow, roster.project_id, with_for_update=True)
    if row is not None and roster.version < row.version:
        raise RefusalError(409, "a newer version of this roster is in force")
    if row is None or roster.version > row.version:
        days = _days(roster, now)
        if row is None:
            row = RosterRow(project_id=roster.project_id)
            session.add(row)
        # In place, not delete and insert: imports that run at once wait for this row, and see each other's version.
        _fill(row, roster, days)
        session.flush()
        session.execute(delete(RosterExpert).where(RosterExpert.project_id == roster.project_id))
        for day in days:
            _add_experts(session, roster, ticket_key, day)
    return RosterReceipt(project_id=row.project_id, version=row.version, experts=row.experts, days=row.days)


def match(session: Session, arrival: Arrival, now: datetime) -> MatchReply:
    """Answer "whose seat is this?" from the rosters that are in force now."""
    seats = _seats(session, arrival)
    valid = [seat for seat in seats if not seat[0].replaced]
    if not valid:
        if seats:
            return MatchReply(state=MatchState.REPLACED)
        return MatchReply(state=_without_seat(session, arrival))
    here = [seat for seat in valid if seat[0].booth_id in {None, arrival.booth_id}]
    if not here:
        expert, _ = _next(valid, now)
        return MatchReply(
            state=MatchState.OTHER_BOOTH, booth_label=booths.label(session, expert.booth_id or arrival.booth_id)
        )
    return MatchReply(state=MatchState.MATCHED, assignment=_assignment(_next(here, now)))


def seat_in(session: Session, arrival: Arrival, project_id: str) -> _Seat | None:
    """Return the person's valid place in a project at this booth, ``None`` when there is none (any more)."""
    for expert, roster in _seats(session, arrival):
        is_here = expert.booth_id in {None, arrival.booth_id}
        if roster.project_id == project_id and is_here and not expert.replaced:
            return expert, roster
    return None


def _days(roster: Roster, now: datetime) -> list[date]:
    first = site_day(roster.starts_at)
    days = [day for day in (first, first + timedelta(days=1)) if day >= oldest_kept(now)]
    if not days:
        raise RefusalError(422, "the roster's days are over")
    return days


def _fill(row: RosterRow, roster: Roster, days: list[date]) -> None:
    row.version = roster.version
    row.project_name = roster.project_name
    row.section = roster.section
    row.main_site = roster.main_site
    row.main_site_id = roster.main_site_id
    row.starts_at = roster.starts_at
    row.expected_hours = roster.expected_hours
    row.signing = roster.signing
    row.experts = len(roster.entries)
    row.days = [day.isoformat() for day in days]
    row.conference = roster.conference.model_dump(mode="json")


def _add_experts(session: Session, roster: Roster, ticket_key: str, day: date) -> None:
    key = key_of_day(session, day)
    for entry in roster.entries:
        expert = RosterExpert(
            project_id=roster.project_id,
            key_id=key.key_id,
            expert_hash=expert_hash(bytes.fromhex(key.key), entry.id_number),
            alias=entry.alias,
            role=entry.role,
            booth_id=entry.booth_id,
            replaced=entry.replaced,
        )
        if not entry.replaced:
            expert.picture = None if entry.photo is None else RosterPhoto(photo=entry.photo)
            sealed = entry.account and accounts.seal(entry.account, ticket_key, expert)
            expert.account = RosterAccount(sealed=sealed) if sealed else None
        session.add(expert)


def _seats(session: Session, arrival: Arrival) -> list[_Seat]:
    found = session.execute(
        select(RosterExpert, RosterRow)
        .join(RosterRow, RosterRow.project_id == RosterExpert.project_id)
        .where(RosterExpert.key_id == arrival.key_id, RosterExpert.expert_hash == arrival.expert_hash)
        .order_by(RosterRow.starts_at, RosterExpert.row_id)
    )
    return [(expert, roster) for expert, roster in found]


def _next(seats: list[_Seat], now: datetime) -> _Seat:
    """Choose among several projects of one day: the first that should not be over, else the last."""
    for seat in seats:
        if seat[1].starts_at + timedelta(hours=seat[1].expected_hours) > now:
            return seat
    return seats[-1]


def _without_seat(session: Session, arrival: Arrival) -> MatchState:
    """Tell "not yet" from "not at all": a roster is pending until as many are here as projects are booked."""
    rosters = session.scalars(select(RosterRow)).all()
    here = sum(1 for roster in rosters if site_day(roster.starts_at).isoformat() == arrival.key_id)
    booth = session.get(Booth, arrival.booth_id)
    booked = 0
    for booking in booths.bookings(booth) if booth is not None else []:
        if site_day(booking.starts_at).isoformat() <= arrival.key_id <= site_day(booking.ends_at).isoformat():
            booked += booking.projects
    return MatchState.ROSTER_PENDING if here < max(1, booked) else MatchState.NOT_LISTED


def _assignment(seat: _Seat) -> Assignment:
    expert, roster = seat
    return Assignment(
        project_id=roster.project_id,
        project_name=roster.project_name,
        section=roster.section,
        main_site=roster.main_site,
        main_site_id=roster.main_site_id,
        alias=expert.alias,
        role=expert.role,
        starts_at=roster.starts_at,
        expected_hours=roster.expected_hours,
        signing=roster.signing,
        conference=ConferencePlan.model_validate(roster.conference),
    )
