"""The ledger of outages for the administrator, as JSON and as a sheet."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from workstation.site.outages import OutageLedger
from workstation.site.server import outage_ledger
from workstation.site.server.access import SiteContext, require_admin
from workstation.site.server.day_keys import site_day
from workstation.site.server.problems import RefusalError
from workstation.site.server.site import Site

router = APIRouter(prefix="/admin", tags=["administrator"], dependencies=[Depends(require_admin)])

Day = Annotated[date | None, Query(description="day at the site; today without it")]
_YEARS = range(2000, 2200)
_SHEET: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV in UTF-8 with a mark"}
}


@router.get("/outages")
def outages(site: SiteContext, day: Day = None) -> OutageLedger:
    """Show the outages that touch a day: by room, by booth and by project."""
    return _ledger(site, day)


@router.get("/outages.csv", response_class=Response, responses=_SHEET)
def outage_sheet(site: SiteContext, day: Day = None) -> Response:
    """Give the day's outages with the columns of the ledger (台账)."""
    found = _ledger(site, day)
    disposition = f'attachment; filename="outages-{found.day}.csv"'
    content = outage_ledger.sheet(found)
    return Response(content, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


def _ledger(site: Site, day: date | None) -> OutageLedger:
    now = site.clock()
    if day is not None and day.year not in _YEARS:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "no such day here")
    return site.database.run(lambda session: outage_ledger.ledger(session, day or site_day(now), now))
