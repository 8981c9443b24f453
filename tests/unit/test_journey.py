"""The promises of docs/architecture.md: every state reaches idle, nobody enters unproven, card data is cleared."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import ErrorCode, OtherCard
from workstation.journey import effects as fx
from workstation.journey import events as e
from workstation.journey import facts
from workstation.journey import states as s
from workstation.journey.diagram import explore, holder, sample_events
from workstation.journey.seat import LeaveReason, SeatLevel, SeatPolicy
from workstation.journey.transition import LASTING, TIME_LIMITS_S, start, transition

HASH = "0" * 64
RESUME = facts.Resume(session_id=facts.SessionId("S"), expert_hash=HASH, project_id="P")
TASK = facts.Assignment(
    project_id="P", project_name="", section="", main_site="", alias="A", role="", starts_at="",
    expected_hours=4, signing="",
)  # fmt: skip


def play(*makers, journey=None):
    """Feed events (or functions of the attempt); return the journey and the effects of the last one."""
    journey = journey or start()[0]
    effects = ()
    for make in makers:
        event = make(journey.attempt) if callable(make) else make
        journey, effects = transition(journey, event)
    return journey, effects


def read(**kwargs):
    return lambda attempt: e.CardRead(attempt=attempt, holder=holder(**kwargs))


def card_failed(code, other_card=None):
    return lambda attempt: e.CardFailed(attempt=attempt, code=code, other_card=other_card)


def no_face_in_the_photo(attempt):
    return e.FaceFailed(attempt=attempt, code=ErrorCode.CARD_PHOTO_UNUSABLE)


def under(policy):
    return start(photo_policy=policy)[0]


def face(outcome):
    return lambda attempt: e.FaceDecided(attempt=attempt, outcome=outcome)


def arrived(attempt):
    return e.ArrivalRecorded(attempt=attempt, expert_hash=HASH)


def matched(attempt):
    return e.ExpertMatched(attempt=attempt, assignment=TASK)


def checks(code=None):
    line = facts.Check(kind=facts.CheckKind.HEADSET, required=True, code=code)
    return lambda attempt: e.ChecksDone(attempt=attempt, checks=(line,))


def page_failed(code):
    return lambda attempt: e.PageFailed(attempt=attempt, code=code)


def press(intent):
    return e.Pressed(intent=intent)


def timer(which):
    return lambda attempt: e.TimerExpired(attempt=attempt, timer=which)


TO_FACE = (e.CardInserted(), read())
TO_MATCH = (*TO_FACE, face(e.FaceOutcome.MATCH), arrived)
TO_TASK = (*TO_MATCH, matched)
TO_CHECK = (*TO_TASK, press(e.Intent.CONFIRM))
TO_LAUNCH = (*TO_CHECK, checks(), press(e.Intent.CONFIRM))
TO_EVALUATION = (
    *TO_LAUNCH,
    lambda attempt: e.LaunchGranted(attempt=attempt),
    lambda attempt: e.PageOpened(attempt=attempt),
)


def seat(code, level):
    return lambda attempt: e.SeatChanged(attempt=attempt, code=code, level=level)


def records(effects):
    return [(effect.kind, dict(effect.facts)) for effect in effects if isinstance(effect, fx.Record)]


LEFT = seat(ErrorCode.SEAT_LEFT, SeatLevel.LOCK)
TO_LOCK = (*TO_EVALUATION, LEFT)
UNLOCK = (*TO_LOCK, press(e.Intent.UNLOCK))


def test_the_good_day_goes_through_every_step_and_ends_idle():
    journey, effects = play(*TO_EVALUATION)
    assert isinstance(journey.state, s.Evaluating)
    assert fx.KeepResume(resume=RESUME) in effects
    journey, effects = play(press(e.Intent.END), press(e.Intent.END_CONFIRMED), journey=journey)
    assert isinstance(journey.state, s.SigningOut)
    kinds = {type(effect) for effect in effects}
    assert {fx.ClosePage, fx.ForgetResume, fx.WipeIdentity} <= kinds
    journey, _ = play(lambda a: e.Wiped(attempt=a), timer(e.Timer.STATE), journey=journey)
    assert isinstance(journey.state, s.Idle)


def test_every_reachable_state_reaches_idle():
    edges = explore()
    back: dict[s.State, set[s.State]] = {}
    for state, outgoing in edges.items():
        for _, after in outgoing:
            back.setdefault(after, set()).add(state)
    idle = [state for state in edges if isinstance(state, s.Idle)]
    reaches, queue = set(idle), deque(idle)
    while queue:
        for before in back.get(queue.popleft(), ()):
            if before not in reaches:
                reaches.add(before)
                queue.append(before)
    stuck = {type(state).__name__ for state in edges if state not in reaches}
    assert stuck == {"OutOfService"}  # leaves through a restart of the program: next test


def test_out_of_service_restarts_the_program_after_its_time():
    journey, effects = play(*TO_EVALUATION, e.Crashed())
    assert isinstance(journey.state, s.OutOfService)
    assert fx.ClosePage() in effects
    assert any(isinstance(effect, fx.WipeIdentity) for effect in effects)
    _, effects = play(timer(e.Timer.STATE), journey=journey)
    assert effects == (fx.Restart(),)


def test_every_state_of_the_type_is_reachable_and_limited_in_time():
    every = set(s.State.__args__)
    assert {type(state) for state in explore()} == every
    assert every - set(TIME_LIMITS_S) == {s.Idle}


@st.composite
def walks(draw, evaluating=False, meeting=False):
    """A random walk of up to 60 events, from the start, the evaluation or the sound check on; one in ten is stale."""
    journey, _ = start(draw(st.sampled_from([None, RESUME])), draw(st.sampled_from(facts.PhotoPolicy)))
    if evaluating:
        journey, _ = play(*TO_EVALUATION, journey=journey)
    if meeting:
        journey, _ = play(*TO_CHECK, journey=journey)
        [assignment] = {event.assignment for event in sample_events(journey) if isinstance(event, e.ExpertMatched)} - {
            TASK
        }
        session = replace(journey.state.session, assignment=assignment)
        inside = replace(journey, state=replace(journey.state, session=session))
        journey, _ = play(checks(), press(e.Intent.CONFIRM), journey=inside)
    steps = []
    for _ in range(draw(st.integers(1, 60))):
        event = draw(st.sampled_from(list(sample_events(journey))))
        before = journey
        if hasattr(event, "attempt") and draw(st.integers(0, 9)) == 0:
            event = type(event)(**{**vars(event), "attempt": facts.Attempt(journey.attempt - 1)})
        journey, effects = transition(journey, event)
        steps.append((before, event, effects, journey))
    return steps


def is_stale(event, journey):
    return getattr(event, "attempt", journey.attempt) != journey.attempt


@settings(max_examples=300, deadline=None)
@given(walks())
def test_nobody_enters_without_presence_and_assignment(steps):
    proven = assigned = False
    for before, event, _, after in steps:
        if not is_stale(event, before):
            match_now = e.FaceDecided(attempt=before.attempt, outcome=e.FaceOutcome.MATCH)
            proven |= isinstance(before.state, s.FaceCheck) and event == match_now
            assigned |= isinstance(before.state, s.AwaitingMatch) and isinstance(event, e.ExpertMatched)
        proven |= isinstance(before.state, s.HumanReview) and isinstance(event, e.ReviewPassed)
        if isinstance(after.state, s.Launching | s.Evaluating):
            assert proven
            assert assigned
        if isinstance(after.state, s.Idle):
            proven = assigned = False


@settings(max_examples=300, deadline=None)
@given(walks())
def test_every_ending_clears_the_card_data_and_closes_the_page(steps):
    for before, _, effects, after in steps:
        known = s.holder_of(before.state) and not isinstance(before.state, s.SigningOut)
        if known and (s.holder_of(after.state) is None or isinstance(after.state, s.SigningOut)):
            assert any(isinstance(effect, fx.WipeIdentity) for effect in effects)
        open_page = s.Evaluating | s.Locked
        if isinstance(before.state, open_page):
            assert (fx.ClosePage() in effects) == (not isinstance(after.state, open_page))


@settings(max_examples=300, deadline=None)
@given(walks())
def test_no_face_is_checked_without_a_picture_and_no_refused_card_is_kept(steps):
    for before, _, effects, after in steps:
        if isinstance(after.state, s.FaceCheck):
            assert after.state.holder.reference is not None
        if isinstance(after.state, s.FetchingReference):
            assert after.photo_policy is facts.PhotoPolicy.SERVER_PHOTO
        if isinstance(before.state, s.ReadingCard) and after.state == s.CardProblem(
            code=ErrorCode.PHOTO_REQUIRED, failures=1
        ):
            assert fx.WipeIdentity(attempt=after.attempt) in effects


@settings(max_examples=300, deadline=None)
@given(walks())
def test_the_camera_runs_only_while_a_face_is_checked_or_the_seat_is_watched(steps):
    checks = watches = False
    for _, _, effects, after in steps:
        for effect in effects:
            match effect:
                case fx.StopFace():
                    checks = False
                case fx.StopWatching():
                    watches = False
                case fx.StartFace() | fx.StartUnlock():
                    assert not checks
                    assert not watches
                    checks = True
                case fx.WatchSeat():
                    assert not checks
                    watches = True
        locked = after.state if isinstance(after.state, s.Locked) else None
        assert checks == (isinstance(after.state, s.FaceCheck) or bool(locked and locked.checking))
        idle = locked and not locked.checking and not locked.by_human
        assert watches == (isinstance(after.state, s.Evaluating) or bool(idle))


@settings(max_examples=300, deadline=None)
@given(walks(evaluating=True))
def test_a_locked_booth_opens_for_this_person_or_by_a_human_only(steps):
    for before, event, effects, after in steps:
        if not isinstance(before.state, s.Locked) or isinstance(after.state, s.Locked | s.OutOfService):
            continue
        assert s.holder_of(after.state) == before.state.session.holder
        if isinstance(after.state, s.SigningOut):
            assert any(isinstance(effect, fx.WipeIdentity) for effect in effects)
            continue
        assert isinstance(after.state, s.Evaluating | s.Launching)
        matched = e.FaceDecided(attempt=before.attempt, outcome=e.FaceOutcome.MATCH)
        by_face = before.state.checking and event == matched
        by_human = before.state.by_human and event == e.ReviewPassed(session_id="S")
        assert by_face or by_human
        [(kind, facts)] = records(effects)
        assert (kind, facts["method"]) == ("seat_unlocked", "face" if by_face else "human")


@settings(max_examples=300, deadline=None)
@given(walks())
def test_a_live_picture_outlives_the_face_check_only_for_a_reviewer_and_never_of_those_who_decline(steps):
    kept = False
    for _, _, effects, after in steps:
        for effect in effects:
            kept |= isinstance(effect, fx.StartFace)
            kept &= not isinstance(effect, fx.ForgetPicture | fx.WipeIdentity)
        reviewed = isinstance(after.state, s.HumanReview) and after.state.code is not ErrorCode.FACE_DECLINED
        if kept:
            assert reviewed or isinstance(after.state, s.FaceCheck)


@settings(max_examples=300, deadline=None)
@given(walks())
def test_the_reviewer_gets_the_pictures_of_every_review_and_of_nothing_else(steps):
    for before, event, effects, after in steps:
        sent = [effect for effect in effects if isinstance(effect, fx.SendReview)]
        if after.attempt != before.attempt:
            assert len(sent) == isinstance(after.state, s.HumanReview)
        elif sent:
            assert isinstance(event, e.TimerExpired)
        for review in sent:
            assert (review.attempt, review.session_id) == (after.attempt, after.state.holder.session_id)
            assert (review.code, review.may_repeat) == (after.state.code, after.state.may_repeat)


@settings(max_examples=300, deadline=None)
@given(walks())
def test_a_reviewer_asks_three_times_at_most_and_only_those_with_a_picture_who_did_not_decline(steps):
    asked = 0
    for before, event, _, after in steps:
        if isinstance(before.state, s.HumanReview) and isinstance(after.state, s.FaceCheck):
            asked += 1
            assert isinstance(event, e.ReviewAgain)
            refused = {ErrorCode.FACE_DECLINED, ErrorCode.FACE_NOT_LIVE, ErrorCode.CARD_PHOTO_UNUSABLE}
            assert before.state.code not in refused
            assert before.state.holder.reference is not None
        if s.holder_of(after.state) is None:
            asked = 0
        assert asked <= 3


@settings(max_examples=200, deadline=None)
@given(walks())
def test_stale_results_change_nothing(steps):
    for before, event, effects, after in steps:
        lasting = isinstance(event, e.TimerExpired) and event.timer in LASTING
        if is_stale(event, before) and not lasting and not isinstance(before.state, s.OutOfService):
            assert after == before
            assert effects == ()


def test_a_card_lifted_three_times_becomes_unreadable():
    journey = None
    codes = []
    for _ in range(3):
        journey, _ = play(e.CardInserted(), card_failed(ErrorCode.CARD_LIFTED), e.CardLifted(), journey=journey)
        codes.append(journey.state.code)
    assert codes == [ErrorCode.CARD_LIFTED, ErrorCode.CARD_LIFTED, ErrorCode.CARD_UNREADABLE]
    assert play(*TO_FACE, journey=journey)[0].state.holder.session_id == "S"


def test_nobody_puts_a_card_for_long_and_the_booth_is_free_again():
    journey, _ = play(e.CardInserted(), card_failed(ErrorCode.CARD_WRONG_TYPE), timer(e.Timer.STATE))
    assert journey.state == s.CardProblem(code=ErrorCode.CARD_NOT_PRESENTED, failures=1, reminders=1)
    journey, _ = play(*[timer(e.Timer.STATE)] * 3, journey=journey)
    assert isinstance(journey.state, s.Idle)


def test_doubt_is_asked_once_more_and_then_goes_to_a_human():
    journey, _ = play(*TO_FACE, face(e.FaceOutcome.GREY))
    assert isinstance(journey.state, s.FaceCheck)
    journey, _ = play(face(e.FaceOutcome.GREY), journey=journey)
    assert journey.state == s.HumanReview(holder=holder(), code=ErrorCode.FACE_UNCERTAIN)
    journey, _ = play(e.ReviewPassed(session_id="S"), journey=journey)
    assert journey.state.presence.method is facts.PresenceMethod.CARD_HUMAN


def test_a_review_of_another_visit_is_ignored():
    journey, _ = play(*TO_FACE, press(e.Intent.MANUAL))
    assert play(e.ReviewPassed(session_id="T"), journey=journey) == (journey, ())


GREY_TWICE = (*TO_FACE, face(e.FaceOutcome.GREY), face(e.FaceOutcome.GREY))
AGAIN = e.ReviewAgain(session_id="S")


def kinds(effects):
    return [effect.kind for effect in effects if isinstance(effect, fx.Record)]


def test_one_more_burst_is_taken_when_the_reviewer_asks_and_a_match_lets_in():
    journey, effects = play(*GREY_TWICE, AGAIN)
    assert isinstance(journey.state, s.FaceCheck)
    assert fx.StartFace(attempt=journey.attempt, reference=facts.Reference.CARD_PHOTO) in effects
    assert fx.ForgetPicture() in effects
    assert fx.StopTimer(timer=e.Timer.POLL) in effects
    assert fx.Record(kind="review_again", session_id="S", facts=(("count", 1),)) in effects
    journey, _ = play(face(e.FaceOutcome.MATCH), journey=journey)
    assert journey.state.presence.method is facts.PresenceMethod.CARD_FACE
    assert journey.state.holder == holder()


@pytest.mark.parametrize("outcome", [e.FaceOutcome.GREY, e.FaceOutcome.NO_MATCH])
def test_one_more_burst_without_a_match_goes_back_to_the_reviewer_three_times_at_most(outcome):
    journey, _ = play(*GREY_TWICE)
    for _ in range(3):
        assert journey.state.may_repeat
        journey, effects = play(AGAIN, face(outcome), journey=journey)
        assert isinstance(journey.state, s.HumanReview)
        assert any(isinstance(effect, fx.SendReview) for effect in effects)
    assert not journey.state.may_repeat
    assert play(AGAIN, journey=journey) == (journey, ())


@pytest.mark.parametrize(
    "events",
    [
        (*TO_FACE, press(e.Intent.MANUAL)),
        (*TO_FACE, face(e.FaceOutcome.NOT_LIVE)),
        (e.CardInserted(), read(reference=False)),
        (*TO_FACE, no_face_in_the_photo),
    ],
    ids=["declined", "not live", "no picture", "no face in it"],
)
def test_nobody_is_sent_back_to_the_camera_who_declined_or_was_not_live_or_has_no_picture(events):
    journey, effects = play(*events)
    assert not journey.state.may_repeat
    assert fx.StopTimer(timer=e.Timer.STATE) in effects
    assert play(AGAIN, journey=journey) == (journey, ())


def test_an_order_for_another_visit_changes_nothing():
    journey, _ = play(*GREY_TWICE)
    for event in (e.ReviewAgain(session_id="T"), e.ReviewOnSite(session_id="T")):
        assert play(event, journey=journey) == (journey, ())


def test_staff_on_their_way_are_announced_once_and_still_decide():
    journey, effects = play(*GREY_TWICE, e.ReviewOnSite(session_id="S"))
    assert journey.state == s.HumanReview(holder=holder(), code=ErrorCode.FACE_UNCERTAIN, on_site=True)
    assert kinds(effects) == ["review_on_site"]
    assert play(e.ReviewOnSite(session_id="S"), journey=journey) == (journey, ())
    assert isinstance(play(e.ReviewPassed(session_id="S"), journey=journey)[0].state, s.Arriving)


def test_pictures_that_did_not_reach_the_site_are_sent_again_until_the_review_is_over():
    away = lambda a: e.SiteFailed(attempt=a, code=ErrorCode.SITE_SERVER_UNREACHABLE)  # noqa: E731
    journey, effects = play(*GREY_TWICE, away)
    assert effects == (fx.StartTimer(timer=e.Timer.POLL, attempt=journey.attempt, seconds=3.0),)
    journey, effects = play(timer(e.Timer.POLL), journey=journey)
    assert [type(effect) for effect in effects] == [fx.SendReview]
    _, effects = play(e.ReviewPassed(session_id="S"), journey=journey)
    assert {fx.StopTimer(timer=e.Timer.POLL), fx.ForgetPicture()} <= set(effects)


def test_a_card_photo_without_a_face_goes_to_a_human():
    journey, _ = play(e.CardInserted(), read(reference=False))
    assert journey.state.code is ErrorCode.CARD_PHOTO_UNUSABLE


NO_PICTURE = (
    (e.CardInserted(), read(reference=False)),
    (*TO_FACE, no_face_in_the_photo),
)


@pytest.mark.parametrize("events", NO_PICTURE, ids=["no picture", "no face in it"])
def test_where_the_card_photo_is_required_nobody_signs_in_without(events):
    journey, effects = play(*events, journey=under(facts.PhotoPolicy.DENY))
    assert journey.state == s.CardProblem(code=ErrorCode.PHOTO_REQUIRED, failures=1)
    assert fx.WipeIdentity(attempt=journey.attempt) in effects
    assert any(isinstance(effect, fx.Record) and effect.kind == "visit_refused" for effect in effects)
    assert isinstance(play(timer(e.Timer.STATE), journey=journey)[0].state, s.Idle)


@pytest.mark.parametrize("events", NO_PICTURE, ids=["no picture", "no face in it"])
def test_the_sites_photo_takes_the_place_of_a_missing_one(events):
    journey, effects = play(*events, journey=under(facts.PhotoPolicy.SERVER_PHOTO))
    assert fx.FetchReference(attempt=journey.attempt) in effects
    journey, effects = play(lambda a: e.ReferenceArrived(attempt=a), journey=journey)
    assert fx.StartFace(attempt=journey.attempt, reference=facts.Reference.SITE_PHOTO) in effects
    journey, _ = play(face(e.FaceOutcome.MATCH), journey=journey)
    assert journey.state.presence.method is facts.PresenceMethod.CARD_FACE


def test_a_photo_of_the_site_that_shows_no_face_goes_to_a_human():
    arrived = lambda a: e.ReferenceArrived(attempt=a)  # noqa: E731
    journey, _ = play(*NO_PICTURE[0], arrived, no_face_in_the_photo, journey=under(facts.PhotoPolicy.SERVER_PHOTO))
    assert isinstance(journey.state, s.HumanReview)


@pytest.mark.parametrize(
    "answer",
    [
        lambda a: e.ReferenceMissing(attempt=a),
        lambda a: e.SiteFailed(attempt=a, code=ErrorCode.SITE_SERVER_UNREACHABLE),
        timer(e.Timer.STATE),
    ],
    ids=["missing", "site away", "too late"],
)
def test_without_the_sites_photo_a_human_compares(answer):
    journey, _ = play(*NO_PICTURE[0], answer, journey=under(facts.PhotoPolicy.SERVER_PHOTO))
    assert journey.state == s.HumanReview(holder=holder(reference=False), code=ErrorCode.CARD_PHOTO_UNUSABLE)


def test_another_card_is_named_and_journaled():
    journey, effects = play(e.CardInserted(), card_failed(ErrorCode.CARD_WRONG_TYPE, OtherCard.BANK))
    assert journey.state == s.CardProblem(code=ErrorCode.CARD_WRONG_TYPE, failures=1, other_card=OtherCard.BANK)
    [recorded] = [effect for effect in effects if isinstance(effect, fx.Record)]
    assert dict(recorded.facts)["other_card"] == "bank"


@pytest.mark.parametrize("code", [ErrorCode.CARD_READER_BROKEN, ErrorCode.SAM_NOT_ALLOWED])
def test_nobody_is_reminded_to_use_a_reader_that_cannot_work(code):
    journey, _ = play(e.CardInserted(), card_failed(code), timer(e.Timer.STATE))
    assert isinstance(journey.state, s.Idle)


def test_the_third_mismatch_ends_the_tries():
    journey, _ = play(*TO_FACE)
    for _ in range(2):
        journey, _ = play(face(e.FaceOutcome.NO_MATCH), press(e.Intent.RETRY), journey=journey)
    journey, _ = play(face(e.FaceOutcome.NO_MATCH), journey=journey)
    assert journey.state == s.HumanReview(holder=holder(), code=ErrorCode.FACE_MISMATCH)


def test_an_expired_card_is_never_let_in_without_a_human():
    journey, _ = play(e.CardInserted(), read(expired=True), face(e.FaceOutcome.MATCH))
    assert journey.state.code is ErrorCode.CARD_EXPIRED


def test_the_camera_coming_back_resumes_the_face_check():
    lost = ErrorCode.CAMERA_LOST
    journey, _ = play(*TO_FACE, lambda a: e.FaceFailed(attempt=a, code=lost))
    journey, _ = play(e.ConditionRaised(code=lost), e.ConditionCleared(code=lost), journey=journey)
    assert journey.state == s.FaceCheck(holder=holder(), tries=1, camera_losses=1)


def test_a_camera_that_keeps_vanishing_does_not_keep_the_visit_alive():
    lost = ErrorCode.CAMERA_LOST
    journey, _ = play(*TO_FACE)
    for _ in range(4):
        failed = lambda a: e.FaceFailed(attempt=a, code=lost)  # noqa: E731
        journey, _ = play(failed, e.ConditionRaised(code=lost), e.ConditionCleared(code=lost), journey=journey)
    assert isinstance(journey.state, s.FaceProblem)
    assert isinstance(play(press(e.Intent.RETRY), journey=journey)[0].state, s.FaceCheck)
    assert isinstance(play(timer(e.Timer.STATE), journey=journey)[0].state, s.Idle)


def test_a_site_server_that_is_away_only_delays_the_arrival():
    away = lambda a: e.SiteFailed(attempt=a, code=ErrorCode.SITE_SERVER_UNREACHABLE)  # noqa: E731
    journey, effects = play(*TO_FACE, face(e.FaceOutcome.MATCH), away)
    assert journey.state.problem is ErrorCode.SITE_SERVER_UNREACHABLE
    assert fx.StartTimer(timer=e.Timer.POLL, attempt=journey.attempt, seconds=3.0) in effects
    journey, effects = play(timer(e.Timer.POLL), journey=journey)
    assert isinstance(effects[0], fx.SendArrival)
    assert isinstance(play(arrived, journey=journey)[0].state, s.AwaitingMatch)


def test_a_missing_component_is_journaled_by_name():
    kind, code = facts.CheckKind.PACK, ErrorCode.COMPONENT_MISSING
    line = facts.Check(kind=kind, required=True, code=code, detail="CA驱动")
    journey, effects = play(*TO_CHECK, lambda attempt: e.ChecksDone(attempt=attempt, checks=(line,)))
    assert not journey.state.passed
    [record] = [effect for effect in effects if isinstance(effect, fx.Record)]
    assert dict(record.facts) == {"passed": 0, "failed": code.value, "components": "CA驱动"}


def test_a_failed_required_check_keeps_the_door_shut():
    journey, _ = play(*TO_CHECK, checks(ErrorCode.HEADSET_ABSENT))
    assert play(press(e.Intent.CONFIRM), journey=journey) == (journey, ())
    journey, _ = play(press(e.Intent.RECHECK), checks(), press(e.Intent.CONFIRM), journey=journey)
    assert isinstance(journey.state, s.Launching)


def test_a_device_plugged_back_checks_again_by_itself():
    absent = ErrorCode.HEADSET_ABSENT
    journey, _ = play(*TO_CHECK, e.ConditionRaised(code=absent), checks(absent))
    journey, effects = play(e.ConditionCleared(code=absent), journey=journey)
    assert fx.RunChecks(attempt=journey.attempt) in effects


def test_a_wrong_main_site_is_never_retried():
    journey, _ = play(*TO_LAUNCH, page_failed(ErrorCode.MAIN_SITE_NOT_TRUSTED))
    for event in (press(e.Intent.RETRY), timer(e.Timer.POLL)):
        assert play(event, journey=journey) == (journey, ())
    for event in (press(e.Intent.CANCEL), timer(e.Timer.STATE)):
        assert isinstance(play(event, journey=journey)[0].state, s.SigningOut)


def test_a_main_site_that_is_away_is_asked_again_with_a_new_ticket():
    journey, _ = play(*TO_LAUNCH, page_failed(ErrorCode.MAIN_SITE_UNREACHABLE))
    journey, effects = play(timer(e.Timer.POLL), journey=journey)
    assert journey.state.problem is ErrorCode.MAIN_SITE_UNREACHABLE
    assert any(isinstance(effect, fx.RequestLaunch) for effect in effects)


def test_a_refused_ticket_is_asked_for_again_twice():
    refused = page_failed(ErrorCode.TICKET_REFUSED)
    journey, effects = play(*TO_LAUNCH, refused)
    assert any(isinstance(effect, fx.RequestLaunch) for effect in effects)
    journey, _ = play(refused, refused, journey=journey)
    assert journey.state.problem is ErrorCode.TICKET_REFUSED
    assert journey.state.tries == 3


def test_a_lost_page_is_opened_again():
    journey, effects = play(*TO_EVALUATION, page_failed(ErrorCode.MAIN_SITE_UNREACHABLE))
    assert isinstance(journey.state, s.Launching)
    assert fx.ClosePage() in effects


def test_after_a_restart_the_same_person_goes_straight_back():
    journey, _ = start(RESUME)
    assert journey.state == s.Idle(notice=ErrorCode.RESTARTED)
    journey, _ = play(*TO_TASK, journey=journey)
    assert isinstance(journey.state, s.Launching)


def test_after_a_restart_another_person_goes_the_whole_way():
    journey, _ = start(facts.Resume(session_id=facts.SessionId("R"), expert_hash="1" * 64, project_id="P"))
    assert isinstance(play(*TO_TASK, journey=journey)[0].state, s.TaskReview)


@pytest.mark.parametrize("code", [ErrorCode.STORAGE_FULL, ErrorCode.DEVICE_NOT_REGISTERED])
def test_a_full_disk_or_a_foreign_device_keeps_new_visits_out_but_not_the_running_one(code):
    raised, cleared = e.ConditionRaised(code=code), e.ConditionCleared(code=code)
    assert isinstance(play(raised, e.CardInserted())[0].state, s.Idle)
    assert isinstance(play(raised, cleared, e.CardInserted())[0].state, s.ReadingCard)
    assert isinstance(play(*TO_EVALUATION, raised)[0].state, s.Evaluating)


def test_help_is_called_once_and_shown_for_a_while():
    journey, effects = play(*TO_FACE, press(e.Intent.HELP))
    assert journey.help_called
    assert fx.Record(kind="help_called", session_id="S") in effects
    assert play(press(e.Intent.HELP), journey=journey) == (journey, ())
    assert not play(timer(e.Timer.HELP), journey=journey)[0].help_called


def test_a_message_stays_until_it_was_read():
    journey, _ = play(e.MessageArrived(text="请保持独立评审"))
    assert journey.message
    journey, effects = play(press(e.Intent.MESSAGE_READ), journey=journey)
    assert not journey.message
    assert effects == (fx.Record(kind="message_read"),)


# --- the seat during the evaluation


def test_an_empty_seat_is_mentioned_and_then_locks():
    journey, effects = play(*TO_EVALUATION, seat(ErrorCode.SEAT_LEFT, SeatLevel.NOTICE))
    assert journey.state.notices == {ErrorCode.SEAT_LEFT}
    assert records(effects) == [("seat_notice", {"code": ErrorCode.SEAT_LEFT})]
    back, effects = play(seat(ErrorCode.SEAT_LEFT, None), journey=journey)
    assert back.state.notices == frozenset()
    assert records(effects) == [("seat_notice_cleared", {"code": ErrorCode.SEAT_LEFT})]
    journey, effects = play(LEFT, journey=journey)
    assert isinstance(journey.state, s.Locked)
    assert records(effects) == [("seat_locked", {"code": ErrorCode.SEAT_LEFT})]
    assert fx.WatchSeat(attempt=journey.attempt, is_empty=True) in effects
    assert fx.StartTimer(timer=e.Timer.SEAT, attempt=journey.attempt, seconds=300.0) in effects
    assert fx.ClosePage() not in effects


def test_a_second_person_is_told_to_the_administrator_and_locks_nothing():
    several = ErrorCode.SEAT_SEVERAL
    journey, effects = play(*TO_EVALUATION, seat(several, SeatLevel.NOTICE), seat(several, SeatLevel.ALARM))
    assert isinstance(journey.state, s.Evaluating)
    assert journey.state.notices == {several}
    assert records(effects) == [("seat_alarm", {"code": several})]


@pytest.mark.parametrize("code", [ErrorCode.SEAT_OTHER_PERSON, ErrorCode.CAMERA_LOST, ErrorCode.CAMERA_COVERED])
def test_what_the_administrator_knows_already_starts_no_timer(code):
    journey, effects = play(*TO_EVALUATION, seat(code, SeatLevel.LOCK))
    assert journey.state.code is code
    assert not any(isinstance(effect, fx.StartTimer) and effect.timer is e.Timer.SEAT for effect in effects)


def test_the_same_face_unlocks_and_the_page_is_still_there():
    journey, effects = play(*UNLOCK)
    assert fx.StartUnlock(attempt=journey.attempt) in effects
    journey, effects = play(face(e.FaceOutcome.MATCH), journey=journey)
    assert isinstance(journey.state, s.Evaluating)
    assert fx.ClosePage() not in effects
    assert fx.WatchSeat(attempt=journey.attempt) in effects
    [unlocked] = [effect for effect in effects if isinstance(effect, fx.Record)]
    assert (unlocked.kind, unlocked.since) == ("seat_unlocked", "seat_locked")
    assert dict(unlocked.facts) == {"code": ErrorCode.SEAT_LEFT, "method": "face", "tries": 0}


def test_somebody_who_sits_down_again_is_looked_at_without_a_button():
    journey, effects = play(*TO_LOCK, lambda attempt: e.SeatTaken(attempt=attempt))
    assert journey.state.checking
    assert fx.StartUnlock(attempt=journey.attempt) in effects


def test_three_failed_comparisons_call_a_human():
    journey, _ = play(*UNLOCK)
    for outcome in (e.FaceOutcome.GREY, e.FaceOutcome.NO_MATCH):
        journey, effects = play(face(outcome), journey=journey)
        assert journey.state.problem is ErrorCode.FACE_MISMATCH
        assert fx.WatchSeat(attempt=journey.attempt) in effects
        journey, _ = play(press(e.Intent.UNLOCK), journey=journey)
    journey, effects = play(face(e.FaceOutcome.NO_MATCH), journey=journey)
    assert journey.state.by_human
    assert records(effects) == [("review_needed", {"code": ErrorCode.FACE_MISMATCH})]
    assert fx.StopTimer(timer=e.Timer.SEAT) in effects
    sent = fx.SendReview(attempt=journey.attempt, session_id="S", code=ErrorCode.FACE_MISMATCH, may_repeat=False)
    assert sent in effects
    assert fx.ForgetPicture() not in effects
    assert play(press(e.Intent.UNLOCK), journey=journey) == (journey, ())
    assert play(e.ReviewPassed(session_id="T"), journey=journey) == (journey, ())
    assert isinstance(play(e.ReviewPassed(session_id="S"), journey=journey)[0].state, s.Evaluating)
    journey, effects = play(e.ReviewRejected(session_id="S"), journey=journey)
    assert isinstance(journey.state, s.SigningOut)
    assert fx.WipeIdentity(attempt=journey.attempt) in effects
    assert fx.ClosePage() in effects


def test_who_will_not_look_into_the_camera_again_is_not_photographed():
    journey, effects = play(*UNLOCK, press(e.Intent.MANUAL))
    assert journey.state.by_human
    [forget, send] = [effect for effect in effects if isinstance(effect, fx.ForgetPicture | fx.SendReview)]
    assert (forget, send.code) == (fx.ForgetPicture(), ErrorCode.SEAT_LEFT)


def test_somebody_who_is_not_alive_unlocks_nothing():
    journey, effects = play(*UNLOCK, face(e.FaceOutcome.NOT_LIVE))
    assert journey.state.by_human
    assert records(effects) == [("review_needed", {"code": ErrorCode.FACE_NOT_LIVE})]


def test_nobody_to_compare_with_goes_to_a_human_at_once():
    journey, effects = play(*UNLOCK, no_face_in_the_photo)
    assert journey.state.by_human
    assert records(effects) == [("review_needed", {"code": ErrorCode.SEAT_LEFT})]


def test_an_early_answer_of_the_administrator_unlocks_nothing():
    journey, _ = play(*TO_LOCK)
    for answer in (e.ReviewPassed(session_id="S"), e.ReviewRejected(session_id="S")):
        assert play(answer, journey=journey) == (journey, ())


@pytest.mark.parametrize(
    "event",
    [timer(e.Timer.POLL), lambda a: e.FaceFailed(attempt=a, code=ErrorCode.CAMERA_LOST)],
    ids=["time", "camera"],
)
def test_a_comparison_that_gets_nowhere_costs_no_try(event):
    journey, effects = play(*UNLOCK, event)
    assert not journey.state.checking
    assert journey.state.tries == 0
    assert journey.state.problem in {ErrorCode.FACE_NOT_SEEN, ErrorCode.CAMERA_LOST}
    assert fx.StopFace() in effects
    assert fx.WatchSeat(attempt=journey.attempt) in effects
    code = journey.state.problem
    assert play(e.ConditionRaised(code=code), e.ConditionCleared(code=code), journey=journey)[0].state.problem is None


def test_a_short_leave_locks_at_once_and_asks_what_for():
    journey, effects = play(*TO_EVALUATION, press(e.Intent.LEAVE))
    assert journey.state.code is ErrorCode.SHORT_LEAVE
    assert fx.WatchSeat(attempt=journey.attempt) in effects, "the expert still sits there"
    assert fx.StartTimer(timer=e.Timer.SEAT, attempt=journey.attempt, seconds=900.0) in effects
    journey, effects = play(press(e.Intent.LEAVE_WATER), journey=journey)
    assert journey.state.reason is LeaveReason.WATER
    assert records(effects) == [("seat_leave", {"reason": LeaveReason.WATER})]
    assert play(press(e.Intent.LEAVE_WATER), journey=journey) == (journey, ())
    _, effects = play(timer(e.Timer.SEAT), journey=journey)
    assert records(effects) == [("seat_alarm", {"code": ErrorCode.SHORT_LEAVE})]


def test_somebody_who_feels_unwell_is_told_to_the_administrator_at_once():
    _, effects = play(*TO_EVALUATION, press(e.Intent.LEAVE), press(e.Intent.LEAVE_UNWELL))
    assert [kind for kind, _ in records(effects)] == ["seat_leave", "seat_alarm"]


def test_only_a_short_leave_has_a_reason():
    journey, _ = play(*TO_LOCK)
    assert play(press(e.Intent.LEAVE_WATER), journey=journey) == (journey, ())


def test_a_page_lost_behind_the_lock_is_opened_again_after_it():
    journey, _ = play(*TO_LOCK, page_failed(ErrorCode.MAIN_SITE_UNREACHABLE))
    assert isinstance(journey.state, s.Locked)
    journey, effects = play(press(e.Intent.UNLOCK), face(e.FaceOutcome.MATCH), journey=journey)
    assert isinstance(journey.state, s.Launching)
    assert fx.ClosePage() in effects


def test_a_booth_that_stays_locked_signs_out():
    journey, effects = play(*TO_LOCK, timer(e.Timer.STATE))
    assert isinstance(journey.state, s.SigningOut)
    assert fx.WipeIdentity(attempt=journey.attempt) in effects


def test_a_site_may_do_without_the_watch():
    journey, effects = play(*TO_EVALUATION, journey=start(seat_policy=SeatPolicy(watch=False, leave_s=60.0))[0])
    assert not any(isinstance(effect, fx.WatchSeat) for effect in effects)
    journey, effects = play(press(e.Intent.LEAVE), journey=journey)
    assert fx.StartTimer(timer=e.Timer.SEAT, attempt=journey.attempt, seconds=60.0) in effects
    journey, effects = play(press(e.Intent.UNLOCK), face(e.FaceOutcome.NO_MATCH), journey=journey)
    assert not any(isinstance(effect, fx.WatchSeat) for effect in effects)


# --- the way into the main site


def granted(**facts):
    return lambda attempt: e.LaunchGranted(attempt=attempt, **facts)


def page_opened(attempt):
    return e.PageOpened(attempt=attempt)


TICKET, ACCOUNT = ErrorCode.TICKET_REFUSED, ErrorCode.ACCOUNT_REFUSED
SIGNED_OUT = page_failed(ErrorCode.MAIN_SITE_SIGNED_OUT)


def asked(effects):
    return [effect for effect in effects if isinstance(effect, fx.RequestLaunch)]


def test_after_three_refused_tickets_the_account_is_asked_for_if_the_pack_allows():
    refused = (granted(has_fallback=True), page_failed(TICKET))
    journey, effects = play(*TO_LAUNCH, *refused * 2)
    assert [ask.by_account for ask in asked(effects)] == [False]
    assert journey.state.problem is TICKET
    journey, effects = play(*refused, journey=journey)
    assert [ask.by_account for ask in asked(effects)] == [True]
    journey, _ = play(granted(account_tries=2, has_fallback=True), page_opened, journey=journey)
    assert isinstance(journey.state, s.Evaluating)


def test_without_a_fallback_the_third_refused_ticket_is_the_last():
    journey, effects = play(*TO_LAUNCH, *(granted(), page_failed(TICKET)) * 3)
    assert journey.state.way.is_stopped
    assert not asked(effects)
    assert isinstance(play(timer(e.Timer.STATE), journey=journey)[0].state, s.SigningOut)


def test_a_refused_account_is_typed_again_only_when_the_expert_asks_and_never_too_often():
    journey, effects = play(*TO_LAUNCH, granted(account_tries=2), page_failed(ACCOUNT))
    assert (journey.state.problem, journey.state.way.is_stopped) == (ACCOUNT, True)
    assert not asked(effects)
    assert play(timer(e.Timer.POLL), journey=journey) == (journey, ())
    journey, effects = play(press(e.Intent.RETRY), journey=journey)
    assert asked(effects)
    journey, _ = play(granted(account_tries=2), page_failed(ACCOUNT), journey=journey)
    assert play(press(e.Intent.RETRY), journey=journey) == (journey, ())


def test_nobody_has_arrived_at_a_page_that_was_not_asked_for_or_has_failed():
    journey, _ = play(*TO_LAUNCH)
    assert play(page_opened, journey=journey) == (journey, ())
    journey, _ = play(granted(), page_failed(ErrorCode.MAIN_SITE_UNREACHABLE), journey=journey)
    assert isinstance(play(page_opened, journey=journey)[0].state, s.Launching)


def test_the_end_of_the_main_sites_session_leads_back_in_and_says_so():
    journey, effects = play(*TO_EVALUATION, SIGNED_OUT)
    assert journey.state.problem is ErrorCode.MAIN_SITE_SIGNED_OUT
    assert records(effects) == [("evaluation_interrupted", {"code": ErrorCode.MAIN_SITE_SIGNED_OUT})]
    assert asked(effects)
    journey, _ = play(granted(), journey=journey)
    assert journey.state.problem is ErrorCode.MAIN_SITE_SIGNED_OUT
    journey, effects = play(page_opened, journey=journey)
    assert journey.state.notices == {ErrorCode.MAIN_SITE_SIGNED_OUT}
    assert fx.StartTimer(timer=e.Timer.SETTLED, attempt=journey.attempt, seconds=120.0) in effects
    journey, _ = play(timer(e.Timer.SETTLED), journey=journey)
    assert (journey.state.notices, journey.state.sign_outs) == (frozenset(), 0)


def test_three_ends_of_the_session_in_a_row_stop_the_booth_until_the_expert_asks():
    back = (granted(), page_opened)
    journey, effects = play(*TO_EVALUATION, SIGNED_OUT, *back, SIGNED_OUT, *back, SIGNED_OUT)
    assert (journey.state.problem, journey.state.way.is_stopped) == (ErrorCode.MAIN_SITE_SIGNED_OUT, True)
    assert not asked(effects)
    _, effects = play(press(e.Intent.RETRY), journey=journey)
    assert asked(effects)


@st.composite
def entrances(draw):
    """A random walk from the launch on, in which main site and expert do what they can."""
    journey, _ = play(*TO_LAUNCH)
    tries = draw(st.integers(0, 3))
    steps = []
    for _ in range(draw(st.integers(1, 60))):
        now = journey.attempt
        event = draw(
            st.sampled_from(
                [
                    e.LaunchGranted(attempt=now, account_tries=tries, has_fallback=not tries),
                    e.LaunchGranted(attempt=now, account_tries=max(tries, 2)),
                    e.PageOpened(attempt=now),
                    *(
                        e.PageFailed(attempt=now, code=code)
                        for code in (TICKET, ACCOUNT, ErrorCode.MAIN_SITE_SIGNED_OUT)
                    ),
                    e.SiteFailed(attempt=now, code=ErrorCode.COMPONENT_MISSING),
                    e.Pressed(intent=e.Intent.RETRY),
                    *(e.TimerExpired(attempt=now, timer=which) for which in (e.Timer.POLL, e.Timer.STATE)),
                ]
            )
        )
        before = journey
        journey, effects = transition(journey, event)
        steps.append((before, event, effects, journey))
    return steps


@settings(max_examples=300, deadline=None)
@given(entrances())
def test_nobody_evaluates_without_arrival_and_no_account_is_tried_too_often(steps):
    refusals, opening = 0, False
    for before, event, effects, after in steps:
        if isinstance(before.state, s.Launching) and isinstance(event, e.PageFailed):
            refusals += event.code is ACCOUNT
            opening = False
        opens = any(isinstance(effect, fx.OpenPage) for effect in effects)
        if opens and event.account_tries:
            assert refusals < event.account_tries
        if isinstance(after.state, s.Evaluating) and not isinstance(before.state, s.Evaluating):
            assert isinstance(event, e.PageOpened)
            assert opening
            refusals = 0
        opening = (opening or opens) and (opens or after.attempt == before.attempt)
        if isinstance(after.state, s.Idle | s.SigningOut):
            refusals = 0
