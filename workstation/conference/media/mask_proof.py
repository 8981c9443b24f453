"""Proves the mask: what is to be released is looked at as somebody would who wants to see a face."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.conference.media.mask import SURE, Detector, Masked, is_cover, near_boxes
from workstation.face.contract import Box

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
        """Whether every face of the raw picture is under the cover, and no face is found on the masked one.

        What the detector takes for a face on the cover itself, a flat figure, is none.

        Args:
            raw: the picture as it came, looked at mirrored: another look than the masker's.
            masked: what is to be released, looked at whole and, enlarged, in the middle.

        Raises:
            KioskError: FACE_ENGINE_FAILED.
        """
        mirrored = self._detector.boxes(np.asarray(cv2.flip(raw, 1), np.uint8), SURE)
        faces = [replace(box, x=raw.shape[1] - box.x - box.width) for box, _ in mirrored]
        faces += [box for box, _ in self._detector.boxes(masked, SURE)]
        faces += near_boxes(self._detector, masked, SURE)
        return all(is_cover(masked, _core(face)) for face in faces)


def _core(box: Box) -> Box:
    """Return the middle of a box, where every detection of one face agrees: eyes, nose and mouth."""
    return Box(x=box.x + box.width / 8, y=box.y + box.height / 8, width=box.width * 0.75, height=box.height * 0.75)
