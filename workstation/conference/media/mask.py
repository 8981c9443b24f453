"""Covers faces: an opaque figure over the whole head of everybody in the picture, or over the whole picture.

A face is looked for in every picture before it is released. Doubt covers: a picture without a sure face is covered
whole at once, and opens only after many pictures in a row with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.face.contract import Box

DOUBTFUL: Final = 0.35
"""Detection score from which on something is covered."""
SURE: Final = 0.65
"""Detection score of a face that keeps the picture open; the detector's own threshold."""
OPEN_AFTER: Final = 8
"""Pictures in a row with a sure face that open a covered picture: half a second."""
KEPT: Final = 150
"""Pictures for which the place of a face that is no longer found stays covered: ten seconds."""
SEARCH_NEAR_EVERY: Final = 5
"""Pictures between looks at the enlarged middle, for faces that are small in the picture."""

GROUND: Final = (96, 84, 72)
FIGURE: Final = (150, 140, 128)
"""B, G, R of the cover: slate, and a lighter figure. A cover has no other colours, so that it can be recognised."""

_SIDES, _ABOVE, _BELOW = 0.5, 0.65, 0.35
"""How far a cover reaches beyond the face, in parts of the box: ears, hair, chin and neck."""
_GROWTH = 0.05
_MOST_GROWTH = 0.6
"""An unseen head moves: its cover grows by this part with every picture, up to a limit."""


class Detector(Protocol):
    """See ``workstation.face.detector.FaceDetector``."""

    def boxes(self, image: Image, threshold: float) -> list[tuple[Box, float]]:
        """Return box and score of every face."""


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A picture that may be released.

    Attributes:
        is_covered: the whole picture is covered.
        has_opened: the first pictures after it was covered whole.
    """

    image: Image = field(repr=False)
    is_covered: bool
    has_opened: bool = False


@dataclass(frozen=True, kw_only=True)
class _Head:
    """A head to cover. ``before`` is where it was in the picture before; ``unseen`` counts pictures."""

    box: Box
    before: Box
    unseen: int = 0


class Masker:
    """Covers the faces of one camera's pictures, in their order."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.reset()

    def reset(self) -> None:
        """Forget what was seen: the next pictures are covered whole."""
        self._heads: list[_Head] = []
        self._sure = 0
        self._seen = 0

    def mask(self, image: Image) -> Masked:
        """Cover the faces of ``image`` in place.

        Raises:
            KioskError: FACE_ENGINE_FAILED. The picture must not be used.
        """
        found = self._detector.boxes(image, DOUBTFUL)
        is_sure = any(score >= SURE for _, score in found)
        boxes = [box for box, _ in found]
        if self._seen % SEARCH_NEAR_EVERY == 0:
            boxes += near_boxes(self._detector, image, DOUBTFUL)
        self._seen += 1
        self._sure = self._sure + 1 if is_sure else 0
        self._follow(boxes)
        if self._sure < OPEN_AFTER:
            cover(image, Box(x=0, y=0, width=image.shape[1], height=image.shape[0]))
            return Masked(image=image, is_covered=True)
        for head in self._heads:
            cover(image, _reach(head))
        return Masked(image=image, is_covered=False, has_opened=self._sure < 2 * OPEN_AFTER)

    def _follow(self, boxes: list[Box]) -> None:
        """Take the faces that were found now; boxes on the hair of a larger face are that face's."""
        heads: list[_Head] = []
        for box in sorted(boxes, key=lambda box: -box.width * box.height):
            if not _is_under(box, heads):
                before = next((head.box for head in self._heads if touch(box, head.box)), box)
                heads.append(_Head(box=box, before=before))
        unseen = [head for head in self._heads if head.unseen < KEPT and not _is_under(head.box, heads)]
        self._heads = heads + [replace(head, unseen=head.unseen + 1) for head in unseen]


def whole_boxes(detector: Detector, image: Image, threshold: float) -> list[Box]:
    """Return the faces of the whole picture."""
    return [box for box, _ in detector.boxes(image, threshold)]


def near_boxes(detector: Detector, image: Image, threshold: float) -> list[Box]:
    """Return the faces in the middle of the picture, looked at in twice the size."""
    height, width = image.shape[:2]
    left, top = width // 4, height // 8
    middle = np.ascontiguousarray(image[top : top + height // 2, left : left + width // 2])
    return [replace(box, x=box.x + left, y=box.y + top) for box, _ in detector.boxes(middle, threshold)]


def cover(image: Image, box: Box) -> None:
    """Paint the cover over a part of the picture, in place: nothing of what was there is left."""
    height, width = image.shape[:2]
    left, top = max(int(box.x), 0), max(int(box.y), 0)
    right, bottom = min(int(np.ceil(box.x + box.width)), width), min(int(np.ceil(box.y + box.height)), height)
    if right <= left or bottom <= top:
        return
    patch = np.full((bottom - top, right - left, 3), GROUND, np.uint8)
    wide, high = box.width, box.height
    middle = (round(box.x + wide / 2) - left, round(box.y) - top)
    size = min(wide, high)
    cv2.circle(patch, (middle[0], middle[1] + round(high / 2 - 0.12 * size)), round(0.17 * size), FIGURE, cv2.FILLED)
    shoulders = (middle[0], middle[1] + round(high / 2 + 0.36 * size))
    cv2.ellipse(patch, shoulders, (round(0.3 * size), round(0.27 * size)), 0, 180, 360, FIGURE, cv2.FILLED)
    image[top:bottom, left:right] = patch


def is_cover(image: Image, box: Box) -> bool:
    """Whether nothing but cover is to be seen in ``box``."""
    left, top = max(int(box.x), 0), max(int(box.y), 0)
    part = image[top : max(int(box.y + box.height), 0), left : max(int(box.x + box.width), 0)]
    covered = (part == GROUND).all(axis=2) | (part == FIGURE).all(axis=2)
    return bool(covered.all())


def _reach(head: _Head) -> Box:
    """Return the cover of a head: around where it is and where it was."""
    growth = 1 + min(head.unseen * _GROWTH, _MOST_GROWTH)
    corners = np.array([_corners(head.box, growth), _corners(head.before, growth)])
    (left, top), (right, bottom) = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
    return Box(x=float(left), y=float(top), width=float(right - left), height=float(bottom - top))


def _corners(box: Box, growth: float) -> tuple[float, float, float, float]:
    sides, above, below = ((part * growth + (growth - 1)) for part in (_SIDES, _ABOVE, _BELOW))
    return (
        box.x - sides * box.width,
        box.y - above * box.height,
        box.x + (1 + sides) * box.width,
        box.y + (1 + below) * box.height,
    )


def _is_under(box: Box, heads: Sequence[_Head]) -> bool:
    return any(_holds(_reach(head), box.centre) for head in heads)


def touch(one: Box, other: Box) -> bool:
    """Whether two boxes are of one head: the middle of one lies in the other."""
    return _holds(one, other.centre) or _holds(other, one.centre)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.x <= point[0] <= box.x + box.width and box.y <= point[1] <= box.y + box.height
