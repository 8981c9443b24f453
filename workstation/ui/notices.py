"""What the plain "one thing to know" screens say, by state: wording, sign, milestones and the actions that count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.errors import ErrorCode
from workstation.journey.events import Intent
from workstation.journey.rules.launch import may_retry
from workstation.journey.seat import LeaveReason
from workstation.journey.states import (
    Arriving,
    AwaitingMatch,
    CardProblem,
    FaceCheck,
    FaceProblem,
    FetchingReference,
    HumanReview,
    Launching,
    Locked,
    OutOfService,
    SelfCheck,
    SigningOut,
    SoundCheck,
    State,
    TaskReview,
)
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.theme import Tone
from workstation.ui.widgets.basics import Kind
from workstation.ui.widgets.step_bar import Stage

NoticeState = (
    FetchingReference | FaceProblem | HumanReview | Arriving | AwaitingMatch | Launching | SigningOut | OutOfService
)


@dataclass(frozen=True, kw_only=True)
class Action:
    """A button. ``key`` names its caption in the messages."""

    key: str
    intent: Intent
    kind: Kind = Kind.SECONDARY
    icon: Icon | None = None


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """A line of "what happens next"."""

    caption: str
    stage: Stage


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A screen with one thing to know.

    Attributes:
        statement: the large sentence beside the sign.
        code: shown small in the corner, for the person on the phone.
    """

    icon: Icon
    tone: Tone
    title: str
    lead: str
    statement: str
    code: ErrorCode | None = None
    milestones: tuple[Milestone, ...] = ()
    actions: tuple[Action, ...] = ()


CALL_HELP: Final = Action(key="footer.help", intent=Intent.HELP, kind=Kind.PRIMARY, icon=Icon.HELP)
_RETRY: Final = Action(key="action.retry", intent=Intent.RETRY, kind=Kind.PRIMARY)
_LEAVE: Final = Action(key="action.leave", intent=Intent.CANCEL, kind=Kind.PRIMARY)
_MANUAL: Final = Action(key="action.manual", intent=Intent.MANUAL)
_UNLOCK: Final = Action(key="locked.unlock", intent=Intent.UNLOCK, kind=Kind.PRIMARY, icon=Icon.FACE)

_NOT_HERE: Final = frozenset({ErrorCode.ROSTER_OTHER_BOOTH, ErrorCode.ROSTER_OTHER_SITE, ErrorCode.ROSTER_REPLACED})
"""Answers of the roster after which the only way on is to leave this booth."""

_CODE_ICONS: Final = {
    ErrorCode.CAMERA_LOST: Icon.CAMERA,
    ErrorCode.CAMERA_COVERED: Icon.CAMERA,
    ErrorCode.FACE_SEVERAL: Icon.PERSONS,
    ErrorCode.ROSTER_OTHER_BOOTH: Icon.SEAT,
    ErrorCode.ROSTER_ALREADY_SIGNED_IN: Icon.SEAT,
    ErrorCode.ROSTER_NOT_LISTED: Icon.TASK,
    ErrorCode.ROSTER_REPLACED: Icon.TASK,
    ErrorCode.ROSTER_OTHER_SITE: Icon.SEAT,
    ErrorCode.SITE_SERVER_UNREACHABLE: Icon.SERVER,
    ErrorCode.MAIN_SITE_UNREACHABLE: Icon.NETWORK,
    ErrorCode.NETWORK_DOWN: Icon.NETWORK,
    ErrorCode.MAIN_SITE_NOT_TRUSTED: Icon.LOCK,
    ErrorCode.TICKET_REFUSED: Icon.ENTER,
    ErrorCode.ACCOUNT_REFUSED: Icon.ENTER,
    ErrorCode.MAIN_SITE_SIGNED_OUT: Icon.ENTER,
    ErrorCode.COMPONENT_MISSING: Icon.ENTER,
    ErrorCode.CARD_EXPIRED: Icon.CARD,
    ErrorCode.CARD_PHOTO_UNUSABLE: Icon.CARD,
}


def leave_key(state: State) -> str:
    """Return the caption of the footer's way out, ``""`` where leaving does not count or is the screen's action."""
    match state:
        case CardProblem() | FetchingReference() | FaceCheck() | FaceProblem() | HumanReview():
            return "action.cancel"
        case AwaitingMatch(problem=problem) if problem in _NOT_HERE:
            return ""
        case Arriving() | AwaitingMatch() | TaskReview() | SelfCheck() | SoundCheck() | Launching():
            return "action.leave"
        case _:
            return ""


