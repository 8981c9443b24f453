"""Booths: their settings, and what a booth is told about itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from workstation.site.administration import BoothSettings
from workstation.site.contract import Booking, BoothInfo
from workstation.site.server import packs
from workstation.site.server.day_keys import forget_old_keys, key_of_day, site_day
from workstation.site.server.models import Booth
from workstation.site.server.problems import RefusalError
from workstation.site.server.tokens import token_hash


def set_up(session: Session, booth_id: str, settings: BoothSettings) -> None:
    """Create the booth or replace its settings; what it reported stays."""
    booth = session.get(Booth, booth_id)
    if booth is None:
        booth = Booth(booth_id=booth_id, booth_label=settings.booth_label)
        session.add(booth)
    booth.centre = settings.centre
    booth.room = settings.room
    booth.booth_label = settings.booth_label
    booth.hotline = settings.hotline
    booth.bookings = [booking.model_dump(mode="json") for booking in settings.bookings]
    if settings.token is not None:
        booth.token_hash = token_hash(settings.token)


def existing(session: Session, booth_id: str) -> Booth:
    """Return the booth, locked for this transaction where the database can. Raises ``RefusalError`` (404)."""
    booth = session.get(Booth, booth_id, with_for_update=True)
    if booth is None:
        raise RefusalError(404, "no such booth")
    return booth


def bookings(booth: Booth) -> list[Booking]:
    """Return the booth's bookings, oldest first."""
    found = [Booking.model_validate(item) for item in booth.bookings]
    return sorted(found, key=lambda booking: booking.starts_at)


def label(session: Session, booth_id: str) -> str:
    """Return the label of a booth, or its id when it is not set up here."""
    booth = session.get(Booth, booth_id)
    return booth_id if booth is None else booth.booth_label


def info(session: Session, booth_id: str, now: datetime) -> BoothInfo:
    """Return what the booth is told, with the key of the day and the bookings that are not over."""
    booth = existing(session, booth_id)
    forget_old_keys(session, now)
    key = key_of_day(session, site_day(now))
    return BoothInfo(
        booth_id=booth_id,
        centre=booth.centre,
        room=booth.room,
        booth_label=booth.booth_label,
        hotline=booth.hotline,
        bookings=[booking for booking in bookings(booth) if booking.ends_at > now],
        key_id=key.key_id,
        arrival_key=key.key,
        server_time=now,
        packs=packs.references(session),
    )
