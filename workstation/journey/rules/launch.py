"""跳转: tickets, accounts and the page, until the expert has arrived or nothing is left to try."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import OpenPage, RequestLaunch, StartTimer
from workstation.journey.events import (
    Event,
    Intent,
    LaunchGranted,
    PageFailed,
    PageOpened,
    Pressed,
    SiteFailed,
    Timer,
    TimerExpired,
)
from workstation.journey.states import Evaluating, Journey, Launching
from workstation.journey.way import SIGN_OUTS, Way

from .arrival import REFUSED_STAY_S, ROSTER_POLL_S, SITE_POLL_S, leave
from .outcome import Enter, Outcome, Stay, poll, record

LAUNCH_TRIES = 3


def decide(journey: Journey, state: Launching, event: Event) -> Outcome:
    """Return the outcome of ``event`` while the main site is being entered."""
    holder = state.session.holder
    match event:
        case LaunchGranted():
            return _granted(journey, state, event)
        case PageOpened() if state.way.is_opening:
            return _arrived(state)
        case PageFailed(code=code) | SiteFailed(code=code):
            return _failed(journey, state, code, asked_main_site=isinstance(event, PageFailed))
        case TimerExpired(timer=timer):
            return _waited(journey, state, timer)
        case Pressed(intent=Intent.RETRY) if may_retry(state):
            way = Way(account_refusals=state.way.account_refusals, account_tries=state.way.account_tries)
            return Enter(replace(state, tries=1, problem=None, way=way))
        case Pressed(intent=Intent.CANCEL):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


def may_retry(state: Launching) -> bool:
    """Whether the expert may ask for one more try."""
    if state.problem is ErrorCode.ACCOUNT_REFUSED:
        return not state.way.account_is_used_up
    return state.problem is not ErrorCode.MAIN_SITE_NOT_TRUSTED


def after_page_lost(state: Evaluating, code: ErrorCode) -> Launching:
    """Return how the evaluation is entered again when its page, or the main site's session, is over."""
    way = Way()
    if code is ErrorCode.MAIN_SITE_SIGNED_OUT:
        sign_outs = state.sign_outs + 1
        way = Way(sign_outs=sign_outs, is_stopped=sign_outs >= SIGN_OUTS)
    return Launching(session=state.session, expert_hash=state.expert_hash, problem=code, way=way)


def request(journey: Journey, state: Launching) -> RequestLaunch:
    """Return the effect that asks the site for a way in."""
    return RequestLaunch(
        attempt=journey.attempt,
        session_id=state.session.holder.session_id,
        project_id=state.session.assignment.project_id,
        by_account=state.way.by_account,
    )


def _granted(journey: Journey, state: Launching, granted: LaunchGranted) -> Outcome:
    way = replace(state.way, has_fallback=granted.has_fallback)
    if granted.account_tries:
        way = replace(way, account_tries=granted.account_tries)
        if way.account_is_used_up:
            return _stop(journey, replace(state, way=way), ErrorCode.ACCOUNT_REFUSED)
    # Why the expert is here again is worth reading until the page is there.
    problem = state.problem if state.problem is ErrorCode.MAIN_SITE_SIGNED_OUT else None
    opening = replace(state, problem=problem, way=replace(way, is_opening=True))
    return Stay(opening, (OpenPage(attempt=journey.attempt),))


def _arrived(state: Launching) -> Outcome:
    opened = record("evaluation_opened", state.session.holder, project=state.session.assignment.project_id)
    again = {ErrorCode.MAIN_SITE_SIGNED_OUT} if state.way.sign_outs else ()
    inside = Evaluating(
        session=state.session,
        expert_hash=state.expert_hash,
        sign_outs=state.way.sign_outs,
        notices=frozenset(again),
    )
    return Enter(inside, opened)


def _waited(journey: Journey, state: Launching, timer: Timer) -> Outcome:
    if state.way.is_stopped:
        over = leave(state.session.holder, state.session.assignment.alias)
        return Enter(*over) if timer is Timer.STATE else None
    if state.problem is ErrorCode.SITE_SERVER_UNREACHABLE and timer is Timer.POLL:
        return Stay(state, (request(journey, state),))
    way = replace(state.way, is_opening=False)
    return Enter(replace(state, problem=state.problem or ErrorCode.MAIN_SITE_UNREACHABLE, way=way))


def _failed(journey: Journey, state: Launching, code: ErrorCode, *, asked_main_site: bool) -> Outcome:
    """Ask again, as often as the code allows.

    That is for ever when a network is away, with three tickets when tickets are refused, never by itself when an
    account is (the main site would lock it), and never when the main site is not who it should be (fail closed).
    """
    state = replace(state, way=replace(state.way, is_opening=False))
    failure = record("launch_failed", state.session.holder, code=code, tries=state.tries)
    match code:
        case ErrorCode.MAIN_SITE_NOT_TRUSTED:
            return _stop(journey, state, code)
        case ErrorCode.ACCOUNT_REFUSED:
            way = replace(state.way, account_refusals=state.way.account_refusals + 1)
            return _stop(journey, replace(state, way=way), code)
        case ErrorCode.TICKET_REFUSED if state.way.by_account:
            return _stop(journey, state, code)
        case ErrorCode.TICKET_REFUSED if state.tries < LAUNCH_TRIES:
            return Enter(replace(state, tries=state.tries + 1, problem=code), failure)
        case ErrorCode.TICKET_REFUSED if state.way.has_fallback:
            return Enter(replace(state, tries=1, problem=code, way=replace(state.way, by_account=True)), failure)
        case ErrorCode.TICKET_REFUSED:
            return _stop(journey, state, code)
        case _:
            first = () if state.problem is code else failure
            wait = poll(journey, ROSTER_POLL_S if asked_main_site else SITE_POLL_S)
            return Stay(replace(state, problem=code), first + wait)


def _stop(journey: Journey, state: Launching, code: ErrorCode) -> Outcome:
    failure = record("launch_failed", state.session.holder, code=code, tries=state.tries)
    stay = StartTimer(timer=Timer.STATE, attempt=journey.attempt, seconds=REFUSED_STAY_S)
    return Stay(replace(state, problem=code, way=replace(state.way, is_stopped=True)), (*failure, stay))
