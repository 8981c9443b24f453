"""Self-check and sign-out."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import StartAfresh
from workstation.journey.events import (
    ChecksDone,
    ConditionCleared,
    ConditionRaised,
    Event,
    Intent,
    Pressed,
    Timer,
    TimerExpired,
    Wiped,
)
from workstation.journey.facts import CheckKind
from workstation.journey.states import Farewell, Idle, Journey, Launching, OutOfService, SelfCheck, SigningOut

from . import launch
from .arrival import leave
from .outcome import Enter, Outcome, Stay, record


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` from the self-check to the open page, and from sign-out to the receipt."""
    match journey.state:
        case SelfCheck() as state:
            return _self_check(state, event)
        case Launching() as state:
            return launch.decide(journey, state, event)
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
            components = ",".join(check.detail for check in checks if check.kind is CheckKind.PACK and check.code)
            found = {"components": components} if components else {}
            return Stay(done, record("checks_done", holder, passed=int(done.passed), failed=failed, **found))
        case Pressed(intent=Intent.RECHECK) | ConditionRaised() | ConditionCleared():
            return Enter(again)
        case Pressed(intent=Intent.CONFIRM) if state.passed:
            return Enter(Launching(session=state.session, expert_hash=state.expert_hash))
        case Pressed(intent=Intent.CANCEL) | TimerExpired(timer=Timer.STATE):
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


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
