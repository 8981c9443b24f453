"""What travels between a booth and the site server (HTTPS + JSON). Both sides validate with these models.

Arrival (到场核验) and matching (名单匹配) are two steps, because rosters arrive after the experts (rule annex 二(四)1).
A booth never sends a name or an ID number: an arrival carries ``HMAC-SHA256(key of the day, ID number)``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Base64Bytes, Field, FiniteFloat

from workstation.site.conference import ConferencePlan
from workstation.site.readings import ReadingReport
from workstation.site.wire import HexDigest, Wire

API_VERSION = "1"

BoothId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
MainSiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
KeyId = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
"""Names a key of the day by its date in the site's time zone."""
SessionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")]
Counter = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""Counts from 1 up to what every JSON implementation keeps exactly (RFC 8259 section 6)."""

PACK_MEDIA_TYPE = "application/jose"
"""JWS compact serialization (RFC 7515 section 9.2.1)."""

MAX_PACKS = 200
"""How many main sites a sub-site can have packs of."""

MAX_READINGS = 100
MAX_EVENTS = 500
MAX_ACKNOWLEDGED = 1000
"""How much one report holds."""

MAX_PHOTO_BYTES = 200_000
"""Longest picture of an expert: ten times a passport photo of 358x441 pixels."""

EventValue = str | int | FiniteFloat | bool | None
"""What an event may carry: scalars only, so that no record of a person fits in."""

GENESIS_HASH = "0" * 64
"""``previous_hash`` of the first event of a journal."""

SIGNED_OUT = "signed_out"
"""Kind of the event that frees the seat: its ``session_id`` is the arrival. As an event it survives a restart of the
booth and an absence of the server."""

JOURNAL_SET_ASIDE = "journal_set_aside"
"""Kind of the event with which a booth's chain goes on in a new file, because the old one was damaged. Its data:
``file``, the old file's new name; ``seq`` and ``head``, place and ``chain_hash`` of the last event that could be read
(its own ``previous_hash`` is the same); ``salvaged``, how many events of the old file are still being sent."""

REVIEW_OVER = frozenset({"presence_verified", "review_rejected", "visit_cancelled", "crashed", SIGNED_OUT})
"""Kinds of events after which nobody reviews that session any more."""


def expert_hash(arrival_key: bytes, id_number: str) -> str:
    """Return what stands for a person on the wire for one day: HMAC-SHA256 (RFC 2104), 64 lower-case hex digits.

    Args:
        arrival_key: the site's key of the day, at least 32 bytes.
        id_number: as on the card: a GB 11643 number, or on foreigners' cards of 2017 three letters and twelve digits;
            letters are folded to upper case.
    """
    return hmac.new(arrival_key, id_number.strip().upper().encode(), hashlib.sha256).hexdigest()


def picture_type(data: bytes) -> str:
    """Return the media type of a picture by its first bytes: JPEG (ITU-T T.81 B.2.1), PNG (ISO/IEC 15948 5.2) or ""."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if data.startswith(b"\x89PNG\r\n\x1a\n") else ""


def _picture(data: bytes) -> bytes:
    if len(data) > MAX_PHOTO_BYTES or not picture_type(data):
        raise ValueError("a JPEG or PNG of at most 200 000 bytes is needed")
    return data


Photo = Annotated[Base64Bytes, AfterValidator(_picture)]


