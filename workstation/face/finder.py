"""Finds faces and looks at their parts: Ultra-Light detector, 68 landmarks, eye state, and a passive PAD network.

The inputs are the measured ones and differ from the JavaScript of the package the networks come from.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.face.contract import Box, DetectedFace, Landmarks, engine_failed, require_image
from workstation.face.detector import FaceDetector
from workstation.face.networks import Manifest, Network, Tensor, crop

LANDMARK_CENTRE_BELOW_BOX_CENTRE = 0.13
"""Landmarks leave out the forehead: their middle lies this part of the box height lower (LFW median)."""

EYE_SQUARE = 1.6
"""Side of the square around an eye, in parts of its width between the corners."""
PASSIVE_AREA = 2.7
"""Size of the area the passive network looks at, in parts of the face box."""
_LIVE_CLASS = 0
"""Of the passive network's three, as the package's own code reads them."""

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
"""The eye on the picture's left and the one on its right."""


class FaceFinder:
    """The networks of a manifest that every engine shares.

    Raises:
        KioskError: FACE_ENGINE_FAILED when one is missing, altered, or does not run.
    """

    def __init__(self, models_dir: Path, manifest: Manifest) -> None:
        self._detector = FaceDetector(models_dir, manifest.detector)
        self._landmarker = Network(models_dir, manifest.landmarker)
        self._eyes = Network(models_dir, manifest.eyes)
        self._passive = Network(models_dir, manifest.passive) if manifest.passive else None
        # Shapes are known only from a run; a model of another kind must fail here and not before an expert.
        grey = np.full((64, 64, 3), 127, np.uint8)
        self.landmarks(cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY), Box(x=8, y=8, width=48, height=48))

    def detect(self, image: Image) -> tuple[DetectedFace, ...]:
        """See ``FaceEngine.detect``. Takes the whole picture at any aspect ratio (plain resize to the input)."""
        image = require_image(image)
        boxes = self.boxes(image)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if boxes else image
        return tuple(
            DetectedFace(box=box, detection_score=score, landmarks=self.landmarks(grey, box)) for box, score in boxes
        )

    def boxes(self, image: Image) -> list[tuple[Box, float]]:
        """See ``FaceDetector.boxes``."""
        return self._detector.boxes(image)

    def landmarks(self, grey: cv2.typing.MatLike, box: Box) -> Landmarks:
        """Look at a square of the box's height around the box's centre."""
        side = max(round(box.height), 2)
        left, top = round(box.centre[0] - side / 2), round(box.y)
        (output,) = self._landmarker.run(crop(grey, left, top, side, side))
        if output.size != 136:
            raise engine_failed("landmark network gives no 68 points", shape=str(output.shape))
        return np.asarray(output.reshape(68, 2) * side + (left, top), np.float32)

    def median_landmarks(self, grey: cv2.typing.MatLike, box: Box) -> Landmarks:
        """Look many times: landmarks of a 1 KB photo jump with the crop.

        The median of 15 jittered and 3 re-centred passes takes FNMR at FMR 1e-2 from 2.5 to 1.6 % (LFW in 1 KB of
        JPEG 2000); with 1 KB of WebP no difference was seen.
        """

        def look(centre_x: float, centre_y: float, growth: float) -> Landmarks:
            width, height = box.width * (1 + growth), box.height * (1 + growth)
            moved = Box(x=centre_x - width / 2, y=centre_y - height / 2, width=width, height=height)
            return self.landmarks(grey, moved)

        centre_x, centre_y = box.centre
        looks = [
            look(centre_x + right * box.width, centre_y + down * box.height, growth) for right, down, growth in _JITTER
        ]
        for _ in range(_RECENTRED_PASSES):
            median = np.median(looks, axis=0)
            middle = (median.min(axis=0) + median.max(axis=0)) / 2
            looks.append(look(middle[0], middle[1] - LANDMARK_CENTRE_BELOW_BOX_CENTRE * box.height, 0))
        return np.asarray(np.median(looks, axis=0), np.float32)

    def eye_openness(self, image: Image, face: DetectedFace) -> tuple[float, float]:
        """See ``FaceEngine.eye_openness``."""
        left, right = (self._openness(image, face.landmarks[part]) for part in (LEFT_EYE, RIGHT_EYE))
        return left, right

    def _openness(self, image: Image, eye: Landmarks) -> float:
        centre = eye.mean(axis=0)
        side = max(round(EYE_SQUARE * float(eye[3, 0] - eye[0, 0])), 8)
        square = crop(image, round(float(centre[0]) - side / 2), round(float(centre[1]) - side / 2), side, side)
        (output,) = self._eyes.run(cv2.cvtColor(square, cv2.COLOR_BGR2GRAY))
        return float(_softmax(output)[1])  # class 0 is closed

    def passive_score(self, image: Image, face: DetectedFace) -> float | None:
        """See ``FaceEngine.passive_score``. The area is moved, not padded, where it would leave the picture."""
        if self._passive is None:
            return None
        height, width = image.shape[:2]
        box = face.box
        growth = min(PASSIVE_AREA, (height - 1) / box.height, (width - 1) / box.width)
        wide, high = max(int(box.width * growth), 1), max(int(box.height * growth), 1)
        left = int(np.clip(box.centre[0] - wide / 2, 0, max(width - wide, 0)))
        top = int(np.clip(box.centre[1] - high / 2, 0, max(height - high, 0)))
        (output,) = self._passive.run(crop(image, left, top, wide, high))
        return float(_softmax(output)[_LIVE_CLASS])


_JITTER = np.random.default_rng(20_221_025).uniform(-0.06, 0.06, (15, 3))
"""Shift right, shift down (parts of the box) and growth of each extra look at a reference photo."""
_RECENTRED_PASSES = 3


def _softmax(output: Tensor) -> Tensor:
    powers = np.exp(output.reshape(-1) - output.max())
    return np.asarray(powers / powers.sum(), np.float32)
