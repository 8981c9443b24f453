"""``transition(journey, event) -> (journey, effects)``: the one place where decisions are made.

What a state owns (its time limit, what starts when it is entered and stops when it is left) stands in the tables
here; what an event means in a state stands in ``rules``. Leaving a state always runs its exit effects, so no path
can forget to close the camera or to wipe the card data.
"""

from __future__ import annotations

from dataclasses import replace

from drivers.errors import ErrorCode

from .effects import (
    AskMatch,
    ClosePage,
    Effect,
    FetchReference,
    ForgetPicture,
    ForgetResume,
    KeepResume,
    PrepareBrowser,
    ReadCard,
    Record,
    Restart,
    RunChecks,
    SendArrival,
    StartFace,
    StartTimer,
    StopFace,
    StopReading,
    StopTimer,
    StopWatching,
    WatchSeat,
    WipeIdentity,
)
from .events import (
    CardInserted,
    CardLifted,
    ConditionCleared,
    ConditionRaised,
    Crashed,
    Event,
    Intent,
    MessageArrived,
    Pressed,
    Started,
    Timer,
    TimerExpired,
)
from .facts import Attempt, PhotoPolicy, Reference, Resume
from .rules import decide, launch
from .rules.arrival import REFUSED_STAY_S
from .rules.face import send_review
from .rules.meeting import meet
from .rules.outcome import Enter, Outcome, Stay
from .rules.seat import lock_report_s
from .seat import USUAL_SEAT_POLICY, SeatPolicy
from .states import (
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
    State,
    TaskReview,
    holder_of,
)
from .way import SETTLED_S

Step = tuple[Journey, tuple[Effect, ...]]

TIME_LIMITS_S: dict[type[State], float] = {
    ReadingCard: 15,
    CardProblem: 20,
    FetchingReference: 20,
    FaceCheck: 60,
    FaceProblem: 90,
    HumanReview: 15 * 60,
    Arriving: 60 * 60,
    AwaitingMatch: 4 * 60 * 60,
    TaskReview: 10 * 60,
    SelfCheck: 15 * 60,
    Launching: 40,
    Evaluating: 16 * 60 * 60,
    Locked: 2 * 60 * 60,
    SigningOut: 30,
    Farewell: 10,
    OutOfService: 5,
}
"""Longest stay in each state, in seconds. Idle has none: it is where every path ends."""

HELP_SHOWN_S = 60.0


def start(
    resume: Resume | None = None,
    photo_policy: PhotoPolicy = PhotoPolicy.MANUAL,
    seat_policy: SeatPolicy = USUAL_SEAT_POLICY,
) -> Step:
    """Return the journey of a program that just started, and its first effects."""
    started = Started(resume=resume, photo_policy=photo_policy, seat_policy=seat_policy)
    return transition(Journey(state=Idle()), started)


def transition(journey: Journey, event: Event) -> Step:
    """Return what follows from ``event``. Stale results and events without meaning here change nothing."""
    if isinstance(event, Crashed):
        return _crash(journey, event)
    if isinstance(journey.state, OutOfService):
        return (journey, (Restart(),)) if isinstance(event, TimerExpired) else (journey, ())
    attempt = getattr(event, "attempt", journey.attempt)
    if attempt != journey.attempt and not (isinstance(event, TimerExpired) and event.timer is Timer.HELP):
        return journey, ()
    journey, common = _whatever_the_state(journey, event)
    return _carry_out(journey, common, decide(journey, event))


def _carry_out(journey: Journey, before: tuple[Effect, ...], outcome: Outcome) -> Step:
    match outcome:
        case None:
            return journey, before
        case Stay(state=state, effects=effects):
            return replace(journey, state=state), before + effects
        case Enter(state=state, effects=effects):
            old, leaving = journey.state, _on_exit(journey.state, state)
            journey = replace(journey, state=state, attempt=Attempt(journey.attempt + 1), help_called=False)
            return journey, before + leaving + effects + meet(old, journey) + _on_entry(journey)


def _crash(journey: Journey, event: Crashed) -> Step:
    session_id = _session_id(journey)
    state = OutOfService(code=event.code)
    record = Record(kind="crashed", session_id=session_id, facts=(("code", event.code),))
    return _carry_out(journey, (record,), Enter(state, (ClosePage(),)))


def _whatever_the_state(journey: Journey, event: Event) -> Step:
    """Apply what an event means everywhere: the condition of the booth, help, messages."""
    match event:
        case Started(resume=resume, photo_policy=photo_policy, seat_policy=seat_policy):
            return replace(journey, resume=resume, photo_policy=photo_policy, seat_policy=seat_policy), ()
        case ConditionRaised(code=code) if code not in journey.conditions:
            card_present = journey.card_present and code is not ErrorCode.READER_ABSENT
            return replace(journey, conditions=journey.conditions | {code}, card_present=card_present), ()
        case ConditionCleared(code=code) if code in journey.conditions:
            return replace(journey, conditions=journey.conditions - {code}), ()
        case CardInserted():
            return replace(journey, card_present=True), ()
        case CardLifted():
            return replace(journey, card_present=False), ()
        case MessageArrived(text=text):
            return replace(journey, message=text), ()
        case Pressed(intent=Intent.MESSAGE_READ) if journey.message:
            return replace(journey, message=""), (_record(journey, "message_read"),)
        case Pressed(intent=Intent.HELP) if not journey.help_called:
            journey = replace(journey, help_called=True)
            timer = StartTimer(timer=Timer.HELP, attempt=journey.attempt, seconds=HELP_SHOWN_S)
            return journey, (_record(journey, "help_called"), timer)
        case TimerExpired(timer=Timer.HELP):
            return replace(journey, help_called=False), ()
        case _:
            return journey, ()