def canonical_data(data: Mapping[str, EventValue]) -> str:
    """Return event data in its one form: JSON with sorted keys, no spaces, ASCII, numbers as Python writes them.

    Raises:
        ValueError: a number that is not finite.
    """
    return json.dumps(dict(data), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def event_hash(event: EventReport) -> str:
    """Return the ``chain_hash`` that ``event`` must carry.

    SHA-256 over the UTF-8 text of seven lines, each ended by LF: ``previous_hash``, ``seq`` in decimal, ``event_id``
    in the hyphenated lower-case form, ``at`` as ``utc`` writes it, ``kind``, ``session_id``, and ``canonical_data``.
    No field can hold a line feed, so two different events never give the same text.
    """
    lines = (
        event.previous_hash,
        str(event.seq),
        str(event.event_id),
        utc(event.at),
        event.kind,
        event.session_id,
        canonical_data(event.data),
    )
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


class Problem(Wire):
    """Body of every refusal (RFC 9457, ``application/problem+json``)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""


class Booking(Wire):
    """A time at which this booth is reserved. Says nothing about the project."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    projects: Annotated[int, Field(ge=1)]


class PackRef(Wire):
    """A main-site pack (主场环境包) that the site hands out; ``sha256`` is that of its text."""

    main_site_id: MainSiteId
    serial: Counter
    sha256: HexDigest


class BoothInfo(Wire):
    """What a booth learns about itself when it starts and every few minutes.

    Attributes:
        arrival_key: the site's key of the day, hex; kept in memory only.
        key_id: names the key, so that an arrival made before midnight can still be matched after.
    """

    booth_id: BoothId
    centre: str
    room: str
    booth_label: str
    hotline: str
    bookings: list[Booking]
    key_id: KeyId
    arrival_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64,128}$", repr=False)]
    server_time: AwareDatetime
    packs: Annotated[list[PackRef], Field(max_length=MAX_PACKS, default_factory=list)]


class PhotoRequest(Wire):
    """Ask for the site's photo of a person whose card gave none. In a body, so that no hash is in an access log."""

    key_id: KeyId
    expert_hash: HexDigest


class ReviewRequest(Wire):
    """What a person needs who decides instead of the face comparison. The site adds its photo by the keyed hash.

    Attributes:
        attempt: rises with every review of a visit.
        may_repeat: the booth would take one more face check (``CommandKind.REVIEW_AGAIN``).
        card_year: of issue, so about when its photo was taken.
        live_photo: head and shoulders; absent without a camera, and of those who declined.
    """

    attempt: Counter
    code: Annotated[str, Field(pattern=r"^E-\d{3}$")]
    may_repeat: bool
    key_id: KeyId
    expert_hash: HexDigest
    card_year: Annotated[int | None, Field(ge=1, le=9999, repr=False)] = None
    card_photo: Annotated[Photo | None, Field(repr=False)] = None
    live_photo: Annotated[Photo | None, Field(repr=False)] = None


class VerificationMethod(StrEnum):
    """How it was established who sits in the booth."""

    CARD_FACE = "card-face"
    CARD_HUMAN = "card-human"


class ArrivalRequest(Wire):
    """Presence was verified at a booth. ``arrival_id`` is made by the booth, so sending it twice is harmless."""

    arrival_id: UUID
    key_id: KeyId
    expert_hash: HexDigest
    method: VerificationMethod
    verified_at: AwareDatetime


class ArrivalReply(Wire):
    """``signed_in_elsewhere`` is the label of the booth where the person already sits (E-306)."""

    arrival_id: UUID
    signed_in_elsewhere: str | None = None


class Assignment(Wire):
    """The expert's task of the day, shown on the expert's own screen. ``main_site_id`` names the pack to enter by."""

    project_id: str
    project_name: str
    section: str
    main_site: str
    main_site_id: MainSiteId
    alias: str
    role: str
    starts_at: AwareDatetime
    expected_hours: float
    signing: str
    conference: ConferencePlan = ConferencePlan()


class MatchState(StrEnum):
    """Answer of the site to "whose seat is this?"."""

    MATCHED = "matched"
    ROSTER_PENDING = "roster-pending"
    NOT_LISTED = "not-listed"
    OTHER_BOOTH = "other-booth"
    REPLACED = "replaced"


class MatchReply(Wire):
    """``assignment`` comes with MATCHED, ``booth_label`` with OTHER_BOOTH."""

    state: MatchState
    assignment: Assignment | None = None
    booth_label: str | None = None


