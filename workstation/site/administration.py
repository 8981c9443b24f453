"""What travels between the site administrator's tools and the site server: booths, rosters, board, stored events."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from workstation.site.conference import ConferencePlan
from workstation.site.contract import (
    Account,
    Booking,
    BoothId,
    Counter,
    EventReport,
    KeyId,
    MainSiteId,
    Photo,
    SessionId,
)
from workstation.site.readings import ReadingReport
from workstation.site.wire import HexDigest, Wire


class BoothSettings(Wire):
    """How the administrator sets a booth up.

    Attributes:
        token: the booth's new bearer token; ``None`` leaves the old one in force. Only its hash is kept.
    """

    centre: Annotated[str, Field(max_length=100)]
    room: Annotated[str, Field(max_length=100)]
    booth_label: Annotated[str, Field(min_length=1, max_length=60)]
    hotline: Annotated[str, Field(max_length=60)] = ""
    bookings: Annotated[list[Booking], Field(max_length=200, default_factory=list)]
    token: Annotated[str | None, Field(min_length=32, max_length=200, repr=False)] = None


class RosterEntry(Wire):
    """One expert of a project, as the main site passed it on. Stays at the site.

    Attributes:
        id_number: GB 11643, or three letters and twelve digits (foreigners' cards of 2017).
        photo: base64 of a JPEG or PNG of at most 200 000 bytes, for booths whose card reader gives no picture.
        account: for a main site that is entered by one, or takes one when it refused tickets (E-505).
    """

    name: Annotated[str, Field(min_length=1, max_length=60, repr=False)]
    id_number: Annotated[str, Field(pattern=r"^([0-9]{17}[0-9X]|[A-Z]{3}[0-9]{12})$", repr=False)]
    alias: Annotated[str, Field(min_length=1, max_length=40)]
    role: Annotated[str, Field(max_length=60)]
    booth_id: BoothId | None = None
    replaced: bool = False
    photo: Annotated[Photo | None, Field(repr=False)] = None
    account: Annotated[Account | None, Field(repr=False)] = None


class Roster(Wire):
    """A project's experts. A newer version replaces the older one at once (rule annex 二(三)2).

    Attributes:
        main_site_id: whose environment pack the booths enter by.
        conference: how the project meets; the pack says whether it does so in our conference at all.
    """

    project_id: Annotated[str, Field(min_length=1, max_length=60)]
    version: Counter
    project_name: str
    section: str = ""
    main_site: str
    main_site_id: MainSiteId
    starts_at: AwareDatetime
    expected_hours: Annotated[float, Field(gt=0, le=24)]
    signing: str = ""
    conference: ConferencePlan = ConferencePlan()
    entries: list[RosterEntry]


class RosterReceipt(Wire):
    """The version that is in force now, and for which days its experts can be matched (see server/rosters.py)."""

    project_id: str
    version: int
    experts: int
    days: list[KeyId]


class PackRow(Wire):
    """A main-site pack (主场环境包) as the server read it. Whether its signature holds only the booths can say."""

    main_site_id: MainSiteId
    name: Annotated[str, Field(max_length=100)]
    serial: Counter
    sha256: HexDigest
    issued_at: AwareDatetime
    valid_until: AwareDatetime
    received_at: AwareDatetime


class ChainFault(StrEnum):
    """What is wrong with an event's place in its booth's chain. Recorded, never a reason to refuse the event."""

    HASH = "hash"
    GAP = "gap"
    FORK = "fork"
    CONFLICT = "conflict"
    RESTARTED = "restarted"


class ChainIncident(Wire):
    """A place where a booth's chain does not hold.

    HASH: the event does not give its own ``chain_hash``. GAP: the event before it never came. FORK: two events
    follow the same one (a journal was replaced or copied). CONFLICT: an event id came again with other content.
    RESTARTED: the booth found its file damaged, set it aside and went on in a new one; what could not be read any
    more shows as a GAP beside it.
    """

    event_id: UUID
    seq: int
    fault: ChainFault
    found_at: AwareDatetime


class EventPage(Wire):
    """Events of a booth in the order they were stored. ``next_after`` asks for the next page, ``None`` at the end."""

    events: list[EventReport]
    incidents: list[ChainIncident]
    next_after: int | None


class BoardReading(ReadingReport):
    """A reading on the administrator's board. ``observed_at`` is when the booth last had news of it, by its own clock.

    Attributes:
        confirmed_at: when the booth last said that it is so, in words or by naming no change; the server's clock.
        age_s: how long ago that was.
    """

    confirmed_at: AwareDatetime
    age_s: Annotated[float, Field(ge=0)]


class BoothRow(Wire):
    """A line of the administrator's board. A booth that went silent is ``missing`` and its readings are unknown."""

    booth_id: BoothId
    booth_label: str
    state: str
    last_seen: AwareDatetime | None
    readings: list[BoardReading]


class ReviewPicture(StrEnum):
    """The pictures of a review: of the card, of the person in the booth, and the site's own of the expert."""

    CARD = "card"
    LIVE = "live"
    POOL = "pool"


class ReviewRow(Wire):
    """A review that waits for a decision.

    Attributes:
        pictures: those there are.
        views: how often one of them was looked at, and ``viewed_at`` when last.
    """

    booth_id: BoothId
    booth_label: str
    session_id: SessionId
    code: str
    opened_at: AwareDatetime
    may_repeat: bool
    card_year: int | None
    pictures: list[ReviewPicture]
    views: int
    viewed_at: AwareDatetime | None


class PictureView(Wire):
    """One look at a picture of a review."""

    session_id: SessionId
    picture: ReviewPicture
    viewed_at: AwareDatetime
