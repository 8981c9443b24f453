"""The evaluation and its locked booth: who may go on, and who has to look before somebody may."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import (
    Effect,
    ForgetPicture,
    Record,
    SendReview,
    StartTimer,
    StartUnlock,
    StopFace,
    StopTimer,
    StopWatching,
    WatchSeat,
)
from workstation.journey.events import (
    ConditionCleared,
    Event,
    FaceDecided,
    FaceFailed,
    FaceOutcome,
    Intent,
    PageFailed,
    Pressed,
    ReviewPassed,
    ReviewRejected,
    SeatChanged,
    SeatTaken,
    Timer,
    TimerExpired,
)
from workstation.journey.seat import LeaveReason, SeatLevel
from workstation.journey.states import Evaluating, Journey, Locked, SigningOut

from .arrival import leave
from .launch import after_page_lost
from .outcome import Enter, Outcome, Stay, record

UNLOCK_TRIES = 3
UNLOCK_CHECK_S = 60.0
"""As long as the face check at sign-in may take."""

_REASONS = {
    Intent.LEAVE_REST_ROOM: LeaveReason.REST_ROOM,
    Intent.LEAVE_WATER: LeaveReason.WATER,
    Intent.LEAVE_UNWELL: LeaveReason.UNWELL,
    Intent.LEAVE_OTHER: LeaveReason.OTHER,
}


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` from the open page to the end of the evaluation."""
    match journey.state:
        case Evaluating() as state:
            return _evaluating(state, event)
        case Locked() as state:
            return _unlocking(journey, state, event) if state.checking else _locked(journey, state, event)
        case _:
            return None


def lock_report_s(journey: Journey, state: Locked) -> float | None:
    """Return after how long the administrator is told that the expert is not back, ``None`` when known already."""
    match state.code:
        case ErrorCode.SEAT_LEFT:
            return journey.seat_policy.away_report_s
        case ErrorCode.SHORT_LEAVE:
            return journey.seat_policy.leave_s
        case _:
            return None


# --- the evaluation ------------------------------------------------------------------------------------------------


def _evaluating(state: Evaluating, event: Event) -> Outcome:
    holder = state.session.holder
    match event:
        case Pressed(intent=intent):
            return _pressed_while_evaluating(state, intent)
        case SeatChanged(code=code, level=level):
            return _seat_changed(state, code, level)
        case PageFailed(code=code):
            interrupted = record("evaluation_interrupted", holder, code=code)
            return Enter(after_page_lost(state, code), interrupted)
        case TimerExpired(timer=Timer.SETTLED):
            return Stay(replace(state, sign_outs=0, notices=state.notices - {ErrorCode.MAIN_SITE_SIGNED_OUT}))
        case TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


def _pressed_while_evaluating(state: Evaluating, intent: Intent) -> Outcome:
    holder = state.session.holder
    match intent:
        case Intent.END if not state.confirming_end:
            return Stay(replace(state, confirming_end=True))
        case Intent.END_DECLINED:
            return Stay(replace(state, confirming_end=False))
        case Intent.END_CONFIRMED if state.confirming_end:
            ended = record("evaluation_ended", holder, project=state.session.assignment.project_id)
            return Enter(SigningOut(holder=holder, alias=state.session.assignment.alias), ended)
        case Intent.LEAVE if not state.confirming_end:
            return _lock(state, ErrorCode.SHORT_LEAVE)
        case _:
            return None


def _seat_changed(state: Evaluating, code: ErrorCode, level: SeatLevel | None) -> Outcome:
    holder = state.session.holder
    match level:
        case None if code in state.notices:
            cleared = record("seat_notice_cleared", holder, code=code)
            return Stay(replace(state, notices=state.notices - {code}), cleared)
        case SeatLevel.NOTICE if code not in state.notices:
            noticed = record("seat_notice", holder, code=code)
            return Stay(replace(state, notices=state.notices | {code}), noticed)
        case SeatLevel.ALARM:
            return Stay(replace(state, notices=state.notices | {code}), record("seat_alarm", holder, code=code))
        case SeatLevel.LOCK:
            return _lock(state, code)
        case _:
            return None


def _lock(state: Evaluating, code: ErrorCode) -> Outcome:
    locked = Locked(session=state.session, expert_hash=state.expert_hash, code=code)
    return Enter(locked, record("seat_locked", state.session.holder, code=code))


# --- the locked booth ----------------------------------------------------------------------------------------------


