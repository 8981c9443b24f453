"""A person made of landmarks: the generic head, turned and moved, seen through an engine that needs no network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from drivers.contracts import Image
from workstation.face.contract import (
    Box,
    DecisionPolicy,
    DetectedFace,
    Embedding,
    Landmarks,
    ModelIdentity,
    ReferenceKind,
)
from workstation.face.liveness import Action
from workstation.face.pose import HEAD

SHARP = np.random.default_rng(5).integers(60, 190, (480, 640), np.uint8)
FRAME: Image = np.repeat(SHARP[..., np.newaxis], 3, axis=2)
"""Noise: sharp and of middling brightness everywhere, so that only the scripted face decides."""
EYE_DISTANCE = 60.0
POLICIES = {
    kind: DecisionPolicy(
        match_threshold=match, grey_threshold=0.3, fmr=0, fmr_east_asian_names=0, fnmr=0, data_set="none"
    )
    for kind, match in ((ReferenceKind.CARD_PHOTO, 0.47), (ReferenceKind.ROSTER_PHOTO, 0.50))
}


def at_angle(cosine: float) -> Embedding:
    """A unit vector with this cosine to the reference (1, 0, 0)."""
    return np.array([cosine, np.sqrt(1 - cosine**2), 0], np.float32)


def head_landmarks(
    yaw: float = 0, pitch: float = 0, *, mouth: float = 0.05, depth: float = 1, middle: tuple[float, float] = (320, 220)
) -> Landmarks:
    """Return the landmarks of the generic head; ``depth`` 0 is a picture of it on a flat sheet."""
    shape = HEAD.copy()
    shape[[65, 66, 67], 1] = shape[[63, 62, 61], 1] + mouth * np.ptp(shape[[48, 54], 0])
    shape[:, 2] *= depth
    turn, nod = np.radians(yaw), np.radians(pitch)
    x = shape[:, 0] * np.cos(turn) + shape[:, 2] * np.sin(turn)
    deep = shape[:, 2] * np.cos(turn) - shape[:, 0] * np.sin(turn)
    y = shape[:, 1] * np.cos(nod) + deep * np.sin(nod)
    return np.asarray(np.column_stack([x, y]) * EYE_DISTANCE + middle, np.float32)


def around(landmarks: Landmarks) -> Box:
    """Return a box like the detector's."""
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    height = 1.25 * (bottom - top)
    return Box(x=float(left), y=float(bottom - height), width=float(right - left), height=float(height))


@dataclass
class ScriptedEngine:
    """``FaceEngine`` that sees what the test says."""

    landmarks: Landmarks | None = field(default_factory=head_landmarks)
    others: tuple[Box, ...] = ()
    eyes: tuple[float, float] = (0.95, 0.95)
    probe: Embedding = field(default_factory=lambda: at_angle(0.7))
    reference: Embedding | None = field(default_factory=lambda: at_angle(1.0))
    passive: float | None = 0.8
    handed_out: list[Embedding] = field(default_factory=list)
    policies: dict[ReferenceKind, DecisionPolicy] = field(default_factory=lambda: POLICIES)
    identity: ModelIdentity = field(
        default_factory=lambda: ModelIdentity(name="scripted", version="1", sha256="0", licence="none")
    )

    def detect(self, image: Image) -> tuple[DetectedFace, ...]:
        blank = np.zeros((68, 2), np.float32)
        others = tuple(DetectedFace(box=box, detection_score=1.0, landmarks=blank) for box in self.others)
        if self.landmarks is None:
            return others
        mine = DetectedFace(box=around(self.landmarks), detection_score=1.0, landmarks=self.landmarks)
        return (mine, *others)

    def eye_openness(self, image: Image, face: DetectedFace) -> tuple[float, float]:
        return self.eyes

    def passive_score(self, image: Image, face: DetectedFace) -> float | None:
        return self.passive

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        self.handed_out.append(self.probe.copy())
        return self.handed_out[-1]

    def describe_reference(self, image: Image) -> Embedding | None:
        if self.reference is None:
            return None
        self.handed_out.append(self.reference.copy())
        return self.handed_out[-1]


def moved(box: Box, right: float) -> Box:
    return replace(box, x=box.x + right)


@dataclass
class Actor:
    """Plays what a person does: answers each prompt after a while, one frame after the other.

    Attributes:
        answers: what is done at a prompt instead of what is asked for.
        depth: 0 for a picture on a sheet that is moved as a head would be.
    """

    engine: ScriptedEngine
    answers: dict[Action, Action] = field(default_factory=dict)
    depth: float = 1
    reaction_s: float = 0.4
    now: float = 0.0
    _doing: Action | None = None
    _since: float = 0.0
    _asked: Action | None = None

    def frame(self, prompt: Action | None, fps: float = 15) -> float:
        """Pose for the next frame and return its time."""
        self.now += 1 / fps
        if prompt is not None and prompt is not self._asked:
            self._doing, self._since = self.answers.get(prompt, prompt), self.now + self.reaction_s
        self._asked = prompt
        swing = float(np.sin(np.pi * np.clip((self.now - self._since) / 1.2, 0, 1))) if self._doing else 0.0
        sway = float(2 * np.sin(1.3 * self.now))
        yaw = 26 * swing * {Action.TURN_LEFT: 1, Action.TURN_RIGHT: -1}.get(self._doing, 0)
        mouth = 0.05 + 0.7 * swing * (self._doing is Action.OPEN_MOUTH)
        shut = self._doing is Action.BLINK and swing > 0.5
        self.engine.eyes = (0.02, 0.03) if shut else (0.95, 0.9)
        middle = (320 + 2 * sway, 220 + sway)
        self.engine.landmarks = head_landmarks(yaw + sway, mouth=mouth, depth=self.depth, middle=middle)
        return self.now
