"""Drill stand-in for the closed photo block of ID cards: a small WebP in a block marked as drill."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from drivers.contracts import Image

WIDTH: Final = 102
HEIGHT: Final = 126
BLOCK_LENGTH: Final = 1024
# "WL", width and height little-endian: what every real block begins with.
_BLOCK_HEAD: Final = bytes.fromhex("57 4C 66 00 7E 00 32 00")
_DRILL_MARK: Final = b"DRILL-WEBP"
_HEAD: Final = _BLOCK_HEAD + _DRILL_MARK
_CAPACITY: Final = BLOCK_LENGTH - len(_HEAD) - 2
_QUALITIES: Final = range(90, 0, -2)


def encode_drill_photo(image: Image) -> bytes:
    """Pack a portrait into a 1024 byte block, at the best quality that fits.

    Args:
        image: shape (126, 102, 3).

    Raises:
        ValueError: the picture has another shape, or too much detail for the block.
    """
    if image.shape != (HEIGHT, WIDTH, 3):
        raise ValueError("a card photo has 126 rows and 102 columns")
    for quality in _QUALITIES:
        _, encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])
        if len(encoded) <= _CAPACITY:
            block = _HEAD + len(encoded).to_bytes(2, "big") + encoded.tobytes()
            return block.ljust(BLOCK_LENGTH, b"\0")
    raise ValueError("the picture does not fit a card's photo block")


class DrillPhotoDecoder:
    """A ``PhotoDecoder`` for drill cards only; a real card's photo stays undecoded, never replaced."""

    def decode(self, photo_block: bytes) -> Image | None:
        """Return the portrait, or ``None`` when this is no drill block."""
        if len(photo_block) != BLOCK_LENGTH or not photo_block.startswith(_HEAD):
            return None
        start = len(_HEAD) + 2
        length = int.from_bytes(photo_block[len(_HEAD) : start], "big")
        encoded = np.frombuffer(photo_block[start : start + length], np.uint8)
        try:
            image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        except cv2.error:
            return None
        if image is None or image.shape != (HEIGHT, WIDTH, 3):
            return None
        return np.asarray(image, np.uint8)
