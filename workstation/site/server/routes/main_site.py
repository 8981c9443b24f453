"""What the main site calls."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from workstation.site.contract import TicketHolder, TicketRedemption
from workstation.site.server import launches
from workstation.site.server.access import SiteContext, require_main_site

router = APIRouter(prefix="/tickets", tags=["main site"], dependencies=[Depends(require_main_site)])


@router.post("/redeem")
def redeem(redemption: TicketRedemption, site: SiteContext) -> TicketHolder:
    """Use a ticket up: of several calls with the same ticket one succeeds."""
    return site.database.run(lambda session: launches.redeem(session, redemption.ticket, site.clock()))
