"""Ways into the main site, bound to booth, arrival and project: one-time tickets, and accounts of the roster."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workstation.site.contract import Launch, LaunchRequest, TicketHolder
from workstation.site.server import accounts, arrivals, booths, rosters
from workstation.site.server.models import Arrival, LaunchRow
from workstation.site.server.problems import RefusalError

TICKET_LIFETIME = timedelta(seconds=120)

_NONCE_BYTES = 32


def launch(session: Session, booth_id: str, request: LaunchRequest, ticket_key: str, now: datetime) -> Launch:
    """Give the ticket of this launch, the same one when asked again, or the account of the expert who sits there.

    Raises:
        RefusalError: 404 or 410 for the arrival; 409 when it is not matched to the project, the launch id was used for
            something else, or an account is asked for and the roster has none.
    """
    booths.existing(session, booth_id)
    arrival = arrivals.of_booth(session, booth_id, request.arrival_id)
    seat = rosters.seat_in(session, arrival, request.project_id)
    if seat is None:
        raise RefusalError(409, "this arrival is not matched to the project")
    row = session.get(LaunchRow, request.launch_id)
    if row is None:
        row = _new_row(booth_id, request, ticket_key, now)
        session.add(row)
    elif (row.booth_id, row.arrival_id, row.project_id) != (booth_id, request.arrival_id, request.project_id):
        raise RefusalError(409, "this launch id belongs to another launch")
    expert, roster = seat
    account = accounts.unseal(expert, ticket_key) if request.by_account else None
    if request.by_account and account is None:
        raise RefusalError(409, "the roster has no account for this expert")
    return Launch(
        launch_id=request.launch_id,
        main_site_id=roster.main_site_id,
        ticket=None if request.by_account else _ticket(ticket_key, row.nonce),
        account=account,
        expires_at=row.expires_at,
    )


def redeem(session: Session, ticket: str, now: datetime) -> TicketHolder:
    """Use a ticket up and say to whom it was issued. Of any number of callers at once, one succeeds.

    Raises:
        RefusalError: 404 for a ticket that was never issued; 410 when it is used, expired, or its holder left, was
            replaced, or was moved since.
    """
    row = session.scalar(select(LaunchRow).where(LaunchRow.ticket_hash == _hash(ticket)))
    if row is None:
        raise RefusalError(404, "no such ticket")
    arrival = session.get(Arrival, row.arrival_id)
    seat = None
    if arrival is not None and arrival.left_at is None:
        seat = rosters.seat_in(session, arrival, row.project_id)
    if seat is None:
        raise RefusalError(410, "the ticket's holder may not enter any more")
    used = session.execute(
        update(LaunchRow)
        .where(
            LaunchRow.launch_id == row.launch_id,
            LaunchRow.redeemed_at.is_(None),
            LaunchRow.expires_at > now,
        )
        .values(redeemed_at=now)
        .returning(LaunchRow.launch_id)
        .execution_options(synchronize_session=False)
    ).first()
    if used is None:
        raise RefusalError(410, "the ticket is used or expired")
    expert, roster = seat
    return TicketHolder(
        booth_id=row.booth_id,
        booth_label=booths.label(session, row.booth_id),
        project_id=roster.project_id,
        project_name=roster.project_name,
        alias=expert.alias,
        role=expert.role,
    )


def _new_row(booth_id: str, request: LaunchRequest, ticket_key: str, now: datetime) -> LaunchRow:
    nonce = secrets.token_hex(_NONCE_BYTES)
    return LaunchRow(
        launch_id=request.launch_id,
        booth_id=booth_id,
        arrival_id=request.arrival_id,
        project_id=request.project_id,
        nonce=nonce,
        ticket_hash=_hash(_ticket(ticket_key, nonce)),
        expires_at=now + TICKET_LIFETIME,
    )


def _ticket(ticket_key: str, nonce: str) -> str:
    """Make the ticket again from what is stored and what is not: 256 bits, useless without the key."""
    digest = hmac.new(ticket_key.encode(), nonce.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