def notice_for(state: NoticeState, messages: Messages) -> Notice:
    """Return what to show for ``state``."""
    match state:
        case FetchingReference():
            return _fetching_reference(messages)
        case FaceProblem():
            return _face_problem(state, messages)
        case HumanReview():
            return _human_review(state, messages)
        case Arriving():
            return _arriving(state, messages)
        case AwaitingMatch():
            return _awaiting_match(state, messages)
        case Launching():
            return _launching(state, messages)
        case SigningOut():
            return _signing_out(messages)
        case OutOfService(code=code):
            return Notice(
                icon=Icon.WAIT,
                tone=Tone.INFO,
                title=messages.text("out_of_service.title"),
                lead=messages.text("out_of_service.lead"),
                statement=messages.expert(code),
                code=code,
            )


def locked_notice(state: Locked, limit: str, messages: Messages) -> Notice:
    """Return what the locked booth says; ``limit`` is how long a short leave may last, in words."""
    last = "locked.next_human" if state.by_human else "locked.next_face"
    code = state.problem or state.code
    if state.by_human:
        statement = messages.text("locked.human")
    elif state.reason is LeaveReason.UNWELL and state.problem is None:
        statement = messages.text("locked.unwell")
    else:
        statement = messages.expert(code, "locked", limit=limit)
    lead = "locked.lead_human" if state.by_human else "locked.lead_checking" if state.checking else "locked.lead"
    return Notice(
        icon=Icon.PERSONS if state.by_human else _CODE_ICONS.get(code, Icon.LOCK),
        tone=Tone.WARN if state.problem or state.code is ErrorCode.SEAT_OTHER_PERSON else Tone.INFO,
        title=messages.text("locked.title"),
        lead=messages.text(lead),
        statement=statement,
        code=code,
        milestones=_milestones(messages, ("locked.next_hidden", last, "locked.next_continue"), 1),
        actions=() if state.by_human else (_MANUAL, _UNLOCK),
    )


def _milestones(messages: Messages, keys: tuple[str, ...], now: int) -> tuple[Milestone, ...]:
    stages = [Stage.DONE if at < now else Stage.NOW if at == now else Stage.NEXT for at in range(len(keys))]
    return tuple(Milestone(caption=messages.text(key), stage=stage) for key, stage in zip(keys, stages, strict=True))


def _fetching_reference(messages: Messages) -> Notice:
    keys = ("fetching.next_card", "fetching.next_photo", "fetching.next_face")
    return Notice(
        icon=Icon.FACE,
        tone=Tone.INFO,
        title=messages.text("fetching.title"),
        lead=messages.text("fetching.lead"),
        statement=messages.text("fetching.statement"),
        milestones=_milestones(messages, keys, 1),
    )


def _face_problem(state: FaceProblem, messages: Messages) -> Notice:
    nobody_called_yet = state.code is ErrorCode.FACE_MISMATCH
    return Notice(
        icon=_CODE_ICONS.get(state.code, Icon.FACE),
        tone=Tone.WARN,
        title=messages.text("face_problem.again") if nobody_called_yet else messages.title(state.code),
        lead=messages.text("face_problem.lead"),
        statement=messages.expert(state.code, "face_problem"),
        code=state.code,
        actions=(_MANUAL, _RETRY),
    )


def _human_review(state: HumanReview, messages: Messages) -> Notice:
    checking = "review.next_coming" if state.on_site else "review.next_checking"
    keys = ("review.next_called", checking, "review.next_continue")
    said = messages.expert(state.code, date=state.holder.expired_on or "")
    return Notice(
        icon=_CODE_ICONS.get(state.code, Icon.PERSONS),
        tone=Tone.INFO,
        title=messages.text("review.title"),
        lead=messages.text("review.lead"),
        statement=messages.text("review.on_site") if state.on_site else said,
        code=state.code,
        milestones=_milestones(messages, keys, 1),
    )


_ARRIVAL_KEYS: Final = ("arrival.next_verified", "arrival.next_recorded", "arrival.next_matched")


