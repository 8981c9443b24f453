"""Proven presence to a confirmed task: arrival, roster, 核对任务."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import AskMatch, Effect, SendArrival, StartTimer
from workstation.journey.events import (
    ArrivalRecorded,
    Event,
    ExpertMatched,
    Intent,
    MatchPending,
    Pressed,
    SiteFailed,
    Timer,
    TimerExpired,
)
from workstation.journey.facts import Holder, Session
from workstation.journey.states import (
    Arriving,
    AwaitingMatch,
    Journey,
    Launching,
    SelfCheck,
    SigningOut,
    State,
    TaskReview,
)

from .outcome import Enter, Outcome, Stay, poll, record

SITE_POLL_S = 3.0
ROSTER_POLL_S = 5.0
REFUSED_STAY_S = 5 * 60.0
"""How long "not on the roster", "other booth" and "replaced" stay on screen before the booth is free again."""


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` between proven presence and a known task."""
    match journey.state:
        case Arriving() as state:
            return _arriving(journey, state, event)
        case AwaitingMatch() as state:
            return _awaiting_match(journey, state, event)
        case TaskReview() as state:
            return _task_review(state, event)
        case _:
            return None


def leave(holder: Holder, alias: str = "") -> tuple[State, tuple[Effect, ...]]:
    """Return the way out of a visit the site already knows about: the seat must be freed."""
    return SigningOut(holder=holder, alias=alias), record("visit_cancelled", holder)


def _arriving(journey: Journey, state: Arriving, event: Event) -> Outcome:
    holder = state.holder
    match event:
        case ArrivalRecorded(elsewhere="", expert_hash=expert_hash):
            waiting = AwaitingMatch(holder=holder, presence=state.presence, expert_hash=expert_hash)
            return Enter(waiting, record("arrival_recorded", holder))
        case ArrivalRecorded(elsewhere=booth_label):
            code = ErrorCode.ROSTER_ALREADY_SIGNED_IN
            return Stay(replace(state, problem=code, booth_label=booth_label), poll(journey, ROSTER_POLL_S))
        case SiteFailed(code=code):
            return Stay(replace(state, problem=code), poll(journey, SITE_POLL_S))
        case TimerExpired(timer=Timer.POLL):
            return Stay(
                state,
                (SendArrival(attempt=journey.attempt, session_id=holder.session_id, method=state.presence.method),),
            )
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder))
        case _:
            return None


def _awaiting_match(journey: Journey, state: AwaitingMatch, event: Event) -> Outcome:
    holder = state.holder
    match event:
        case ExpertMatched(assignment=assignment):
            session = Session(holder=holder, presence=state.presence, assignment=assignment)
            matched = record("expert_matched", holder, project=assignment.project_id, alias=assignment.alias)
            return Enter(_after_match(journey, state, session), matched)
        case MatchPending(code=code, booth_label=booth_label):
            return _pending(journey, state, code, booth_label)
        case SiteFailed(code=code):
            return Stay(replace(state, problem=code), poll(journey, SITE_POLL_S))
        case TimerExpired(timer=Timer.POLL):
            return Stay(state, (AskMatch(attempt=journey.attempt, session_id=holder.session_id),))
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder))
        case _:
            return None


def _after_match(journey: Journey, state: AwaitingMatch, session: Session) -> State:
    """Go on where a sudden restart broke off, when it is the same person and the same project (E-604)."""
    resume = journey.resume
    if (
        resume is not None
        and resume.expert_hash == state.expert_hash
        and resume.project_id == session.assignment.project_id
    ):
        return Launching(session=session, expert_hash=state.expert_hash)
    return TaskReview(session=session, expert_hash=state.expert_hash)


def _pending(journey: Journey, state: AwaitingMatch, code: ErrorCode, booth_label: str) -> Outcome:
    effects = poll(journey, ROSTER_POLL_S)
    if code is not state.problem:
        effects += record("match_pending", state.holder, code=code)
        if code is not ErrorCode.ROSTER_NOT_HERE:
            effects += (StartTimer(timer=Timer.STATE, attempt=journey.attempt, seconds=REFUSED_STAY_S),)
    return Stay(replace(state, problem=code, booth_label=booth_label), effects)


def _task_review(state: TaskReview, event: Event) -> Outcome:
    holder = state.session.holder
    match event:
        case Pressed(intent=Intent.CONFIRM):
            return Enter(
                SelfCheck(session=state.session, expert_hash=state.expert_hash),
                record("task_confirmed", holder),
            )
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None
