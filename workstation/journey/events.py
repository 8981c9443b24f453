"""What can happen to a journey: past-tense facts. Results carry the attempt that asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.errors import ErrorCode, OtherCard

from .facts import Assignment, Attempt, Check, Holder, PhotoPolicy, Resume
from .meeting import SoundStep
from .seat import USUAL_SEAT_POLICY, SeatLevel, SeatPolicy


class FaceOutcome(StrEnum):
    """Decision of the 1:1 comparison (workstation.identity)."""

    MATCH = "match"
    GREY = "grey"
    NO_MATCH = "no-match"
    NOT_LIVE = "not-live"


class Timer(StrEnum):
    """What time is measured for.

    STATE ends a state that took too long; POLL asks again inside one, or ends a comparison inside one; HELP ends the
    "administrator called" mark; SEAT tells the administrator of a seat that stays empty; SETTLED ends a row of
    sign-outs.
    """

    STATE = "state"
    POLL = "poll"
    HELP = "help"
    SEAT = "seat"
    SETTLED = "settled"


@dataclass(frozen=True, kw_only=True)
class Started:
    """The program started; ``resume`` is what an unfinished evaluation left behind."""

    resume: Resume | None = None
    photo_policy: PhotoPolicy = PhotoPolicy.MANUAL
    seat_policy: SeatPolicy = USUAL_SEAT_POLICY


@dataclass(frozen=True, kw_only=True)
class ConditionRaised:
    """Something about the booth went wrong (device lost, mains lost, server away)."""

    code: ErrorCode


@dataclass(frozen=True, kw_only=True)
class ConditionCleared:
    """... and is well again."""

    code: ErrorCode


@dataclass(frozen=True, kw_only=True)
class CardInserted:
    """A card was put on the reader."""


@dataclass(frozen=True, kw_only=True)
class CardLifted:
    """The card left the reader."""


@dataclass(frozen=True, kw_only=True)
class CardRead:
    """The card was read and its record kept in the identity store."""

    attempt: Attempt
    holder: Holder


@dataclass(frozen=True, kw_only=True)
class CardFailed:
    """The card could not be read or used. ``other_card`` comes with E-105 when the reader could tell what it is."""

    attempt: Attempt
    code: ErrorCode
    other_card: OtherCard | None = None


@dataclass(frozen=True, kw_only=True)
class ReferenceArrived:
    """The site had a photo of the card holder, and it waits in the identity store."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class ReferenceMissing:
    """The site has no photo of the card holder that can be used."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class FaceDecided:
    """The comparison ended with a decision."""

    attempt: Attempt
    outcome: FaceOutcome


@dataclass(frozen=True, kw_only=True)
class FaceFailed:
    """The comparison could not be carried out (camera, engine, no face in the card photo)."""

    attempt: Attempt
    code: ErrorCode


@dataclass(frozen=True, kw_only=True)
class ReviewPassed:
    """The site administrator confirmed the person."""

    session_id: str


@dataclass(frozen=True, kw_only=True)
class ReviewRejected:
    """The site administrator refused the person."""

    session_id: str


@dataclass(frozen=True, kw_only=True)
class ReviewAgain:
    """The site administrator wants one more face check."""

    session_id: str


@dataclass(frozen=True, kw_only=True)
class ReviewOnSite:
    """Somebody is on the way to the booth to decide there."""

    session_id: str


@dataclass(frozen=True, kw_only=True)
class ArrivalRecorded:
    """The site stored the arrival. ``elsewhere`` names the booth where the person already sits."""

    attempt: Attempt
    expert_hash: str
    elsewhere: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpertMatched:
    """The roster has this expert for this booth."""

    attempt: Attempt
    assignment: Assignment


@dataclass(frozen=True, kw_only=True)
class MatchPending:
    """The roster is not here, does not list the expert, or sends them elsewhere. ``code`` says which."""

    attempt: Attempt
    code: ErrorCode
    booth_label: str = ""


@dataclass(frozen=True, kw_only=True)
class SiteFailed:
    """A request to the site server failed (photo, review, arrival, match or launch)."""

    attempt: Attempt
    code: ErrorCode


@dataclass(frozen=True, kw_only=True)
class ChecksDone:
    """The self-check has its results."""

    attempt: Attempt
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class SoundStepped:
    """The sound check came to ``step``. ``digits`` are to be read out where it asks for a voice."""

    attempt: Attempt
    step: SoundStep
    digits: str = ""


@dataclass(frozen=True, kw_only=True)
class SoundChecked:
    """The sound check is over: good, or what is wrong (E-401 to E-404).

    Attributes:
        suggestion: what most likely helps against E-402: ``mute-switch``, ``too-quiet``, ``clipping`` or ``hum``.
    """

    attempt: Attempt
    code: ErrorCode | None = None
    suggestion: str = ""


@dataclass(frozen=True, kw_only=True)
class LaunchGranted:
    """The site issued a ticket or an account; it waits in the application, not here.

    Attributes:
        account_tries: how often the main site may refuse the account, by the pack; 0 with a ticket.
        has_fallback: the pack allows the account when tickets are refused.
    """

    attempt: Attempt
    account_tries: int = 0
    has_fallback: bool = False


@dataclass(frozen=True, kw_only=True)
class PageOpened:
    """The expert has arrived: the main site's page is the one that the pack calls the evaluation."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class PageFailed:
    """The main site's page could not be opened or was lost, or the main site ended the session (E-507)."""

    attempt: Attempt
    code: ErrorCode


