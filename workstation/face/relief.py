"""Whether what turns before the camera has the relief of a head, told from two sets of landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workstation.face.contract import Landmarks
from workstation.face.pose import HEAD, eye_distance

_INNER = slice(17, 68)
"""Brows, nose, eyes and lips. The jaw line is the head's outline: when it turns, other points are the outline."""

_Vector = npt.NDArray[np.float64]


def relief(before: Landmarks, after: Landmarks) -> tuple[float, float]:
    """Return how far near parts of the face moved against far ones between two pictures, right and down.

    In eye distances of ``before`` for each of depth: for a head that turned by an angle it is the angle's sine. A
    picture moved, turned, tilted, bent into a cylinder or folded along the nose gives about 0: what such motion
    can do (linear, quadratic, and different on both sides of the middle) is taken out first, and only what is left of
    the generic head's depth, above all the nose tip before the inner corners of the eyes, counts.
    """
    scale = max(eye_distance(before), 1e-6)
    origin = before[_INNER].mean(axis=0)
    start = (np.asarray(before[_INNER], np.float64) - origin) / scale
    moved = (np.asarray(after[_INNER], np.float64) - after[_INNER].mean(axis=0)) / scale
    depth = HEAD[_INNER, 2]
    coefficients, *_ = np.linalg.lstsq(np.column_stack([_flat_motion(start), depth]), moved, rcond=None)
    return float(coefficients[-1, 0]), float(coefficients[-1, 1])


def _flat_motion(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    x, y = points.T
    middle = x[_NOSE_RIDGE].mean()
    return np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y, np.abs(x - middle)])


_NOSE_RIDGE = slice(27 - 17, 31 - 17)
