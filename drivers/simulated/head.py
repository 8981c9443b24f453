"""A drill portrait as a head in space: it turns with true parallax, closes its eyes and opens its mouth."""

from __future__ import annotations

from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.gestures import Expression
from drivers.simulated.portraits import Portrait
from drivers.simulated.surface import GRID, Points, enlarged, looked_up, projected, rotation, seen

Texture = npt.NDArray[np.uint8]
"""Premultiplied B, G, R and opacity, shape (rows, columns, 4)."""
_Map = npt.NDArray[np.float32]

# fmt: off
_LANDMARK_DEPTH = np.array([
    -0.86, -0.82, -0.79, -0.76, -0.67, -0.53, -0.36, -0.19, -0.13, -0.19, -0.36, -0.53, -0.67, -0.76, -0.79, -0.82,
    -0.86, -0.15, -0.01, 0.11, 0.21, 0.27, 0.27, 0.21, 0.11, -0.01, -0.15, 0.25, 0.33, 0.43, 0.52, 0.24, 0.29, 0.32,
    0.29, 0.24, -0.07, 0.01, 0.03, 0.02, 0.02, -0.01, 0.02, 0.03, 0.01, -0.07, -0.01, 0.02, -0.08, 0.12, 0.23, 0.25,
    0.23, 0.12, -0.08, 0.04, 0.12, 0.14, 0.12, 0.04, -0.06, 0.19, 0.21, 0.19, -0.06, 0.15, 0.16, 0.15,
])
_HALF_HEAD = np.array([
    (0, -0.8, 0.16), (0.5, -0.8, 0.04), (0.95, -0.8, -0.42), (0, -1.35, -0.10), (0.7, -1.35, -0.34),
    (0, -2.0, -0.75), (0.9, -1.9, -0.95), (1.5, -1.5, -1.15), (1.75, -0.8, -1.25), (1.75, 0, -1.3), (1.65, 0.8, -1.25),
    (1.4, 1.5, -1.15), (0, 2.4, -0.75), (0.6, 2.4, -0.85), (1.2, 2.4, -1.05), (2.6, -2.6, -1.3), (2.6, 0, -1.3),
    (2.6, 2.6, -1.3),
])
# fmt: on
"""Depth of a generic face's 68 landmarks, and places around the face: x, y and depth. In eye distances, from the
middle between the eyes, y down, depth towards the camera."""
_HEAD = np.unique(np.concatenate([_HALF_HEAD, _HALF_HEAD * (-1, 1, 1)]), axis=0)
_PIVOT = (0.0, 1.0, -0.9)
"""Where the head turns on the neck, in the same terms."""
_DISTANCE = 10.0
"""From the camera to the pivot: about 63 cm."""
_SOFT_NECK = 0.35
"""The neck gives way this far above and below the neckline."""
_LID_ABOVE, _LID_BELOW, _LID_SIDE = 0.15, 0.12, 1.25
"""Height of the open eye over and under the line between its corners, in eye distances; half its width, in parts of
half the distance between the corners."""
_JAW_DROP = 0.42
"""How far the lower lip goes down, in eye distances."""
_SMILE = 0.3
"""A mouth that shows its teeth in the photograph closes by this part of the gap, or it looks half open."""
_MOUTH_INSIDE = (28, 20, 52)