@dataclass(frozen=True, kw_only=True)
class SeatChanged:
    """Something is wrong with the seat, and has come to ``level``; ``None``: it is over."""

    attempt: Attempt
    code: ErrorCode
    level: SeatLevel | None


@dataclass(frozen=True, kw_only=True)
class SeatTaken:
    """The seat was empty for a while, and somebody, alone, sits in it again."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class Wiped:
    """Browser profile and identity store are empty."""

    attempt: Attempt


@dataclass(frozen=True, kw_only=True)
class TimerExpired:
    """A timer that an effect started ran out."""

    attempt: Attempt
    timer: Timer


@dataclass(frozen=True, kw_only=True)
class MessageArrived:
    """The site administrator sent a notice to this booth."""

    text: str


class Intent(StrEnum):
    """What the expert can press. Which of them count depends on the state."""

    RETRY = "retry"
    CANCEL = "cancel"
    MANUAL = "manual"
    CONFIRM = "confirm"
    RECHECK = "recheck"
    END = "end"
    END_CONFIRMED = "end-confirmed"
    END_DECLINED = "end-declined"
    LEAVE = "leave"
    LEAVE_REST_ROOM = "leave-rest-room"
    LEAVE_WATER = "leave-water"
    LEAVE_UNWELL = "leave-unwell"
    LEAVE_OTHER = "leave-other"
    UNLOCK = "unlock"
    HELP = "help"
    MESSAGE_READ = "message-read"


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """The expert pressed a button."""

    intent: Intent


@dataclass(frozen=True, kw_only=True)
class Crashed:
    """The program met an exception nobody handled."""

    code: ErrorCode = ErrorCode.INTERNAL


Event = (
    Started
    | ConditionRaised
    | ConditionCleared
    | CardInserted
    | CardLifted
    | CardRead
    | CardFailed
    | ReferenceArrived
    | ReferenceMissing
    | FaceDecided
    | FaceFailed
    | ReviewPassed
    | ReviewRejected
    | ReviewAgain
    | ReviewOnSite
    | ArrivalRecorded
    | ExpertMatched
    | MatchPending
    | SiteFailed
    | ChecksDone
    | SoundStepped
    | SoundChecked
    | LaunchGranted
    | PageOpened
    | PageFailed
    | SeatChanged
    | SeatTaken
    | Wiped
    | TimerExpired
    | MessageArrived
    | Pressed
    | Crashed
)
