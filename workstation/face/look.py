"""What one frame shows, before anything is concluded from it: the only step of a session that needs pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.contracts import Image
from workstation.face.contract import DetectedFace, FaceEngine, require_image
from workstation.face.pose import mouth_openness
from workstation.face.quality import FaceQuality, measure

MIN_BYSTANDER_WIDTH = 0.05
"""Smaller faces (a photo on the wall) are overlooked; part of the frame's width."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One frame.

    Attributes:
        captured_at: monotonic seconds.
        frame_size: width and height in pixels.
        brightness: mean value of all pixels, 0..255.
        faces: those large enough to be a person at the booth, the largest first.
        quality: of the largest face.
        eyes: openness of its eyes, 0 closed .. 1 open: on the picture's left, on its right.
        mouth: openness of its mouth, see ``pose.mouth_openness``.
    """

    captured_at: float
    frame_size: tuple[int, int]
    brightness: float
    faces: tuple[DetectedFace, ...] = field(default=(), repr=False)
    quality: FaceQuality | None = None
    eyes: tuple[float, float] = (0.0, 0.0)
    mouth: float = 0.0

    @property
    def face(self) -> DetectedFace | None:
        """The largest face."""
        return self.faces[0] if self.faces else None


def look_at(engine: FaceEngine, image: Image, captured_at: float) -> Look:
    """Find and measure what one frame shows.

    Raises:
        KioskError: FACE_ENGINE_FAILED, see ``FaceEngine``.
    """
    image = require_image(image)
    height, width = image.shape[:2]
    faces = tuple(face for face in engine.detect(image) if face.box.width >= MIN_BYSTANDER_WIDTH * width)
    if not faces:
        return Look(captured_at=captured_at, frame_size=(width, height), brightness=float(image.mean()))
    face = faces[0]
    return Look(
        captured_at=captured_at,
        frame_size=(width, height),
        brightness=float(image[::4, ::4].mean()),
        faces=faces,
        quality=measure(image, face),
        eyes=engine.eye_openness(image, face),
        mouth=mouth_openness(face.landmarks),
    )
