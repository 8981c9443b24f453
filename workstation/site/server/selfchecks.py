"""Check-ups of the booths: kept as they were signed, under the key that a booth signed with first.

The server believes a signature, not a key: the first key of a booth is remembered, another one later is an incident for
the administrator, never a reason to lose a report.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from uuid import UUID, uuid5

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from workstation.site.checkup_signature import SignatureRefusedError, SignedCheckup, check_paper, read_report
from workstation.site.contract import Command, CommandKind
from workstation.site.selfcheck import (
    CheckupHandIn,
    CheckupKeyIncident,
    CheckupOrder,
    CheckupOrdered,
    CheckupRow,
    CheckupVerdict,
)
from workstation.site.server import booths, reports
from workstation.site.server.models import Booth, Checkup, CheckupKey, CheckupKeyChange
from workstation.site.server.problems import RefusalError

KEPT = 400
"""Reports kept per booth: more than a year of mornings."""

PAGE = 30

_SHOWN = {CheckupVerdict.WARN, CheckupVerdict.FAIL}


def take(session: Session, booth_id: str, report_id: UUID, hand_in: CheckupHandIn, now: datetime) -> None:
    """Keep a report. The same one again changes nothing.

    Raises:
        RefusalError: 422 when a signature does not hold or is of another booth or report; 409 when the id was used
            for another report.
    """
    booths.existing(session, booth_id)
    signed = _signed(hand_in)
    if (signed.report.report_id, signed.report.booth_id) != (report_id, booth_id):
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "the report is not of this booth and path")
    known = session.get(Checkup, report_id)
    if known is not None:
        if (known.booth_id, known.token) != (booth_id, hand_in.report):
            raise RefusalError(HTTPStatus.CONFLICT, "this report id belongs to another report")
        return
    session.add(
        Checkup(
            report_id=report_id,
            booth_id=booth_id,
            received_at=now,
            thumbprint=signed.thumbprint,
            is_key_known=_is_key_known(session, booth_id, signed, now),
            token=hand_in.report,
            paper=hand_in.paper,
            seal=hand_in.seal,
        )
    )
    session.flush()
    _forget_old(session, booth_id)


def order(session: Session, wanted: CheckupOrder, now: datetime) -> CheckupOrdered:
    """Queue the command for every booth that is meant.

    Raises:
        RefusalError: 404 when a booth that was named is not set up here.
    """
    known = list(session.scalars(select(Booth.booth_id).order_by(Booth.booth_id)))
    asked = known if wanted.booths is None else sorted(set(wanted.booths))
    if set(asked) - set(known):
        raise RefusalError(HTTPStatus.NOT_FOUND, "no such booth")
    for booth_id in asked:
        command_id = uuid5(wanted.order_id, booth_id)
        reports.command(session, booth_id, Command(command_id=command_id, kind=CommandKind.SELF_CHECK), now)
    return CheckupOrdered(booths=asked)


def newest(session: Session) -> list[CheckupRow]:
    """Return the newest report of every booth that ever sent one, by booth."""
    with_reports = session.scalars(select(Checkup.booth_id).distinct().order_by(Checkup.booth_id)).all()
    found = (_rows(session, booth_id, 1) for booth_id in with_reports)
    return [row for rows in found for row in rows]


def of_booth(session: Session, booth_id: str) -> list[CheckupRow]:
    """Return the newest reports of a booth. Raises ``RefusalError`` (404)."""
    booths.existing(session, booth_id)
    return _rows(session, booth_id, PAGE)


def incidents(session: Session) -> list[CheckupKeyIncident]:
    """Return every change of a booth's key, the newest first."""
    changes = session.scalars(select(CheckupKeyChange).order_by(CheckupKeyChange.row_id.desc()))
    return [
        CheckupKeyIncident(
            booth_id=each.booth_id,
            report_id=each.report_id,
            thumbprint=each.thumbprint,
            pinned=each.pinned,
            found_at=each.found_at,
        )
        for each in changes
    ]


def forget_key(session: Session, booth_id: str) -> None:
    """Remember the next key of a booth as its first: its disk or the whole PC was replaced. The incidents stay."""
    booths.existing(session, booth_id)
    session.execute(delete(CheckupKey).where(CheckupKey.booth_id == booth_id))


def find(session: Session, booth_id: str, report_id: UUID) -> CheckupHandIn:
    """Return a report as it came. Raises ``RefusalError`` (404)."""
    row = session.get(Checkup, report_id)
    if row is None or row.booth_id != booth_id:
        raise RefusalError(HTTPStatus.NOT_FOUND, "no such report")
    # Not validated: it was when it came, and the paper is no base64 here.
    return CheckupHandIn.model_construct(report=row.token, paper=row.paper, seal=row.seal)


def _signed(hand_in: CheckupHandIn) -> SignedCheckup:
    try:
        signed = read_report(hand_in.report)
        if hand_in.paper is not None and hand_in.seal is not None:
            check_paper(signed, hand_in.paper, hand_in.seal)
    except SignatureRefusedError as error:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    return signed


def _is_key_known(session: Session, booth_id: str, signed: SignedCheckup, now: datetime) -> bool:
    pinned = session.get(CheckupKey, booth_id)
    if pinned is None:
        session.add(CheckupKey(booth_id=booth_id, thumbprint=signed.thumbprint, pinned_at=now))
        return True
    if pinned.thumbprint == signed.thumbprint:
        return True
    change = select(CheckupKeyChange.row_id).where(
        CheckupKeyChange.booth_id == booth_id,
        CheckupKeyChange.thumbprint == signed.thumbprint,
        CheckupKeyChange.pinned == pinned.thumbprint,
    )
    if session.scalar(change) is None:
        session.add(
            CheckupKeyChange(
                booth_id=booth_id,
                report_id=signed.report.report_id,
                thumbprint=signed.thumbprint,
                pinned=pinned.thumbprint,
                found_at=now,
            )
        )
    return False


def _rows(session: Session, booth_id: str, limit: int) -> list[CheckupRow]:
    columns = select(Checkup, Checkup.seal.is_not(None)).where(Checkup.booth_id == booth_id)
    newest_first = columns.order_by(Checkup.received_at.desc(), Checkup.report_id).limit(limit)
    label = booths.label(session, booth_id)
    return [_row(checkup, label, has_paper=has_paper) for checkup, has_paper in session.execute(newest_first)]


def _row(checkup: Checkup, label: str, *, has_paper: bool) -> CheckupRow:
    report = read_report(checkup.token).report
    return CheckupRow(
        report_id=report.report_id,
        booth_id=report.booth_id,
        booth_label=label,
        trigger=report.trigger,
        checked_at=report.checked_at,
        received_at=checkup.received_at,
        verdict=report.verdict,
        thumbprint=checkup.thumbprint,
        is_key_known=checkup.is_key_known,
        has_paper=has_paper,
        items=[item for item in report.items if item.verdict in _SHOWN],
    )


def _forget_old(session: Session, booth_id: str) -> None:
    old = (
        select(Checkup.report_id)
        .where(Checkup.booth_id == booth_id)
        .order_by(Checkup.received_at.desc(), Checkup.report_id)
        .offset(KEPT)
    )
    ids = list(session.scalars(old))
    if ids:
        session.execute(delete(Checkup).where(Checkup.report_id.in_(ids)))
