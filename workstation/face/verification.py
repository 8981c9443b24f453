"""One verification session: collects good probes, notices a swapped person, decides against the reference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.contracts import Image
from workstation.face.contract import (
    DetectedFace,
    Embedding,
    FaceEngine,
    ReferenceKind,
    compare,
    fuse,
    require_image,
)
from workstation.face.quality import FaceQuality, measure


class Coaching(StrEnum):
    """What the person should change first."""

    NONE = "none"
    NO_FACE = "no-face"
    TOO_FAR = "too-far"
    TOO_CLOSE = "too-close"
    OFF_CENTRE = "off-centre"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    BLURRED = "blurred"
    SEVERAL = "several"


class Decision(StrEnum):
    """Outcome of the comparison. GREY goes to a human with both pictures side by side."""

    MATCH = "match"
    GREY = "grey"
    NO_MATCH = "no-match"


@dataclass(frozen=True, kw_only=True)
class CapturePolicy:
    """When a frame is good enough to be a probe, and how many make a decision.

    Attributes:
        min_face_width_px: eye distance about 40 px, the smallest of the measured data.
        max_face_height: part of the frame's height.
        max_offset: distance of the face's middle from the frame's, part of the width or height.
        min_bystander_width: smaller faces (a photo on the wall) are overlooked; part of the frame's width.
        min_brightness: mean grey value of the face (of the frame when none is found), 0..255.
            No face of LFW's first 250 is below 50 or above 170.
        max_brightness: as ``min_brightness``.
        min_sharpness: variance of the Laplacian of the aligned face. At 25 (a blur of 3 pixels on a face of 160)
            the score against the card photo has lost 0.02; at 10 it has lost 0.23. LFW's first 250: 29 or more.
        probe_interval_s: at least this much time between two kept probes: only different frames reduce the FNMR.
        min_agreement: two probes of one session that are less alike are two people. Impostor pairs with East
            Asian names stay below 0.46 (LFW, 1 225 pairs, single frames).
    """

    probes: int = 5
    probe_interval_s: float = 0.3
    min_face_width_px: float = 110
    max_face_height: float = 0.75
    max_offset: float = 0.22
    min_bystander_width: float = 0.05
    min_brightness: float = 45
    max_brightness: float = 220
    min_sharpness: float = 25
    min_agreement: float = 0.5


@dataclass(frozen=True, kw_only=True)
class NormalisedBox:
    """Rectangle in parts of the frame, 0..1, cut at the frame's edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one frame showed and where the session stands.

    Attributes:
        box: of the largest face.
        kept_probes: how many of the ``needed_probes`` are there. A person change sets it back to 1.
        decision: set from the last probe on, until the next reference.
        similarity_score: the score of ``decision``; for the record, not for the person.
    """

    face_count: int
    box: NormalisedBox | None
    coaching: Coaching
    kept_probes: int
    needed_probes: int
    decision: Decision | None = None
    similarity_score: float | None = None


@dataclass(kw_only=True)
class _Probe:
    embedding: Embedding
    frontality: float
    captured_at: float


class VerificationSession:
    """Compares a live person with one reference photo. Frames are never kept, embeddings until ``clear``."""

    def __init__(self, engine: FaceEngine, capture: CapturePolicy | None = None) -> None:
        self._engine = engine
        self._capture = capture or CapturePolicy()
        self._policy = engine.policies[ReferenceKind.CARD_PHOTO]
        self._reference: Embedding | None = None
        self._probes: list[_Probe] = []
        self._slot_opened_at = 0.0
        self._outcome: tuple[Decision, float] | None = None

    def set_reference(self, image: Image, kind: ReferenceKind = ReferenceKind.CARD_PHOTO) -> bool:
        """Start a new session with this reference photo; false (and no reference) when it shows no face.

        Raises:
            KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
        """
        self.clear()
        self._policy = self._engine.policies[kind]
        self._reference = self._engine.describe_reference(image)
        return self._reference is not None

    def observe(self, frame_image: Image, captured_at: float) -> Observation:
        """Look at one frame. Without a reference it only counts, places and coaches.

        Args:
            frame_image: the camera picture.
            captured_at: monotonic seconds of the capture.

        Raises:
            KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
        """
        frame_image = require_image(frame_image)
        found = self._engine.detect(frame_image)
        smallest = self._capture.min_bystander_width * frame_image.shape[1]
        faces = [face for face in found if face.box.width >= smallest]
        quality = measure(frame_image, faces[0]) if faces else None
        coaching = self._coach(frame_image, faces, quality)
        if quality and coaching is Coaching.NONE and self._reference is not None and not self._outcome:
            self._collect(frame_image, faces[0], quality.frontality, captured_at)
            if len(self._probes) == self._capture.probes:
                self._outcome = self._decide(self._reference)
        decision, score = self._outcome or (None, None)
        return Observation(
            face_count=len(faces),
            box=_normalised(faces[0], frame_image) if faces else None,
            coaching=coaching,
            kept_probes=self._capture.probes if self._outcome else len(self._probes),
            needed_probes=self._capture.probes,
            decision=decision,
            similarity_score=score,
        )

    def clear(self) -> None:
        """Overwrite and drop the reference and all probes."""
        if self._reference is not None:
            self._reference.fill(0)
        self._reference = None
        self._drop_probes()
        self._outcome = None

    def _coach(self, image: Image, faces: list[DetectedFace], quality: FaceQuality | None) -> Coaching:
        policy = self._capture
        if not faces or quality is None:
            # Nothing is found in glare or in the dark either; "no face" would send the person to the wrong remedy.
            light = _light_fault(policy, float(image.mean()))
            return light or Coaching.NO_FACE
        height, width = image.shape[:2]
        box = faces[0].box
        off_x = abs((box.x + box.width / 2) / width - 0.5)
        off_y = abs((box.y + box.height / 2) / height - 0.5)
        faults = {
            Coaching.SEVERAL: len(faces) > 1,
            Coaching.TOO_FAR: box.width < policy.min_face_width_px,
            Coaching.TOO_CLOSE: box.height > policy.max_face_height * height,
            Coaching.OFF_CENTRE: max(off_x, off_y) > policy.max_offset,
        }
        placed_wrong = next((fault for fault, is_so in faults.items() if is_so), None)
        is_blurred = quality.sharpness < policy.min_sharpness
        light = _light_fault(policy, quality.brightness)
        return placed_wrong or light or (Coaching.BLURRED if is_blurred else Coaching.NONE)

    def _collect(self, image: Image, face: DetectedFace, frontality: float, captured_at: float) -> None:
        """Keep the frame as a probe, or in place of the newest one when it came soon after and is more frontal."""
        replaces = False
        if self._probes and captured_at - self._probes[-1].captured_at < self._capture.probe_interval_s:
            soon = captured_at - self._slot_opened_at < self._capture.probe_interval_s / 2
            replaces = soon and frontality > self._probes[-1].frontality
            if not replaces:
                return
        probe = _Probe(embedding=self._engine.describe(image, face), frontality=frontality, captured_at=captured_at)
        if not self._agrees(probe):
            self._drop_probes()
            replaces = False
        elif replaces:
            self._probes.pop().embedding.fill(0)
        if not replaces:
            self._slot_opened_at = captured_at
        self._probes.append(probe)

    def _agrees(self, probe: _Probe) -> bool:
        return all(compare(kept.embedding, probe.embedding) >= self._capture.min_agreement for kept in self._probes)

    def _decide(self, reference: Embedding) -> tuple[Decision, float]:
        fused = fuse([probe.embedding for probe in self._probes])
        score = compare(reference, fused)
        fused.fill(0)
        self._drop_probes()
        if score >= self._policy.match_threshold:
            return Decision.MATCH, score
        return (Decision.GREY if score >= self._policy.grey_threshold else Decision.NO_MATCH), score

    def _drop_probes(self) -> None:
        for probe in self._probes:
            probe.embedding.fill(0)
        self._probes.clear()


def _light_fault(policy: CapturePolicy, brightness: float) -> Coaching | None:
    if brightness < policy.min_brightness:
        return Coaching.TOO_DARK
    return Coaching.TOO_BRIGHT if brightness > policy.max_brightness else None


def _normalised(face: DetectedFace, image: Image) -> NormalisedBox:
    height, width = image.shape[:2]
    left, right = (min(max(x / width, 0.0), 1.0) for x in (face.box.x, face.box.x + face.box.width))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (face.box.y, face.box.y + face.box.height))
    return NormalisedBox(x=left, y=top, width=right - left, height=bottom - top)
