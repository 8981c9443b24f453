"""The site's photo of a person, decoded to be compared with. Called in a worker thread: decoding takes milliseconds."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.site.contract import MAX_PHOTO_BYTES, picture_type

_MIN_SIDE = 100
_MAX_SIDE = 4096
"""A short file may claim a picture that fills the memory: its size is looked up before anything is decoded."""

_PNG_SIZE = slice(16, 24)
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def decode_reference(data: bytes) -> Image | None:
    """Return the picture, shape (height, width, 3) with sides of 100 to 4096 pixels; ``None`` for anything else."""
    if len(data) > MAX_PHOTO_BYTES or not _is_sensible(_size(data)):
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None or not _is_sensible(image.shape[:2]) else np.asarray(image, np.uint8)


def _is_sensible(size: tuple[int, ...]) -> bool:
    return all(_MIN_SIDE <= side <= _MAX_SIDE for side in size)


def _size(data: bytes) -> tuple[int, int]:
    """Return height and width as the file says, (0, 0) when it does not."""
    match picture_type(data):
        case "image/jpeg":
            return _jpeg_size(data)
        case "image/png" if len(data) >= _PNG_SIZE.stop:
            width, height = struct.unpack(">II", data[_PNG_SIZE])
            return height, width
        case _:
            return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments to the frame header (ITU-T T.81, B.1.1 and B.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        if marker in {0xFF, *_STANDALONE}:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0
