"""What a booth calls."""

from __future__ import annotations

import time
from uuid import UUID

from fastapi import APIRouter

from workstation.site.contract import (
    ArrivalReply,
    ArrivalRequest,
    BoothInfo,
    Launch,
    LaunchRequest,
    MatchReply,
    ReportReply,
    ReportRequest,
)
from workstation.site.server import arrivals, booths, launches, reports, rosters
from workstation.site.server.access import AuthenticatedBooth, SiteContext

router = APIRouter(prefix="/booths/{booth_id}", tags=["booth"])


@router.get("")
def booth_info(booth_id: AuthenticatedBooth, site: SiteContext) -> BoothInfo:
    """Tell the booth about itself, with the key of the day."""
    return site.database.run(lambda session: booths.info(session, booth_id, site.clock()))


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
    return site.database.run(
        lambda session: reports.report(session, booth_id, request, site.clock(), lambda: time.monotonic() - started)
    )
