"""Pictures as the page takes them: I420, even sides, no larger than a conference shows."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from drivers.contracts import Image

MAX_WIDTH: Final = 1280
MAX_HEIGHT: Final = 720


def fitted(image: Image) -> Image:
    """Return a copy with even sides up to 1280 x 720; a larger picture is scaled down with its proportions."""
    height, width = image.shape[:2]
    scale = min(MAX_WIDTH / width, MAX_HEIGHT / height, 1.0)
    wide, high = (max(int(side * scale) // 2 * 2, 2) for side in (width, height))
    if (wide, high) == (width, height):
        return image.copy()
    return np.asarray(cv2.resize(image, (wide, high), interpolation=cv2.INTER_AREA), np.uint8)


def i420(image: Image) -> npt.NDArray[np.uint8]:
    """Return Y, U and V (BT.601, limited range) of a picture with even sides, shape (height * 3 / 2, width)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
