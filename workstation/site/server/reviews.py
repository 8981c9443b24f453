"""Reviews by a person: the pictures to compare, until somebody has decided, and who looked at them.

Pictures go as soon as the review is decided or the visit is over, and after ``KEPT`` in any case. What stays is that
there was a look, and when.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from workstation.site.administration import PictureView, ReviewPicture, ReviewRow
from workstation.site.contract import REVIEW_OVER, Command, CommandKind, ReviewRequest
from workstation.site.server import booths, photos
from workstation.site.server.database import erase
from workstation.site.server.models import DayKey, Event, ReviewCase, ReviewView
from workstation.site.server.problems import RefusalError

KEPT = timedelta(hours=24)
VIEWS_SHOWN = 500

_DECISIONS = frozenset({CommandKind.REVIEW_PASSED, CommandKind.REVIEW_REJECTED, CommandKind.REVIEW_AGAIN})


def take(session: Session, booth_id: str, session_id: str, request: ReviewRequest, now: datetime) -> None:
    """Open a case, or open it anew with a higher ``attempt``. What comes late or twice changes nothing.

    A new case at a booth ends the one before it there: the booth knows best who sits in it.

    Raises:
        RefusalError: 409 when the key of the day is not known (any more).
    """
    booths.existing(session, booth_id)
    forget_old(session, now)
    if session.get(DayKey, request.key_id) is None:
        raise RefusalError(409, "the key of the day is not known")
    case = session.get(ReviewCase, (booth_id, session_id))
    if (case is not None and case.attempt >= request.attempt) or _is_over(session, booth_id, session_id):
        return
    for before in session.scalars(_open().where(ReviewCase.booth_id == booth_id)):
        _close(session, before, now)
    if case is None:
        case = ReviewCase(booth_id=booth_id, session_id=session_id)
        session.add(case)
    for field, value in request:  # the columns have the names of the wire
        setattr(case, field, value)
    case.opened_at, case.closed_at = now, None


def decided(session: Session, booth_id: str, order: Command, now: datetime) -> None:
    """Close the case that this command decides.

    Raises:
        RefusalError: 409 for one more face check that the booth would not take.
    """
    case = session.get(ReviewCase, (booth_id, order.session_id))
    if case is None or case.closed_at is not None or order.kind not in _DECISIONS:
        return
    if order.kind is CommandKind.REVIEW_AGAIN and not case.may_repeat:
        raise RefusalError(409, "the booth takes no other face check of this person")
    _close(session, case, now)


def over(session: Session, booth_id: str, session_id: str, now: datetime) -> None:
    """Close the case of a visit that is over, if there is one."""
    case = session.get(ReviewCase, (booth_id, session_id))
    if case is not None and case.closed_at is None:
        _close(session, case, now)


def waiting(session: Session, now: datetime) -> list[ReviewRow]:
    """Return the cases that wait for a decision, oldest first."""
    forget_old(session, now)
    return [_row(session, case) for case in session.scalars(_open().order_by(ReviewCase.opened_at))]


def look(session: Session, booth_id: str, session_id: str, picture: ReviewPicture, now: datetime) -> bytes | None:
    """Return a picture of an open case and note that somebody looked; ``None`` when there is none (any more)."""
    forget_old(session, now)
    case = session.get(ReviewCase, (booth_id, session_id))
    if case is None or case.closed_at is not None:
        return None
    found = _picture(session, case, picture)
    if found is not None:
        session.add(ReviewView(booth_id=booth_id, session_id=session_id, picture=picture.value, viewed_at=now))
    return found


def views(session: Session, booth_id: str) -> list[PictureView]:
    """Return the newest ``VIEWS_SHOWN`` looks at pictures of a booth's reviews, newest first."""
    rows = session.scalars(
        select(ReviewView).where(ReviewView.booth_id == booth_id).order_by(ReviewView.row_id.desc()).limit(VIEWS_SHOWN)
    )
    return [
        PictureView(session_id=row.session_id, picture=ReviewPicture(row.picture), viewed_at=row.viewed_at)
        for row in rows
    ]


def forget_old(session: Session, now: datetime) -> None:
    """Delete cases that are older than ``KEPT``, decided or not."""
    old = ReviewCase.opened_at <= now - KEPT
    if session.scalar(select(ReviewCase.session_id).where(old).limit(1)) is not None:
        session.execute(delete(ReviewCase).where(old))
        erase(session)


def _open() -> Select[ReviewCase]:
    return select(ReviewCase).where(ReviewCase.closed_at.is_(None))


def _is_over(session: Session, booth_id: str, session_id: str) -> bool:
    """Tell whether the end of the visit was reported before its pictures came."""
    end = select(Event.row_id).where(
        Event.booth_id == booth_id, Event.session_id == session_id, Event.kind.in_(REVIEW_OVER)
    )
    return session.scalar(end.limit(1)) is not None


def _close(session: Session, case: ReviewCase, now: datetime) -> None:
    case.closed_at = now
    case.card_photo = case.live_photo = case.card_year = None
    case.key_id = case.expert_hash = ""
    session.flush()
    erase(session)


def _picture(session: Session, case: ReviewCase, picture: ReviewPicture) -> bytes | None:
    match picture:
        case ReviewPicture.CARD:
            return case.card_photo
        case ReviewPicture.LIVE:
            return case.live_photo
        case ReviewPicture.POOL:
            return photos.of_person(session, case.key_id, case.expert_hash)


def _row(session: Session, case: ReviewCase) -> ReviewRow:
    looks = select(func.count(), func.max(ReviewView.viewed_at)).where(
        ReviewView.booth_id == case.booth_id, ReviewView.session_id == case.session_id
    )
    count, viewed_at = session.execute(looks).one()
    return ReviewRow(
        booth_id=case.booth_id,
        booth_label=booths.label(session, case.booth_id),
        session_id=case.session_id,
        code=case.code,
        opened_at=case.opened_at,
        may_repeat=case.may_repeat,
        card_year=case.card_year,
        pictures=[picture for picture in ReviewPicture if _picture(session, case, picture) is not None],
        views=count,
        viewed_at=viewed_at,
    )
