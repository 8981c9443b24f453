"""Check-ups (自检): handed in by booths, ordered and fetched by the administrator."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from workstation.site.selfcheck import (
    JWS_MEDIA_TYPE,
    PAPER_MEDIA_TYPE,
    CheckupHandIn,
    CheckupKeyIncident,
    CheckupOrder,
    CheckupOrdered,
    CheckupRow,
)
from workstation.site.server import selfchecks
from workstation.site.server.access import AuthenticatedBooth, BoothPath, SiteContext, require_admin
from workstation.site.server.problems import RefusalError

booth_router = APIRouter(prefix="/booths/{booth_id}/selfchecks", tags=["booth"])
admin_router = APIRouter(tags=["administrator"], dependencies=[Depends(require_admin)])


def _answer(media_type: str, words: str) -> dict[int | str, dict[str, Any]]:
    return {HTTPStatus.OK: {"content": {media_type: {}}, "description": words}}


@booth_router.put("/{report_id}", status_code=HTTPStatus.NO_CONTENT)
def hand_in(booth_id: AuthenticatedBooth, report_id: UUID, report: CheckupHandIn, site: SiteContext) -> None:
    """Take in what a booth found about itself. Idempotent by ``report_id``; 422 when a signature does not hold."""
    site.database.run(lambda session: selfchecks.take(session, booth_id, report_id, report, site.clock()))


@admin_router.post("/selfchecks")
def order(wanted: CheckupOrder, site: SiteContext) -> CheckupOrdered:
    """Ask booths for a check-up (全部自检). Idempotent by ``order_id``."""
    return site.database.run(lambda session: selfchecks.order(session, wanted, site.clock()))


@admin_router.get("/selfchecks")
def newest(site: SiteContext) -> list[CheckupRow]:
    """Show the newest check-up of every booth."""
    return site.database.run(selfchecks.newest)


@admin_router.get("/selfcheck-incidents")
def incidents(site: SiteContext) -> list[CheckupKeyIncident]:
    """Show which booths signed with another key than their first."""
    return site.database.run(selfchecks.incidents)


@admin_router.get("/booths/{booth_id}/selfchecks")
def of_booth(booth_id: BoothPath, site: SiteContext) -> list[CheckupRow]:
    """Show the newest check-ups of a booth."""
    return site.database.run(lambda session: selfchecks.of_booth(session, booth_id))


@admin_router.get(
    "/booths/{booth_id}/selfchecks/{report_id}",
    response_class=Response,
    responses=_answer(JWS_MEDIA_TYPE, "The signed report"),
)
def report(booth_id: BoothPath, report_id: UUID, site: SiteContext) -> Response:
    """Give a report as the booth signed it."""
    found = site.database.run(lambda session: selfchecks.find(session, booth_id, report_id))
    return Response(found.report, media_type=JWS_MEDIA_TYPE)


@admin_router.get(
    "/booths/{booth_id}/selfchecks/{report_id}/paper",
    response_class=Response,
    responses=_answer(PAPER_MEDIA_TYPE, "The PDF"),
)
def paper(booth_id: BoothPath, report_id: UUID, site: SiteContext) -> Response:
    """Give a report's PDF; 404 without one."""
    found = site.database.run(lambda session: selfchecks.find(session, booth_id, report_id))
    return _given(found.paper, PAPER_MEDIA_TYPE)


@admin_router.get(
    "/booths/{booth_id}/selfchecks/{report_id}/seal",
    response_class=Response,
    responses=_answer(JWS_MEDIA_TYPE, "The PDF's signed seal"),
)
def seal(booth_id: BoothPath, report_id: UUID, site: SiteContext) -> Response:
    """Give the seal of a report's PDF; 404 without one."""
    found = site.database.run(lambda session: selfchecks.find(session, booth_id, report_id))
    return _given(found.seal, JWS_MEDIA_TYPE)


@admin_router.delete("/booths/{booth_id}/selfcheck-key", status_code=HTTPStatus.NO_CONTENT)
def forget_key(booth_id: BoothPath, site: SiteContext) -> None:
    """Take the booth's next key for its own, after its PC or disk was replaced."""
    site.database.run(lambda session: selfchecks.forget_key(session, booth_id))


def _given(content: bytes | str | None, media_type: str) -> Response:
    if content is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "this report has no paper")
    return Response(content, media_type=media_type)
