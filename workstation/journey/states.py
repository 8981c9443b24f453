"""Where the expert is. Frozen records; anything personal hides from ``repr``.

The types carry the promises: an ``Evaluating`` state cannot be built without a ``Presence`` and an ``Assignment``.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import ErrorCode, OtherCard

from .facts import FIRST_ATTEMPT, RECHECKS, Attempt, Check, Holder, PhotoPolicy, Presence, Resume, Session, Step
from .seat import USUAL_SEAT_POLICY, LeaveReason, SeatPolicy
from .way import FIRST_WAY, Way


@dataclass(frozen=True, kw_only=True)
class Idle:
    """空闲: the sign-in screen, waiting for a card. ``notice`` explains how the last visit ended, if it matters."""

    notice: ErrorCode | None = None


@dataclass(frozen=True, kw_only=True)
class ReadingCard:
    """核验中: a card lies on the reader and is being read."""

    failures: int = 0


@dataclass(frozen=True, kw_only=True)
class CardProblem:
    """The card could not be used; the next placement is the next attempt. ``reminders`` counts E-102.

    Attributes:
        other_card: what lies there instead of an ID card, with E-105, when the reader could tell.
    """

    code: ErrorCode
    failures: int
    reminders: int = 0
    other_card: OtherCard | None = None


@dataclass(frozen=True, kw_only=True)
class FetchingReference:
    """核验中: the card gave no picture, and the one that the site has of this person is asked for."""

    holder: Holder


@dataclass(frozen=True, kw_only=True)
class FaceCheck:
    """核验中: live pictures are compared with the holder's ``reference``. ``tries`` counts this one."""

    holder: Holder
    tries: int = 1
    camera_losses: int = 0


@dataclass(frozen=True, kw_only=True)
class FaceProblem:
    """A face attempt ended without a match; the expert may try again or ask for a human."""

    holder: Holder
    code: ErrorCode
    tries: int
    camera_losses: int = 0


@dataclass(frozen=True, kw_only=True)
class HumanReview:
    """人工复核: the site administrator decides who sits here. ``on_site``: somebody is on the way to the booth."""

    holder: Holder
    code: ErrorCode
    on_site: bool = False

    @property
    def may_repeat(self) -> bool:
        """Whether the reviewer may ask for one more face check: not of those who declined it, not for ever."""
        return (
            self.holder.reference is not None
            and self.code not in {ErrorCode.FACE_DECLINED, ErrorCode.FACE_NOT_LIVE, ErrorCode.CARD_PHOTO_UNUSABLE}
            and self.holder.rechecks < RECHECKS
        )


@dataclass(frozen=True, kw_only=True)
class Arriving:
    """Presence is verified; the site has not confirmed the arrival yet. ``booth_label`` comes with E-306."""

    holder: Holder
    presence: Presence
    problem: ErrorCode | None = None
    booth_label: str = ""


@dataclass(frozen=True, kw_only=True)
class AwaitingMatch:
    """待名单: the arrival is recorded; the roster decides what comes next. ``booth_label`` comes with E-303."""

    holder: Holder
    presence: Presence
    expert_hash: str
    problem: ErrorCode | None = None
    booth_label: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskReview:
    """核对任务: the expert compares the task on screen with the one they came for."""

    session: Session
    expert_hash: str


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """设备自检: ``checks`` is empty while they run."""

    session: Session
    expert_hash: str
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every required check is done and good."""
        return bool(self.checks) and all(check.code is None for check in self.checks if check.required)


@dataclass(frozen=True, kw_only=True)
class Launching:
    """跳转中: a ticket is fetched and the main site's page opens."""

    session: Session
    expert_hash: str
    tries: int = 1
    problem: ErrorCode | None = None
    way: Way = FIRST_WAY


@dataclass(frozen=True, kw_only=True)
class Evaluating:
    """评审中: the expert works in the main site's system. ``notices`` is what to know of right now (seat, E-507)."""

    session: Session
    expert_hash: str
    confirming_end: bool = False
    sign_outs: int = 0
    notices: frozenset[ErrorCode] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Locked:
    """本工位已锁定: the page stays open behind this screen until the same person, or a human, unlocks the booth.

    Attributes:
        code: why: E-701, E-702, E-704, or a camera that shows nothing (E-405, E-406).
        reason: what the expert said a short leave is for.
        tries: comparisons that did not end in a match.
        checking: a comparison runs.
        by_human: only the site administrator can unlock it now.
        problem: why the last comparison did not get anywhere.
        page_problem: how the hidden page was lost; it is opened again after unlocking.
    """

    session: Session
    expert_hash: str
    code: ErrorCode
    reason: LeaveReason | None = None
    tries: int = 0
    checking: bool = False
    by_human: bool = False
    problem: ErrorCode | None = None
    page_problem: ErrorCode | None = None


@dataclass(frozen=True, kw_only=True)
class SigningOut:
    """签退与清理: the browser closes and what the booth knew of the person is wiped. ``alias`` is "" if unmatched."""

    holder: Holder
    alias: str = ""


@dataclass(frozen=True, kw_only=True)
class Farewell:
    """The receipt page: what was recorded, what was deleted."""

    alias: str


@dataclass(frozen=True, kw_only=True)
class OutOfService:
    """暂停服务: the program met something it did not foresee and restarts."""

    code: ErrorCode


State = (
    Idle
    | ReadingCard
    | CardProblem
    | FetchingReference
    | FaceCheck
    | FaceProblem
    | HumanReview
    | Arriving
    | AwaitingMatch
    | TaskReview
    | SelfCheck
    | Launching
    | Evaluating
    | Locked
    | SigningOut
    | Farewell
    | OutOfService
)


@dataclass(frozen=True, kw_only=True)
class Journey:
    """Everything the next decision depends on.

    Attributes:
        conditions: what is wrong with the booth right now (reader away, on battery, ...), whatever the state.
        card_present: a card lies on the reader.
        resume: set after a sudden restart until somebody else signs in or the stay ends.
        help_called: the expert called the administrator in this state.
        message: a notice of the site administrator that was not read yet.
        photo_policy: the site's decision about cards that give no picture; never changes.
        seat_policy: the site's decision about leaving the seat; never changes.
    """

    state: State
    attempt: Attempt = FIRST_ATTEMPT
    conditions: frozenset[ErrorCode] = frozenset()
    card_present: bool = False
    resume: Resume | None = None
    help_called: bool = False
    message: str = ""
    photo_policy: PhotoPolicy = PhotoPolicy.MANUAL
    seat_policy: SeatPolicy = USUAL_SEAT_POLICY


def holder_of(state: State) -> Holder | None:
    """Return the person the state is about, ``None`` where the booth knows nobody."""
    match state:
        case FetchingReference() | FaceCheck() | FaceProblem() | HumanReview():
            return state.holder
        case Arriving() | AwaitingMatch() | SigningOut():
            return state.holder
        case TaskReview() | SelfCheck() | Launching() | Evaluating() | Locked():
            return state.session.holder
        case _:
            return None


def step_of(state: State) -> Step | None:
    """Return the step to highlight, ``None`` where no step applies."""
    match state:
        case Idle() | ReadingCard() | CardProblem():
            return Step.CARD
        case FetchingReference() | FaceCheck() | FaceProblem() | HumanReview():
            return Step.FACE
        case Arriving() | AwaitingMatch() | TaskReview():
            return Step.TASK
        case SelfCheck():
            return Step.CHECK
        case Launching() | Evaluating() | Locked():
            return Step.ENTER
        case _:
            return None
