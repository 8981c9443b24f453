"""What the site administrator does at the site server during a drill, over its real API."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import requests
from pydantic import BaseModel, TypeAdapter

from workstation.site.administration import BoothSettings, EventPage, ReviewPicture, ReviewRow, Roster
from workstation.site.conference import Guest, GuestRequest
from workstation.site.contract import PACK_MEDIA_TYPE, REVIEW_OVER, Command, CommandKind, EventReport
from workstation.site.outages import OutageLedger

TIMEOUT_S = 5.0
_REVIEWED = REVIEW_OVER | {"review_again"}
_ROWS = TypeAdapter(list[ReviewRow])


class Administrator:
    """Speaks to the site server directly, not over the link that the drill can cut.

    Raises:
        requests.RequestException: every call, when the server did not take it.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base = f"{base_url}/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def set_up_booth(self, booth_id: str, settings: BoothSettings) -> None:
        """Create the booth."""
        self._send("PUT", f"/booths/{booth_id}", settings)

    def deliver(self, roster: Roster) -> None:
        """Deliver a roster."""
        self._send("PUT", f"/rosters/{roster.project_id}", roster)

    def deliver_pack(self, main_site_id: str, token: str) -> None:
        """Deliver a signed main-site pack."""
        response = self._session.put(
            f"{self._base}/packs/{main_site_id}",
            data=token.encode(),
            headers={"Content-Type": PACK_MEDIA_TYPE},
            timeout=TIMEOUT_S,
        )
        response.raise_for_status()

    def review(self, booth_id: str, session_id: str, kind: CommandKind) -> None:
        """Decide a review that waits at a booth, or say what comes first."""
        self._order(booth_id, Command(command_id=uuid4(), kind=kind, session_id=session_id))

    def message(self, booth_id: str, text: str) -> None:
        """Send a notice to a booth's screen."""
        self._order(booth_id, Command(command_id=uuid4(), kind=CommandKind.MESSAGE, text=text))

    def events(self, booth_id: str) -> list[EventReport]:
        """Return every event of the booth that the site has stored."""
        page = self.event_page(booth_id)
        events = list(page.events)
        while page.next_after is not None:
            page = self.event_page(booth_id, page.next_after)
            events += page.events
        return events

    def event_page(self, booth_id: str, after: int = 0) -> EventPage:
        """Return stored events with what the server found wrong in the booth's chain."""
        return EventPage.model_validate_json(self._get(f"/booths/{booth_id}/events?after={after}"))

    def waiting_review(self, booth_id: str) -> str | None:
        """Return the session whose review waits, as the events tell it."""
        waiting = None
        for event in self.events(booth_id):
            if event.kind == "review_needed":
                waiting = event.session_id
            elif event.session_id == waiting and event.kind in _REVIEWED:
                waiting = None
        return waiting

    def outages(self) -> OutageLedger:
        """Return today's ledger of outages."""
        return OutageLedger.model_validate_json(self._get("/admin/outages"))

    def waiting_cases(self) -> list[ReviewRow]:
        """Return the reviews whose pictures the site has, oldest first."""
        return _ROWS.validate_json(self._get("/reviews"))

    def picture(self, case: ReviewRow, picture: ReviewPicture) -> bytes:
        """Look at a picture of a review. The site notes every look."""
        return self._get(f"/booths/{case.booth_id}/reviews/{case.session_id}/{picture}")

    def invite(self, project_id: str, guest: GuestRequest) -> Guest:
        """Return the way into a project's meeting for somebody at the main site."""
        path = f"/admin/projects/{quote(project_id, safe='')}/conference/guests"
        return Guest.model_validate_json(self._send("POST", path, guest))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _order(self, booth_id: str, command: Command) -> None:
        self._send("POST", f"/booths/{booth_id}/commands", command)

    def _get(self, path: str) -> bytes:
        response = self._session.get(self._base + path, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.content

    def _send(self, method: str, path: str, body: BaseModel) -> bytes:
        response = self._session.request(
            method,
            self._base + path,
            data=body.model_dump_json().encode(),
            headers={"Content-Type": "application/json"},
            timeout=TIMEOUT_S,
        )
        response.raise_for_status()
        return response.content
