"""What a change of state means to the conference: met in the evaluation, held outside of it, left with it."""

from __future__ import annotations

from workstation.journey.effects import Effect, HoldConference, JoinConference, LeaveConference
from workstation.journey.facts import Session
from workstation.journey.meeting import ConferenceKind
from workstation.journey.states import Evaluating, Journey, Launching, Locked, State


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
