"""Keys of the day: with one, an ID number becomes the hash that booths and rosters share; without it, nothing does."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from workstation.site.server.models import DayKey, RosterAccount, RosterExpert, RosterPhoto
from workstation.site.server.site import SITE_ZONE

KEPT_DAYS = 2
"""How long a key outlives its day, for arrivals before midnight and clocks that differ."""

_KEY_BYTES = 32


def key_of_day(session: Session, day: date) -> DayKey:
    """Return the key of ``day``, making it when it is asked for the first time."""
    key = session.get(DayKey, day.isoformat())
    if key is None:
        key = DayKey(key_id=day.isoformat(), key=secrets.token_hex(_KEY_BYTES))
        session.add(key)
        session.flush()
    return key


def site_day(moment: datetime) -> date:
    """Return the calendar day at the site."""
    return moment.astimezone(SITE_ZONE).date()


def oldest_kept(now: datetime) -> date:
    """Return the oldest day whose key is still there."""
    return site_day(now) - timedelta(days=KEPT_DAYS)


def forget_old_keys(session: Session, now: datetime) -> None:
    """Delete keys that are older than ``KEPT_DAYS`` with the roster hashes that nobody can make any more.

    Photos and accounts go as soon as their day is over.
    """
    limit = oldest_kept(now).isoformat()
    session.execute(delete(DayKey).where(DayKey.key_id < limit))
    session.execute(delete(RosterExpert).where(RosterExpert.key_id < limit))
    over = select(RosterExpert.row_id).where(RosterExpert.key_id < site_day(now).isoformat())
    session.execute(delete(RosterPhoto).where(RosterPhoto.expert_id.in_(over)))
    session.execute(delete(RosterAccount).where(RosterAccount.expert_id.in_(over)))
