"""The conference beside the evaluation: when it is met, held and left, and what is told of its troubles."""

from __future__ import annotations

from drivers.errors import ErrorCode
from workstation.journey.effects import (
    Effect,
    HoldConference,
    JoinConference,
    LeaveConference,
    Record,
    StartTimer,
    StopTimer,
)
from workstation.journey.events import Timer
from workstation.journey.facts import Session
from workstation.journey.meeting import ConferenceKind
from workstation.journey.states import Evaluating, Journey, Launching, Locked, State, holder_of

LOST_REPORT_S = 60.0
"""The administrator is told of a meeting that stays lost for so long (E-407)."""

_TROUBLES = {
    ErrorCode.HEADSET_LOST: ("headset_lost", "headset_back"),
    ErrorCode.CONFERENCE_LOST: ("meeting_lost", "meeting_back"),
    ErrorCode.ANONYMITY_NOT_READY: ("anonymity_lost", "anonymity_back"),
}
"""What the journal calls the beginning and the end of each; the end says how long it was."""


def meet(old: State, entered: Journey) -> tuple[Effect, ...]:
    """Return what the conference has to do because ``old`` was left for the state of ``entered``."""
    session = _session_of(old) or _session_of(entered.state)
    if session is None or session.assignment.meeting.kind is ConferenceKind.NONE:
        return ()
    match old, entered.state:
        case Evaluating(), Launching() | Locked():
            return (HoldConference(held=True),)
        case Locked(), Evaluating():
            return (HoldConference(held=False),)
        case _, Evaluating():
            join = JoinConference(
                attempt=entered.attempt,
                session_id=session.holder.session_id,
                project_id=session.assignment.project_id,
            )
            return (join, HoldConference(held=False))  # held since the page was lost, if it was joined already
        case Launching() | Evaluating() | Locked(), Launching() | Locked():
            return ()
        case Launching() | Evaluating() | Locked(), _:
            return (LeaveConference(),)
        case _:
            return ()


def _session_of(state: State) -> Session | None:
    return state.session if isinstance(state, Launching | Evaluating | Locked) else None


def began(journey: Journey, code: ErrorCode) -> tuple[Effect, ...]:
    """Return what follows when ``code`` is raised; nothing of other conditions. None of them stops the evaluation."""
    if code not in _TROUBLES:
        return ()
    told = _tell(journey, _TROUBLES[code][0], code)
    if code is not ErrorCode.CONFERENCE_LOST:
        return told
    return (*told, StartTimer(timer=Timer.MEETING, attempt=journey.attempt, seconds=LOST_REPORT_S))


def ended(journey: Journey, code: ErrorCode) -> tuple[Effect, ...]:
    """Return what follows when ``code`` is cleared."""
    if code not in _TROUBLES:
        return ()
    start, end = _TROUBLES[code]
    told = _tell(journey, end, code, since=start)
    return (*told, StopTimer(timer=Timer.MEETING)) if code is ErrorCode.CONFERENCE_LOST else told


def lasted(journey: Journey) -> tuple[Effect, ...]:
    """Return what follows when the meeting was lost for ``LOST_REPORT_S``."""
    if ErrorCode.CONFERENCE_LOST not in journey.conditions:
        return ()
    return _tell(journey, "meeting_alarm", ErrorCode.CONFERENCE_LOST)


def _tell(journey: Journey, kind: str, code: ErrorCode, since: str = "") -> tuple[Effect, ...]:
    holder = holder_of(journey.state)
    session_id = holder.session_id if holder else ""
    return (Record(kind=kind, session_id=session_id, facts=(("code", code),), since=since),)
