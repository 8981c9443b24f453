"""How fit a face in a picture is for a comparison, measured before any network describes it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from workstation.face.contract import DetectedFace
from workstation.face.onnx_engine import aligned, five_points
from workstation.face.pose import Pose, eye_distance, head_pose

_SIDE = 112
_TEMPLATE = np.array([[38.3, 51.6], [73.5, 51.6], [56.0, 71.7], [41.5, 92.3], [70.7, 92.3]])
"""Where eyes, nose tip and mouth corners lie on the aligned face; the patches below are cut from it."""
_CHEEKS = ((60, 70, 26, 42), (60, 70, 70, 86), (26, 36, 40, 72))
_LOWER_FACE = ((84, 110, 34, 78),)
_AROUND_LIPS = ((80, 86, 44, 68), (103, 111, 44, 68))
_LIPS = ((90, 95, 48, 64),)
_EYES = ((42, 62, 26, 52), (42, 62, 60, 86))
"""First and last row, first and last column; cheeks with the forehead."""

_GLARE_LEVEL = 235
_Patches = tuple[tuple[int, int, int, int], ...]
_Colour = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FaceQuality:
    """Measured on the face turned upright and scaled to 112 x 112 pixels, but for the first two.

    Attributes:
        eye_distance_px: between the eye centres in the frame.
        pose: of the head.
        brightness: mean grey value, 0..255.
        sharpness: variance of the Laplacian.
        glare: white part of the areas around the eyes, 0..1.
        is_covered: something of another colour than skin hides mouth and chin. On 390 LFW faces 0.3 % are taken for
            covered; of masks painted on them in four colours 87 to 93 % are found.
    """

    eye_distance_px: float
    pose: Pose
    brightness: float
    sharpness: float
    glare: float
    is_covered: bool


def measure(image: Image, face: DetectedFace) -> FaceQuality:
    """Measure how fit the face is for a comparison."""
    upright = np.asarray(aligned(image, five_points(face.landmarks), _TEMPLATE, (_SIDE, _SIDE)), np.uint8)
    grey = cv2.cvtColor(upright, cv2.COLOR_BGR2GRAY)
    white = upright.min(axis=2) >= _GLARE_LEVEL
    return FaceQuality(
        eye_distance_px=eye_distance(face.landmarks),
        pose=head_pose(face.landmarks),
        brightness=float(grey.mean()),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        glare=float(np.mean([white[top:bottom, left:right].mean() for top, bottom, left, right in _EYES])),
        is_covered=_is_covered(upright),
    )


def _is_covered(upright: Image) -> bool:
    """Compare colours: a mask differs from the cheeks, or is grey on a face that is not, and shows no lips."""
    lab = np.asarray(cv2.GaussianBlur(cv2.cvtColor(upright, cv2.COLOR_BGR2LAB), (0, 0), 1), np.float64)
    cheeks, low = _colour(lab, _CHEEKS), _colour(lab, _LOWER_FACE)
    above, below = (_colour(lab, (part,)) for part in _AROUND_LIPS)
    lips = _colour(lab, _LIPS) - (above + below) / 2
    if _chroma(lips) >= 6:
        return False
    difference = low - cheeks
    is_off = _chroma(difference) >= 14 and difference[0] > -60  # darker than that is a beard or a shadow
    is_grey = _chroma(low - _NEUTRAL) <= 6 and _chroma(cheeks - _NEUTRAL) >= 11
    return is_off or is_grey


_NEUTRAL = np.array([0.0, 128.0, 128.0])
"""Grey in OpenCV's 8 bit L*a*b*."""


def _colour(lab: _Colour, patches: _Patches) -> _Colour:
    pixels = [lab[top:bottom, left:right].reshape(-1, 3) for top, bottom, left, right in patches]
    return np.asarray(np.median(np.concatenate(pixels), axis=0), np.float64)


def _chroma(difference: _Colour) -> float:
    return float(np.hypot(difference[1], difference[2]))
