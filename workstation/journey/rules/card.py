"""Sign-in screen to a read card."""

from __future__ import annotations

from drivers.errors import ErrorCode, OtherCard
from workstation.journey.effects import Effect
from workstation.journey.events import (
    CardFailed,
    CardInserted,
    CardRead,
    Event,
    Intent,
    Pressed,
    Started,
    Timer,
    TimerExpired,
)
from workstation.journey.states import CardProblem, FaceCheck, Idle, Journey, ReadingCard, State

from .face import without_photo
from .outcome import Enter, Outcome, Stay, record

CARD_FAILURES_BEFORE_MANUAL = 3
CARD_REMINDERS = 3
CLOSED_BY = frozenset({ErrorCode.STORAGE_FULL, ErrorCode.DEVICE_NOT_REGISTERED})
"""While one of these lasts nobody is let in: nothing could be journaled, or something foreign is plugged in."""
NOT_THE_CARDS_FAULT = frozenset({ErrorCode.CARD_READER_BROKEN, ErrorCode.SAM_NOT_ALLOWED, ErrorCode.PHOTO_REQUIRED})
"""Problems of the booth: laying the card down again does not help, so nobody is reminded to."""


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` while no card was read yet."""
    match journey.state:
        case Idle() as state:
            return _idle(journey, state, event)
        case ReadingCard() as state:
            return _reading_card(journey, state, event)
        case CardProblem() as state:
            return _card_problem(state, event)
        case _:
            return None


def _idle(journey: Journey, state: Idle, event: Event) -> Outcome:
    match event:
        case Started(resume=resume):
            if resume is None:
                return Enter(Idle())
            facts = record("restarted", None, project=resume.project_id)
            return Enter(Idle(notice=ErrorCode.RESTARTED), facts)
        case CardInserted() if not journey.conditions & CLOSED_BY:
            return Enter(ReadingCard())
        case Pressed(intent=Intent.CANCEL) if state.notice:
            return Stay(Idle())
        case _:
            return None


def _reading_card(journey: Journey, state: ReadingCard, event: Event) -> Outcome:
    match event:
        case CardRead(holder=holder):
            read = record("card_read", holder)
            if holder.reference is None:
                return Enter(*without_photo(journey, holder, read))
            return Enter(FaceCheck(holder=holder), read)
        case CardFailed(code=ErrorCode.READER_ABSENT):
            return Enter(Idle())
        case CardFailed(code=code, other_card=other_card):
            return Enter(*_card_failed(state, code, other_card))
        case TimerExpired(timer=Timer.STATE):
            return Enter(*_card_failed(state, ErrorCode.CARD_UNREADABLE))
        case _:
            return None


def _card_failed(
    state: ReadingCard, code: ErrorCode, other_card: OtherCard | None = None
) -> tuple[State, tuple[Effect, ...]]:
    failures = min(state.failures + 1, CARD_FAILURES_BEFORE_MANUAL)
    if code is ErrorCode.CARD_LIFTED and failures >= CARD_FAILURES_BEFORE_MANUAL:
        code = ErrorCode.CARD_UNREADABLE
    facts: dict[str, str | int] = {"code": code, "failures": failures}
    if other_card is not None:
        facts["other_card"] = other_card
    return CardProblem(code=code, failures=failures, other_card=other_card), record("card_failed", None, **facts)


def _card_problem(state: CardProblem, event: Event) -> Outcome:
    match event:
        case CardInserted():
            return Enter(ReadingCard(failures=state.failures))
        case Pressed(intent=Intent.CANCEL):
            return Enter(Idle())
        case TimerExpired(timer=Timer.STATE) if (
            state.reminders < CARD_REMINDERS and state.code not in NOT_THE_CARDS_FAULT
        ):
            code = ErrorCode.CARD_NOT_PRESENTED
            return Enter(CardProblem(code=code, failures=state.failures, reminders=state.reminders + 1))
        case TimerExpired(timer=Timer.STATE):
            return Enter(Idle())
        case _:
            return None
