"""Main-site packs: sent in by the administrator, fetched by booths."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path
from fastapi.responses import Response

from workstation.site.administration import PackRow
from workstation.site.contract import PACK_MEDIA_TYPE, MainSiteId
from workstation.site.server import packs
from workstation.site.server.access import AuthenticatedBooth, SiteContext, require_admin

admin_router = APIRouter(prefix="/packs", tags=["administrator"], dependencies=[Depends(require_admin)])
booth_router = APIRouter(prefix="/booths/{booth_id}/packs", tags=["booth"])

MainSitePath = Annotated[MainSiteId, Path()]
_ANSWER: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {"content": {PACK_MEDIA_TYPE: {}}, "description": "The pack file"}
}


@admin_router.put("/{main_site_id}")
def take_pack(
    main_site_id: MainSitePath, body: Annotated[bytes, Body(media_type=PACK_MEDIA_TYPE)], site: SiteContext
) -> PackRow:
    """Take a signed pack in for the booths. The same again changes nothing; an older serial is refused (409)."""
    return site.database.run(lambda session: packs.take(session, main_site_id, body, site.clock()))


@admin_router.get("")
def all_packs(site: SiteContext) -> list[PackRow]:
    """Show the newest pack of every main site."""
    return site.database.run(packs.everything)


@booth_router.get("/{main_site_id}", response_class=Response, responses=_ANSWER)
def pack(booth_id: AuthenticatedBooth, main_site_id: MainSitePath, site: SiteContext) -> Response:  # noqa: ARG001
    """Give the newest pack of a main site; 404 without one."""
    return Response(site.database.run(lambda session: packs.text_of(session, main_site_id)), media_type=PACK_MEDIA_TYPE)
