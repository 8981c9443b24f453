"""Tables of the site server. No name and no ID number has a column here.

Photos and sealed accounts live for the roster's days only, pictures of a review until it is decided.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite drops the zone; this puts it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC on the way in."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Attach or convert to UTC on the way out."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Common base; maps Python types to column types."""

    type_annotation_map = {datetime: UtcDateTime, str: Text, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class DayKey(Base):
    """The key of one day. When it goes, every hash made with it is noise."""

    __tablename__ = "day_keys"
    key_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]


class Booth(Base):
    """A booth, its settings, and what it said last.

    ``boot_id`` and ``report_number`` are those of its newest report; ``knows_readings`` whether a full one came since
    the first of that boot and none was missed after it.
    """

    __tablename__ = "booths"
    booth_id: Mapped[str] = mapped_column(primary_key=True)
    token_hash: Mapped[str | None]
    centre: Mapped[str] = mapped_column(default="")
    room: Mapped[str] = mapped_column(default="")
    booth_label: Mapped[str]
    hotline: Mapped[str] = mapped_column(default="")
    bookings: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(default="unknown")
    version: Mapped[str] = mapped_column(default="")
    last_seen: Mapped[datetime | None]
    interval_s: Mapped[float] = mapped_column(default=0.0)
    boot_id: Mapped[UUID | None]
    report_number: Mapped[int] = mapped_column(BigInteger, default=0)
    knows_readings: Mapped[bool] = mapped_column(default=False)


class RosterRow(Base):
    """A project's newest roster, without its experts."""

    __tablename__ = "rosters"
    project_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    project_name: Mapped[str]
    section: Mapped[str]
    main_site: Mapped[str]
    main_site_id: Mapped[str]
    starts_at: Mapped[datetime]
    expected_hours: Mapped[float]
    signing: Mapped[str]
    experts: Mapped[int]
    days: Mapped[list[Any]]
    conference: Mapped[dict[str, Any]]


class RosterExpert(Base):
    """One expert of a project under the key of one day."""

    __tablename__ = "roster_experts"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    project_id: Mapped[str] = mapped_column(index=True)
    key_id: Mapped[str]
    expert_hash: Mapped[str]
    alias: Mapped[str]
    role: Mapped[str]
    booth_id: Mapped[str | None]
    replaced: Mapped[bool]
    picture: Mapped[RosterPhoto | None] = relationship(passive_deletes=True)
    account: Mapped[RosterAccount | None] = relationship(passive_deletes=True)
    __table_args__ = (Index("roster_experts_person", "key_id", "expert_hash"),)


class RosterPhoto(Base):
    """The photo of one ``RosterExpert``; goes with that row, or when its day is over."""

    __tablename__ = "roster_photos"
    expert_id: Mapped[int] = mapped_column(ForeignKey("roster_experts.row_id", ondelete="CASCADE"), primary_key=True)
    photo: Mapped[bytes]


class RosterAccount(Base):
    """The account of one ``RosterExpert`` at the main site, sealed (``accounts``); goes as the photo does."""

    __tablename__ = "roster_accounts"
    expert_id: Mapped[int] = mapped_column(ForeignKey("roster_experts.row_id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes]


class PhotoQuota(Base):
    """How often a booth asked for photos since a moment within the last hour."""

    __tablename__ = "photo_quotas"
    booth_id: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    asked: Mapped[int]


class ReviewCase(Base):
    """A review of a visit. Closed, it keeps no picture and no hash, only that the same one must not open again.

    ``closed_at`` is empty while it waits for a decision.
    """

    __tablename__ = "review_cases"
    booth_id: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(primary_key=True)
    attempt: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str]
    may_repeat: Mapped[bool]
    key_id: Mapped[str]
    expert_hash: Mapped[str]
    card_year: Mapped[int | None]
    card_photo: Mapped[bytes | None] = mapped_column(deferred=True)
    live_photo: Mapped[bytes | None] = mapped_column(deferred=True)
    opened_at: Mapped[datetime] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]


class ReviewView(Base):
    """The administrator looked at a picture of a review. Outlives the picture."""

    __tablename__ = "review_views"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booth_id: Mapped[str]
    session_id: Mapped[str]
    picture: Mapped[str]
    viewed_at: Mapped[datetime]
    __table_args__ = (Index("review_views_session", "booth_id", "session_id"),)


