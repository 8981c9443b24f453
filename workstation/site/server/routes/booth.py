"""What a booth calls."""

from __future__ import annotations

import time
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from workstation.site.contract import (
    ArrivalReply,
    ArrivalRequest,
    BoothInfo,
    Launch,
    LaunchRequest,
    MatchReply,
    PhotoRequest,
    ReportReply,
    ReportRequest,
    ReviewRequest,
)
from workstation.site.preflight import PreflightReport
from workstation.site.server import arrivals, booths, launches, photos, preflights, reports, reviews, rosters
from workstation.site.server.access import AuthenticatedBooth, SiteContext
from workstation.site.server.problems import RefusalError

router = APIRouter(prefix="/booths/{booth_id}", tags=["booth"])


@router.get("")
def booth_info(booth_id: AuthenticatedBooth, site: SiteContext) -> BoothInfo:
    """Tell the booth about itself, with the key of the day."""
    return site.database.run(lambda session: booths.info(session, booth_id, site.clock()))


@router.post("/photos", response_class=Response, responses=photos.ANSWER)
def photo(booth_id: AuthenticatedBooth, request: PhotoRequest, site: SiteContext) -> Response:
    """Give the photo of an expert expected today; 404 without one, 429 when asked too often."""
    # The refusal without one comes after the transaction, which would take the request back out of the quota.
    return photos.answer(site.database.run(lambda session: photos.find(session, booth_id, request, site.clock())))


@router.post("/reviews/{session_id}", status_code=HTTPStatus.NO_CONTENT)
def review(booth_id: AuthenticatedBooth, session_id: UUID, request: ReviewRequest, site: SiteContext) -> None:
    """Take in what a reviewer needs. Idempotent by session and attempt; 403 where pictures must not be kept."""
    if not site.review_pictures:
        raise RefusalError(HTTPStatus.FORBIDDEN, "this server keeps no pictures: review at the booth")
    site.database.run(lambda session: reviews.take(session, booth_id, str(session_id), request, site.clock()))


@router.post("/arrivals")
def arrive(booth_id: AuthenticatedBooth, request: ArrivalRequest, site: SiteContext) -> ArrivalReply:
    """Take in that a person's presence was verified. Idempotent by ``arrival_id``."""
    return site.database.run(lambda session: arrivals.arrive(session, booth_id, request, site.clock()))


@router.get("/arrivals/{arrival_id}/match")
def match(booth_id: AuthenticatedBooth, arrival_id: UUID, site: SiteContext) -> MatchReply:
    """Match an arrival against the rosters in force."""
    return site.database.run(
        lambda session: rosters.match(session, arrivals.of_booth(session, booth_id, arrival_id), site.clock())
    )


@router.post("/launches")
def launch(booth_id: AuthenticatedBooth, request: LaunchRequest, site: SiteContext) -> Launch:
    """Issue a one-time ticket into the main site. Idempotent by ``launch_id``."""
    return site.database.run(
        lambda session: launches.launch(session, booth_id, request, site.tokens.ticket_key, site.clock())
    )


@router.post("/reports")
def report(booth_id: AuthenticatedBooth, request: ReportRequest, site: SiteContext) -> ReportReply:
    """Take in readings and events, hand out commands. Idempotent by event id."""
    started = time.monotonic()
    reply = site.database.run(
        lambda session: reports.report(session, booth_id, request, site.clock(), lambda: time.monotonic() - started)
    )
    site.metrics.reported(request.sent_at, reply.server_time)
    return reply


@router.put("/preflights/{report_id}", status_code=HTTPStatus.NO_CONTENT)
def preflight(booth_id: AuthenticatedBooth, report_id: UUID, report: PreflightReport, site: SiteContext) -> None:
    """Take in what a booth found about a main site. Idempotent by ``report_id``."""
    if report.report_id != report_id:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "report_id differs from the path")
    site.database.run(lambda session: preflights.take(session, booth_id, report, site.clock()))
