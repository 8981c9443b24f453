"""How a head turns, from 68 landmarks: a generic head, its pose, and how far the mouth is open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workstation.face.contract import Landmarks
from workstation.face.finder import LEFT_EYE, RIGHT_EYE

# fmt: off
HEAD: npt.NDArray[np.float64] = np.array([
    # jaw
    (-1.17, -0.06, -0.86), (-1.17, 0.25, -0.82), (-1.14, 0.56, -0.79), (-1.08, 0.87, -0.76), (-0.97, 1.15, -0.67),
    (-0.79, 1.40, -0.53), (-0.56, 1.61, -0.36), (-0.30, 1.78, -0.19), (0.00, 1.83, -0.13), (0.30, 1.78, -0.19),
    (0.56, 1.61, -0.36), (0.79, 1.40, -0.53), (0.97, 1.15, -0.67), (1.08, 0.87, -0.76), (1.14, 0.56, -0.79),
    (1.17, 0.25, -0.82), (1.17, -0.06, -0.86),
    # brows
    (-0.93, -0.23, -0.15), (-0.79, -0.36, -0.01), (-0.58, -0.39, 0.11), (-0.37, -0.35, 0.21), (-0.17, -0.27, 0.27),
    (0.17, -0.27, 0.27), (0.37, -0.35, 0.21), (0.58, -0.39, 0.11), (0.79, -0.36, -0.01), (0.93, -0.23, -0.15),
    # nose
    (0.00, -0.03, 0.25), (0.00, 0.17, 0.33), (0.00, 0.36, 0.43), (0.00, 0.56, 0.52), (-0.24, 0.69, 0.24),
    (-0.13, 0.73, 0.29), (0.00, 0.77, 0.32), (0.13, 0.73, 0.29), (0.24, 0.69, 0.24),
    # eyes
    (-0.70, 0.00, -0.07), (-0.57, -0.06, 0.01), (-0.43, -0.06, 0.03), (-0.30, 0.02, 0.02), (-0.43, 0.05, 0.02),
    (-0.58, 0.05, -0.01), (0.30, 0.02, 0.02), (0.43, -0.06, 0.03), (0.57, -0.06, 0.01), (0.70, 0.00, -0.07),
    (0.58, 0.05, -0.01), (0.43, 0.05, 0.02),
    # lips
    (-0.43, 1.06, -0.08), (-0.28, 0.99, 0.12), (-0.11, 0.95, 0.23), (0.00, 0.98, 0.25), (0.11, 0.95, 0.23),
    (0.28, 0.99, 0.12), (0.43, 1.06, -0.08), (0.28, 1.22, 0.04), (0.12, 1.29, 0.12), (0.00, 1.31, 0.14),
    (-0.12, 1.29, 0.12), (-0.28, 1.22, 0.04), (-0.36, 1.07, -0.06), (-0.12, 1.05, 0.19), (0.00, 1.06, 0.21),
    (0.12, 1.05, 0.19), (0.36, 1.07, -0.06), (0.12, 1.14, 0.15), (0.00, 1.16, 0.16), (-0.12, 1.14, 0.15),
])
# fmt: on
"""A generic head, shape (68, 3): x right, y down, z towards the camera, in distances between the eye centres, from
the middle between the eyes.

Factorised (Tomasi and Kanade 1992) from what the landmark network says of 878 LFW portraits in many poses, made
symmetric, its depth scaled so that the nose tip lies 0.52 eye distances before the eyes (33 of 63 mm).
"""

_CENTRED = HEAD - HEAD.mean(axis=0)
_TO_CAMERA = np.linalg.pinv(_CENTRED)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Direction of a head in degrees; 0, 0, 0 looks into the camera.

    Attributes:
        yaw: positive to the picture's right, which is the person's left.
        pitch: positive downwards.
        roll: positive clockwise in the picture.
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(landmarks: Landmarks) -> Pose:
    """Return the pose of the generic head that fits best (weak perspective, linear least squares).

    Beyond 40 degrees of yaw the landmark network itself is off and the angle saturates.
    """
    points = np.asarray(landmarks, np.float64)
    to_picture = (_TO_CAMERA @ (points - points.mean(axis=0))).T
    roll = np.arctan2(to_picture[1, 0] - to_picture[0, 1], to_picture[0, 0] + to_picture[1, 1])
    cosine, sine = np.cos(roll), np.sin(roll)
    upright = np.array([[cosine, sine], [-sine, cosine]]) @ to_picture
    yaw = np.arctan2(upright[0, 2], upright[0, 0])
    pitch = np.arctan2(upright[1, 2], upright[1, 1])
    return Pose(yaw=float(np.degrees(yaw)), pitch=float(np.degrees(pitch)), roll=float(np.degrees(roll)))


def eye_distance(landmarks: Landmarks) -> float:
    """Return the distance between the eye centres in pixels; a turned head has less."""
    return float(np.linalg.norm(landmarks[LEFT_EYE].mean(axis=0) - landmarks[RIGHT_EYE].mean(axis=0)))


def mouth_openness(landmarks: Landmarks) -> float:
    """Return the gap between the inner lips in parts of the mouth's width: about 0 closed, above 0.3 wide open."""
    gap = np.linalg.norm(landmarks[61:64] - landmarks[[67, 66, 65]], axis=1).mean()
    return float(gap / max(float(np.linalg.norm(landmarks[48] - landmarks[54])), 1e-6))