class Arrival(Base):
    """A verified presence.

    ``seated_person`` and ``seated_booth`` hold a value while the person sits there and are unique, so that the
    database itself keeps one person in one booth and one booth to one person.
    """

    __tablename__ = "arrivals"
    arrival_id: Mapped[UUID] = mapped_column(primary_key=True)
    booth_id: Mapped[str]
    key_id: Mapped[str]
    expert_hash: Mapped[str]
    method: Mapped[str]
    verified_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    seated_person: Mapped[str | None] = mapped_column(unique=True)
    seated_booth: Mapped[str | None] = mapped_column(unique=True)


class LaunchRow(Base):
    """A ticket that was given out; of the ticket itself only the hash."""

    __tablename__ = "launches"
    launch_id: Mapped[UUID] = mapped_column(primary_key=True)
    booth_id: Mapped[str]
    arrival_id: Mapped[UUID]
    project_id: Mapped[str]
    nonce: Mapped[str]
    ticket_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]


class Event(Base):
    """A journaled event of a booth, as it came. ``data`` is its canonical text, so that the hash can be redone."""

    __tablename__ = "events"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booth_id: Mapped[str]
    event_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    kind: Mapped[str]
    session_id: Mapped[str]
    data: Mapped[str]
    previous_hash: Mapped[str]
    chain_hash: Mapped[str]
    __table_args__ = (
        UniqueConstraint("booth_id", "event_id"),
        Index("events_chain", "booth_id", "chain_hash"),
        Index("events_previous", "booth_id", "previous_hash"),
    )


class Incident(Base):
    """A place where a booth's chain does not hold."""

    __tablename__ = "chain_incidents"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booth_id: Mapped[str]
    event_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    fault: Mapped[str]
    found_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("booth_id", "event_id", "fault"),)


class OutageRow(Base):
    """An outage of a booth, made of its events in whatever order they came; see ``outages``.

    ``seen_at`` is the last moment at which it is known to have lasted, ``ended_at`` empty until the end was told.
    """

    __tablename__ = "outages"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booth_id: Mapped[str]
    outage_id: Mapped[UUID]
    outage: Mapped[str]
    began_at: Mapped[datetime] = mapped_column(index=True)
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[float] = mapped_column(default=0.0)
    at_least_s: Mapped[float] = mapped_column(default=0.0)
    network_s: Mapped[float] = mapped_column(default=0.0)
    times: Mapped[int] = mapped_column(default=1)
    interrupted: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str | None]
    told_by_site: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (UniqueConstraint("booth_id", "outage_id"),)


class LatestReading(Base):
    """The newest reading of a kind and subject.

    ``received_at`` is the server's clock when a report held it last, in words; ``latest.confirmed_at`` says when the
    booth last stood by it.
    """

    __tablename__ = "latest_readings"
    booth_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    reading: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]


class PastReading(Base):
    """A reading whose judgement differed from the one before."""

    __tablename__ = "past_readings"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booth_id: Mapped[str] = mapped_column(index=True)
    reading: Mapped[dict[str, Any]]


class Preflight(Base):
    """The newest pre-flight of a booth for a main site."""

    __tablename__ = "preflights"
    booth_id: Mapped[str] = mapped_column(primary_key=True)
    main_site_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    report: Mapped[dict[str, Any]]


class StoredPack(Base):
    """The newest pack of a main site, as the administrator sent it."""

    __tablename__ = "packs"
    main_site_id: Mapped[str] = mapped_column(primary_key=True)
    serial: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    token: Mapped[str] = mapped_column(deferred=True)
    main_site: Mapped[str]
    issued_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    received_at: Mapped[datetime]


class MeetingRow(Base):
    """The meeting of a project. Its rooms' names and secrets come from ``salt`` and a key that is not here.

    ``closing_at`` is when somebody closed it, ``closed_at`` when every recording was in the index.
    """

    __tablename__ = "meetings"
    project_id: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[str]
    opened_at: Mapped[datetime]
    closing_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class MeetingParticipant(Base):
    """Under which alias somebody is in a meeting; recordings bear the id."""

    __tablename__ = "meeting_participants"
    participant_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str]
    alias: Mapped[str]


class RecordingRow(Base):
    """A digested recording of a closed meeting. ``file`` is relative to the folder of recordings."""

    __tablename__ = "recordings"
    file: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(index=True)
    alias: Mapped[str]
    medium: Mapped[str]
    started_at: Mapped[datetime | None]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]


class CommandRow(Base):
    """An order to a booth, until and after it was acknowledged."""

    __tablename__ = "commands"
    row_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    command_id: Mapped[UUID] = mapped_column(unique=True)
    booth_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    session_id: Mapped[str]
    text: Mapped[str]
    acknowledged_at: Mapped[datetime | None]
