"""What a face engine promises, in the terms of ISO/IEC 2382-37: reference, probe, comparison, similarity score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError

Embedding = npt.NDArray[np.float32]
"""Unit vector, shape (n,). Biometric template of one person: memory only, overwritten after use."""

Landmarks = npt.NDArray[np.float32]
"""Shape (68, 2), pixel x, y, in the iBUG 300-W order."""

MAX_SIDE_PX = 4096


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which networks made a score; journaled beside every decision.

    Attributes:
        sha256: of the model manifest, which holds the hash of every network.
        licence: SPDX identifier the package claims.
    """

    name: str
    version: str
    sha256: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class Box:
    """Rectangle in pixels; may reach over the picture's edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class DetectedFace:
    """One face in a picture.

    Attributes:
        detection_score: 0..1, higher is surer.
    """

    box: Box
    detection_score: float
    landmarks: Landmarks = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class FaceQuality:
    """Measured on the aligned face.

    Attributes:
        brightness: mean grey value, 0..255.
        sharpness: variance of the Laplacian.
        frontality: 1 = facing the camera, 0 = half profile or further.
    """

    brightness: float
    sharpness: float
    frontality: float


@dataclass(frozen=True, kw_only=True)
class LivenessResult:
    """Outcome of presentation attack detection (ISO/IEC 30107-3). No engine assesses it yet.

    Attributes:
        score: 0..1, higher is more likely a live person.
    """

    is_live: bool
    score: float


class FaceEngine(Protocol):
    """Finds, describes and compares faces. Not thread-safe: one thread, one engine.

    Every method that takes a picture raises ``KioskError(FACE_ENGINE_FAILED)`` when the picture is not one
    (``require_image``) or a network fails on it.
    """

    @property
    def identity(self) -> ModelIdentity:
        """The networks in use."""

    def detect(self, image: Image) -> tuple[DetectedFace, ...]:
        """Return every face with its landmarks, the largest first."""

    def quality(self, image: Image, face: DetectedFace) -> FaceQuality:
        """Measure how fit the face is for a comparison."""

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        """Return the embedding of a live probe."""

    def describe_reference(self, image: Image) -> Embedding | None:
        """Return the embedding of the face in an ID card or roster photo, ``None`` when there is none.

        Slower than ``describe``: done once, with more care, since these photos are small and compressed.
        """

    def compare(self, reference: Embedding, probe: Embedding) -> float:
        """Return the similarity score: cosine, -1..1, higher is more alike."""


def require_image(image: object) -> Image:
    """Return ``image`` in one block of memory.

    Raises:
        KioskError: FACE_ENGINE_FAILED when it is not uint8, (height, width, 3), with sides 1..4096 pixels.
    """
    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != 3
        or not 1 <= min(image.shape[:2]) <= max(image.shape[:2]) <= MAX_SIDE_PX
    ):
        raise KioskError(
            ErrorCode.FACE_ENGINE_FAILED,
            "not a BGR picture",
            context={
                "shape": str(getattr(image, "shape", None)),
                "dtype": str(getattr(image, "dtype", None)),
            },
            retryable=False,
        )
    return np.ascontiguousarray(image)
