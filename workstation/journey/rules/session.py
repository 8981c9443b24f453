"""Self-check, launch, sign-out."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import OpenPage, RequestLaunch, StartAfresh, StartTimer
from workstation.journey.events import (
    ChecksDone,
    ConditionCleared,
    ConditionRaised,
    Event,
    Intent,
    LaunchGranted,
    PageFailed,
    PageOpened,
    Pressed,
    SiteFailed,
    Timer,
    TimerExpired,
    Wiped,
)
from workstation.journey.states import (
    Evaluating,
    Farewell,
    Idle,
    Journey,
    Launching,
    OutOfService,
    SelfCheck,
    SigningOut,
)

from .arrival import REFUSED_STAY_S, ROSTER_POLL_S, SITE_POLL_S, leave
from .outcome import Enter, Outcome, Stay, poll, record

LAUNCH_TRIES = 3


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` from the self-check to the open page, and from sign-out to the receipt."""
    match journey.state:
        case SelfCheck() as state:
            return _self_check(state, event)
        case Launching() as state:
            return _launching(journey, state, event)
        case SigningOut() as state:
            return _signing_out(state, event)
        case Farewell():
            return _farewell(event)
        case _:
            return None


def _self_check(state: SelfCheck, event: Event) -> Outcome:
    holder = state.session.holder
    again = SelfCheck(session=state.session, expert_hash=state.expert_hash)
    match event:
        case ChecksDone(checks=checks):
            done = replace(state, checks=checks)
            failed = ",".join(check.code for check in checks if check.code is not None)
            return Stay(done, record("checks_done", holder, passed=int(done.passed), failed=failed))
        case Pressed(intent=Intent.RECHECK) | ConditionRaised() | ConditionCleared():
            return Enter(again)
        case Pressed(intent=Intent.CONFIRM) if state.passed:
            return Enter(Launching(session=state.session, expert_hash=state.expert_hash))
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


def _launching(journey: Journey, state: Launching, event: Event) -> Outcome:
    holder = state.session.holder
    match event:
        case LaunchGranted():
            return Stay(replace(state, problem=None), (OpenPage(attempt=journey.attempt),))
        case PageOpened():
            opened = record("evaluation_opened", holder, project=state.session.assignment.project_id)
            return Enter(Evaluating(session=state.session, expert_hash=state.expert_hash), opened)
        case PageFailed(code=code) | SiteFailed(code=code):
            return _launch_failed(journey, state, code, asked_main_site=isinstance(event, PageFailed))
        case TimerExpired(timer=timer):
            return _launch_waited(journey, state, timer)
        case Pressed(intent=Intent.RETRY) if state.problem is not ErrorCode.MAIN_SITE_NOT_TRUSTED:
            return Enter(replace(state, tries=1, problem=None))
        case Pressed(intent=Intent.CANCEL):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


def _launch_waited(journey: Journey, state: Launching, timer: Timer) -> Outcome:
    holder, assignment = state.session.holder, state.session.assignment
    if state.problem in {ErrorCode.MAIN_SITE_NOT_TRUSTED, ErrorCode.TICKET_REFUSED}:
        return Enter(*leave(holder, assignment.alias)) if timer is Timer.STATE else None
    if state.problem is ErrorCode.SITE_SERVER_UNREACHABLE and timer is Timer.POLL:
        ask = RequestLaunch(attempt=journey.attempt, session_id=holder.session_id, project_id=assignment.project_id)
        return Stay(state, (ask,))
    return Enter(replace(state, problem=state.problem or ErrorCode.MAIN_SITE_UNREACHABLE))


def _launch_failed(journey: Journey, state: Launching, code: ErrorCode, *, asked_main_site: bool) -> Outcome:
    """Ask again with a new ticket, as often as the code allows.

    That is for ever when a network is away, three times when a ticket is refused, and never when the
    main site is not who it should be (fail closed).
    """
    failure = record("launch_failed", state.session.holder, code=code, tries=state.tries)
    failed = replace(state, problem=code)
    stay = (StartTimer(timer=Timer.STATE, attempt=journey.attempt, seconds=REFUSED_STAY_S),)
    if code is ErrorCode.MAIN_SITE_NOT_TRUSTED:
        return Stay(failed, failure + stay)
    if code is ErrorCode.TICKET_REFUSED:
        if state.tries < LAUNCH_TRIES:
            return Enter(replace(state, tries=state.tries + 1), failure)
        return Stay(failed, failure + stay)
    first = () if state.problem is code else failure
    return Stay(failed, first + poll(journey, ROSTER_POLL_S if asked_main_site else SITE_POLL_S))


def _signing_out(state: SigningOut, event: Event) -> Outcome:
    match event:
        case Wiped():
            return Enter(Farewell(alias=state.alias), record("signed_out", state.holder))
        case TimerExpired(timer=Timer.STATE):
            return Enter(OutOfService(code=ErrorCode.INTERNAL))
        case _:
            return None


def _farewell(event: Event) -> Outcome:
    match event:
        case TimerExpired(timer=Timer.STATE) | Pressed(intent=Intent.CONFIRM):
            return Enter(Idle(), (StartAfresh(),))
        case _:
            return None
