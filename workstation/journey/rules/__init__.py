"""What each event means in each state: one module per leg of the journey, one function per state."""

from __future__ import annotations

from workstation.journey.events import Event
from workstation.journey.states import (
    Arriving,
    AwaitingMatch,
    CardProblem,
    Evaluating,
    FaceCheck,
    FaceProblem,
    Farewell,
    FetchingReference,
    HumanReview,
    Idle,
    Journey,
    Launching,
    Locked,
    OutOfService,
    ReadingCard,
    SelfCheck,
    SigningOut,
    SoundCheck,
    TaskReview,
)

from . import arrival, card, face, seat, session
from .outcome import Outcome


def decide(journey: Journey, event: Event) -> Outcome:
    """Return the outcome of ``event`` in the journey's state."""
    match journey.state:
        case Idle() | ReadingCard() | CardProblem():
            return card.decide(journey, event)
        case FetchingReference() | FaceCheck() | FaceProblem() | HumanReview():
            return face.decide(journey, event)
        case Arriving() | AwaitingMatch() | TaskReview():
            return arrival.decide(journey, event)
        case SelfCheck() | SoundCheck() | Launching() | SigningOut() | Farewell():
            return session.decide(journey, event)
        case Evaluating() | Locked():
            return seat.decide(journey, event)
        case OutOfService():
            return None