class Head:
    """One person, ready to be painted."""

    def __init__(self, portrait: Portrait) -> None:
        self._skin = _cut_out(portrait)
        marks = np.array(portrait.landmarks) * portrait.scale
        left, right = marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)
        self._unit = float(np.linalg.norm(right - left))
        slope = (right - left) / self._unit
        self._roll = float(np.degrees(np.arctan2(slope[1], slope[0])))
        middle = (left + right) / 2
        upright = np.array([slope, (-slope[1], slope[0])])
        self._pivot = np.asarray(middle + np.array(_PIVOT[:2]) @ upright * self._unit, np.float32)
        self._top = np.array(portrait.head_top) * portrait.scale
        depth = self._depth_map((marks - middle) @ upright.T / self._unit, middle, upright)
        hold = self._hold_map(np.array(portrait.neckline) * portrait.scale)
        self._relief = np.dstack([depth, hold])
        self._lids = [_Lid(self._skin, marks[part], self._unit) for part in (slice(36, 42), slice(42, 48))]
        self._mouth = _Mouth(marks, self._unit)

    def paint(self, expression: Expression, targets: Points, *, scale: float, tilt: float, top: Points) -> Texture:
        """Return the person on an otherwise transparent frame.

        Args:
            expression: what the head does.
            targets: the grid of the frame.
            scale: 1 is a face 165 pixels wide.
            tilt: of the whole person, degrees clockwise.
            top: where the resting head's highest point is on the frame.
        """
        turn = rotation(0, 0, -tilt)[:2, :2].astype(np.float32) / np.float32(scale)
        resting = (targets - top) @ turn.T + (self._top - self._pivot).astype(np.float32)
        matrix = rotation(0, 0, self._roll) @ rotation(expression.yaw, expression.pitch, 0)
        matrix = rotation(0, 0, expression.roll) @ matrix @ rotation(0, 0, -self._roll)
        points = seen(resting, lambda points: self._moved(points, matrix)) + self._pivot
        return looked_up(self._face(expression), enlarged(points))

    def _moved(self, points: Points, matrix: npt.NDArray[np.float64]) -> Points:
        places = np.asarray((points + self._pivot - (GRID - 1) / 2) / GRID, np.float32)
        relief = looked_up(self._relief, places, border=cv2.BORDER_REPLICATE)
        depth, hold = relief[..., 0], relief[..., 1:]
        distance = _DISTANCE * self._unit
        in_space = points * (1 - depth / distance)[..., np.newaxis]
        turned = projected(in_space, depth, matrix, distance)
        return np.asarray(points + (turned - points) * hold, np.float32)

    def _face(self, expression: Expression) -> Texture:
        face = self._skin.copy()
        for lid, closed in zip(self._lids, expression.lids, strict=True):
            lid.draw(face, closed)
        self._mouth.draw(face, expression.mouth)
        return face

    def _places(self) -> npt.NDArray[np.float64]:
        rows, columns = np.mgrid[0 : self._skin.shape[0] // GRID + 1, 0 : self._skin.shape[1] // GRID + 1]
        return np.stack([columns, rows], axis=-1) * float(GRID) + (GRID - 1) / 2

    def _depth_map(
        self, marks: npt.NDArray[np.float64], middle: npt.NDArray[np.float64], upright: npt.NDArray[np.float64]
    ) -> _Map:
        """Stretch a thin plate over the generic depths; relative to the pivot, in pixels."""
        known = np.concatenate([marks, _HEAD[:, :2]])
        heights = np.concatenate([_LANDMARK_DEPTH, _HEAD[:, 2]])
        places = (self._places() - middle) @ upright.T / self._unit
        plate = _thin_plate(known, heights, np.clip(places, -2.6, 2.6))
        soft = cv2.GaussianBlur(np.clip(plate, -1.3, 0.55).astype(np.float32), (0, 0), 0.08 * self._unit / GRID)
        return np.asarray((0.9 * soft - _PIVOT[2]) * self._unit, np.float32)

    def _hold_map(self, neckline: npt.NDArray[np.float64]) -> _Map:
        """Return how much of the head's turn each place takes part in: 1 on the head, 0 on the body."""
        places = self._places()
        ends = np.interp(places[..., 0], neckline[:, 0], neckline[:, 1])
        above = np.clip(0.5 + (ends - places[..., 1]) / (2 * _SOFT_NECK * self._unit), 0, 1)
        return np.asarray(above * above * (3 - 2 * above), np.float32)


class _Lid:
    """An upper eyelid that comes down."""

    def __init__(self, skin: Texture, eye: npt.NDArray[np.float64], unit: float) -> None:
        middle = (eye[0] + eye[3]) / 2
        along = (eye[3] - eye[0]) / np.linalg.norm(eye[3] - eye[0])
        half = _LID_SIDE * float(np.linalg.norm(eye[3] - eye[0])) / 2
        reach = int(0.4 * unit)
        left, top = int(middle[0]) - reach, int(middle[1]) - reach
        self._area = (slice(top, top + 2 * reach), slice(left, left + 2 * reach))
        rows, columns = np.mgrid[self._area].astype(np.float32)
        x = (columns - middle[0]) * along[0] + (rows - middle[1]) * along[1]
        self._y = (rows - middle[1]) * along[0] - (columns - middle[0]) * along[1]
        self._arch = 1 - (x / half) ** 2
        self._upper, self._lower = -_LID_ABOVE * unit * self._arch, _LID_BELOW * unit * self._arch
        # A lid is as the skin right below the eye: above it there may be lashes, a brow or a frame.
        down = np.maximum(self._lower, 0) + 0.06 * unit - self._y
        below = np.stack([columns - left - down * along[1], rows - top + down * along[0]], axis=-1)
        smooth = np.asarray(cv2.GaussianBlur(skin[self._area][..., :3], (0, 0), 0.03 * unit), np.uint8)
        closed = looked_up(smooth, np.asarray(below, np.float32))
        self._closed = closed.astype(np.float32) * 0.97

    def draw(self, face: Texture, closed: float) -> None:
        """Draw the lid over the face."""
        if closed <= 0:
            return
        edge = self._upper + closed * (self._lower - self._upper)
        inside = np.clip(self._arch * 8, 0, 1) * np.clip(self._y - self._upper + 0.5, 0, 1)
        cover = (inside * np.clip(edge - self._y + 0.5, 0, 1))[..., np.newaxis]
        line = edge - 0.15 * closed**3 * (self._lower - self._upper)
        lash = np.clip(self._arch * 8, 0, 1) * np.exp(-(((self._y - line) / 1.3) ** 2)) * min(0.7, 4 * closed)
        patch = face[self._area]
        painted = patch[..., :3] * (1 - cover) + self._closed * cover
        patch[..., :3] = painted * (1 - 0.8 * lash[..., np.newaxis])


class _Mouth:
    """Lower lip and jaw, which go down together, and the dark behind them."""

    def __init__(self, marks: npt.NDArray[np.float64], unit: float) -> None:
        left, right, chin = marks[48], marks[54], marks[8, 1]
        self._drop = _JAW_DROP * unit
        self._smile = _SMILE * float(np.linalg.norm(marks[66] - marks[62]))
        end = chin + 1.0 * unit
        self._area = (
            slice(int(left[1] - 0.3 * unit), int(end)),
            slice(int(left[0] - 0.7 * unit), int(right[0] + 0.7 * unit)),
        )
        self._rows, self._columns = np.mgrid[self._area].astype(np.float32)
        self._origin = (self._area[1].start, self._area[0].start)
        parting = np.array([left, marks[61], marks[62], marks[63], right])
        self._parting = np.interp(self._columns, parting[:, 0], parting[:, 1]).astype(np.float32)
        below = np.clip((self._rows - self._parting) / (chin - left[1]), 0, 1)
        half = (right[0] - left[0]) / 2 * (0.8 + 0.9 * below)
        across = (self._columns - (left[0] + right[0]) / 2) / half
        self._share = (np.clip(1 - across**2, 0, 1) ** 0.5 * np.clip((end - self._rows) / (0.9 * unit), 0, 1)).astype(
            np.float32
        )

    def draw(self, face: Texture, opened: float) -> None:
        """Open the mouth of the face."""
        patch = face[self._area]
        down = (opened * self._drop - self._smile) * self._share
        source = self._rows - np.where(self._rows > self._parting + np.minimum(down, 0), down, 0)
        columns, rows = self._columns - self._origin[0], source - self._origin[1]
        moved = cv2.remap(patch, columns, rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        gap = np.clip(self._parting - source, 0, 1) * np.clip(self._rows - self._parting + 0.5, 0, 1)
        gap = cv2.GaussianBlur(gap.astype(np.float32), (0, 0), 0.8)[..., np.newaxis]
        inside = np.array([*_MOUTH_INSIDE, 255], np.float32)
        patch[:] = moved * (1 - gap) + inside * gap


def _cut_out(portrait: Portrait) -> Texture:
    """Return the person at the size of the frame."""
    encoded = files("assets").joinpath("drill", portrait.file).read_bytes()
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": f"{portrait.file} is no picture"})
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(portrait.outline, np.int32)], 255)
    # One pixel inside the outline and soft, or the old background shines through the hair.
    opacity = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), 1.2)
    layers = np.dstack([image * (opacity[..., np.newaxis] / 255), opacity]).astype(np.float32)
    way = cv2.INTER_CUBIC if portrait.scale > 1 else cv2.INTER_AREA
    sized = cv2.resize(layers, None, fx=portrait.scale, fy=portrait.scale, interpolation=way)
    return np.asarray(np.clip(sized, 0, 255), np.uint8)


def _thin_plate(
    known: npt.NDArray[np.float64], heights: npt.NDArray[np.float64], places: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the heights at other places of the smoothest plate through the known ones (Duchon 1977)."""

    def kernel(squared: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(squared * np.log(squared + 1e-12))

    count = len(known)
    flat = np.column_stack([np.ones(count), known])
    system = np.zeros((count + 3, count + 3))
    bends = kernel(((known[:, np.newaxis] - known) ** 2).sum(axis=-1))
    system[:count, :count] = bends + 0.1 * np.eye(count)  # a little slack: landmarks are not exact
    system[:count, count:], system[count:, :count] = flat, flat.T
    weights = np.linalg.solve(system, np.concatenate([heights, np.zeros(3)]))
    result = weights[count] + places @ weights[count + 1 :]
    for place, weight in zip(known, weights[:count], strict=True):
        result += weight * kernel(((places - place) ** 2).sum(axis=-1))
    return np.asarray(result)
