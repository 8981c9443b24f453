"""What the journey knows of the card holder, the assignment and the self-check: facts that states carry along.

Frozen records; anything personal hides from ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NewType

from drivers.errors import ErrorCode

from .meeting import NO_MEETING, Meeting

Attempt = NewType("Attempt", int)
"""Counts the entries into states. A result that carries an older attempt is stale and dropped."""

FIRST_ATTEMPT = Attempt(0)

SessionId = NewType("SessionId", str)
"""UUID made when a card was read; names the arrival and every event of this expert's stay."""

RECHECKS = 3
"""So often a reviewer can send one visit back to the face check (再拍)."""


class Step(IntEnum):
    """The five steps on the left of the screen."""

    CARD = 1
    FACE = 2
    TASK = 3
    CHECK = 4
    ENTER = 5


class PresenceMethod(StrEnum):
    """How presence was established (到场核验)."""

    CARD_FACE = "card-face"
    CARD_HUMAN = "card-human"


class Reference(StrEnum):
    """The picture that live pictures are compared with, by its name in the journal."""

    CARD_PHOTO = "card-photo"
    SITE_PHOTO = "site-photo"


class PhotoPolicy(StrEnum):
    """What follows when the card gives no picture to compare with (``photo.missing`` of the configuration)."""

    MANUAL = "manual"
    SERVER_PHOTO = "server_photo"
    DENY = "deny"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The card holder, as far as the screen may show. The card record itself stays in ``workstation.identity``.

    Attributes:
        reference: what there is to compare a face with, ``None`` while there is nothing.
        rechecks: how often the reviewer has asked for one more face check, until presence is proven.
    """

    session_id: SessionId
    masked_name: str = field(repr=False)
    masked_number: str = field(repr=False)
    sex: str = field(repr=False)
    expired_on: str | None = field(default=None, repr=False)
    reference: Reference | None = Reference.CARD_PHOTO
    rechecks: int = 0


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Proof that the card holder sits here: made only from a face match or a human review."""

    method: PresenceMethod


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The task the site matched to this expert and booth; ready for the screen."""

    project_id: str
    project_name: str
    section: str
    main_site: str
    main_site_id: str = ""
    alias: str
    role: str
    starts_at: str
    expected_hours: float
    signing: str
    meeting: Meeting = NO_MEETING


@dataclass(frozen=True, kw_only=True)
class Session:
    """An expert who is present and assigned: the only key to the main site."""

    holder: Holder
    presence: Presence
    assignment: Assignment


class CheckKind(StrEnum):
    """What the self-check looks at before the expert enters."""

    HEADSET = "headset"
    CAMERA = "camera"
    UPS = "ups"
    SITE = "site"
    MAIN_SITE = "main-site"
    PACK = "pack"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the self-check. ``code`` says what is wrong; only a required one stops the expert."""

    kind: CheckKind
    required: bool
    detail: str = ""
    code: ErrorCode | None = None


@dataclass(frozen=True, kw_only=True)
class Resume:
    """What survives a sudden restart during the evaluation: enough to recognise the same person, nothing to read."""

    session_id: SessionId
    expert_hash: str
    project_id: str
