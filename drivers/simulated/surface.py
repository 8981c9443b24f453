"""A curved picture in space: how its points move when it turns, and which of its points a camera sees where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
"""x right and y down, shape (rows, columns, 2)."""

_Number = TypeVar("_Number", np.uint8, np.float32)

GRID = 4
"""Maps are worked out for one pixel in so many, each way, and interpolated between."""
_ROUNDS = 10
_NO_SECOND_MAP = np.empty(0, np.float32)
"""Both coordinates are in the first map."""


def rotation(yaw: float, pitch: float, roll: float) -> npt.NDArray[np.float64]:
    """Return the matrix for angles in degrees; x right, y down, z towards the camera.

    Args:
        yaw: positive to the picture's right.
        pitch: positive downwards.
        roll: positive clockwise in the picture.
    """
    sine, cosine = np.sin(np.radians([yaw, pitch, roll])), np.cos(np.radians([yaw, pitch, roll]))
    about_y = np.array([[cosine[0], 0, sine[0]], [0, 1, 0], [-sine[0], 0, cosine[0]]])
    about_x = np.array([[1, 0, 0], [0, cosine[1], sine[1]], [0, -sine[1], cosine[1]]])
    about_z = np.array([[cosine[2], -sine[2], 0], [sine[2], cosine[2], 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def projected(points: Points, depth: npt.NDArray[np.float32], turn: npt.NDArray[np.float64], distance: float) -> Points:
    """Return where a camera at ``distance`` before the origin sees points in space after the turn."""
    there = cv2.transform(np.dstack([points, depth]), turn.astype(np.float32))
    return np.asarray(there[..., :2] * (distance / (distance - there[..., 2:])), np.float32)


def seen(targets: Points, moved: Callable[[Points], Points]) -> Points:
    """Return the points that ``moved`` takes to the targets, by fixed-point iteration.

    ``moved`` must shift neighbours by less than they are apart, or they would hide each other.
    """
    points = targets
    for _ in range(_ROUNDS):
        points = points + (targets - moved(points))
    return points


def frame_grid(width: int, height: int) -> Points:
    """Return the middles of the blocks of ``GRID`` x ``GRID`` pixels of a frame."""
    rows, columns = np.mgrid[0 : height // GRID, 0 : width // GRID].astype(np.float32)
    return np.stack([columns, rows], axis=-1) * GRID + np.float32((GRID - 1) / 2)


def enlarged(grid: Points) -> Points:
    """Return a value for every pixel of the frame."""
    size = (grid.shape[1] * GRID, grid.shape[0] * GRID)
    return np.asarray(cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR), np.float32)


def looked_up(
    picture: npt.NDArray[_Number], points: Points, *, border: int = cv2.BORDER_CONSTANT
) -> npt.NDArray[_Number]:
    """Return the picture at these points; nothing lies outside of it unless ``border`` says otherwise."""
    found = cv2.remap(picture, points, _NO_SECOND_MAP, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(found, picture.dtype)
