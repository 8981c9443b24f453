"""What a face engine promises, in the terms of ISO/IEC 2382-37: reference, probe, comparison, similarity score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from drivers.errors import ErrorCode, KioskError

Embedding = npt.NDArray[np.float32]
"""Unit vector, shape (n,). Biometric template of one person: memory only, overwritten after use."""

Landmarks = npt.NDArray[np.float32]
"""Shape (68, 2), pixel x, y, in the iBUG 300-W order. "Left" is the picture's left, the person's right."""

MAX_SIDE_PX = 4096


class ReferenceKind(StrEnum):
    """Where the reference photo comes from; sets the decision thresholds."""

    CARD_PHOTO = "card-photo"
    ROSTER_PHOTO = "roster-photo"


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
class DecisionPolicy:
    """Similarity scores of a reference and the fused probes at which a session is decided.

    Attributes:
        match_threshold: MATCH from here on.
        grey_threshold: GREY from here to ``match_threshold``, NO_MATCH below.
        fmr: false match rate at ``match_threshold`` over all impostors of ``data_set``.
        fmr_east_asian_names: the same over impostors with East Asian names.
        fnmr: genuine sessions that do not reach ``match_threshold``; nearly all of them become GREY.
        data_set: what the thresholds were set on, how the reference was made, how many probes were fused.
    """

    match_threshold: float
    grey_threshold: float
    fmr: float
    fmr_east_asian_names: float
    fnmr: float
    data_set: str


@dataclass(frozen=True, kw_only=True)
class Box:
    """Rectangle in pixels; may reach over the picture's edge."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, x and y."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class DetectedFace:
    """One face in a picture.

    Attributes:
        detection_score: 0..1, higher is surer.
    """

    box: Box
    detection_score: float
    landmarks: Landmarks = field(repr=False)


class FaceEngine(Protocol):
    """Finds, describes and compares faces. Not thread-safe: one thread, one engine.

    Every method that takes a picture raises ``KioskError(FACE_ENGINE_FAILED)`` when the picture is not one
    (``require_image``) or a network fails on it.
    """

    @property
    def identity(self) -> ModelIdentity:
        """The networks in use."""

    @property
    def policies(self) -> Mapping[ReferenceKind, DecisionPolicy]:
        """The thresholds that were set for these networks, for every kind of reference."""

    def detect(self, image: Image) -> tuple[DetectedFace, ...]:
        """Return every face with its landmarks, the largest first."""

    def eye_openness(self, image: Image, face: DetectedFace) -> tuple[float, float]:
        """Return for the eye on the picture's left and the one on its right: 0 closed .. 1 open."""

    def passive_score(self, image: Image, face: DetectedFace) -> float | None:
        """Return how likely a living person made the picture, 0..1; ``None`` without a network for it.

        One frame says little: use the mean over a track, and only as a hint (ISO/IEC 30107-1, passive PAD).
        """

    def describe(self, image: Image, face: DetectedFace) -> Embedding:
        """Return the embedding of a live probe."""

    def describe_reference(self, image: Image) -> Embedding | None:
        """Return the embedding of the face in an ID card or roster photo, ``None`` when there is none.

        Slower than ``describe``: done once, with more care, since these photos are small and compressed.
        """


def compare(reference: Embedding, probe: Embedding) -> float:
    """Return the similarity score of two embeddings of one engine: cosine, -1..1, higher is more alike."""
    return float(np.clip(reference @ probe, -1, 1))


def fuse(embeddings: Sequence[Embedding]) -> Embedding:
    """Return the one embedding that stands for several of one person: their mean, as a unit vector."""
    mean = np.mean(embeddings, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


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


def engine_failed(message: str, **context: str | int) -> KioskError:
    """Return the error for networks that are missing, altered, or do not run."""
    return KioskError(ErrorCode.FACE_ENGINE_FAILED, message, context=context, retryable=False)
