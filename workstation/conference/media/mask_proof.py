"""Proves the mask: what is to be released is looked at as somebody would who wants to see a face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.conference.media.mask import (
    DOUBTFUL,
    SURE,
    Detector,
    Masked,
    is_cover,
    near_boxes,
    touch,
    whole_boxes,
)
from workstation.face.contract import Box

Look = Callable[[Detector, Image, float], list[Box]]

PROVE_EVERY_S: Final = 0.6
"""Time between proofs while everything is as it was: nine pictures of a usual camera."""


class MaskProof:
    """Judges pictures that are to be released; one for each camera, asked about every picture.

    Args:
        detector: not the masker's own object, so that a broken one does not vouch for itself.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._judged_at = -PROVE_EVERY_S

    def is_due(self, masked: Masked, now: float, *, always: bool) -> bool:
        """Whether this picture must be judged before it leaves: now and then, and always after it was opened.

        Args:
            masked: the picture.
            now: monotonic seconds.
            always: the stream is not live yet.
        """
        if always or masked.has_opened or now - self._judged_at >= PROVE_EVERY_S:
            self._judged_at = now
            return True
        return False

    def holds(self, raw: Image, masked: Image) -> bool:
        """Whether every face of the raw picture is under the cover, and none is found on the masked one.

        What the detector takes for a face on the cover itself (a flat figure), or where cover and clothes meet and the
        raw picture has nothing like a face, is none.

        Args:
            raw: the picture as it came, looked at mirrored: another look than the masker's.
            masked: what is to be released, looked at whole and, enlarged, in the middle.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
        """
        mirrored = self._detector.boxes(np.asarray(cv2.flip(raw, 1), np.uint8), SURE)
        faces = (replace(box, x=raw.shape[1] - box.x - box.width) for box, _ in mirrored)
        if not all(is_cover(masked, _core(face)) for face in faces):
            return False
        return not any(self._shows(look, raw, masked) for look in (whole_boxes, near_boxes))

    def _shows(self, look: Look, raw: Image, masked: Image) -> bool:
        """Whether a face is found on the masked picture that is also on the raw one."""
        open_faces = [box for box in look(self._detector, masked, SURE) if not is_cover(masked, _core(box))]
        if not open_faces:
            return False
        real = look(self._detector, raw, DOUBTFUL)
        return any(touch(face, other) for face in open_faces for other in real)


def _core(box: Box) -> Box:
    """Return the middle of a box, where every detection of one face agrees: eyes, nose and mouth."""
    return Box(x=box.x + box.width / 8, y=box.y + box.height / 8, width=box.width * 0.75, height=box.height * 0.75)
