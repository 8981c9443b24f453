"""How fit a face in a picture is for a comparison, measured before any network describes it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivers.contracts import Image
from workstation.face.contract import DetectedFace
from workstation.face.onnx_engine import aligned, five_points


@dataclass(frozen=True, kw_only=True)
class FaceQuality:
    """Measured on the aligned face.

    Attributes:
        brightness: mean grey value, 0..255.
        sharpness: variance of the Laplacian.
        frontality: 1 = facing the camera, 0 = half profile or further.
    """

    brightness: float
    sharpness: float
    frontality: float


_TEMPLATE = np.array([[38.3, 51.6], [73.5, 51.6], [56.0, 71.7], [41.5, 92.3], [70.7, 92.3]])


def measure(image: Image, face: DetectedFace) -> FaceQuality:
    """Measure how fit the face is for a comparison."""
    points = five_points(face.landmarks)
    grey = cv2.cvtColor(aligned(image, points, _TEMPLATE, (112, 112)), cv2.COLOR_BGR2GRAY)
    eye_axis = points[1] - points[0]
    off_middle = (points[2] - (points[0] + points[1]) / 2) @ eye_axis / max(eye_axis @ eye_axis, 1e-6)
    return FaceQuality(
        brightness=float(grey.mean()),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        frontality=float(np.clip(1 - 2 * abs(off_middle), 0, 1)),
    )
