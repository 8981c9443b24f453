"""Meetings: the ways in of booths and guests, the administrator's close and index, and the page for browsers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import RedirectResponse, Response

from workstation.site.conference import ConferenceRequest, ConferenceTicket, Guest, GuestRequest, RecordingIndex
from workstation.site.page_files import CONTENT_SECURITY_POLICY, read_page_file
from workstation.site.server.access import AuthenticatedBooth, SiteContext, require_admin
from workstation.site.server.meetings import meetings, office
from workstation.site.server.problems import RefusalError

booth_router = APIRouter(prefix="/booths/{booth_id}/conference", tags=["booth"])
admin_router = APIRouter(
    prefix="/admin/projects/{project_id}/conference", tags=["administrator"], dependencies=[Depends(require_admin)]
)
page_router = APIRouter(include_in_schema=False)

ProjectPath = Annotated[str, Path(min_length=1, max_length=60)]


@booth_router.post("", responses={HTTPStatus.SERVICE_UNAVAILABLE: {"description": "The conference server is away"}})
def admit(booth_id: AuthenticatedBooth, request: ConferenceRequest, site: SiteContext) -> ConferenceTicket:
    """Give the way into the meeting of the project that the expert at this booth is matched to. May be repeated."""
    return office.admit_booth(site, booth_id, request)


@admin_router.post("/guests")
def invite(project_id: ProjectPath, guest: GuestRequest, request: Request, site: SiteContext) -> Guest:
    """Give the way in of somebody at the main site or the supervision. The same alias and role is the same guest."""
    return office.admit_guest(site, project_id, guest, site.public_url or str(request.base_url))


@admin_router.get("/recordings")
def recordings(project_id: ProjectPath, site: SiteContext) -> RecordingIndex:
    """Show the recordings with their digests, for the hand-over index. Complete once there is ``closed_at``."""
    return site.database.run(lambda session: meetings.index(session, project_id))


@admin_router.post("/close")
def close(project_id: ProjectPath, site: SiteContext) -> RecordingIndex:
    """End the meeting for everybody and digest its recordings. Without ``closed_at`` it still does: ask again."""
    return office.close(site, project_id)


@admin_router.post("/reopen", status_code=HTTPStatus.NO_CONTENT)
def reopen(project_id: ProjectPath, site: SiteContext) -> None:
    """Take a close back: booths and guests may come in again."""
    site.database.run(lambda session: meetings.reopen(session, project_id))


@page_router.get("/conference")
def page_without_slash() -> Response:
    """Lead to the page: its files are relative to it."""
    return RedirectResponse("conference/")


@page_router.get("/conference/{path:path}")
def page(path: str, site: SiteContext) -> Response:
    """Give a file of the page, to anybody: what it can do depends on the ticket after the ``#``."""
    file = read_page_file(path)
    if file is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "no such page")
    return Response(file.content, media_type=file.media_type, headers=_page_headers(site))


def _page_headers(site: SiteContext) -> dict[str, str]:
    janus = "" if site.conference is None else _origin(site.conference.websocket)
    return {
        # Two policies, which both hold: the page's own, and what only this server knows.
        "Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}, connect-src 'self' {janus}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