class LaunchRequest(Wire):
    """Ask for a way into the main site. ``launch_id`` makes a repeated request give the same ticket."""

    launch_id: UUID
    arrival_id: UUID
    project_id: str
    by_account: bool = False


class Account(Wire):
    """What the main site gave to one expert. In memory only, except sealed at the site server."""

    user: Annotated[str, Field(min_length=1, max_length=200, repr=False)]
    password: Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class Launch(Wire):
    """A one-time ticket bound to booth, expert and project, or that expert's account. The pack says what for."""

    launch_id: UUID
    main_site_id: MainSiteId
    ticket: Annotated[str | None, Field(min_length=20, max_length=200, repr=False)] = None
    account: Annotated[Account | None, Field(repr=False)] = None
    expires_at: AwareDatetime


class TicketRedemption(Wire):
    """The main site hands the ticket in (server to server)."""

    ticket: Annotated[str, Field(min_length=20, max_length=200, repr=False)]


class TicketHolder(Wire):
    """To whom a redeemed ticket was issued."""

    booth_id: BoothId
    booth_label: str
    project_id: str
    project_name: str
    alias: str
    role: str


class EventReport(Wire):
    """One journaled event. ``chain_hash`` covers all before it (see workstation/journal)."""

    event_id: UUID
    seq: Counter
    at: AwareDatetime
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    session_id: SessionId = ""
    data: Annotated[dict[str, EventValue], Field(default_factory=dict)]
    previous_hash: HexDigest
    chain_hash: HexDigest


class CommandKind(StrEnum):
    """What the site may ask a booth to do."""

    REVIEW_PASSED = "review-passed"
    REVIEW_REJECTED = "review-rejected"
    REVIEW_AGAIN = "review-again"
    REVIEW_ON_SITE = "review-on-site"
    MESSAGE = "message"
    PREFLIGHT = "preflight"
    SELF_CHECK = "self-check"
    UPS_TEST = "ups-test"


class Command(Wire):
    """An order that rides on a reply until the booth acknowledges it.

    ``text`` of a PREFLIGHT is the main site's id, of a UPS_TEST the UPS's id at the booth.
    """

    command_id: UUID
    kind: CommandKind
    session_id: SessionId = ""
    text: Annotated[str, Field(max_length=200)] = ""


class ReportRequest(Wire):
    """Everything a booth has to say, in one POST.

    Attributes:
        boot_id: new at each start of the program.
        number: counts the reports of one ``boot_id``. A gap or a late copy shows by it; 0 where nobody counts.
        state: the booth's state by its name in domain terms (idle, evaluating, ...).
        full: ``readings`` are all there are; otherwise those not named are as they were told before.
        events: the oldest that are not acknowledged, in their order.
        acknowledged: commands taken since the last report.
    """

    boot_id: UUID
    number: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    sent_at: AwareDatetime
    state: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    version: str
    full: bool = False
    readings: Annotated[list[ReadingReport], Field(max_length=MAX_READINGS, default_factory=list)]
    events: Annotated[list[EventReport], Field(max_length=MAX_EVENTS, default_factory=list)]
    acknowledged: Annotated[list[UUID], Field(max_length=MAX_ACKNOWLEDGED, default_factory=list)]


class ReportReply(Wire):
    """What a report is answered with.

    Attributes:
        acked_events: stored for good.
        next_interval_s: lets a busy server slow its booths down.
        full_wanted: the server does not know all readings of this booth; the next report shall be a full one.
    """

    acked_events: list[UUID]
    commands: list[Command]
    next_interval_s: Annotated[float, Field(ge=1, le=300)]
    server_time: AwareDatetime
    full_wanted: bool = False


def utc(moment: datetime) -> str:
    """Return ``moment`` as ISO 8601 in UTC with milliseconds, the one form used in journals and hashes."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