def _locked(journey: Journey, state: Locked, event: Event) -> Outcome:
    match event:
        case _ if state.by_human:
            return _while_locked(journey, state, event)
        case Pressed(intent=Intent.UNLOCK) | SeatTaken():
            limit = StartTimer(timer=Timer.POLL, attempt=journey.attempt, seconds=UNLOCK_CHECK_S)
            check = (StopWatching(), StartUnlock(attempt=journey.attempt), limit)
            return Stay(replace(state, checking=True, problem=None), check)
        case Pressed(intent=intent) if intent in _REASONS and state.code is ErrorCode.SHORT_LEAVE:
            return _leave_reason(state, _REASONS[intent])
        case ConditionCleared(code=code) if code is state.problem:
            return Stay(replace(state, problem=None))
        case _:
            return _while_locked(journey, state, event)


def _unlocking(journey: Journey, state: Locked, event: Event) -> Outcome:
    waiting = replace(state, checking=False)
    match event:
        case FaceDecided(outcome=FaceOutcome.MATCH):
            return _unlocked(state, "face")
        case FaceDecided(outcome=FaceOutcome.NOT_LIVE):
            return _ask_human(journey, waiting, ErrorCode.FACE_NOT_LIVE)
        case FaceDecided():
            failed = replace(waiting, tries=state.tries + 1, problem=ErrorCode.FACE_MISMATCH)
            if failed.tries >= UNLOCK_TRIES:
                return _ask_human(journey, failed, ErrorCode.FACE_MISMATCH)
            mismatch = record("unlock_mismatch", state.session.holder, tries=failed.tries)
            return Stay(failed, (*mismatch, *_stop_check(journey)))
        case FaceFailed(code=ErrorCode.CARD_PHOTO_UNUSABLE):
            # Nobody was compared at sign-in, or the worker that knew the face is gone.
            return _ask_human(journey, waiting, state.code)
        case FaceFailed(code=code):
            return Stay(replace(waiting, problem=code), _stop_check(journey))
        case TimerExpired(timer=Timer.POLL):
            return Stay(replace(waiting, problem=ErrorCode.FACE_NOT_SEEN), _stop_check(journey))
        case _:
            return _while_locked(journey, state, event)


def _while_locked(journey: Journey, state: Locked, event: Event) -> Outcome:
    """Return what counts whether or not a comparison runs."""
    holder = state.session.holder
    match event:
        case Pressed(intent=Intent.MANUAL) if not state.by_human:
            # Who declines the camera is not photographed (docs/adr/0007).
            return _ask_human(journey, replace(state, checking=False), state.code, (ForgetPicture(),))
        case ReviewPassed(session_id=session_id) if state.by_human and session_id == holder.session_id:
            return _unlocked(state, "human")
        case ReviewRejected(session_id=session_id) if state.by_human and session_id == holder.session_id:
            rejected = record("review_rejected", holder)
            return Enter(SigningOut(holder=holder, alias=state.session.assignment.alias), rejected)
        case TimerExpired(timer=Timer.SEAT):
            return Stay(state, record("seat_alarm", holder, code=state.code))
        case PageFailed(code=code):
            return Stay(replace(state, page_problem=code), record("evaluation_interrupted", holder, code=code))
        case TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


def _leave_reason(state: Locked, reason: LeaveReason) -> Outcome:
    if reason is state.reason:
        return None
    told = record("seat_leave", state.session.holder, reason=reason)
    if reason is LeaveReason.UNWELL:
        told += record("seat_alarm", state.session.holder, code=state.code, reason=reason)
    return Stay(replace(state, reason=reason), told)


def _ask_human(journey: Journey, state: Locked, code: ErrorCode, before: tuple[Effect, ...] = ()) -> Outcome:
    asked = record("review_needed", state.session.holder, code=code)
    stopped = (StopWatching(), StopFace(), StopTimer(timer=Timer.POLL), StopTimer(timer=Timer.SEAT))
    pictures = SendReview(
        attempt=journey.attempt, session_id=state.session.holder.session_id, code=code, may_repeat=False
    )
    return Stay(replace(state, by_human=True, problem=None), (*before, *asked, pictures, *stopped))


def _stop_check(journey: Journey) -> tuple[Effect, ...]:
    """End a comparison that unlocked nothing, and look again whether somebody comes back."""
    stopped: tuple[Effect, ...] = (StopFace(), StopTimer(timer=Timer.POLL))
    return (*stopped, WatchSeat(attempt=journey.attempt)) if journey.seat_policy.watch else stopped


def _unlocked(state: Locked, method: str) -> Outcome:
    facts = (("code", state.code), ("method", method), ("tries", state.tries))
    session_id = state.session.holder.session_id
    unlocked = Record(kind="seat_unlocked", session_id=session_id, facts=facts, since="seat_locked")
    inside = Evaluating(session=state.session, expert_hash=state.expert_hash)
    if state.page_problem is not None:
        return Enter(after_page_lost(inside, state.page_problem), (unlocked,))
    return Enter(inside, (unlocked,))
