"""What every request of the site server works with: the database, the secrets and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy.orm import Session

from workstation.site.server.database import Database
from workstation.site.server.meetings.conference_server import ConferenceServer
from workstation.site.server.metrics.server_metrics import ServerMetrics
from workstation.site.server.models import Booth
from workstation.site.server.tokens import Tokens, token_hash

SITE_ZONE = timezone(timedelta(hours=8))
"""China Standard Time; it has had no daylight saving since 1991."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Site:
    """The one context of the server. Holds no state but counters, so any number of processes can serve one site.

    Attributes:
        review_pictures: whether pictures of reviews may be kept here; not on the disk of a booth.
        conference: the conference server of this site, if it has one.
        public_url: where guests' browsers find this server; "": where the administrator does.
        clock: gives the current moment with a zone.
        metrics: what this process counts of its work.
    """

    database: Database
    tokens: Tokens = field(repr=False)
    review_pictures: bool = True
    conference: ConferenceServer | None = None
    public_url: str = ""
    clock: Callable[[], datetime] = _now
    metrics: ServerMetrics = field(default_factory=ServerMetrics, repr=False)

    def enrol(self) -> None:
        """Make sure that every booth of the token file exists and has that token."""
        self.database.run(self._enrol)

    def _enrol(self, session: Session) -> None:
        for booth_id, token in self.tokens.booths.items():
            booth = session.get(Booth, booth_id)
            if booth is None:
                session.add(Booth(booth_id=booth_id, booth_label=booth_id, token_hash=token_hash(token)))
            else:
                booth.token_hash = token_hash(token)
