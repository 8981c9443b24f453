"""The administrator's way to the site server for pre-flights: order them, and see how the booths stand."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

import requests
from pydantic import BaseModel, ValidationError

from workstation.site.client import require_protected
from workstation.site.preflight import PreflightOrder, PreflightOrdered, PreflightSummary
from workstation.site.transport import bounded_session, exchange

_Reply = TypeVar("_Reply", bound=BaseModel)
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
        self._url = f"{base_url.rstrip('/')}/v1/preflight"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._timeout_s = timeout_s
        self._session = bounded_session(ca_file)

    def order(self, wanted: PreflightOrder) -> PreflightOrdered:
        """Ask booths for a pre-flight. Raises ``AdminCallError``."""
        headers = {**self._headers, "Content-Type": "application/json"}
        return self._call(
            requests.Request("POST", self._url, headers=headers, data=wanted.model_dump_json().encode()),
            PreflightOrdered,
        )

    def summary(self, main_site_id: str, day: date | None, booths: list[str] | None) -> PreflightSummary:
        """Return how the booths stand. Raises ``AdminCallError``."""
        parameters = [("main_site_id", main_site_id), *(("booth", booth) for booth in booths or [])]
        if day is not None:
            parameters.append(("day", day.isoformat()))
        request = requests.Request("GET", self._url, headers=self._headers, params=parameters)
        return self._call(request, PreflightSummary)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._session.close()

    def _call(self, request: requests.Request, reply_type: type[_Reply]) -> _Reply:
        try:
            response, content = exchange(
                self._session, request, timeout_s=self._timeout_s, total_s=_TOTAL_FACTOR * self._timeout_s
            )
        except (requests.RequestException, OSError) as error:
            raise AdminCallError(f"the site server does not answer: {type(error).__name__}") from error
        if response.status_code != requests.codes.ok:
            raise AdminCallError(f"the site server refused: HTTP {response.status_code}")
        try:
            return reply_type.model_validate_json(content)
        except ValidationError:
            raise AdminCallError("the site server's answer is not as agreed") from None
