"""A flat thing held before the camera: a photograph on paper, or a screen that plays a film.

Its picture reaches the camera as through a pinhole: a turned sheet is a homography, a bent one the inside or outside of
an upright cylinder, both exact.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.contracts import Image
from drivers.simulated.bench import Scene
from drivers.simulated.gestures import RESTING, Expression
from drivers.simulated.head import Texture
from drivers.simulated.studio import GRID_POINTS, HEIGHT, WIDTH, Picture, Seat, booth, over, seated
from drivers.simulated.surface import Points, enlarged, looked_up, rotation

_DISTANCE = 720.0
"""From the camera to the sheet in pixels: ten eye distances, as for a head."""
_PHOTO = (slice(16, 466), slice(150, 490))
"""The part of a frame that gets printed: head and shoulders."""
_MARGIN, _BEZEL = 14, 16
_SHOWN = (slice(0, HEIGHT), slice(125, 515))
"""The part of a frame that the screen shows: an upright tablet."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """How a sheet is held.

    Attributes:
        yaw: degrees, positive turns its face to the picture's right.
        pitch: degrees, positive downwards.
        roll: degrees, positive clockwise in the picture.
        bend: degrees between the middle and an edge of the sheet, below 80; positive bulges towards the camera.
        right: pixels from the middle of the frame.
        down: pixels from the middle of the frame.
        near: 2 is half as far away.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    bend: float = 0.0
    right: float = 0.0
    down: float = 0.0
    near: float = 1.0

    def and_also(self, other: Held) -> Held:
        """Return both at once."""
        return Held(
            yaw=self.yaw + other.yaw,
            pitch=self.pitch + other.pitch,
            roll=self.roll + other.roll,
            bend=self.bend + other.bend,
            right=self.right + other.right,
            down=self.down + other.down,
            near=self.near * other.near,
        )


@functools.cache
def photograph(person: Scene, expression: Expression = RESTING, *, margin: int = _MARGIN) -> Texture:
    """Return a print of the person: duller than life, with the white edge of its paper.

    Args:
        person: one of the drill's two.
        expression: what they did when it was taken.
        margin: pixels of white on each side; 0 is a print cut to the picture.
    """
    wall = np.full_like(booth(), 205)
    taken = over(seated(person, expression, 0, Seat(phase=0)), wall)[_PHOTO]
    printed = np.clip(28 + 0.84 * taken, 0, 255).astype(np.uint8)
    return _framed(printed, margin, (232, 236, 238))


def screen(shown: Image) -> Texture:
    """Return a tablet that shows a frame: bluish, its black never black, its rows just about visible."""
    part = shown[_SHOWN].astype(np.float32)
    glow = 14 + part * np.array([0.98, 0.93, 0.90], np.float32)
    rows = np.arange(part.shape[0], dtype=np.float32)[:, np.newaxis, np.newaxis]
    columns = np.arange(part.shape[1], dtype=np.float32)[np.newaxis, :, np.newaxis]
    # Both grids are nearly as fine as the camera's own: what it sees of them is their beat, the moiré.
    glow *= 1 + 0.05 * np.sin(3.03 * rows) + 0.03 * np.sin(2.97 * columns)
    return _framed(np.clip(glow, 0, 255).astype(np.uint8), _BEZEL, (16, 16, 17))


def held_up(sheet: Texture, how: Held, *, gloss: float = 0.0) -> Picture:
    """Return what the camera sees of a sheet that somebody holds up in the booth.

    Args:
        sheet: a photograph or a screen.
        how: where and how it is held.
        gloss: how much of the lamp it mirrors, 0..1.
    """
    points = _met(how, sheet.shape[1] / 2) + np.array([sheet.shape[1] / 2, sheet.shape[0] / 2], np.float32)
    layer = looked_up(_shaded(sheet, how), enlarged(np.asarray(points, np.float32)))
    picture = over(layer, booth())
    if gloss > 0:
        picture += np.float32(gloss / 255) * _lamp(how) * layer[..., 3:]
    return picture


def _met(how: Held, half_width: float) -> Points:
    """Return where on the sheet, from its middle, the line of sight of each grid point meets it first."""
    turn = rotation(how.yaw, how.pitch, how.roll)
    aimed = (GRID_POINTS - np.array([WIDTH / 2 + how.right, HEIGHT / 2 + how.down], np.float32)) / how.near
    eye = turn.T @ (0, 0, _DISTANCE)
    rays = np.concatenate([aimed, np.full_like(aimed[..., :1], -_DISTANCE)], axis=-1) @ turn
    if abs(how.bend) < 0.1:
        along = -eye[2] / rays[..., 2]
        return np.asarray(eye[:2] + along[..., np.newaxis] * rays[..., :2], np.float32)
    radius = half_width / np.radians(how.bend)
    square = rays[..., 0] ** 2 + rays[..., 2] ** 2
    middle = (eye[0] * rays[..., 0] + (eye[2] + radius) * rays[..., 2]) / square
    under_root = middle**2 - (eye[0] ** 2 + (eye[2] + radius) ** 2 - radius**2) / square
    along = -middle - np.copysign(np.sqrt(np.maximum(under_root, 0)), radius)
    met = eye + along[..., np.newaxis] * rays
    across = radius * np.arctan2(met[..., 0] * np.sign(radius), (met[..., 2] + radius) * np.sign(radius))
    across = np.where(under_root < 0, np.copysign(2 * half_width, aimed[..., 0]), across)  # a miss is beyond the edge
    return np.stack([across, met[..., 1]], axis=-1).astype(np.float32)


def _shaded(sheet: Texture, how: Held) -> Texture:
    """Return the sheet a little darker where it faces away."""
    angles = np.radians(how.yaw + how.bend * np.linspace(-1, 1, sheet.shape[1], dtype=np.float32))
    light = 0.78 + 0.22 * np.cos(angles) * np.cos(np.radians(how.pitch))
    shaded = sheet * np.minimum(light, 1)[:, np.newaxis].astype(np.float32)
    shaded[..., 3] = sheet[..., 3]
    return np.asarray(shaded, np.uint8)


def _lamp(how: Held) -> npt.NDArray[np.float32]:
    """Return the lamp's image in the sheet: a soft spot that runs twice as fast as the sheet turns."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    across = (columns - WIDTH * 0.66 - 14 * how.yaw) / 90 + (rows - HEIGHT * 0.3 + 14 * how.pitch) / 160
    down = (rows - HEIGHT * 0.3 + 14 * how.pitch) / 120
    return np.asarray(np.exp(-(across**2) - down**2)[..., np.newaxis] * 110, np.float32)


def _framed(image: Image, border: int, colour: tuple[int, int, int]) -> Texture:
    """Return the picture with an edge around it; nothing shines through."""
    rows, columns = image.shape[:2]
    sheet = np.full((rows + 2 * border, columns + 2 * border, 4), (*colour, 255), np.uint8)
    sheet[border : border + rows, border : border + columns, :3] = image
    return sheet
