"""The watch over the seat during the evaluation: who sits there, told from one frame a second."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from drivers.contracts import Image
from workstation.face.contract import Embedding, FaceEngine, compare
from workstation.face.look import Look, look_at

MIN_FACE_WIDTH_PX = 60
MAX_YAW = 25.0
MIN_SHARPNESS = 12.0
"""A face that is smaller, further turned or more blurred says nothing about whose it is."""
SAME_PERSON = 0.40
ANOTHER_PERSON = 0.25
"""Cosine of one frame with the enrolled mean. Impostor pairs with East Asian names: 0.19 % above 0.40; of genuine
single frames 1 % are below 0.25 (LFW; reference/live pairs of different days, so a session's own frames do better)."""
BLACK_BELOW = 14.0
ONE_SHADE_BELOW = 5.0
"""Mean and standard deviation of grey values; a real picture of a booth, even in the dark, has more."""
FROZEN_AFTER = 3
"""So many times the same picture, bit by bit: a sensor's noise never repeats."""


@dataclass(frozen=True, kw_only=True)
class SeatObservation:
    """What one frame of the presence watch showed.

    Attributes:
        captured_at: monotonic seconds.
        face_count: faces large enough to be a person at the booth.
        is_expert: whether the largest face agrees with the person who was verified; ``None`` when nobody is enrolled
            or the face is not good enough to say.
        is_covered: the picture is black or shows nothing but one shade.
        is_frozen: the same picture again and again.
    """

    captured_at: float
    face_count: int
    is_expert: bool | None
    is_covered: bool
    is_frozen: bool


class SeatWatch:
    """Looks at single frames; what follows from several is decided by ``workstation.identity.presence``."""

    def __init__(self, engine: FaceEngine) -> None:
        self._engine = engine
        self.forget()

    def observe(self, image: Image, captured_at: float, enrolled: Embedding | None) -> SeatObservation:
        """Look at one frame.

        Args:
            image: the camera picture.
            captured_at: monotonic seconds of the capture.
            enrolled: who was verified.

        Raises:
            KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
        """
        look = look_at(self._engine, image, captured_at)
        sample = np.ascontiguousarray(image[::4, ::4])
        grey = sample.mean(axis=2)
        return SeatObservation(
            captured_at=captured_at,
            face_count=len(look.faces),
            is_expert=self._is_expert(image, look, enrolled),
            is_covered=bool(not look.faces and (grey.mean() < BLACK_BELOW or grey.std() < ONE_SHADE_BELOW)),
            is_frozen=self._is_frozen(zlib.crc32(sample.tobytes())),
        )

    def forget(self) -> None:
        """Begin anew."""
        self._last_picture: int | None = None
        self._repeats = 0

    def _is_expert(self, image: Image, look: Look, enrolled: Embedding | None) -> bool | None:
        face, quality = look.face, look.quality
        if enrolled is None or face is None or quality is None:
            return None
        is_good = face.box.width >= MIN_FACE_WIDTH_PX and quality.sharpness >= MIN_SHARPNESS
        if not is_good or abs(quality.pose.yaw) > MAX_YAW:
            return None
        embedding = self._engine.describe(image, face)
        score = compare(enrolled, embedding)
        embedding.fill(0)
        if score >= SAME_PERSON:
            return True
        return False if score < ANOTHER_PERSON else None

    def _is_frozen(self, picture: int) -> bool:
        self._repeats = self._repeats + 1 if picture == self._last_picture else 0
        self._last_picture = picture
        return self._repeats >= FROZEN_AFTER
