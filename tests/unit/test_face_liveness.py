"""The liveness challenge, the track and the relief on people and pictures made of landmarks."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.scripted_face import EYE_DISTANCE, FRAME, Actor, ScriptedEngine, around, head_landmarks, moved
from workstation.face.contract import Box, DetectedFace, Landmarks
from workstation.face.liveness import TURNS, Action, Challenge, ChallengePolicy, Verdict, draw_actions
from workstation.face.look import Look, look_at
from workstation.face.pose import head_pose, mouth_openness
from workstation.face.relief import relief
from workstation.face.track import MAX_GAP_S, Continuity, Track

POLICY = ChallengePolicy()


def film(challenge: Challenge, actor: Actor, seconds: float = 20, fps: float = 15) -> float:
    """Let the actor answer until the challenge is over; return the time that took."""
    end = actor.now + seconds
    while challenge.verdict is None and actor.now < end:
        now = actor.frame(challenge.prompt, fps)
        challenge.observe(look_at(actor.engine, FRAME, now))
    return actor.now


# --- drawing -------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(Action), unique=True), st.integers(1, 4), st.integers())
def test_what_is_drawn_is_allowed_once_and_turns_where_turns_are_allowed(allowed, count, seed) -> None:
    policy = replace(POLICY, actions=tuple(allowed), count=count)
    drawn = draw_actions(policy, random.Random(seed))
    assert len(drawn) == len(set(drawn)) == min(count, len(allowed))
    assert set(drawn) <= set(allowed)
    if drawn and set(allowed) & TURNS.keys():
        assert set(drawn) & TURNS.keys()


def test_a_failed_challenge_makes_the_next_one_longer() -> None:
    assert [len(draw_actions(POLICY, failed=failed)) for failed in (0, 1, 2)] == [3, 4, 4]


def test_every_order_of_two_with_a_turn_is_drawn_and_none_is_preferred() -> None:
    choose = random.Random(1)
    counted: dict[tuple[Action, ...], int] = {}
    for _ in range(5000):
        drawn = draw_actions(replace(POLICY, count=2), choose)
        counted[drawn] = counted.get(drawn, 0) + 1
    assert len(counted) == 10  # 12 ordered pairs less the two without a turn
    assert min(counted.values()) > 400


# --- answering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [8, 15, 30])
@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_answered(action: Action, fps: float) -> None:
    challenge = Challenge([action], POLICY, random.Random(0))
    film(challenge, Actor(ScriptedEngine()), fps=fps)
    assert challenge.verdict is Verdict.PASSED
    assert challenge.prompt is None


def test_the_prompt_comes_after_rest_and_a_pause_nobody_knows() -> None:
    moments = set()
    for seed in range(20):
        challenge = Challenge([Action.BLINK], POLICY, random.Random(seed))
        actor = Actor(ScriptedEngine())
        while challenge.prompt is None:
            challenge.observe(look_at(actor.engine, FRAME, actor.frame(None)))
        moments.add(round(actor.now, 2))
        assert POLICY.pause_s[0] < actor.now < POLICY.pause_s[1] + 0.6
    assert len(moments) > 5


def test_nothing_is_asked_of_a_head_that_does_not_rest() -> None:
    challenge = Challenge([Action.BLINK], POLICY, random.Random(0))
    engine = ScriptedEngine()
    for number in range(90):
        engine.landmarks = head_landmarks(yaw=30 * np.sin(number / 3))
        challenge.observe(look_at(engine, FRAME, number / 15))
    assert challenge.prompt is None


@pytest.mark.parametrize(
    ("asked", "done", "verdict"),
    [
        (Action.TURN_LEFT, Action.TURN_RIGHT, Verdict.WRONG_ACTION),
        (Action.BLINK, Action.TURN_LEFT, Verdict.WRONG_ACTION),
        (Action.BLINK, Action.OPEN_MOUTH, Verdict.WRONG_ACTION),
        (Action.OPEN_MOUTH, Action.TURN_RIGHT, Verdict.WRONG_ACTION),
        (Action.TURN_LEFT, Action.BLINK, Verdict.NOT_ANSWERED),
        (Action.OPEN_MOUTH, Action.BLINK, Verdict.NOT_ANSWERED),
    ],
)
def test_another_action_is_no_answer(asked: Action, done: Action, verdict: Verdict) -> None:
    challenge = Challenge([asked], POLICY, random.Random(0))
    film(challenge, Actor(ScriptedEngine(), answers={asked: done}))
    assert challenge.verdict is verdict
    assert challenge.has_failed


def test_no_answer_in_time_fails() -> None:
    challenge = Challenge([Action.TURN_LEFT], POLICY, random.Random(0))
    took_s = film(challenge, Actor(ScriptedEngine(), reaction_s=60))
    assert challenge.verdict is Verdict.NOT_ANSWERED
    assert POLICY.answer_s < took_s < POLICY.answer_s + 2


def rest_until_done(challenge: Challenge, actor: Actor, count: int) -> None:
    while challenge.done < count:
        challenge.observe(look_at(actor.engine, FRAME, actor.frame(challenge.prompt)))


@pytest.mark.parametrize("wide", [Action.TURN_LEFT, Action.OPEN_MOUTH])
def test_a_film_that_goes_on_acting_between_the_prompts_fails(wide: Action) -> None:
    challenge = Challenge([Action.BLINK, Action.TURN_RIGHT], POLICY, random.Random(0))
    actor = Actor(ScriptedEngine())
    rest_until_done(challenge, actor, 1)
    for _ in range(3):
        actor.frame(None)
        actor.frame(wide)  # an action that nobody asked for
        for _ in range(25):
            challenge.observe(look_at(actor.engine, FRAME, actor.frame(wide)))
    assert challenge.verdict is Verdict.WRONG_ACTION


def test_who_looks_around_once_may_go_on() -> None:
    challenge = Challenge([Action.BLINK, Action.TURN_RIGHT], POLICY, random.Random(0))
    actor = Actor(ScriptedEngine())
    rest_until_done(challenge, actor, 1)
    actor.frame(Action.TURN_LEFT)
    for _ in range(25):
        challenge.observe(look_at(actor.engine, FRAME, actor.frame(Action.TURN_LEFT)))
    film(challenge, actor)
    assert challenge.verdict is Verdict.PASSED


def test_one_frame_of_closed_eyes_is_a_slip() -> None:
    challenge = Challenge([Action.BLINK], POLICY, random.Random(0))
    engine = ScriptedEngine()
    for number in range(60):
        engine.eyes = (0.01, 0.02) if number == 40 else (0.9, 0.9)
        challenge.observe(look_at(engine, FRAME, number / 15))
    assert challenge.verdict is None
    assert challenge.prompt is Action.BLINK


def test_one_eye_closed_is_no_blink() -> None:
    challenge = Challenge([Action.BLINK], POLICY, random.Random(0))
    engine = ScriptedEngine()
    for number in range(60):
        engine.eyes = (0.01, 0.95) if 30 < number < 40 else (0.9, 0.9)
        challenge.observe(look_at(engine, FRAME, number / 15))
    assert challenge.verdict is None


def test_whose_eyes_are_never_seen_open_is_asked_for_something_else() -> None:
    challenge = Challenge([Action.BLINK, Action.TURN_LEFT, Action.OPEN_MOUTH], POLICY, random.Random(0))
    engine = ScriptedEngine(eyes=(0.1, 0.2))
    for number in range(90):
        challenge.observe(look_at(engine, FRAME, number / 15))
    assert challenge.prompt is Action.TURN_RIGHT


def test_without_anything_else_to_ask_for_nothing_is_asked() -> None:
    challenge = Challenge([Action.BLINK], replace(POLICY, actions=(Action.BLINK,)), random.Random(0))
    engine = ScriptedEngine(eyes=(0.1, 0.2))
    for number in range(90):
        challenge.observe(look_at(engine, FRAME, number / 15))
    assert (challenge.prompt, challenge.verdict) == (None, None)


def test_frames_without_a_face_change_nothing() -> None:
    challenge = Challenge([Action.BLINK], POLICY, random.Random(0))
    empty = ScriptedEngine(landmarks=None)
    for number in range(60):
        challenge.observe(look_at(empty, FRAME, number / 15))
    assert (challenge.prompt, challenge.verdict) == (None, None)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1), st.floats(-60, 60), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1.5), st.booleans()
        ),
        max_size=80,
    ),
    st.lists(st.sampled_from(Action), min_size=1, max_size=4, unique=True),
)
def test_any_film_leaves_a_sound_challenge(frames, actions) -> None:
    challenge = Challenge(actions, POLICY, random.Random(0))
    engine = ScriptedEngine()
    now = 0.0
    for gap, yaw, left, right, mouth, is_there in frames:
        now += gap
        engine.landmarks = head_landmarks(yaw, mouth=mouth) if is_there else None
        engine.eyes = (left, right)
        before = challenge.done
        challenge.observe(look_at(engine, FRAME, now))
        assert 0 <= challenge.done - before <= 1
        assert (challenge.verdict is Verdict.PASSED) == (challenge.done == challenge.total)
        assert challenge.verdict is None or challenge.prompt is None


# --- relief --------------------------------------------------------------------------------------------------------


def flat(yaw: float, pitch: float = 0, *, near: float = 6, bend: float = 0.0, fold: float = 0.0) -> Landmarks:
    """A picture of the head on a sheet: turned in true perspective, bent into a cylinder, folded along the nose.

    Args:
        yaw: degrees.
        pitch: degrees.
        near: distance of the camera in eye distances.
        bend: curvature, 1 / radius in eye distances.
        fold: height of the ridge in the middle for each eye distance beside it.
    """
    x, y = ((head_landmarks() - (320, 220)) / EYE_DISTANCE).T.astype(np.float64)
    z = -fold * np.abs(x)
    if bend:
        x, z = np.sin(bend * x) / bend, z + (np.cos(bend * x) - 1) / bend
    turn, nod = np.radians(yaw), np.radians(pitch)
    x, z = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
    y, z = y * np.cos(nod) + z * np.sin(nod), z * np.cos(nod) - y * np.sin(nod)
    scale = near / (near - z)
    return np.asarray(np.column_stack([x * scale, y * scale]) * EYE_DISTANCE + (320, 220), np.float32)


@given(st.floats(8, 30), st.sampled_from([-1, 1]))
def test_a_head_shows_the_sine_of_its_turn(yaw: float, side: int) -> None:
    right, down = relief(head_landmarks(), head_landmarks(side * yaw))
    assert right == pytest.approx(side * np.sin(np.radians(yaw)), rel=0.05)
    assert abs(down) < 0.02


@given(
    rest=st.floats(-10, 10),
    yaw=st.floats(-50, 50),
    pitch=st.floats(-25, 25),
    near=st.floats(4, 30),
    bend=st.floats(-0.5, 0.5),
    fold=st.floats(0, 0.4),
)
def test_a_picture_shows_none_however_it_is_held(**held: float) -> None:
    """What is left is a tenth of what a head would show; a bent picture near the camera can look like a turn."""
    rest, yaw, pitch = (held.pop(name) for name in ("rest", "yaw", "pitch"))
    before, after = flat(rest, **held), flat(yaw, pitch, **held)
    seen = head_pose(after).yaw - head_pose(before).yaw
    right, _ = relief(before, after)
    assert abs(right) < 0.1 * np.sin(np.radians(max(abs(seen), POLICY.turn_deg)))


@given(st.lists(st.floats(-1000, 1000), min_size=136, max_size=136))
def test_relief_of_any_points_is_a_number(numbers: list[float]) -> None:
    points = np.array(numbers, np.float32).reshape(68, 2)
    assert np.isfinite(relief(points, head_landmarks())).all()
    assert np.isfinite(relief(head_landmarks(), points)).all()


@given(st.floats(-35, 35), st.floats(-25, 25))
def test_the_pose_is_the_one_of_the_head(yaw: float, pitch: float) -> None:
    pose = head_pose(head_landmarks(yaw, pitch))
    assert pose.yaw == pytest.approx(yaw, abs=4)
    assert pose.pitch == pytest.approx(pitch, abs=5)


@pytest.mark.parametrize("mouth", [0.05, 0.3, 0.9])
def test_the_mouth_is_as_open_as_it_is(mouth: float) -> None:
    assert mouth_openness(head_landmarks(mouth=mouth)) == pytest.approx(mouth, abs=0.01)


# --- track ---------------------------------------------------------------------------------------------------------

HERE = around(head_landmarks())


def followed(frames: Iterable[tuple[float, tuple[Box, ...]]]) -> list[Continuity]:
    track = Track()
    blank = np.zeros((68, 2), np.float32)

    def look(at: float, boxes: tuple[Box, ...]) -> Look:
        faces = tuple(DetectedFace(box=box, detection_score=1, landmarks=blank) for box in boxes)
        return Look(captured_at=at, frame_size=(640, 480), brightness=120, faces=faces)

    return [track.follow(look(at, boxes)) for at, boxes in frames]


def test_a_face_that_moves_as_people_do_stays_the_same() -> None:
    frames = [(number / 15, (moved(HERE, 60 * np.sin(number / 5)),)) for number in range(60)]
    assert set(followed(frames)) == {Continuity.SAME}


@pytest.mark.parametrize("boxes", [(), (HERE, moved(HERE, 200))], ids=["nobody", "two"])
def test_a_short_gap_pauses_and_a_long_one_breaks(boxes: tuple[Box, ...]) -> None:
    gap = [(0.2 * number, boxes) for number in range(1, 6)]
    seen = followed([(0.0, (HERE,)), *gap, (1.2, (HERE,))])
    assert seen[:4] == [Continuity.SAME, *[Continuity.PAUSED] * 3]
    assert Continuity.BROKEN in seen[4:]
    assert followed([(0.0, (HERE,)), (0.2, boxes), (0.4, (HERE,))])[-1] is Continuity.SAME


@pytest.mark.parametrize(
    "now", [moved(HERE, 90), Box(x=HERE.x, y=HERE.y, width=2 * HERE.width, height=2 * HERE.height)]
)
def test_a_jump_breaks(now: Box) -> None:
    assert followed([(0.0, (HERE,)), (0.07, (now,)), (0.14, (now,))]) == [
        Continuity.SAME,
        Continuity.BROKEN,
        Continuity.SAME,
    ]


def test_frames_that_come_too_late_break() -> None:
    assert followed([(0.0, (HERE,)), (MAX_GAP_S + 0.1, (HERE,))])[-1] is Continuity.BROKEN


def test_before_anybody_came_nothing_breaks() -> None:
    assert set(followed([(number / 2, ()) for number in range(9)])) == {Continuity.PAUSED}
