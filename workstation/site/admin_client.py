"""The administrator's way to the site server: pre-flights and check-ups of the booths, and the meetings of projects."""

from __future__ import annotations

from datetime import date
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError

from workstation.site.client import require_protected
from workstation.site.conference import Guest, GuestRequest, RecordingIndex
from workstation.site.contract import Command, CommandKind
from workstation.site.preflight import PreflightOrder, PreflightOrdered, PreflightSummary
from workstation.site.selfcheck import CheckupOrder, CheckupOrdered, CheckupRow
from workstation.site.transport import bounded_session, exchange

_Reply = TypeVar("_Reply", bound=BaseModel)
_ROWS = TypeAdapter(list[CheckupRow])
_TOTAL_FACTOR = 3


class AdminCallError(Exception):
    """The site server did not answer, refused, or answered something else; the text says which."""


class AdminClient:
    """Calls of the site administrator. Every call may be repeated.

    Args:
        base_url: ``https://…``; ``http://`` for a loopback host only.
        token: the administrator's.
        timeout_s: for each wait; a call ends within about three times this.
        ca_file: PEM file of the authorities to trust in place of the system's.

    Raises:
        KioskError: the address is not protected.
    """

    def __init__(self, base_url: str, token: str, *, timeout_s: float = 10.0, ca_file: str | None = None) -> None:
        require_protected(base_url)
        self._root = f"{base_url.rstrip('/')}/v1"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._timeout_s = timeout_s
        self._session = bounded_session(ca_file)

    def order(self, wanted: PreflightOrder) -> PreflightOrdered:
        """Ask booths for a pre-flight. Raises ``AdminCallError``."""
        return self._call(self._post("/preflight", wanted), PreflightOrdered)

    def summary(self, main_site_id: str, day: date | None, booths: list[str] | None) -> PreflightSummary:
        """Return how the booths stand. Raises ``AdminCallError``."""
        parameters = [("main_site_id", main_site_id), *(("booth", booth) for booth in booths or [])]
        if day is not None:
            parameters.append(("day", day.isoformat()))
        request = requests.Request("GET", f"{self._root}/preflight", headers=self._headers, params=parameters)
        return self._call(request, PreflightSummary)

    def order_selfchecks(self, wanted: CheckupOrder) -> CheckupOrdered:
        """Ask booths for a check-up. Raises ``AdminCallError``."""
        return self._call(self._post("/selfchecks", wanted), CheckupOrdered)

    def order_battery_test(self, booth_id: str, ups: str) -> None:
        """Ask a booth to test the battery of its UPS ``ups``. Raises ``AdminCallError``."""
        command = Command(command_id=uuid4(), kind=CommandKind.UPS_TEST, text=ups)
        self._exchange(self._post(f"/booths/{quote(booth_id, safe='')}/commands", command))

    def selfchecks(self, booth_id: str | None = None) -> list[CheckupRow]:
        """Return the newest check-up of every booth, or the newest ones of one booth. Raises ``AdminCallError``."""
        path = "/selfchecks" if booth_id is None else f"/booths/{quote(booth_id, safe='')}/selfchecks"
        content = self._exchange(requests.Request("GET", self._root + path, headers=self._headers))
        try:
            return _ROWS.validate_json(content)
        except ValidationError:
            raise AdminCallError("the site server's answer is not as agreed") from None

    def selfcheck_file(self, booth_id: str, report_id: UUID, which: str = "") -> bytes:
        """Return a signed report, or its ``paper`` or the paper's ``seal``. Raises ``AdminCallError``."""
        path = f"/booths/{quote(booth_id, safe='')}/selfchecks/{report_id}{which and f'/{which}'}"
        return self._exchange(requests.Request("GET", self._root + path, headers=self._headers))

    def invite(self, project_id: str, guest: GuestRequest) -> Guest:
        """Ask for the way into a project's meeting for somebody at the main site. Raises ``AdminCallError``."""
        return self._call(self._post(f"{_conference(project_id)}/guests", guest), Guest)

    def close_meeting(self, project_id: str) -> RecordingIndex:
        """End a project's meeting; complete when the answer has ``closed_at``. Raises ``AdminCallError``."""
        return self._call(self._post(f"{_conference(project_id)}/close"), RecordingIndex)

    def reopen_meeting(self, project_id: str) -> None:
        """Take a close back. Raises ``AdminCallError``."""
        self._exchange(self._post(f"{_conference(project_id)}/reopen"))

    def recordings(self, project_id: str) -> RecordingIndex:
        """Return the recordings of a project's meeting that are digested. Raises ``AdminCallError``."""
        url = f"{self._root}{_conference(project_id)}/recordings"
        return self._call(requests.Request("GET", url, headers=self._headers), RecordingIndex)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._session.close()

    def _post(self, path: str, body: BaseModel | None = None) -> requests.Request:
        headers, data = self._headers, None
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
            data = body.model_dump_json().encode()
        return requests.Request("POST", self._root + path, headers=headers, data=data)

    def _call(self, request: requests.Request, reply_type: type[_Reply]) -> _Reply:
        content = self._exchange(request)
        try:
            return reply_type.model_validate_json(content)
        except ValidationError:
            raise AdminCallError("the site server's answer is not as agreed") from None

    def _exchange(self, request: requests.Request) -> bytes:
        try:
            response, content = exchange(
                self._session, request, timeout_s=self._timeout_s, total_s=_TOTAL_FACTOR * self._timeout_s
            )
        except (requests.RequestException, OSError) as error:
            raise AdminCallError(f"the site server does not answer: {type(error).__name__}") from error
        if response.status_code not in {requests.codes.ok, requests.codes.no_content}:
            raise AdminCallError(f"the site server refused: HTTP {response.status_code}")
        return content


def _conference(project_id: str) -> str:
    return f"/admin/projects/{quote(project_id, safe='')}/conference"
