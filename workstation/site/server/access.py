"""Who may call what: a bearer token per booth, and one each for administrator, main site and monitoring engines."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from workstation.site.contract import BoothId
from workstation.site.server.models import Booth
from workstation.site.server.problems import RefusalError
from workstation.site.server.site import Site
from workstation.site.server.tokens import is_same, token_hash

_bearer = HTTPBearer(auto_error=False)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
BoothPath = Annotated[BoothId, Path()]


def site_of(request: Request) -> Site:
    """Return the context that ``create_app`` put there."""
    site: Site = request.app.state.site
    return site


SiteContext = Annotated[Site, Depends(site_of)]


def _authenticated_booth(booth_id: BoothPath, credentials: Credentials, site: SiteContext) -> str:
    def stored(session: Session) -> str | None:
        booth = session.get(Booth, booth_id)
        return None if booth is None else booth.token_hash

    _require(credentials, site.database.run(stored))
    return booth_id


def require_admin(credentials: Credentials, site: SiteContext) -> None:
    """Let only the administrator pass."""
    _require(credentials, token_hash(site.tokens.admin))


def require_main_site(credentials: Credentials, site: SiteContext) -> None:
    """Let only the main site pass."""
    _require(credentials, token_hash(site.tokens.main_site))


def require_metrics(credentials: Credentials, site: SiteContext) -> None:
    """Let only a monitoring engine pass, and nobody where the token file has no token for one."""
    token = site.tokens.metrics
    _require(credentials, None if token is None else token_hash(token))


def _require(credentials: HTTPAuthorizationCredentials | None, stored_hash: str | None) -> None:
    given = "" if credentials is None else credentials.credentials
    if not is_same(given, stored_hash):
        raise RefusalError(HTTPStatus.UNAUTHORIZED, "a valid token is needed")


AuthenticatedBooth = Annotated[str, Depends(_authenticated_booth)]
"""The booth of the path, whose token the caller has."""
