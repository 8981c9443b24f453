"""Photos of the drill's two people as a roster and as a card would have them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from drivers.contracts import Image
from drivers.simulated.bench import Scene

PORTRAITS = Path(__file__).parents[1] / "assets" / "drill"
HEADS = {Scene.PERSON_A: (226, 115, 190), Scene.PERSON_B: (267, 200, 380)}
"""Middle of the head and width of the cut, pixels of the portrait."""


def roster_photo(person: Scene) -> Image:
    """Head and shoulders, 102 x 126, uncompressed."""
    portrait = cv2.imread(str(PORTRAITS / f"{person}.jpg"))
    middle_x, middle_y, width = HEADS[person]
    height = width * 126 // 102
    top, left = max(middle_y - int(height * 0.45), 0), middle_x - width // 2
    cut = portrait[top : top + height, left : left + width]
    return np.asarray(cv2.resize(cut, (102, 126), interpolation=cv2.INTER_AREA), np.uint8)


def card_photo(person: Scene) -> Image:
    """The same squeezed into the 1024 bytes a card has for it."""
    for quality in range(95, 0, -1):
        _, encoded = cv2.imencode(".webp", roster_photo(person), [cv2.IMWRITE_WEBP_QUALITY, quality])
        if encoded.nbytes <= 1024:
            return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    raise AssertionError("portrait does not fit into 1024 bytes")
