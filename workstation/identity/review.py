"""The pictures for a reviewer, cut out and encoded. Called in worker threads: both take milliseconds."""

from __future__ import annotations

import cv2

from drivers.contracts import Image
from workstation.face.verification import NormalisedBox
from workstation.site.contract import MAX_PHOTO_BYTES

_AROUND = 2.0
"""Head and shoulders: the face's box times this, about its middle."""

_MAX_SIDE = 720
_QUALITY = 90


def head_and_shoulders(image: Image, face: NormalisedBox) -> Image:
    """Return a copy of the picture around a face, cut at the frame's edge; what else the room shows stays out."""
    height, width = image.shape[:2]
    left, right = _span(face.x, face.width, width)
    top, bottom = _span(face.y, face.height, height)
    return image[top:bottom, left:right].copy()


def to_jpeg(image: Image) -> bytes:
    """Return the picture as a JPEG of at most ``MAX_PHOTO_BYTES``: what is too large is made smaller, not coarser."""
    side = _MAX_SIDE
    while len(encoded := _encode(image, side)) > MAX_PHOTO_BYTES:
        side = side * 3 // 4
    return encoded


def _encode(image: Image, side: int) -> bytes:
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    small.fill(0)
    return encoded


def _span(start: float, length: float, pixels: int) -> tuple[int, int]:
    """Return first and last pixel of a side that grew about its middle; never empty."""
    middle, half = start + length / 2, length * _AROUND / 2
    first = min(max(round((middle - half) * pixels), 0), pixels - 1)
    last = min(round((middle + half) * pixels), pixels)
    return first, max(last, first + 1)
