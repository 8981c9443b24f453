"""Sign-in screen to a read card."""

from __future__ import annotations

from drivers.errors import ErrorCode
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

from .face import review_by_human
from .outcome import Enter, Outcome, Stay, record

CARD_FAILURES_BEFORE_MANUAL = 3
CARD_REMINDERS = 3


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` while no card was read yet."""
    match journey.state:
        case Idle() as state:
            return _idle(journey, state, event)
        case ReadingCard() as state:
            return _reading_card(state, event)
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
        case CardInserted() if ErrorCode.STORAGE_FULL not in journey.conditions:
            return Enter(ReadingCard())
        case Pressed(intent=Intent.CANCEL) if state.notice:
            return Stay(Idle())
        case _:
            return None


def _reading_card(state: ReadingCard, event: Event) -> Outcome:
    match event:
        case CardRead(holder=holder):
            read = record("card_read", holder)
            if not holder.has_reference:
                return Enter(*review_by_human(holder, ErrorCode.CARD_PHOTO_UNUSABLE, read))
            return Enter(FaceCheck(holder=holder), read)
        case CardFailed(code=ErrorCode.READER_ABSENT):
            return Enter(Idle())
        case CardFailed(code=code):
            return Enter(*_card_failed(state, code))
        case TimerExpired(timer=Timer.STATE):
            return Enter(*_card_failed(state, ErrorCode.CARD_UNREADABLE))
        case _:
            return None


def _card_failed(state: ReadingCard, code: ErrorCode) -> tuple[State, tuple[Effect, ...]]:
    failures = min(state.failures + 1, CARD_FAILURES_BEFORE_MANUAL)
    if code is ErrorCode.CARD_LIFTED and failures >= CARD_FAILURES_BEFORE_MANUAL:
        code = ErrorCode.CARD_UNREADABLE
    return CardProblem(code=code, failures=failures), record("card_failed", None, code=code, failures=failures)


def _card_problem(state: CardProblem, event: Event) -> Outcome:
    match event:
        case CardInserted():
            return Enter(ReadingCard(failures=state.failures))
        case Pressed(intent=Intent.CANCEL):
            return Enter(Idle())
        case TimerExpired(timer=Timer.STATE) if state.reminders < CARD_REMINDERS:
            code = ErrorCode.CARD_NOT_PRESENTED
            return Enter(CardProblem(code=code, failures=state.failures, reminders=state.reminders + 1))
        case TimerExpired(timer=Timer.STATE):
            return Enter(Idle())
        case _:
            return None
