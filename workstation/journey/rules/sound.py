"""试音: the headset is tested with the expert before a meeting; nobody is kept from the evaluation by it for ever."""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode
from workstation.journey.effects import AnswerSoundCheck, Effect, RepeatSoundCheck, StartSoundCheck, StartTimer
from workstation.journey.events import (
    ConditionCleared,
    Event,
    Intent,
    Pressed,
    SoundChecked,
    SoundStepped,
    Timer,
    TimerExpired,
)
from workstation.journey.meeting import SOUND_TRIES
from workstation.journey.states import Journey, Launching, SoundCheck

from .arrival import leave
from .outcome import Enter, Outcome, Stay, record

REPEATS = 2
"""So often a tone is played again; who does not hear it then has a headset that does not play."""

HOWLS = 2
"""After so many tests that howled the administrator is told."""

ABSENT_REPORT_S = 60.0
"""... and of a headset that stays away for so long."""

_AWAY = frozenset({ErrorCode.HEADSET_ABSENT, ErrorCode.HEADSET_LOST})


def decide(journey: Journey, state: SoundCheck, event: Event) -> Outcome:
    """Return the outcome of ``event`` while the headset is tested."""
    match event:
        case SoundStepped(step=step, digits=digits) if state.problem is None:
            return Stay(replace(state, step=step, digits=digits, answered=False, repeats=0))
        case SoundChecked(code=None) if state.problem is None:
            checked = record("sound_checked", state.session.holder, failures=state.failures)
            return Enter(_launching(state), checked)
        case SoundChecked(code=ErrorCode() as code, suggestion=suggestion) if state.problem is None:
            return _failed(journey, state, code, suggestion)
        case ConditionCleared(code=code) if code in _AWAY and state.problem in _AWAY:
            return Enter(_again(state))
        case TimerExpired(timer=Timer.HEADSET) if not state.reported:
            return Stay(replace(state, reported=True), _report(state, ErrorCode.HEADSET_ABSENT))
        case Pressed(intent=intent):
            return _pressed(state, intent)
        case TimerExpired(timer=Timer.STATE):
            return Enter(*leave(state.session.holder, state.session.assignment.alias))
        case _:
            return None


def begin(journey: Journey, state: SoundCheck) -> tuple[Effect, ...]:
    """Return the effect that tests the headset."""
    meeting = state.session.assignment.meeting
    return (StartSoundCheck(attempt=journey.attempt, voice=meeting.voice, mask=meeting.mask),)


def _pressed(state: SoundCheck, intent: Intent) -> Outcome:
    holder = state.session.holder
    match intent:
        case Intent.RETRY if state.asks and state.repeats < REPEATS:
            return Stay(replace(state, repeats=state.repeats + 1), (RepeatSoundCheck(),))
        case Intent.CONFIRM | Intent.RETRY if state.asks:
            return Stay(replace(state, answered=True), (AnswerSoundCheck(heard=intent is Intent.CONFIRM),))
        case Intent.RETRY if state.problem is not None:
            return Enter(_again(state))
        case Intent.WITHOUT_SOUND if state.may_go_on and state.problem is not None:
            skipped = record("sound_check_skipped", holder, code=state.problem, failures=state.failures)
            return Enter(_launching(state), skipped)
        case Intent.CANCEL:
            return Enter(*leave(holder, state.session.assignment.alias))
        case _:
            return None


def _failed(journey: Journey, state: SoundCheck, code: ErrorCode, suggestion: str) -> Outcome:
    failures = min(state.failures + 1, SOUND_TRIES)
    howls = min(state.howls + (code is ErrorCode.HEADSET_HOWLS), HOWLS)
    failed = replace(state, failures=failures, howls=howls, problem=code, suggestion=suggestion)
    facts = {"suggestion": suggestion} if suggestion else {}
    effects = record("sound_check_failed", state.session.holder, code=code, failures=failures, **facts)
    is_beyond_them = failures == SOUND_TRIES or howls == HOWLS or code is ErrorCode.ANONYMITY_NOT_READY
    if is_beyond_them and not state.reported:
        failed = replace(failed, reported=True)
        effects += _report(failed, code)
    if code in _AWAY and not failed.reported:
        effects += (StartTimer(timer=Timer.HEADSET, attempt=journey.attempt, seconds=ABSENT_REPORT_S),)
    return Stay(failed, effects)


def _report(state: SoundCheck, code: ErrorCode) -> tuple[Effect, ...]:
    return record("sound_check_alarm", state.session.holder, code=state.problem or code, failures=state.failures)


def _again(state: SoundCheck) -> SoundCheck:
    return SoundCheck(
        session=state.session,
        expert_hash=state.expert_hash,
        failures=state.failures,
        howls=state.howls,
        reported=state.reported,
    )


def _launching(state: SoundCheck) -> Launching:
    return Launching(session=state.session, expert_hash=state.expert_hash)
