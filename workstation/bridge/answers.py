"""What an answer of the site or of the face worker means to the journey and to the journal. Pure."""

from __future__ import annotations

from drivers.errors import ErrorCode
from workstation.face.contract import ReferenceKind
from workstation.face.verification import Observation
from workstation.journey import effects as fx
from workstation.journey import events as ev
from workstation.journey.facts import Assignment, Attempt, Reference
from workstation.journey.meeting import ConferenceKind, Meeting
from workstation.journey.states import Locked, State, holder_of
from workstation.site.contract import Command, CommandKind, MatchReply, MatchState

REFERENCE_KINDS = {
    Reference.CARD_PHOTO: ReferenceKind.CARD_PHOTO,
    Reference.SITE_PHOTO: ReferenceKind.ROSTER_PHOTO,
}

_PENDING = {
    MatchState.ROSTER_PENDING: ErrorCode.ROSTER_NOT_HERE,
    MatchState.NOT_LISTED: ErrorCode.ROSTER_NOT_LISTED,
    MatchState.OTHER_BOOTH: ErrorCode.ROSTER_OTHER_BOOTH,
    MatchState.REPLACED: ErrorCode.ROSTER_REPLACED,
}


def matched(attempt: int, reply: MatchReply, kind: ConferenceKind) -> ev.ExpertMatched | ev.MatchPending:
    """Return what a reply to "who is this?" means; ``kind`` is the conference that the main site's pack asks for."""
    found = reply.assignment
    if reply.state is MatchState.MATCHED and found is not None:
        facts = found.model_dump(exclude={"starts_at", "conference"})
        plan = found.conference
        meeting = Meeting(kind=kind, mask=plan.mask, voice=plan.voice, desktop=plan.desktop)
        starts_at = found.starts_at.astimezone().strftime("%H:%M")
        assignment = Assignment(starts_at=starts_at, meeting=meeting, **facts)
        return ev.ExpertMatched(attempt=Attempt(attempt), assignment=assignment)
    code = _PENDING.get(reply.state, ErrorCode.ROSTER_NOT_LISTED)
    return ev.MatchPending(attempt=Attempt(attempt), code=code, booth_label=reply.booth_label or "")


def ordered(command: Command) -> ev.Event | None:
    """Return what an order of the site means to the journey, ``None`` when it is not the journey's."""
    match command.kind:
        case CommandKind.REVIEW_PASSED:
            return ev.ReviewPassed(session_id=command.session_id)
        case CommandKind.REVIEW_REJECTED:
            return ev.ReviewRejected(session_id=command.session_id)
        case CommandKind.REVIEW_AGAIN:
            return ev.ReviewAgain(session_id=command.session_id)
        case CommandKind.REVIEW_ON_SITE:
            return ev.ReviewOnSite(session_id=command.session_id)
        case CommandKind.MESSAGE:
            return ev.MessageArrived(text=command.text)
        case CommandKind.PREFLIGHT | CommandKind.SELF_CHECK | CommandKind.UPS_TEST:
            return None


def comparison_facts(observation: Observation, state: State, model: str) -> dict[str, fx.Fact]:
    """Return what the journal keeps of a decision: by which networks, at which score; no template, no picture."""
    holder = holder_of(state)
    reference = holder.reference.value if holder and holder.reference else ""
    facts: dict[str, fx.Fact] = {
        "outcome": observation.decision.value if observation.decision else "",
        "reference": "enrolled" if isinstance(state, Locked) else reference,
        "model": model,
    }
    if observation.similarity_score is not None:
        facts["similarity_score"] = round(observation.similarity_score, 3)
    if observation.liveness is not None:
        found = observation.liveness
        facts["liveness"] = found.verdict.value if found.verdict else "not-asked"
        facts["liveness_challenges"] = found.challenges
        facts["passive_score"] = found.passive_score
    return facts
