"""What a rule answers with, and the two effects every rule uses."""

from __future__ import annotations

from dataclasses import dataclass

from workstation.journey.effects import Effect, Record, StartTimer
from workstation.journey.events import Timer
from workstation.journey.facts import Holder
from workstation.journey.states import Journey, State


@dataclass(frozen=True)
class Stay:
    """The same state with other facts; results under way stay valid."""

    state: State
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class Enter:
    """A (new) state is entered; whatever the old one waited for is void."""

    state: State
    effects: tuple[Effect, ...] = ()


Outcome = Stay | Enter | None
"""``None``: this event means nothing in this state."""


def record(kind: str, holder: Holder | None = None, **facts: str | int) -> tuple[Effect, ...]:
    """Return the effect that journals an event of this visit."""
    return (Record(kind=kind, session_id=holder.session_id if holder else "", facts=tuple(facts.items())),)


def poll(journey: Journey, seconds: float) -> tuple[Effect, ...]:
    """Return the effect that asks again in ``seconds``."""
    return (StartTimer(timer=Timer.POLL, attempt=journey.attempt, seconds=seconds),)
