"""Pre-flights: the newest of each booth and main site, orders to make one, and how the booths of a day stand.

What is not known to be good is unchecked: no result, an old one, one of an older pack, one that was not made.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from workstation.site.contract import Command, CommandKind
from workstation.site.preflight import (
    PreflightOrder,
    PreflightOrdered,
    PreflightReport,
    PreflightRow,
    PreflightSummary,
    PreflightVerdict,
    Standing,
)
from workstation.site.server import booths, reports
from workstation.site.server.day_keys import site_day
from workstation.site.server.models import Booth, Preflight, StoredPack
from workstation.site.server.problems import RefusalError

FRESH = timedelta(hours=24)
"""After that a result says nothing of the day."""

_STANDINGS = {
    PreflightVerdict.PASS: Standing.PASSED,
    PreflightVerdict.WARN: Standing.WARNED,
    PreflightVerdict.FAIL: Standing.FAILED,
}


def take(session: Session, booth_id: str, report: PreflightReport, now: datetime) -> None:
    """Keep a booth's report in place of the one before. The same one again changes nothing."""
    booths.existing(session, booth_id)
    known = session.get(Preflight, (booth_id, report.main_site_id))
    if known is None:
        known = Preflight(booth_id=booth_id, main_site_id=report.main_site_id)
        session.add(known)
    elif known.report["report_id"] == str(report.report_id):
        return
    # The order of arrival counts, not the booth's clock: it may have been wrong, which is one of the findings.
    known.received_at = now
    known.report = report.model_dump(mode="json")


def order(session: Session, wanted: PreflightOrder, now: datetime) -> PreflightOrdered:
    """Queue the command for every booth that is meant.

    Raises:
        RefusalError: 404 when a booth that was named is not set up here.
    """
    asked = _meant(session, wanted.day, wanted.booths, now)
    for booth in asked:
        command_id = uuid5(wanted.order_id, booth.booth_id)
        command = Command(command_id=command_id, kind=CommandKind.PREFLIGHT, text=wanted.main_site_id)
        reports.command(session, booth.booth_id, command, now)
    return PreflightOrdered(booths=[booth.booth_id for booth in asked])


def summary(
    session: Session, main_site_id: str, day: date | None, named: list[str] | None, now: datetime
) -> PreflightSummary:
    """Return how the booths of a day stand for a main site.

    Raises:
        RefusalError: 404 when a booth that was named is not set up here.
    """
    known = {
        row.booth_id: row for row in session.scalars(select(Preflight).where(Preflight.main_site_id == main_site_id))
    }
    made = {booth_id: PreflightReport.model_validate(row.report) for booth_id, row in known.items()}
    pack = session.get(StoredPack, main_site_id)
    # A pack may reach booths by hand too: then whoever checked with the highest serial has the newest.
    serial = max([report.serial for report in made.values()] + [0 if pack is None else pack.serial])
    names = [report.main_site for report in made.values() if report.serial == serial and report.main_site]
    name = next(iter(names), "" if pack is None else pack.main_site)
    rows = [
        _row(booth, made.get(booth.booth_id), known.get(booth.booth_id), serial, now)
        for booth in _meant(session, day, named, now)
    ]
    return PreflightSummary(
        main_site_id=main_site_id,
        main_site=name,
        day=_day(day, now),
        serial=serial,
        passed=sum(row.standing in {Standing.PASSED, Standing.WARNED} for row in rows),
        rows=rows,
    )


def _row(
    booth: Booth, report: PreflightReport | None, stored: Preflight | None, serial: int, now: datetime
) -> PreflightRow:
    if report is None or stored is None:
        return _unchecked(booth, "never")
    if report.not_done:
        return _unchecked(booth, report.not_done, report)
    if now - stored.received_at > FRESH:
        return _unchecked(booth, "stale", report)
    if report.serial < serial:
        return _unchecked(booth, "old-pack", report)
    return PreflightRow(
        booth_id=booth.booth_id,
        booth_label=booth.booth_label,
        standing=_STANDINGS[report.verdict],
        serial=report.serial,
        report_id=report.report_id,
        checked_at=report.checked_at,
        checks=[check for check in report.checks if check.verdict is not PreflightVerdict.PASS],
    )


def _unchecked(booth: Booth, why: str, report: PreflightReport | None = None) -> PreflightRow:
    return PreflightRow(
        booth_id=booth.booth_id,
        booth_label=booth.booth_label,
        standing=Standing.UNCHECKED,
        why=why,
        report_id=report.report_id if report else None,
        checked_at=report.checked_at if report else None,
        checks=[],
    )


def _meant(session: Session, day: date | None, named: list[str] | None, now: datetime) -> list[Booth]:
    """Return the booths that were named, else those with a booking that touches the day."""
    found = session.scalars(select(Booth).order_by(Booth.booth_id)).all()
    if named is None:
        return [booth for booth in found if _is_booked(booth, _day(day, now))]
    wanted = set(named)
    if wanted - {booth.booth_id for booth in found}:
        raise RefusalError(404, "no such booth")
    return [booth for booth in found if booth.booth_id in wanted]


def _is_booked(booth: Booth, day: date) -> bool:
    return any(site_day(each.starts_at) <= day <= site_day(each.ends_at) for each in booths.bookings(booth))


def _day(day: date | None, now: datetime) -> date:
    return day or site_day(now) + timedelta(days=1)