def _record(journey: Journey, kind: str) -> Record:
    return Record(kind=kind, session_id=_session_id(journey))


def _session_id(journey: Journey) -> str:
    holder = holder_of(journey.state)
    return holder.session_id if holder else ""


def _on_entry(journey: Journey) -> tuple[Effect, ...]:
    limit = TIME_LIMITS_S.get(type(journey.state))
    timer: tuple[Effect, ...] = ()
    if limit is not None:
        timer = (StartTimer(timer=Timer.STATE, attempt=journey.attempt, seconds=limit),)
    return timer + _started_by(journey)


def _started_by(journey: Journey) -> tuple[Effect, ...]:
    attempt = journey.attempt
    match journey.state:
        case Idle() | OutOfService() | CardProblem(code=ErrorCode.PHOTO_REQUIRED):
            return (WipeIdentity(attempt=attempt),)
        case ReadingCard():
            return (ReadCard(attempt=attempt),)
        case FetchingReference():
            return (FetchReference(attempt=attempt),)
        case FaceCheck(holder=holder):
            return (StartFace(attempt=attempt, reference=holder.reference or Reference.CARD_PHOTO),)
        case HumanReview() | Arriving() | AwaitingMatch():
            return _told_to_site(journey, journey.state)
        case SigningOut():
            return (ForgetResume(), WipeIdentity(attempt=attempt))
        case TaskReview() | SelfCheck() | Launching() | Evaluating() | Locked():
            return _started_with_session(journey, journey.state)
        case CardProblem() | FaceProblem() | Farewell():
            return ()


def _told_to_site(journey: Journey, state: HumanReview | Arriving | AwaitingMatch) -> tuple[Effect, ...]:
    match state:
        case HumanReview():
            return send_review(journey, state)
        case Arriving(holder=holder, presence=presence):
            return (SendArrival(attempt=journey.attempt, session_id=holder.session_id, method=presence.method),)
        case AwaitingMatch(holder=holder):
            return (AskMatch(attempt=journey.attempt, session_id=holder.session_id),)


def _started_with_session(
    journey: Journey, state: TaskReview | SelfCheck | Launching | Evaluating | Locked
) -> tuple[Effect, ...]:
    attempt = journey.attempt
    match state:
        case TaskReview():
            return (PrepareBrowser(),)
        case SelfCheck():
            return (RunChecks(attempt=attempt),)
        case Launching() if state.way.is_stopped:
            return (StartTimer(timer=Timer.STATE, attempt=attempt, seconds=REFUSED_STAY_S),)
        case Launching():
            return (launch.request(journey, state),)
        case Evaluating() | Locked():
            return _started_in_evaluation(journey, state)


def _started_in_evaluation(journey: Journey, state: Evaluating | Locked) -> tuple[Effect, ...]:
    is_empty = isinstance(state, Locked) and state.code is ErrorCode.SEAT_LEFT
    watch = (WatchSeat(attempt=journey.attempt, is_empty=is_empty),) if journey.seat_policy.watch else ()
    if isinstance(state, Evaluating):
        session = state.session
        resume = Resume(
            session_id=session.holder.session_id,
            expert_hash=state.expert_hash,
            project_id=session.assignment.project_id,
        )
        settle: tuple[Effect, ...] = ()
        if state.sign_outs:
            settle = (StartTimer(timer=Timer.SETTLED, attempt=journey.attempt, seconds=SETTLED_S),)
        return (KeepResume(resume=resume), *watch, *settle)
    report_s = lock_report_s(journey, state)
    if report_s is None:
        return watch
    return (*watch, StartTimer(timer=Timer.SEAT, attempt=journey.attempt, seconds=report_s))


def _on_exit(old: State, new: State) -> tuple[Effect, ...]:
    stopped: tuple[Effect, ...] = (StopTimer(timer=Timer.HELP),)
    if type(old) in TIME_LIMITS_S:
        stopped += (StopTimer(timer=Timer.STATE),)
    match old:
        case ReadingCard():
            return (*stopped, StopReading())
        case FaceCheck() if isinstance(new, HumanReview) and new.code is not ErrorCode.FACE_DECLINED:
            return (*stopped, StopFace())  # the last live picture stays for the reviewer
        case FaceCheck():
            return (*stopped, StopFace(), ForgetPicture())
        case HumanReview():
            return (*stopped, StopTimer(timer=Timer.POLL), ForgetPicture())
        case Arriving() | AwaitingMatch():
            return (*stopped, StopTimer(timer=Timer.POLL))
        case Launching() | Evaluating() | Locked():
            closed = () if isinstance(new, (Evaluating, Locked)) else (ClosePage(),)
            return (*stopped, *_stopped_with_page(old), *closed)
        case _:
            return stopped


def _stopped_with_page(old: Launching | Evaluating | Locked) -> tuple[Effect, ...]:
    match old:
        case Launching():
            return (StopTimer(timer=Timer.POLL),)
        case Evaluating():
            return (StopWatching(), StopTimer(timer=Timer.SETTLED)) if old.sign_outs else (StopWatching(),)
        case Locked():
            timers = (StopTimer(timer=Timer.POLL), StopTimer(timer=Timer.SEAT))
            return (*timers, StopWatching(), StopFace(), ForgetPicture())
