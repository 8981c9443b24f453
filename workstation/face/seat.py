"""The watch over the seat during the evaluation: who sits there, told from one frame a second."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.contracts import Frame, Image
from workstation.face.contract import Embedding, FaceEngine, compare
from workstation.face.look import Look, look_at

MIN_FACE_WIDTH_PX = 60
MAX_YAW = 25.0
MIN_SHARPNESS = 12.0
"""A face that is smaller, further turned or more blurred says nothing about whose it is."""
SAME_PERSON = 0.40
ANOTHER_PERSON = 0.25
"""Cosine of one frame with the enrolled mean. Impostor pairs with East Asian names: 0.19 % above 0.40; of genuine
single frames 0.6 % are below 0.25 (LFW, pictures of different days; not measured on frames of one session)."""
ONE_SHADE = 10.0
"""Difference of the darkest and the lightest twentieth of a picture; a booth, even in the dark, shows more."""


@dataclass(frozen=True, kw_only=True)
class SeatLook:
    """Who a frame shows.

    Attributes:
        face_count: faces large enough to be a person at the booth.
        is_expert: whether the largest face agrees with the person who was verified; ``None`` when nobody is enrolled
            or the face is not good enough to say.
    """

    face_count: int
    is_expert: bool | None


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


def observed(look: SeatLook, frame: Frame) -> SeatObservation:
    """Put together what the worker saw in a frame and what the camera knows of it."""
    facts = frame.facts
    return SeatObservation(
        captured_at=frame.captured_at,
        face_count=look.face_count,
        is_expert=look.is_expert,
        is_covered=facts is not None and not look.face_count and (facts.is_black or facts.p95 - facts.p5 < ONE_SHADE),
        is_frozen=facts is not None and facts.is_frozen,
    )


class SeatWatch:
    """Looks at single frames; what follows from several is decided by ``workstation.identity.presence``."""

    def __init__(self, engine: FaceEngine) -> None:
        self._engine = engine

    def look(self, image: Image, enrolled: Embedding | None) -> SeatLook:
        """Look at one frame.

        Args:
            image: the camera picture.
            enrolled: who was verified.

        Raises:
            KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
        """
        look = look_at(self._engine, image, 0.0)
        return SeatLook(face_count=len(look.faces), is_expert=self._is_expert(image, look, enrolled))

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
