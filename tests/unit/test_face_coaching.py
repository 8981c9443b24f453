"""What is coached, in which order, and what the quality measures say of pictures made for one fault each."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Exposure, Frame, FrameFacts, Image
from tests.unit.scripted_face import FRAME, ScriptedEngine, around, at_angle, head_landmarks
from workstation.face.coaching import CapturePolicy, Coaching, coach
from workstation.face.contract import Box, DetectedFace, Landmarks
from workstation.face.look import Look, look_at
from workstation.face.pose import Pose
from workstation.face.quality import FaceQuality, measure
from workstation.face.seat import SeatLook, SeatWatch, observed

POLICY = CapturePolicy()
AHEAD = Pose(yaw=0, pitch=0, roll=0)
GOOD = FaceQuality(eye_distance_px=60, pose=AHEAD, brightness=120, sharpness=200, glare=0, is_covered=False)
SEATED = Box(x=245, y=140, width=150, height=190)


def seen(*boxes: Box, quality: FaceQuality = GOOD, brightness: float = 120) -> Look:
    faces = tuple(DetectedFace(box=box, detection_score=1, landmarks=np.zeros((68, 2), np.float32)) for box in boxes)
    return Look(
        captured_at=0, frame_size=(640, 480), brightness=brightness, faces=faces, quality=quality if faces else None
    )


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (seen(), Coaching.NO_FACE),
        (seen(brightness=3), Coaching.TOO_DARK),
        (seen(brightness=250), Coaching.TOO_BRIGHT),
        (seen(SEATED), Coaching.NONE),
        (seen(SEATED, Box(x=20, y=50, width=60, height=80)), Coaching.SEVERAL),
        (seen(Box(x=270, y=190, width=100, height=120)), Coaching.TOO_FAR),
        (seen(Box(x=170, y=10, width=300, height=450)), Coaching.TOO_CLOSE),
        (seen(Box(x=20, y=140, width=150, height=190)), Coaching.OFF_CENTRE),
        (seen(Box(x=245, y=-30, width=150, height=190)), Coaching.OFF_CENTRE),
        (seen(SEATED, quality=replace(GOOD, brightness=30)), Coaching.TOO_DARK),
        (seen(SEATED, quality=replace(GOOD, brightness=240)), Coaching.TOO_BRIGHT),
        (seen(SEATED, quality=replace(GOOD, brightness=60), brightness=180), Coaching.BACKLIT),
        (seen(SEATED, quality=replace(GOOD, pose=replace(AHEAD, yaw=-25))), Coaching.LOOK_STRAIGHT),
        (seen(SEATED, quality=replace(GOOD, pose=replace(AHEAD, pitch=30))), Coaching.LOOK_STRAIGHT),
        (seen(SEATED, quality=replace(GOOD, eye_distance_px=30)), Coaching.TOO_FAR),
        (seen(SEATED, quality=replace(GOOD, is_covered=True)), Coaching.COVERED),
        (seen(SEATED, quality=replace(GOOD, glare=0.2)), Coaching.GLARE),
        (seen(SEATED, quality=replace(GOOD, sharpness=5)), Coaching.BLURRED),
    ],
)
def test_one_fault_is_named(look: Look, expected: Coaching) -> None:
    assert coach(look, POLICY) is expected


QUALITIES = st.builds(
    FaceQuality,
    eye_distance_px=st.floats(0, 300),
    pose=st.builds(Pose, yaw=st.floats(-90, 90), pitch=st.floats(-90, 90), roll=st.floats(-90, 90)),
    brightness=st.floats(0, 255),
    sharpness=st.floats(0, 1e5),
    glare=st.floats(0, 1),
    is_covered=st.booleans(),
)
BOXES = st.builds(
    Box,
    x=st.floats(-700, 700),
    y=st.floats(-700, 700),
    width=st.floats(1, 700),
    height=st.floats(1, 700),
)


@given(BOXES, QUALITIES)
def test_any_look_is_coached_and_only_good_ones_pass(box: Box, quality: FaceQuality) -> None:
    if coach(seen(box, quality=quality), POLICY) is Coaching.NONE:
        assert abs(quality.pose.yaw) <= POLICY.max_yaw
        assert not quality.is_covered
        assert quality.sharpness >= POLICY.min_sharpness


# --- quality -------------------------------------------------------------------------------------------------------

SKIN, LIPS, CLOTH = (140, 170, 210), (110, 110, 190), (215, 190, 150)


def painted(landmarks: Landmarks, *, mask: bool = False, glare: bool = False) -> Image:
    """A face of flat colours: skin, lips, and what hides them."""
    image = np.full((480, 640, 3), 90, np.uint8)
    box = around(landmarks)
    centre = (round(box.centre[0]), round(box.centre[1]))
    cv2.ellipse(image, centre, (round(box.width * 0.62), round(box.height * 0.62)), 0, 0, 360, SKIN, -1)
    cv2.fillPoly(image, [landmarks[48:60].astype(np.int32)], LIPS)
    if mask:
        cv2.fillPoly(image, [np.concatenate([landmarks[2:15], landmarks[29:30]]).astype(np.int32)], CLOTH)
    if glare:
        for eye in (landmarks[36:42], landmarks[42:48]):
            cv2.circle(image, tuple(int(value) for value in eye.mean(axis=0)), 10, (255, 255, 255), -1)
    return image


def quality_of(image: Image, landmarks: Landmarks) -> FaceQuality:
    return measure(image, DetectedFace(box=around(landmarks), detection_score=1, landmarks=landmarks))


def test_a_mask_covers_and_lips_do_not() -> None:
    landmarks = head_landmarks()
    assert quality_of(painted(landmarks, mask=True), landmarks).is_covered
    assert not quality_of(painted(landmarks), landmarks).is_covered


def test_white_before_the_eyes_is_glare() -> None:
    landmarks = head_landmarks()
    assert quality_of(painted(landmarks, glare=True), landmarks).glare > POLICY.max_glare
    assert quality_of(painted(landmarks), landmarks).glare == 0


def test_a_grey_picture_is_not_covered() -> None:
    landmarks = head_landmarks()
    grey = cv2.cvtColor(painted(landmarks), cv2.COLOR_BGR2GRAY)
    assert not quality_of(np.repeat(grey[..., np.newaxis], 3, axis=2), landmarks).is_covered


@given(st.lists(st.floats(-2000, 2000), min_size=136, max_size=136))
def test_landmarks_anywhere_give_numbers(numbers: list[float]) -> None:
    found = quality_of(FRAME, np.array(numbers, np.float32).reshape(68, 2))
    assert np.isfinite([found.brightness, found.sharpness, found.glare, found.pose.yaw, found.pose.pitch]).all()


# --- the seat ------------------------------------------------------------------------------------------------------

ENROLLED = at_angle(1.0)


@pytest.mark.parametrize(
    ("cosine", "expected"), [(0.9, True), (0.41, True), (0.39, None), (0.26, None), (0.24, False), (-0.5, False)]
)
def test_the_seat_says_whose_face_it_is_or_nothing(cosine: float, expected: bool | None) -> None:
    engine = ScriptedEngine(probe=at_angle(cosine))
    assert SeatWatch(engine).look(FRAME, ENROLLED) == SeatLook(face_count=1, is_expert=expected)
    assert not engine.handed_out[-1].any(), "the probe is overwritten"


@pytest.mark.parametrize("reason", ["nobody enrolled", "turned", "far", "blurred", "nobody there"])
def test_the_seat_says_nothing_of_a_face_it_cannot_judge(reason: str) -> None:
    engine, enrolled, frame = ScriptedEngine(probe=at_angle(0)), ENROLLED, FRAME
    match reason:
        case "nobody enrolled":
            enrolled = None
        case "turned":
            engine.landmarks = head_landmarks(yaw=33)
        case "far":
            engine.landmarks = np.asarray(head_landmarks() * 0.35 + 100, np.float32)
        case "blurred":
            frame = np.full_like(FRAME, 120)
        case "nobody there":
            engine.landmarks = None
    assert SeatWatch(engine).look(frame, enrolled).is_expert is None


def facts(**changes: object) -> FrameFacts:
    usual = FrameFacts(mean_luminance=120, p5=30, p95=220, exposure=Exposure.GOOD, is_black=False, is_frozen=False)
    return replace(usual, **changes)


@pytest.mark.parametrize(
    ("faces", "camera", "covered", "frozen"),
    [
        (0, facts(), False, False),
        (0, facts(is_black=True), True, False),
        (0, facts(p5=100, p95=104), True, False),
        (1, facts(p5=100, p95=104), False, False),
        (1, facts(is_frozen=True), False, True),
        (0, None, False, False),
    ],
)
def test_the_camera_says_whether_it_is_covered(faces, camera, covered, frozen) -> None:
    seat = observed(SeatLook(face_count=faces, is_expert=None), Frame(image=FRAME, captured_at=7, facts=camera))
    assert (seat.captured_at, seat.face_count, seat.is_covered, seat.is_frozen) == (7, faces, covered, frozen)


def test_a_look_repeats_what_the_engine_saw() -> None:
    look = look_at(ScriptedEngine(others=(Box(x=5, y=5, width=20, height=30),)), FRAME, 3.0)
    assert len(look.faces) == 1, "a face as small as a photo on the wall is overlooked"
    assert look.quality is not None
    assert (look.captured_at, look.frame_size, look.eyes) == (3.0, (640, 480), (0.95, 0.95))
