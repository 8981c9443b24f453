"""What can be said of a frame without looking for anybody in it: light, black, frozen. Frames bring their times."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from drivers.contracts import Exposure, Frame, FrameFacts, Image

FROZEN_AFTER_S: Final = 3.0
BLACK_P95: Final = 24.0
"""A covered sensor gives noise of a few steps above 0."""
DARK_MEAN: Final = 50.0
BRIGHT_MEAN: Final = 205.0
BURNT_P5: Final = 160.0
"""Above it even the darkest parts are washed out, whatever the mean."""
_ROWS: Final = 60
"""Every n-th pixel of every n-th row is looked at, so that about this many rows remain."""


class FrameWatch:
    """Looks at the frames of one capture in order."""

    def __init__(self) -> None:
        self._before: tuple[Image, Image] | None = None
        self._same_since = 0.0

    def look(self, frame: Frame) -> FrameFacts:
        """Return the facts of the next frame."""
        step = max(frame.image.shape[0] // _ROWS, 1)
        sample = np.ascontiguousarray(frame.image[::step, ::step])
        if not self._is_same(frame.image, sample):
            self._same_since = frame.captured_at
        self._before = (frame.image, sample)
        grey = cv2.cvtColor(sample, cv2.COLOR_BGR2GRAY)
        p5, p95 = (float(value) for value in np.percentile(grey, (5, 95)))
        mean = float(grey.mean())
        return FrameFacts(
            mean_luminance=mean,
            p5=p5,
            p95=p95,
            exposure=_exposure(mean, p5),
            is_black=p95 < BLACK_P95,
            is_frozen=frame.captured_at - self._same_since > FROZEN_AFTER_S,
        )

    def _is_same(self, image: Image, sample: Image) -> bool:
        """Compare to the last bit; the samples differ nearly always and spare the rest."""
        if self._before is None:
            return False
        image_before, sample_before = self._before
        return np.array_equal(sample, sample_before) and np.array_equal(image, image_before)


def _exposure(mean: float, p5: float) -> Exposure:
    if mean < DARK_MEAN:
        return Exposure.TOO_DARK
    return Exposure.TOO_BRIGHT if mean > BRIGHT_MEAN or p5 > BURNT_P5 else Exposure.GOOD
