"""The verification session against a scripted engine: no model, no picture content."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError
from workstation.face.contract import Box, DetectedFace, Embedding, FaceQuality, ModelIdentity
from workstation.face.verification import (
    DECISION_POLICIES,
    Coaching,
    Decision,
    Observation,
    ReferenceKind,
    VerificationSession,
)

FRAME = np.full((480, 640, 3), 128, np.uint8)
SEATED = Box(x=245, y=140, width=150, height=190)
GOOD = FaceQuality(brightness=120, sharpness=200, frontality=0.9)


def at_angle(cosine: float) -> Embedding:
    """A unit vector with this cosine to the reference (1, 0, 0)."""
    return np.array([cosine, np.sqrt(1 - cosine**2), 0], np.float32)


@dataclass
class ScriptedEngine:
    boxes: tuple[Box, ...] = (SEATED,)
    seen: FaceQuality = GOOD
    probe: Embedding = field(default_factory=lambda: at_angle(0.7))
    reference: Embedding | None = field(default_factory=lambda: at_angle(1.0))
    handed_out: list[Embedding] = field(default_factory=list)
    identity: ModelIdentity = field(
        default_factory=lambda: ModelIdentity(name="scripted", version="1", sha256="0", licence="none")
    )

    def detect(self, image: Image) -> tuple[DetectedFace, ...]:
        landmarks = np.zeros((68, 2), np.float32)
        return tuple(DetectedFace(box=box, detection_score=1.0, landmarks=landmarks) for box in self.boxes)

    def quality(self, image: Image, face: DetectedFace) -> FaceQuality:
        return self.seen

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        self.handed_out.append(self.probe.copy())
        return self.handed_out[-1]

    def describe_reference(self, image: Image) -> Embedding | None:
        if self.reference is None:
            return None
        self.handed_out.append(self.reference.copy())
        return self.handed_out[-1]

    def compare(self, reference: Embedding, probe: Embedding) -> float:
        return float(reference @ probe)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def session(engine: ScriptedEngine) -> VerificationSession:
    session = VerificationSession(engine)
    assert session.set_reference(FRAME)
    return session


def watch(session: VerificationSession, count: int, interval_s: float = 0.35, start: float = 0) -> Observation:
    for index in range(count):
        observation = session.observe(FRAME, start + index * interval_s)
    return observation


@pytest.mark.parametrize(
    ("boxes", "seen", "expected"),
    [
        ((), GOOD, Coaching.NO_FACE),
        ((SEATED,), GOOD, Coaching.NONE),
        ((SEATED, Box(x=20, y=50, width=60, height=80)), GOOD, Coaching.SEVERAL),
        ((SEATED, Box(x=20, y=50, width=20, height=25)), GOOD, Coaching.NONE),
        ((Box(x=270, y=190, width=100, height=120),), GOOD, Coaching.TOO_FAR),
        ((Box(x=170, y=10, width=300, height=450),), GOOD, Coaching.TOO_CLOSE),
        ((Box(x=20, y=140, width=150, height=190),), GOOD, Coaching.OFF_CENTRE),
        ((Box(x=245, y=-30, width=150, height=190),), GOOD, Coaching.OFF_CENTRE),
        ((SEATED,), FaceQuality(brightness=30, sharpness=200, frontality=1), Coaching.TOO_DARK),
        ((SEATED,), FaceQuality(brightness=240, sharpness=200, frontality=1), Coaching.TOO_BRIGHT),
        ((SEATED,), FaceQuality(brightness=120, sharpness=5, frontality=1), Coaching.BLURRED),
    ],
)
def test_coaching_names_the_first_fault_and_only_good_frames_are_kept(
    session: VerificationSession,
    engine: ScriptedEngine,
    boxes: tuple[Box, ...],
    seen: FaceQuality,
    expected: Coaching,
) -> None:
    engine.boxes, engine.seen = boxes, seen
    observation = session.observe(FRAME, 0.0)
    assert observation.coaching is expected
    assert observation.kept_probes == (1 if expected is Coaching.NONE else 0)
    assert observation.liveness is None


@pytest.mark.parametrize(("level", "expected"), [(3, Coaching.TOO_DARK), (250, Coaching.TOO_BRIGHT)])
def test_light_is_blamed_when_no_face_can_be_found(
    session: VerificationSession, engine: ScriptedEngine, level: int, expected: Coaching
) -> None:
    engine.boxes = ()
    assert session.observe(np.full_like(FRAME, level), 0.0).coaching is expected


def test_box_is_cut_at_the_edge_and_normalised(session: VerificationSession, engine: ScriptedEngine) -> None:
    engine.boxes = (Box(x=-64, y=240, width=128, height=480),)
    box = session.observe(FRAME, 0.0).box
    assert box is not None
    assert (box.x, box.y, box.width, box.height) == (0, 0.5, 0.1, 0.5)


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


def test_decision_stands_until_the_next_reference(session: VerificationSession, engine: ScriptedEngine) -> None:
    assert watch(session, 5).decision is Decision.MATCH
    engine.probe = at_angle(0.0)
    assert watch(session, 5, start=10).decision is Decision.MATCH
    assert session.set_reference(FRAME)
    assert session.observe(FRAME, 20).decision is None


def test_frames_closer_than_the_interval_count_once(session: VerificationSession) -> None:
    assert watch(session, 10, interval_s=0.02).kept_probes == 1


def test_more_frontal_frame_soon_after_replaces_the_probe(session: VerificationSession, engine: ScriptedEngine) -> None:
    engine.seen = FaceQuality(brightness=120, sharpness=200, frontality=0.5)
    session.observe(FRAME, 0.0)
    engine.seen = GOOD
    assert session.observe(FRAME, 0.1).kept_probes == 1
    reference, first, better = engine.handed_out
    assert reference.any()
    assert not first.any()
    assert better.any()
    # Too late in the slot, however good; and the distance counts from the frame really kept.
    engine.seen = FaceQuality(brightness=120, sharpness=200, frontality=1.0)
    session.observe(FRAME, 0.2)
    session.observe(FRAME, 0.35)
    assert len(engine.handed_out) == 3
    assert session.observe(FRAME, 0.41).kept_probes == 2


def test_swapped_person_restarts_the_session(session: VerificationSession, engine: ScriptedEngine) -> None:
    assert watch(session, 4).kept_probes == 4
    engine.probe = np.array([0.7, -0.714, 0], np.float32)  # as near to the reference, but somebody else
    observation = session.observe(FRAME, 1.4)
    assert observation.kept_probes == 1
    assert observation.decision is None
    assert watch(session, 4, start=1.75).decision is Decision.MATCH


def test_picture_without_a_face_is_no_reference(engine: ScriptedEngine) -> None:
    engine.reference = None
    session = VerificationSession(engine)
    assert session.set_reference(FRAME) is False
    observation = watch(session, 6)
    assert (observation.coaching, observation.kept_probes) == (Coaching.NONE, 0)


def test_clear_overwrites_every_template(session: VerificationSession, engine: ScriptedEngine) -> None:
    watch(session, 3)
    assert all(embedding.any() for embedding in engine.handed_out)
    session.clear()
    assert not any(embedding.any() for embedding in engine.handed_out)
    assert session.observe(FRAME, 9.0).kept_probes == 0


def test_probes_are_overwritten_after_the_decision(session: VerificationSession, engine: ScriptedEngine) -> None:
    watch(session, 5)
    reference, *probes = engine.handed_out
    assert reference.any()
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


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(-1, 1), st.floats(0, 1)), max_size=40))
def test_any_run_of_frames_keeps_the_promises(frames: list[tuple[float, float, float]]) -> None:
    engine = ScriptedEngine()
    session = VerificationSession(engine)
    session.set_reference(FRAME)
    now = 0.0
    for gap, cosine, frontality in frames:
        now += gap
        engine.probe = at_angle(cosine)
        engine.seen = FaceQuality(brightness=120, sharpness=200, frontality=frontality)
        observation = session.observe(FRAME, now)
        assert 0 <= observation.kept_probes <= 5
        assert (observation.decision is None) == (observation.similarity_score is None)
        assert (observation.decision is not None) == (observation.kept_probes == 5)
        if observation.decision is Decision.MATCH:
            assert observation.similarity_score is not None
            assert observation.similarity_score >= DECISION_POLICIES[ReferenceKind.CARD_PHOTO].match_threshold
    session.clear()
    assert not any(embedding.any() for embedding in engine.handed_out)


def test_repr_shows_no_template(engine: ScriptedEngine) -> None:
    assert "landmarks" not in repr(engine.detect(FRAME))
