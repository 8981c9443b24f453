"""Experts' photos: what a roster brought, for a booth whose card gave no picture.

A booth asks by keyed hash, so it learns nothing about a person whose ID number it does not know. It can make the hash
of any number, though, and numbers can be guessed; a stolen booth token must not become a catalogue of faces. So a
booth gets photos of experts expected today only, and may ask ``PER_HOUR`` times an hour, found or not.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from workstation.site.contract import PhotoRequest, picture_type
from workstation.site.server import booths
from workstation.site.server.day_keys import site_day
from workstation.site.server.models import PhotoQuota, RosterExpert, RosterPhoto
from workstation.site.server.problems import RefusalError

PER_HOUR = 20
"""A booth sees a few experts a day; each sign-in asks once."""

ANSWER: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {"content": {"image/jpeg": {}, "image/png": {}}, "description": "The photo"}
}
"""How ``answer`` is described in the API."""

_WINDOW = timedelta(hours=1)


def answer(photo: bytes | None) -> Response:
    """Return the reply that carries a photo. Raises ``RefusalError`` (404) without one."""
    if photo is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "no photo of this person")
    return Response(photo, media_type=picture_type(photo), headers={"Cache-Control": "no-store"})


def find(session: Session, booth_id: str, request: PhotoRequest, now: datetime) -> bytes | None:
    """Return the photo of an expert who is expected at this site today, ``None`` when there is none.

    The answer is the same whether the expert is unknown, replaced or without a photo.

    Raises:
        RefusalError: 429 when the booth asked too often.
    """
    booths.existing(session, booth_id)
    _count(session, booth_id, now)
    if request.key_id != site_day(now).isoformat():
        return None
    return of_person(session, request.key_id, request.expert_hash)


def of_person(session: Session, key_id: str, expert_hash: str) -> bytes | None:
    """Return the newest photo that a roster brought of this person for this day."""
    return session.scalar(
        select(RosterPhoto.photo)
        .join(RosterExpert, RosterExpert.row_id == RosterPhoto.expert_id)
        .where(RosterExpert.key_id == key_id, RosterExpert.expert_hash == expert_hash)
        .order_by(RosterExpert.row_id.desc())
        .limit(1)
    )


def _count(session: Session, booth_id: str, now: datetime) -> None:
    quota = session.get(PhotoQuota, booth_id)
    if quota is None:
        quota = PhotoQuota(booth_id=booth_id, since=now, asked=0)
        session.add(quota)
    if not quota.since <= now < quota.since + _WINDOW:
        quota.since, quota.asked = now, 0
    if quota.asked >= PER_HOUR:
        raise RefusalError(429, "too many photo requests")
    quota.asked += 1
