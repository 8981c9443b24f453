"""Draws the state diagram of the docs by trying every kind of event in every state the journey can reach.

``python -m workstation.journey.diagram`` prints Mermaid; docs/architecture.md holds the result and a test compares.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from drivers.errors import ErrorCode, OtherCard

from . import events as e
from .facts import Assignment, Attempt, Check, CheckKind, Holder, PhotoPolicy, Reference, Resume, SessionId
from .seat import SeatLevel
from .states import Evaluating, Journey, Launching, Locked, State
from .transition import start, transition
from .way import Way

_TASK = Assignment(
    project_id="P", project_name="", section="", main_site="", alias="A", role="", starts_at="",
    expected_hours=4, signing="",
)  # fmt: skip
_HASH = "0" * 64


def holder(*, expired: bool = False, reference: bool = True) -> Holder:
    """Return a made-up card holder."""
    return Holder(
        session_id=SessionId("S"), masked_name="", masked_number="", sex="2",
        expired_on="1999-12-31" if expired else None, reference=Reference.CARD_PHOTO if reference else None,
    )  # fmt: skip


def sample_events(journey: Journey) -> Iterator[e.Event]:
    """Yield one event of every kind, and of every outcome that decides differently, valid for ``journey`` now."""
    now: Attempt = journey.attempt
    yield from (e.CardInserted(), e.CardLifted())
    for code in (ErrorCode.READER_ABSENT, ErrorCode.CAMERA_LOST, ErrorCode.STORAGE_FULL, ErrorCode.HEADSET_ABSENT):
        yield e.ConditionRaised(code=code)
        yield e.ConditionCleared(code=code)
    for person in (holder(), holder(expired=True), holder(reference=False)):
        yield e.CardRead(attempt=now, holder=person)
    for code in (ErrorCode.CARD_LIFTED, ErrorCode.READER_ABSENT, ErrorCode.SAM_NOT_ALLOWED):
        yield e.CardFailed(attempt=now, code=code)
    for card in (None, OtherCard.BANK):
        yield e.CardFailed(attempt=now, code=ErrorCode.CARD_WRONG_TYPE, other_card=card)
    yield from (e.ReferenceArrived(attempt=now), e.ReferenceMissing(attempt=now))
    yield from (e.FaceDecided(attempt=now, outcome=outcome) for outcome in e.FaceOutcome)
    for code in (ErrorCode.CAMERA_LOST, ErrorCode.CARD_PHOTO_UNUSABLE):
        yield e.FaceFailed(attempt=now, code=code)
    for review in (e.ReviewPassed, e.ReviewRejected, e.ReviewAgain, e.ReviewOnSite):
        yield review(session_id="S")
    yield from (e.ArrivalRecorded(attempt=now, expert_hash=_HASH, elsewhere=elsewhere) for elsewhere in ("", "05"))
    yield e.ExpertMatched(attempt=now, assignment=_TASK)
    for code in (ErrorCode.ROSTER_NOT_HERE, ErrorCode.ROSTER_NOT_LISTED):
        yield e.MatchPending(attempt=now, code=code)
    yield e.SiteFailed(attempt=now, code=ErrorCode.SITE_SERVER_UNREACHABLE)
    for failed in (None, ErrorCode.HEADSET_ABSENT):
        yield e.ChecksDone(attempt=now, checks=(Check(kind=CheckKind.HEADSET, required=True, code=failed),))
    yield from _page_events(now)
    yield from _seat_events(now)
    yield e.Wiped(attempt=now)
    yield from (e.TimerExpired(attempt=now, timer=timer) for timer in e.Timer)
    yield from (e.Pressed(intent=intent) for intent in e.Intent)
    yield from (e.MessageArrived(text="m"), e.Crashed())


def _page_events(now: Attempt) -> Iterator[e.Event]:
    yield e.PageOpened(attempt=now)
    yield e.LaunchGranted(attempt=now)
    yield e.LaunchGranted(attempt=now, has_fallback=True)
    yield e.LaunchGranted(attempt=now, account_tries=2)
    for code in (
        ErrorCode.MAIN_SITE_UNREACHABLE,
        ErrorCode.MAIN_SITE_NOT_TRUSTED,
        ErrorCode.TICKET_REFUSED,
        ErrorCode.ACCOUNT_REFUSED,
        ErrorCode.MAIN_SITE_SIGNED_OUT,
    ):
        yield e.PageFailed(attempt=now, code=code)


def _seat_events(now: Attempt) -> Iterator[e.Event]:
    for code, level in (
        (ErrorCode.SEAT_SEVERAL, SeatLevel.NOTICE),
        (ErrorCode.SEAT_SEVERAL, SeatLevel.ALARM),
        (ErrorCode.SEAT_SEVERAL, None),
        (ErrorCode.SEAT_LEFT, SeatLevel.LOCK),
        (ErrorCode.SEAT_OTHER_PERSON, SeatLevel.LOCK),
    ):
        yield e.SeatChanged(attempt=now, code=code, level=level)
    yield e.SeatTaken(attempt=now)


def explore() -> dict[State, set[tuple[str, State]]]:
    """Return every reachable state with its outgoing edges (event name, next state)."""
    resume = Resume(session_id=SessionId("S"), expert_hash=_HASH, project_id="P")
    queue = deque(_forget(start(past, policy)[0]) for past in (None, resume) for policy in PhotoPolicy)
    edges: dict[State, set[tuple[str, State]]] = {}
    seen = set(queue)
    while queue:
        journey = queue.popleft()
        outgoing = edges.setdefault(journey.state, set())
        for event in sample_events(journey):
            after = _forget(transition(journey, event)[0])
            outgoing.add((_name(event), after.state))
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return edges


def _forget(journey: Journey) -> Journey:
    """Drop what does not decide where the journey goes, so that the search ends."""
    relevant, state = journey.conditions & {ErrorCode.STORAGE_FULL}, journey.state
    if isinstance(state, Locked):
        lost = state.page_problem and ErrorCode.MAIN_SITE_UNREACHABLE
        tries = 0 if state.by_human else state.tries
        state = replace(
            state, code=ErrorCode.SHORT_LEAVE, reason=None, tries=tries, problem=None, page_problem=lost
        )  # fmt: skip
    elif isinstance(state, Launching):
        state = _forget_counts(state)
    elif isinstance(state, Evaluating):
        state = replace(state, sign_outs=0, notices=state.notices - {ErrorCode.MAIN_SITE_SIGNED_OUT})
    return replace(
        journey, state=state, attempt=Attempt(0), conditions=relevant, card_present=False, help_called=False,
        message="",
    )  # fmt: skip


def _forget_counts(state: Launching) -> Launching:
    problem = state.problem and ErrorCode.MAIN_SITE_UNREACHABLE
    if state.problem is ErrorCode.SITE_SERVER_UNREACHABLE:
        problem = state.problem
    if state.way.is_stopped:
        way = Way(is_stopped=True)
    else:
        way = replace(state.way, account_refusals=0, account_tries=0, sign_outs=0)
    return replace(state, problem=problem, way=way)


def _name(event: e.Event) -> str:
    match event:
        case e.Pressed(intent=intent):
            return f"press {intent}"
        case e.TimerExpired(timer=timer):
            return f"{timer} timer"
        case e.FaceDecided(outcome=outcome):
            return f"face {outcome}"
        case _:
            return type(event).__name__


def mermaid() -> str:
    """Return the diagram: one node a state class, one arrow a pair of classes with the events that lead there."""
    arrows: dict[tuple[str, str], set[str]] = {}
    for state, outgoing in explore().items():
        for event, after in outgoing:
            pair = (type(state).__name__, type(after).__name__)
            if pair[0] != pair[1] and event != "Crashed":
                arrows.setdefault(pair, set()).add(event)
    lines = ["stateDiagram-v2", "    [*] --> Idle"]
    lines += [f"    {a} --> {b}: {', '.join(sorted(names))}" for (a, b), names in sorted(arrows.items())]
    lines += ["    note right of OutOfService: every state, on an unforeseen exception"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(mermaid())
