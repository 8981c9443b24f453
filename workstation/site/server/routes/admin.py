"""What the site administrator calls."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from workstation.site.administration import (
    BoothRow,
    BoothSettings,
    EventPage,
    PictureView,
    ReviewPicture,
    ReviewRow,
    Roster,
    RosterReceipt,
)
from workstation.site.contract import BoothId, Command
from workstation.site.preflight import MainSiteId, PreflightOrder, PreflightOrdered, PreflightSummary
from workstation.site.readings import ReadingReport
from workstation.site.server import booths, events, photos, preflights, reports, reviews, rosters
from workstation.site.server.access import BoothPath, SiteContext, require_admin
from workstation.site.server.problems import RefusalError

router = APIRouter(tags=["administrator"], dependencies=[Depends(require_admin)])


@router.put("/booths/{booth_id}", status_code=HTTPStatus.NO_CONTENT)
def set_up_booth(booth_id: BoothPath, settings: BoothSettings, site: SiteContext) -> None:
    """Create a booth or replace its settings."""
    site.database.run(lambda session: booths.set_up(session, booth_id, settings))


@router.put("/rosters/{project_id}")
def take_roster(project_id: str, roster: Roster, site: SiteContext) -> RosterReceipt:
    """Take a roster in. Names and numbers are turned into keyed hashes and dropped."""
    if roster.project_id != project_id:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "project_id differs from the path")
    return site.database.run(lambda session: rosters.take(session, roster, site.tokens.ticket_key, site.clock()))


@router.get("/board")
def board(site: SiteContext) -> list[BoothRow]:
    """Show every booth with its newest readings."""
    return site.database.run(lambda session: reports.board(session, site.clock()))


@router.post("/booths/{booth_id}/commands", status_code=HTTPStatus.NO_CONTENT)
def order(booth_id: BoothPath, command: Command, site: SiteContext) -> None:
    """Queue a command. Idempotent by ``command_id``."""
    site.database.run(lambda session: reports.command(session, booth_id, command, site.clock()))


@router.get("/booths/{booth_id}/readings")
def past_readings(booth_id: BoothPath, site: SiteContext) -> list[ReadingReport]:
    """Show when the judgement of a booth's readings changed, newest first."""
    return site.database.run(lambda session: reports.past_readings(session, booth_id))


@router.get("/booths/{booth_id}/events")
def booth_events(
    booth_id: BoothPath, site: SiteContext, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> EventPage:
    """Show a booth's journaled events and every place where its chain does not hold."""
    return site.database.run(lambda session: events.page(session, booth_id, after))


@router.get("/reviews")
def waiting_reviews(site: SiteContext) -> list[ReviewRow]:
    """Show the reviews that wait for a decision, oldest first."""
    return site.database.run(lambda session: reviews.waiting(session, site.clock()))


@router.get("/booths/{booth_id}/reviews/{session_id}/{picture}", response_class=Response, responses=photos.ANSWER)
def review_picture(booth_id: BoothPath, session_id: UUID, picture: ReviewPicture, site: SiteContext) -> Response:
    """Give a picture of a review, and note that it was looked at; 404 when there is none, or no more."""
    found = site.database.run(lambda session: reviews.look(session, booth_id, str(session_id), picture, site.clock()))
    return photos.answer(found)


@router.get("/booths/{booth_id}/review-views")
def review_views(booth_id: BoothPath, site: SiteContext) -> list[PictureView]:
    """Show when pictures of a booth's reviews were looked at, newest first."""
    return site.database.run(lambda session: reviews.views(session, booth_id))


@router.post("/preflight")
def order_preflight(wanted: PreflightOrder, site: SiteContext) -> PreflightOrdered:
    """Ask booths for a pre-flight of a main site. Idempotent by ``order_id``."""
    return site.database.run(lambda session: preflights.order(session, wanted, site.clock()))


@router.get("/preflight")
def preflight_summary(
    main_site_id: Annotated[MainSiteId, Query()],
    site: SiteContext,
    day: Annotated[date | None, Query()] = None,
    booth: Annotated[list[BoothId] | None, Query()] = None,
) -> PreflightSummary:
    """Show how the booths booked on ``day`` (default: tomorrow), or those named, stand for a main site."""
    return site.database.run(lambda session: preflights.summary(session, main_site_id, day, booth, site.clock()))
