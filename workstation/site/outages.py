"""Outages (停电断网): what a booth journals of them, and the ledger that the site makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from workstation.site.contract import BoothId
from workstation.site.wire import Wire

OUTAGE_BEGAN = "outage_began"
OUTAGE_LASTS = "outage_lasts"
OUTAGE_RULE_REACHED = "outage_rule_reached"
OUTAGE_ENDED = "outage_ended"
OUTAGE_EVENTS = frozenset({OUTAGE_BEGAN, OUTAGE_LASTS, OUTAGE_RULE_REACHED, OUTAGE_ENDED})
"""Kinds of the journal's events about outages."""


class OutageKind(StrEnum):
    """What was away. BOOTH is told by the site server alone: a booth that was silent and later did not say why."""

    MAINS = "mains"
    MAIN_SITE = "main-site"
    SITE_SERVER = "site-server"
    CONFERENCE = "conference"
    BOOTH = "booth"


LABELS = {
    OutageKind.MAINS: "停电",
    OutageKind.MAIN_SITE: "主场链路中断",
    OutageKind.SITE_SERVER: "站点服务中断",
    OutageKind.CONFERENCE: "会议中断",
    OutageKind.BOOTH: "工位失联",
}
"""What administrators call them, on the sheet and the console."""


class Outcome(StrEnum):
    """How the clock of an outage ended.

    BACK: it was seen to be back. UNWATCHED: nobody looked any more (the session or the meeting was over).
    UNSEEN: the booth restarted and then had nothing to look with; it ended no earlier than ``ended_at``.
    """

    BACK = "back"
    UNWATCHED = "unwatched"
    UNSEEN = "unseen"


WallTime = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""A moment that every database can keep, in every zone."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Times = Annotated[int, Field(ge=1, le=1_000_000)]


class OutageFacts(Wire):
    """The facts of an event about an outage. Each event says enough to stand alone: any of them may come first.

    Attributes:
        outage_id: the same in all events of one outage.
        began_at: by the booth's wall clock, for people.
        ended_at: with OUTAGE_ENDED only, as the four after it.
        duration_s: by the monotonic clock, except across a restart.
        at_least_s: for how much of it the outage was seen; the rest lies before the first look that found it over.
        network_s: how much of a main site's outage the site server was away as well (E-503).
        seen_at: with OUTAGE_LASTS and OUTAGE_RULE_REACHED: when it was last seen to be away.
        times: how often it came; each came back for a few seconds only.
        after_minutes: with OUTAGE_RULE_REACHED only: which rule.
        interrupted: the booth was restarted meanwhile.
    """

    model_config = ConfigDict(extra="ignore")

    outage: OutageKind
    outage_id: UUID
    began_at: WallTime
    code: Annotated[str, Field(pattern=r"^E-\d{3}$")]
    ended_at: WallTime | None = None
    duration_s: Seconds | None = None
    at_least_s: Seconds | None = None
    seen_at: WallTime | None = None
    network_s: Seconds = 0.0
    after_minutes: Annotated[int, Field(ge=0)] = 0
    times: Times = 1
    interrupted: bool = False
    outcome: Outcome | None = None


class LedgerRow(Wire):
    """One outage of one booth.

    Attributes:
        ended_at: ``None`` while it lasts, as far as the site knows.
        duration_s: until ``ended_at``, or until now.
        at_least_s: see ``OutageFacts``; of one that lasts, until the booth's last word on it.
        projects: whose experts sat in the booth meanwhile.
        told_by_site: the booth said nothing; the site server missed its reports.
    """

    outage: OutageKind
    booth_id: BoothId
    booth_label: str
    room: str
    began_at: AwareDatetime
    ended_at: AwareDatetime | None
    duration_s: Seconds
    at_least_s: Seconds
    network_s: Seconds
    times: int
    interrupted: bool
    outcome: Outcome | None
    projects: list[str]
    told_by_site: bool


class RoomOutage(Wire):
    """Outages of one kind in one room whose times overlap: one matter, with everybody whom it affected.

    Attributes:
        duration_s: from the first beginning to the last end, or until now.
    """

    outage: OutageKind
    room: str
    began_at: AwareDatetime
    ended_at: AwareDatetime | None
    duration_s: Seconds
    booths: list[BoothId]
    projects: list[str]


class OutageTotal(Wire):
    """停电断网时长 of a booth, or of a project, within the day: overlapping outages count once.

    Attributes:
        subject: the booth's or the project's id.
        network_s: without the main site (断网). Without both servers is a part of it and not counted again.
    """

    subject: str
    mains_s: Seconds
    network_s: Seconds
    site_server_s: Seconds
    conference_s: Seconds
    booth_s: Seconds


class OutageLedger(Wire):
    """The outages that touch one day at the site."""

    day: str
    at: AwareDatetime
    rooms: list[RoomOutage]
    rows: list[LedgerRow]
    by_booth: list[OutageTotal]
    by_project: list[OutageTotal]
