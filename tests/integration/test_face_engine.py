"""Whole sessions with the default engine on the drill's scenes; tests/contract has the engines alone."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from assets.build_models import ensure
from drivers.contracts import Image
from drivers.simulated.bench import BenchFile, Scene
from drivers.simulated.camera import SimulatedCamera
from tests.portraits import HEADS, card_photo, roster_photo
from workstation.face.contract import FaceEngine, ReferenceKind
from workstation.face.onnx_engine import OnnxFaceEngine
from workstation.face.verification import Coaching, Decision, Observation, VerificationSession


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return ensure()


@pytest.fixture(scope="session")
def engine(models_dir: Path) -> FaceEngine:
    return OnnxFaceEngine(models_dir)


@pytest.fixture
def bench(tmp_path: Path) -> BenchFile:
    return BenchFile(tmp_path / "bench.json")


def frames(bench: BenchFile, scene: Scene, count: int) -> list[Image]:
    bench.change(scene=scene)
    camera = SimulatedCamera(bench)
    camera.open()
    return [camera.read(timeout_s=1).image for _ in range(count)]


def watch(session: VerificationSession, pictures: list[Image], start: float = 0.0) -> Observation:
    for number, picture in enumerate(pictures):
        observation = session.observe(picture, start + 0.4 * number)
    return observation


@pytest.mark.parametrize("reference", [card_photo, roster_photo])
@pytest.mark.parametrize("person", HEADS)
def test_right_person_matches(engine: FaceEngine, bench: BenchFile, person: Scene, reference) -> None:
    session = VerificationSession(engine)
    kind = ReferenceKind.CARD_PHOTO if reference is card_photo else ReferenceKind.ROSTER_PHOTO
    assert session.set_reference(reference(person), kind)
    observation = watch(session, frames(bench, person, 5))
    assert observation.decision is Decision.MATCH
    assert observation.similarity_score is not None
    assert observation.similarity_score > 0.6
    assert observation.box is not None
    assert 0.2 < observation.box.width < 0.35


@pytest.mark.parametrize(("on_card", "seated"), [(Scene.PERSON_A, Scene.PERSON_B), (Scene.PERSON_B, Scene.PERSON_A)])
def test_other_person_does_not_match(engine: FaceEngine, bench: BenchFile, on_card: Scene, seated: Scene) -> None:
    session = VerificationSession(engine)
    assert session.set_reference(card_photo(on_card))
    observation = watch(session, frames(bench, seated, 5))
    assert observation.decision is Decision.NO_MATCH
    assert observation.similarity_score is not None
    assert observation.similarity_score < 0.25


def test_swap_during_the_session_restarts_it(engine: FaceEngine, bench: BenchFile) -> None:
    session = VerificationSession(engine)
    assert session.set_reference(card_photo(Scene.PERSON_A))
    pictures = [*frames(bench, Scene.PERSON_A, 4), *frames(bench, Scene.PERSON_B, 1)]
    observation = watch(session, pictures)
    assert (observation.kept_probes, observation.decision) == (1, None)


@pytest.mark.parametrize(
    ("scene", "coaching", "count"), [(Scene.NOBODY, Coaching.NO_FACE, 0), (Scene.TWO, Coaching.SEVERAL, 2)]
)
def test_nobody_and_two_are_coached(
    engine: FaceEngine, bench: BenchFile, scene: Scene, coaching: Coaching, count: int
) -> None:
    session = VerificationSession(engine)
    assert session.set_reference(card_photo(Scene.PERSON_A))
    for picture in frames(bench, scene, 6):
        observation = session.observe(picture, time.monotonic())
        assert (observation.coaching, observation.face_count) == (coaching, count)
        assert observation.kept_probes == 0


@pytest.mark.parametrize(
    ("spoil", "coaching"),
    [
        (lambda picture: picture // 5, Coaching.TOO_DARK),
        (lambda picture: 255 - (255 - picture) // 5, Coaching.TOO_BRIGHT),
        (lambda picture: cv2.GaussianBlur(picture, (0, 0), 4), Coaching.BLURRED),
        (lambda picture: cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA), Coaching.TOO_FAR),
        (lambda picture: np.ascontiguousarray(picture[80:400, 130:510]), Coaching.NONE),
        (lambda picture: np.ascontiguousarray(picture[150:335, 220:420]), Coaching.TOO_CLOSE),
        (lambda picture: np.roll(picture, 190, axis=1), Coaching.OFF_CENTRE),
    ],
    ids=["dark", "bright", "blurred", "far", "cropped", "close", "aside"],
)
def test_spoilt_frames_are_coached(engine: FaceEngine, bench: BenchFile, spoil, coaching: Coaching) -> None:
    (picture,) = frames(bench, Scene.PERSON_A, 1)
    assert VerificationSession(engine).observe(spoil(picture), 0.0).coaching is coaching


@pytest.mark.parametrize("level", [0, 127, 255])
def test_picture_without_a_face_is_no_reference(engine: FaceEngine, level: int) -> None:
    assert VerificationSession(engine).set_reference(np.full((126, 102, 3), level, np.uint8)) is False


@settings(max_examples=25, deadline=None)
@given(st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60), st.just(3))))
def test_any_small_picture_gives_a_typed_result(engine: FaceEngine, picture: Image) -> None:
    session = VerificationSession(engine)
    assert session.set_reference(picture) in {True, False}
    assert isinstance(session.observe(picture, 0.0), Observation)


def torn(picture: Image) -> Image:
    """The lower half is of another moment, as from a camera that loses packets."""
    return np.concatenate([picture[:240], np.roll(picture[240:], 150, axis=1)])


@pytest.mark.parametrize(
    "spoil",
    [
        torn,
        lambda picture: picture[::40, ::40],
        lambda picture: picture[:1, :1],
        lambda picture: cv2.resize(picture, (4096, 4096)),
        np.rot90,
        lambda picture: picture[::-1],
        lambda picture: np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8),
    ],
    ids=["torn", "tiny", "one pixel", "huge", "on its side", "upside down", "grey"],
)
def test_a_spoilt_frame_costs_a_frame_and_the_next_good_ones_decide(engine, bench, spoil) -> None:
    session = VerificationSession(engine)
    assert session.set_reference(card_photo(Scene.PERSON_A))
    pictures = frames(bench, Scene.PERSON_A, 6)  # the first may break a track that the spoilt one began
    assert isinstance(session.observe(np.ascontiguousarray(spoil(pictures[0])), 0.0), Observation)
    assert watch(session, pictures, start=5.0).decision is Decision.MATCH