def _arriving(state: Arriving, messages: Messages) -> Notice:
    name = state.holder.masked_name
    milestones = _milestones(messages, _ARRIVAL_KEYS, 1)
    if state.problem is None:
        return Notice(
            icon=Icon.CHECK_MARK,
            tone=Tone.OK,
            title=messages.text("arriving.title"),
            lead=messages.text("arriving.lead"),
            statement=messages.text("arriving.statement", name=name),
            milestones=milestones,
        )
    elsewhere = state.problem is ErrorCode.ROSTER_ALREADY_SIGNED_IN
    return Notice(
        icon=_CODE_ICONS.get(state.problem, Icon.WAIT),
        tone=Tone.WARN if elsewhere else Tone.INFO,
        title=messages.title(state.problem) if elsewhere else messages.text("arriving.title"),
        lead=messages.text("awaiting.problem_lead"),
        statement=messages.expert(state.problem, booth=state.booth_label),
        code=state.problem,
        milestones=milestones,
        actions=(CALL_HELP,) if elsewhere else (),
    )


def _awaiting_match(state: AwaitingMatch, messages: Messages) -> Notice:
    code = state.problem or ErrorCode.ROSTER_NOT_HERE
    milestones = _milestones(messages, _ARRIVAL_KEYS, 2)
    if code is ErrorCode.ROSTER_NOT_HERE:
        return Notice(
            icon=Icon.CHECK_MARK,
            tone=Tone.OK,
            title=messages.title(code),
            lead=messages.text("awaiting.lead"),
            statement=messages.expert(code),
            milestones=milestones,
        )
    leaving = code in _NOT_HERE
    actions = (_LEAVE,) if leaving else (CALL_HELP,) if code is ErrorCode.ROSTER_NOT_LISTED else ()
    return Notice(
        icon=_CODE_ICONS.get(code, Icon.WAIT),
        tone=Tone.INFO,
        title=messages.title(code),
        lead=messages.text("awaiting.leave_lead" if leaving else "awaiting.problem_lead"),
        statement=messages.expert(code, booth=state.booth_label),
        code=code,
        milestones=() if leaving else milestones,
        actions=actions,
    )


_OWN_TITLE = frozenset({ErrorCode.MAIN_SITE_NOT_TRUSTED, ErrorCode.ACCOUNT_REFUSED, ErrorCode.MAIN_SITE_SIGNED_OUT})


def _launching(state: Launching, messages: Messages) -> Notice:
    milestones = _milestones(messages, ("launching.next_checked", "launching.next_ticket", "launching.next_page"), 1)
    if state.problem is None:
        main_site = state.session.assignment.main_site
        return Notice(
            icon=Icon.ENTER,
            tone=Tone.INFO,
            title=messages.text("launching.title"),
            lead=messages.text("launching.lead", main_site=main_site),
            statement=messages.text("launching.statement"),
            milestones=milestones,
        )
    own_title = state.problem in _OWN_TITLE
    return Notice(
        icon=_CODE_ICONS.get(state.problem, Icon.NETWORK),
        tone=Tone.WARN,
        title=messages.title(state.problem) if own_title else messages.text("launching.problem_title"),
        lead=messages.text("launching.problem_lead"),
        statement=_launch_statement(state, state.problem, messages),
        code=state.problem,
        milestones=milestones,
        actions=(_RETRY,) if may_retry(state) else (CALL_HELP,),
    )


def _launch_statement(state: Launching, problem: ErrorCode, messages: Messages) -> str:
    if problem is ErrorCode.TICKET_REFUSED and not state.way.is_stopped:
        return messages.text("launching.by_account") if state.way.by_account else messages.expert(problem)
    will_not_go_on = state.way.is_stopped and (problem is ErrorCode.MAIN_SITE_SIGNED_OUT or not may_retry(state))
    return messages.expert(problem, "launch_stopped" if will_not_go_on else "launching")


def _signing_out(messages: Messages) -> Notice:
    keys = ("signing_out.next_closed", "signing_out.next_wiped", "signing_out.next_done")
    return Notice(
        icon=Icon.WIPE,
        tone=Tone.INFO,
        title=messages.text("signing_out.title"),
        lead=messages.text("signing_out.lead"),
        statement=messages.text("signing_out.statement"),
        milestones=_milestones(messages, keys, 1),
    )
