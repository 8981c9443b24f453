"""Read card to proven presence: face comparison, or a human."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import Effect, SendReview
from workstation.journey.events import (
    ConditionCleared,
    Event,
    FaceDecided,
    FaceFailed,
    FaceOutcome,
    Intent,
    Pressed,
    ReferenceArrived,
    ReferenceMissing,
    ReviewAgain,
    ReviewOnSite,
    ReviewPassed,
    ReviewRejected,
    SiteFailed,
    Timer,
    TimerExpired,
)
from workstation.journey.facts import Holder, PhotoPolicy, Presence, PresenceMethod, Reference
from workstation.journey.states import (
    Arriving,
    CardProblem,
    FaceCheck,
    FaceProblem,
    FetchingReference,
    HumanReview,
    Idle,
    Journey,
    State,
)

from .outcome import Enter, Outcome, Stay, poll, record

FACE_TRIES = 3
CAMERA_LOSSES = 3
"""So often a camera that came back starts the check by itself; after that the expert presses 重试."""
GREY_TRIES = 2
"""A second burst settles many doubts; after that a human decides (E-205)."""
REVIEW_POLL_S = 3.0
"""Pause before the reviewer's pictures are sent again."""


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` between a good card and proven presence."""
    match journey.state:
        case FetchingReference() as state:
            return _fetching_reference(state, event)
        case FaceCheck() as state:
            return _face_check(journey, state, event)
        case FaceProblem() as state:
            return _face_problem(state, event)
        case HumanReview() as state:
            return _human_review(journey, state, event)
        case _:
            return None


def review_by_human(
    holder: Holder, code: ErrorCode, before: tuple[Effect, ...] = ()
) -> tuple[State, tuple[Effect, ...]]:
    """Return the state in which the site administrator decides, and its journal entry."""
    return HumanReview(holder=holder, code=code), before + record("review_needed", holder, code=code)


def without_photo(
    journey: Journey, holder: Holder, before: tuple[Effect, ...] = ()
) -> tuple[State, tuple[Effect, ...]]:
    """Return what follows when the card gave no picture with a face, as the site decided."""
    match journey.photo_policy:
        case PhotoPolicy.MANUAL:
            return review_by_human(holder, ErrorCode.CARD_PHOTO_UNUSABLE, before)
        case PhotoPolicy.SERVER_PHOTO:
            return FetchingReference(holder=replace(holder, reference=None)), before + record("photo_missing", holder)
        case PhotoPolicy.DENY:
            code = ErrorCode.PHOTO_REQUIRED
            return CardProblem(code=code, failures=1), before + record("visit_refused", holder, code=code)


def _fetching_reference(state: FetchingReference, event: Event) -> Outcome:
    holder = state.holder
    match event:
        case ReferenceArrived():
            return Enter(FaceCheck(holder=replace(holder, reference=Reference.SITE_PHOTO)))
        case ReferenceMissing() | SiteFailed() | TimerExpired(timer=Timer.STATE):
            return Enter(*review_by_human(holder, ErrorCode.CARD_PHOTO_UNUSABLE))
        case Pressed(intent=Intent.CANCEL):
            return Enter(Idle(), record("visit_cancelled", holder))
        case _:
            return None


def _face_check(journey: Journey, state: FaceCheck, event: Event) -> Outcome:
    holder = state.holder
    match event:
        case FaceDecided(outcome=outcome):
            return _face_decided(state, outcome)
        case FaceFailed(code=ErrorCode.CARD_PHOTO_UNUSABLE) if holder.reference is Reference.CARD_PHOTO:
            return Enter(*without_photo(journey, holder))
        case FaceFailed(code=ErrorCode.CARD_PHOTO_UNUSABLE as code):
            return Enter(*review_by_human(holder, code))
        case FaceFailed(code=code):
            return Enter(*_face_stopped(state, code))
        case TimerExpired(timer=Timer.STATE):
            return Enter(*_face_stopped(state, ErrorCode.FACE_NOT_SEEN))
        case Pressed(intent=Intent.MANUAL):
            return Enter(*review_by_human(holder, ErrorCode.FACE_DECLINED))
        case Pressed(intent=Intent.CANCEL):
            return Enter(Idle(), record("visit_cancelled", holder))
        case _:
            return None


def _face_decided(state: FaceCheck, outcome: FaceOutcome) -> Outcome:
    holder = state.holder
    match outcome:
        case FaceOutcome.MATCH if holder.expired_on is not None:
            return Enter(*review_by_human(holder, ErrorCode.CARD_EXPIRED))
        case FaceOutcome.MATCH:
            return Enter(*_present(holder, PresenceMethod.CARD_FACE))
        case FaceOutcome.GREY if state.tries < GREY_TRIES:
            return Enter(FaceCheck(holder=holder, tries=state.tries + 1), record("face_uncertain", holder))
        case FaceOutcome.GREY:
            return Enter(*review_by_human(holder, ErrorCode.FACE_UNCERTAIN))
        case FaceOutcome.NO_MATCH:
            return Enter(*_mismatch(state))
        case FaceOutcome.NOT_LIVE:
            return Enter(*review_by_human(holder, ErrorCode.FACE_NOT_LIVE))


def _face_stopped(state: FaceCheck, code: ErrorCode) -> tuple[State, tuple[Effect, ...]]:
    losses = min(state.camera_losses + (code is ErrorCode.CAMERA_LOST), CAMERA_LOSSES + 1)
    stopped = FaceProblem(holder=state.holder, code=code, tries=state.tries, camera_losses=losses)
    return stopped, record("face_failed", state.holder, code=code)


def _mismatch(state: FaceCheck) -> tuple[State, tuple[Effect, ...]]:
    code = ErrorCode.FACE_MISMATCH
    if state.tries >= FACE_TRIES:
        return review_by_human(state.holder, code)
    mismatch = FaceProblem(holder=state.holder, code=code, tries=state.tries)
    return mismatch, record("face_mismatch", state.holder, tries=state.tries)


def _face_problem(state: FaceProblem, event: Event) -> Outcome:
    holder = state.holder
    counted = state.code is ErrorCode.FACE_MISMATCH
    again = FaceCheck(holder=holder, tries=state.tries + counted, camera_losses=state.camera_losses)
    match event:
        case Pressed(intent=Intent.RETRY):
            return Enter(again)
        case ConditionCleared(code=ErrorCode.CAMERA_LOST) if state.code is ErrorCode.CAMERA_LOST:
            # A camera that comes and goes must not keep a visit, and its card data, alive for ever.
            return Enter(again) if state.camera_losses <= CAMERA_LOSSES else None
        case Pressed(intent=Intent.MANUAL):
            return Enter(*review_by_human(holder, ErrorCode.FACE_DECLINED))
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(Idle(), record("visit_cancelled", holder))
        case _:
            return None


def _human_review(journey: Journey, state: HumanReview, event: Event) -> Outcome:
    holder = state.holder
    match event:
        case SiteFailed():
            return Stay(state, poll(journey, REVIEW_POLL_S))
        case TimerExpired(timer=Timer.POLL):
            return Stay(state, send_review(journey, state))
        case ReviewPassed(session_id=session_id) if session_id == holder.session_id:
            return Enter(*_present(holder, PresenceMethod.CARD_HUMAN))
        case ReviewRejected(session_id=session_id) if session_id == holder.session_id:
            return Enter(Idle(), record("review_rejected", holder))
        case ReviewAgain(session_id=session_id) if session_id == holder.session_id and state.may_repeat:
            return Enter(*_again(holder))
        case ReviewOnSite(session_id=session_id) if session_id == holder.session_id and not state.on_site:
            return Stay(replace(state, on_site=True), record("review_on_site", holder))
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(Idle(), record("visit_cancelled", holder))
        case _:
            return None


def send_review(journey: Journey, state: HumanReview) -> tuple[Effect, ...]:
    """Return the effect that gives the reviewer the pictures."""
    review = SendReview(
        attempt=journey.attempt,
        session_id=state.holder.session_id,
        code=state.code,
        may_repeat=state.may_repeat,
    )
    return (review,)


def _again(holder: Holder) -> tuple[State, tuple[Effect, ...]]:
    """Return one more burst: whatever it shows but a match goes back to the reviewer at once."""
    holder = replace(holder, rechecks=holder.rechecks + 1)
    return FaceCheck(holder=holder, tries=FACE_TRIES), record("review_again", holder, count=holder.rechecks)


def _present(holder: Holder, method: PresenceMethod) -> tuple[State, tuple[Effect, ...]]:
    presence = Presence(method=method)
    arriving = Arriving(holder=replace(holder, rechecks=0), presence=presence)  # presence is proven: nothing to count
    return arriving, record("presence_verified", holder, method=method)
