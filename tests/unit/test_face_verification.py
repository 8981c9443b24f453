"""The verification session against a scripted engine: a person made of landmarks, no network."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError
from tests.unit.scripted_face import FRAME, POLICIES, Actor, ScriptedEngine, at_angle, head_landmarks
from workstation.face.coaching import Coaching
from workstation.face.contract import Box, Embedding, ReferenceKind
from workstation.face.liveness import Action, ChallengePolicy, Verdict
from workstation.face.verification import Decision, Observation, VerificationSession

ASKED = ChallengePolicy()
SOMEBODY_ELSE = np.array([0.7, -0.714, 0], np.float32)
"""As near to the reference as the usual probe, but not to that one."""


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def session(engine: ScriptedEngine) -> VerificationSession:
    """Without a challenge."""
    session = VerificationSession(engine)
    assert session.set_reference(FRAME)
    return session


@pytest.fixture
def asking(engine: ScriptedEngine) -> VerificationSession:
    session = VerificationSession(engine, choose=random.Random(3))
    assert session.set_reference(FRAME, challenges=ASKED)
    return session


def watch(session: VerificationSession, count: int, interval_s: float = 0.35, start: float = 0) -> Observation:
    for index in range(count):
        observation = session.observe(FRAME, start + index * interval_s)
    return observation


def play(session: VerificationSession, actor: Actor, seconds: float = 30) -> Observation:
    """Let the actor answer until there is a decision or the time is over."""
    observation = session.observe(FRAME, actor.frame(None))
    end = actor.now + seconds
    while actor.now < end and observation.decision is None:
        observation = session.observe(FRAME, actor.frame(observation.prompt))
    return observation


def play_until(session: VerificationSession, actor: Actor, condition, seconds: float = 30) -> Observation:
    observation = session.observe(FRAME, actor.frame(None))
    end = actor.now + seconds
    while not condition(observation):
        assert actor.now < end
        observation = session.observe(FRAME, actor.frame(observation.prompt))
    return observation


# --- without a challenge -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cosine", "expected"),
    [
        (ReferenceKind.CARD_PHOTO, 0.48, Decision.MATCH),
        (ReferenceKind.CARD_PHOTO, 0.46, Decision.GREY),
        (ReferenceKind.CARD_PHOTO, 0.31, Decision.GREY),
        (ReferenceKind.CARD_PHOTO, 0.29, Decision.NO_MATCH),
        (ReferenceKind.ROSTER_PHOTO, 0.51, Decision.MATCH),
        (ReferenceKind.ROSTER_PHOTO, 0.49, Decision.GREY),
        (ReferenceKind.ROSTER_PHOTO, 0.29, Decision.NO_MATCH),
    ],
)
def test_decision_bands(engine: ScriptedEngine, kind: ReferenceKind, cosine: float, expected: Decision) -> None:
    session = VerificationSession(engine)
    assert session.set_reference(FRAME, kind)
    engine.probe = at_angle(cosine)
    assert watch(session, 4).decision is None
    observation = session.observe(FRAME, 4 * 0.35)
    assert observation.decision is expected
    assert observation.similarity_score == pytest.approx(cosine, abs=1e-6)
    assert (observation.kept_probes, observation.needed_probes) == (5, 5)
    assert observation.liveness is not None
    assert (observation.liveness.verdict, observation.liveness.challenges) == (None, 0)
    assert observation.liveness.passive_score == pytest.approx(0.8)


def test_decision_stands_until_the_next_reference(session: VerificationSession, engine: ScriptedEngine) -> None:
    assert watch(session, 5).decision is Decision.MATCH
    engine.probe = at_angle(0.0)
    assert watch(session, 5, start=10).decision is Decision.MATCH
    assert session.set_reference(FRAME)
    assert session.observe(FRAME, 20).decision is None


def test_frames_closer_than_the_interval_count_once(session: VerificationSession) -> None:
    assert watch(session, 10, interval_s=0.02).kept_probes == 1


def test_frames_that_are_not_good_are_not_kept(session: VerificationSession, engine: ScriptedEngine) -> None:
    engine.landmarks = head_landmarks(yaw=24)
    observation = watch(session, 6)
    assert (observation.coaching, observation.kept_probes) == (Coaching.LOOK_STRAIGHT, 0)


def test_swapped_person_restarts_the_session(session: VerificationSession, engine: ScriptedEngine) -> None:
    assert watch(session, 4).kept_probes == 4
    engine.probe = SOMEBODY_ELSE
    observation = session.observe(FRAME, 1.4)
    assert (observation.kept_probes, observation.decision, observation.breaks) == (1, None, 1)
    assert watch(session, 4, start=1.75).decision is Decision.MATCH


@pytest.mark.parametrize("event", ["gap", "jump", "company"])
def test_a_face_that_is_lost_from_sight_begins_anew(
    session: VerificationSession, engine: ScriptedEngine, event: str
) -> None:
    assert watch(session, 4).kept_probes == 4
    here = engine.landmarks
    match event:
        case "gap":
            engine.landmarks = None
            watch(session, 6, start=1.2, interval_s=0.2)
        case "jump":
            engine.landmarks = head_landmarks(middle=(420, 220))
            session.observe(FRAME, 1.1)
        case "company":
            engine.others = (Box(x=20, y=50, width=60, height=80),)
            assert watch(session, 6, start=1.2, interval_s=0.2).coaching is Coaching.SEVERAL
    engine.landmarks, engine.others = here, ()
    observation = session.observe(FRAME, 2.6)
    assert observation.decision is None
    assert observation.kept_probes <= 1
    assert observation.breaks >= 1


def test_picture_without_a_face_is_no_reference(engine: ScriptedEngine) -> None:
    engine.reference = None
    session = VerificationSession(engine)
    assert session.set_reference(FRAME, challenges=ASKED) is False
    observation = watch(session, 6)
    assert (observation.coaching, observation.kept_probes, observation.prompt) == (Coaching.NONE, 0, None)


# --- with a challenge ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_a_person_who_does_what_is_asked_matches_in_seconds(engine: ScriptedEngine, seed: int) -> None:
    session = VerificationSession(engine, choose=random.Random(seed))
    assert session.set_reference(FRAME, challenges=ASKED)
    actor = Actor(engine)
    observation = play(session, actor)
    assert observation.decision is Decision.MATCH
    assert observation.liveness is not None
    assert (observation.liveness.verdict, observation.liveness.challenges) == (Verdict.PASSED, 1)
    assert observation.breaks == 0
    assert actor.now < 10
    assert observation.actions_done == observation.actions_total == 3


def test_nothing_is_decided_before_the_challenge_is_answered(asking, engine) -> None:
    observation = watch(asking, 60, interval_s=1 / 15)
    assert observation.prompt is not None
    assert observation.decision is None
    assert observation.kept_probes <= 3


@pytest.mark.parametrize(
    ("spoil", "verdict"),
    [
        ({"answers": dict.fromkeys(Action, Action.BLINK)}, Verdict.NOT_ANSWERED),
        (
            {"answers": {Action.TURN_LEFT: Action.TURN_RIGHT, Action.TURN_RIGHT: Action.TURN_LEFT}},
            Verdict.WRONG_ACTION,
        ),
        ({"depth": 0.0}, Verdict.NOT_ANSWERED),
    ],
    ids=["only blinks", "turns the wrong way", "flat picture"],
)
def test_a_challenge_failed_twice_is_not_live(engine, spoil, verdict) -> None:
    policy = replace(ASKED, actions=(Action.TURN_LEFT, Action.TURN_RIGHT))
    session = VerificationSession(engine, choose=random.Random(1))
    assert session.set_reference(FRAME, challenges=policy)
    observation = play(session, Actor(engine, **spoil), seconds=40)
    assert observation.decision is Decision.NOT_LIVE
    assert observation.similarity_score is None
    assert observation.liveness is not None
    assert (observation.liveness.verdict, observation.liveness.challenges) == (verdict, 2)
    assert session.enrolled is None


def test_the_second_challenge_may_be_passed(engine) -> None:
    policy = replace(ASKED, actions=(Action.TURN_LEFT, Action.OPEN_MOUTH))
    session = VerificationSession(engine, choose=random.Random(1))
    assert session.set_reference(FRAME, challenges=policy)
    actor = Actor(engine, answers={Action.TURN_LEFT: Action.TURN_RIGHT})
    play_until(session, actor, lambda seen: seen.prompt is Action.TURN_LEFT)
    play_until(session, actor, lambda seen: seen.prompt is None)
    actor.answers = {}
    observation = play(session, actor)
    assert observation.decision is Decision.MATCH
    assert observation.liveness is not None
    assert observation.liveness.challenges == 2


@pytest.mark.parametrize("moment", ["in the middle of an action", "after the challenge"])
def test_who_answers_must_be_who_is_compared(asking, engine, moment: str) -> None:
    """The living person leaves the seat to another one without the track being cut."""
    actor = Actor(engine)
    if moment == "after the challenge":
        play_until(asking, actor, lambda seen: seen.actions_done == 3)
    else:
        play_until(asking, actor, lambda seen: seen.prompt is not None)
    engine.probe = SOMEBODY_ELSE
    seen = [asking.observe(FRAME, actor.frame(None)) for _ in range(20)]
    assert seen[-1].breaks == 1
    assert all(observation.decision is None for observation in seen)
    assert seen[-1].actions_done == 0


def test_the_prompts_differ_from_session_to_session(engine) -> None:
    orders = set()
    for seed in range(30):
        session = VerificationSession(engine, choose=random.Random(seed))
        assert session.set_reference(FRAME, challenges=ASKED)
        actor = Actor(engine)
        play_until(session, actor, lambda seen: seen.prompt is not None)
        orders.add(session._challenge._actions)
    assert len(orders) >= 8


# --- who is enrolled -----------------------------------------------------------------------------------------------


def test_who_matched_stays_enrolled_until_forgotten(session, engine) -> None:
    assert watch(session, 5).decision is Decision.MATCH
    session.clear()
    assert session.enrolled is not None
    assert session.use_enrolled(ChallengePolicy(actions=()))
    assert watch(session, 5, start=20).decision is Decision.MATCH
    session.forget()
    assert session.enrolled is None
    assert not session.use_enrolled(ChallengePolicy(actions=()))
    assert not any(embedding.any() for embedding in engine.handed_out)


def test_somebody_else_does_not_match_the_enrolled_person(session, engine) -> None:
    watch(session, 5)
    assert session.use_enrolled(ChallengePolicy(actions=()))
    engine.probe = SOMEBODY_ELSE
    assert watch(session, 5, start=20).decision is Decision.NO_MATCH


@pytest.mark.parametrize("cosine", [0.4, 0.1])
def test_who_did_not_match_is_not_enrolled(session, engine, cosine: float) -> None:
    engine.probe = at_angle(cosine)
    watch(session, 5)
    assert session.enrolled is None


def test_a_new_photo_forgets_the_enrolled_person(session) -> None:
    watch(session, 5)
    session.set_reference(FRAME)
    assert session.enrolled is None


# --- what is left behind -------------------------------------------------------------------------------------------


def test_clear_overwrites_every_template(session: VerificationSession, engine: ScriptedEngine) -> None:
    watch(session, 3)
    assert all(embedding.any() for embedding in engine.handed_out)
    session.clear()
    assert not any(embedding.any() for embedding in engine.handed_out)
    assert session.observe(FRAME, 9.0).kept_probes == 0


def test_probes_and_witnesses_are_overwritten_after_the_decision(asking, engine: ScriptedEngine) -> None:
    assert play(asking, Actor(engine)).decision is Decision.MATCH
    reference, *probes = engine.handed_out
    assert reference.any()
    assert len(probes) > 5
    assert not any(probe.any() for probe in probes)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((1, 4097, 3), np.uint8),
        None,
    ],
    ids=["grey", "alpha", "float", "empty", "huge", "none"],
)
def test_what_is_no_picture_is_refused(session: VerificationSession, image: Image) -> None:
    with pytest.raises(KioskError) as caught:
        session.observe(image, 0.0)
    assert caught.value.code is ErrorCode.FACE_ENGINE_FAILED


def _probes(seed: int) -> Embedding:
    return at_angle(float(np.random.default_rng(seed).uniform(-1, 1)))


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.integers(0, 3), st.floats(-40, 40), st.booleans(), st.integers(0, 1)), max_size=60
    )
)
def test_any_run_of_frames_keeps_the_promises(frames: list[tuple[float, int, float, bool, int]]) -> None:
    engine = ScriptedEngine()
    session = VerificationSession(engine, choose=random.Random(0))
    session.set_reference(FRAME, challenges=ASKED)
    now = 0.0
    for gap, who, yaw, is_there, company in frames:
        now += gap
        engine.probe = _probes(who)
        engine.landmarks = head_landmarks(yaw) if is_there else None
        engine.others = (Box(x=20, y=50, width=60, height=80),) * company
        observation = session.observe(FRAME, now)
        assert 0 <= observation.kept_probes <= 5
        assert (observation.decision is None) == (observation.liveness is None)
        if observation.decision in {Decision.MATCH, Decision.GREY, Decision.NO_MATCH}:
            assert observation.liveness is not None
            assert observation.liveness.verdict is Verdict.PASSED
            assert observation.kept_probes == 5
        if observation.decision is Decision.MATCH:
            assert observation.similarity_score is not None
            assert observation.similarity_score >= POLICIES[ReferenceKind.CARD_PHOTO].match_threshold
    session.forget()
    assert not any(embedding.any() for embedding in engine.handed_out)
