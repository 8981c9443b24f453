"""The booth of the drill as its camera sees it: the room, who sits in it, the light and the sensor."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from drivers.simulated.bench import Scene
from drivers.simulated.gestures import Expression
from drivers.simulated.head import Head, Texture
from drivers.simulated.portraits import PORTRAITS
from drivers.simulated.surface import frame_grid

WIDTH, HEIGHT, FPS = 640, 480, 15.0
Picture = npt.NDArray[np.float32]
"""B, G, R, 0..255, before the sensor; shape (HEIGHT, WIDTH, 3)."""
_NOISE_MARGIN = 64
GRID_POINTS = frame_grid(WIDTH, HEIGHT)


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Where somebody sits.

    Attributes:
        middle: of the head, in parts of the width.
        size: relative to sitting alone.
        phase: of the sway; ``None`` takes one from the place, so that neighbours differ.
    """

    middle: float = 0.5
    size: float = 1.0
    phase: float | None = None


ALONE = Seat()


@functools.cache
def head(person: Scene) -> Head:
    """Return one of the drill's two people; making one takes a quarter of a second."""
    return Head(PORTRAITS[person])


def seated(person: Scene, expression: Expression, seconds: float, seat: Seat) -> Texture:
    """Return somebody who sways and leans on their chair, on an otherwise transparent frame."""
    phase = 7 * seat.middle if seat.phase is None else seat.phase
    top = (
        WIDTH * seat.middle + 9 * math.sin(0.71 * seconds + phase),
        62 + (1 - seat.size) * 190 + 4 * math.sin(1.1 * seconds + phase),
    )
    return head(person).paint(
        expression,
        GRID_POINTS,
        scale=seat.size * (1 + 0.025 * math.sin(0.37 * seconds + phase)),
        tilt=1.8 * math.sin(0.53 * seconds + phase),
        top=np.array(top, np.float32),
    )


def over(layer: Texture, picture: Picture) -> Picture:
    """Lay a transparent layer over a picture."""
    clear = 255 - layer[..., 3]
    behind = cv2.multiply(picture, cv2.merge([clear, clear, clear]), scale=1 / 255, dtype=cv2.CV_32F)
    return np.asarray(behind + layer[..., :3], np.float32)


def exposed(picture: Picture, seconds: float, number: int, *, light: float = 1.0) -> Image:
    """Return the frame: the lamp flickers slowly, the sensor adds its noise.

    Args:
        picture: what is before the lens.
        seconds: since the camera was opened.
        number: of the frame, chooses the noise.
        light: 1 is the booth's lamp; in less of it the sensor is noisier.
    """
    shift_x, shift_y = number * 29 % _NOISE_MARGIN, number * 17 % _NOISE_MARGIN
    noise = _noise()[shift_y : shift_y + HEIGHT, shift_x : shift_x + WIDTH]
    gain = light * (1 + 0.03 * math.sin(0.9 * seconds))
    return np.asarray(np.clip(picture * gain + noise * (2 - min(light, 1)), 0, 255), np.uint8)


@functools.cache
def _noise() -> npt.NDArray[np.float32]:
    size = (HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3)
    return np.random.default_rng(1).normal(0, 2.5, size).astype(np.float32)


@functools.cache
def booth() -> Picture:
    """Return the empty booth out of focus: acoustic panels, a lamp's glow from above, the back of a chair."""
    room = np.empty((HEIGHT, WIDTH, 3), np.float32)
    room[:] = np.linspace(1.06, 0.80, HEIGHT, dtype=np.float32)[:, np.newaxis, np.newaxis] * (186, 190, 192)
    for left in range(-40, WIDTH, 170):
        cv2.rectangle(room, (left, -10), (left + 164, HEIGHT), (178, 180, 180), 3)
        cv2.line(room, (left + 167, 0), (left + 167, HEIGHT), (120, 124, 126), 4)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    glow = np.exp(-(((columns - WIDTH * 0.5) / 320) ** 2 + ((rows + 40) / 260) ** 2))
    room *= 1 + 0.16 * glow[..., np.newaxis]
    cv2.ellipse(room, (WIDTH // 2, HEIGHT), (118, 170), 0, 180, 360, (74, 70, 66), -1)
    soft = np.asarray(cv2.GaussianBlur(room, (0, 0), 4.5), np.float32)
    soft.flags.writeable = False  # everybody gets the same one
    return soft
