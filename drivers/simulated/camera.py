"""The camera of the drill: shows whoever the bench says sits there, in a neutral booth."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from drivers.contracts import DeviceKind, DeviceState, DeviceStatus, Frame, Image
from drivers.errors import DeviceError, ErrorCode
from drivers.simulated.bench import BenchFile, Scene

WIDTH, HEIGHT, FPS = 640, 480, 15.0
_NOISE_MARGIN = 64


@dataclass(frozen=True, kw_only=True)
class _Portrait:
    """A person to cut out of a public-domain photograph.

    Attributes:
        file: under ``assets/drill``.
        outline: of head and body, pixels of the photograph.
        head_top: pixels of the photograph, x and y.
        scale: makes the face about 165 pixels wide on the frame.
    """

    file: str
    outline: tuple[tuple[int, int], ...]
    head_top: tuple[int, int]
    scale: float


# fmt: off
_PORTRAITS = {
    Scene.PERSON_A: _Portrait(
        file="person-a.jpg",
        outline=(
            (242, 16), (227, 16), (213, 21), (205, 21), (156, 58), (153, 68), (155, 98), (157, 104), (170, 116),
            (172, 125), (182, 134), (183, 148), (178, 149), (177, 158), (152, 158), (137, 167), (119, 187),
            (113, 205), (103, 215), (96, 218), (96, 221), (90, 227), (76, 235), (64, 247), (46, 277), (40, 293),
            (39, 305), (26, 340), (25, 375), (19, 389), (19, 399), (23, 401), (23, 460), (26, 484), (40, 511),
            (356, 511), (352, 486), (352, 458), (348, 456), (347, 452), (352, 421), (341, 410), (340, 379),
            (348, 369), (351, 354), (360, 350), (360, 328), (357, 323), (356, 301), (339, 261), (318, 242),
            (304, 233), (297, 210), (284, 195), (268, 185), (256, 181), (255, 165), (262, 148), (268, 140),
            (294, 111), (300, 93),
            (300, 80), (296, 58), (286, 40), (276, 31),
        ),
        head_top=(227, 16),
        scale=1.7,
    ),
    Scene.PERSON_B: _Portrait(
        file="person-b.jpg",
        outline=(
            (328, 51), (309, 43), (290, 46), (288, 41), (277, 34), (271, 34), (267, 38), (239, 35), (233, 40),
            (232, 45), (227, 46), (210, 43), (197, 49), (181, 64), (176, 73), (176, 84), (170, 87), (158, 100),
            (149, 120), (149, 141), (166, 159), (161, 179), (164, 231), (165, 255), (172, 278), (185, 294),
            (203, 300), (205, 339), (171, 340), (159, 346), (129, 355), (121, 360), (96, 363), (80, 368),
            (68, 374), (62, 380), (53, 381), (47, 387), (39, 403), (34, 427), (27, 436), (26, 468), (20, 504),
            (16, 540), (14, 599), (511, 599), (511, 455), (508, 454), (486, 389), (471, 382), (422, 362),
            (415, 361), (411, 357), (405, 357), (366, 339), (351, 335), (335, 322), (330, 307), (330, 300),
            (336, 288), (339, 269), (352, 268), (361, 262), (367, 227), (370, 223), (369, 210), (374, 201),
            (374, 188), (368, 182), (371, 146), (368, 95), (363, 87), (352, 86), (351, 77), (344, 65),
        ),
        head_top=(265, 34),
        scale=0.95,
    ),
}
# fmt: on

_SEATS: dict[Scene, tuple[tuple[Scene, float, float], ...]] = {
    Scene.PERSON_A: ((Scene.PERSON_A, 0.5, 1.0),),
    Scene.PERSON_B: ((Scene.PERSON_B, 0.5, 1.0),),
    Scene.NOBODY: (),
    Scene.TWO: ((Scene.PERSON_A, 0.29, 0.72), (Scene.PERSON_B, 0.72, 0.72)),
}
"""Who sits where: portrait, middle of the head in parts of the width, size relative to sitting alone."""


class SimulatedCamera:
    """``Camera`` that renders the bench's scene, 640 x 480 at 15 frames a second.

    Frames differ as a live person's do (drift, distance, tilt, light, sensor noise) but depend on nothing but the
    scene and the number of the frame since ``open``.
    """

    def __init__(self, bench: BenchFile) -> None:
        self._bench = bench
        self._studio: _Studio | None = None
        self._frames = 0
        self._next_at = 0.0

    def present(self) -> DeviceStatus:
        """See ``Camera.present``."""
        state = DeviceState.READY if self._bench.read().camera_plugged else DeviceState.ABSENT
        return DeviceStatus(kind=DeviceKind.CAMERA, state=state, name="Simulated camera", detail=f"{WIDTH}x{HEIGHT}")

    def open(self) -> None:
        """See ``Camera.open``."""
        self._require_plugged()
        self._studio = _Studio()
        self._frames = 0
        self._next_at = time.monotonic()

    def read(self, *, timeout_s: float) -> Frame:
        """See ``Camera.read``."""
        wait_s = max(self._next_at - time.monotonic(), 0.0)
        time.sleep(min(wait_s, max(timeout_s, 0.0)))
        self._require_plugged()
        if self._studio is None or wait_s > timeout_s:
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "not open or no time"})
        now = time.monotonic()
        self._next_at = max(self._next_at + 1 / FPS, now)
        image = self._studio.render(self._bench.read().scene, self._frames)
        self._frames += 1
        return Frame(image=image, captured_at=now)

    def close(self) -> None:
        """See ``Camera.close``."""
        self._studio = None

    def _require_plugged(self) -> None:
        if not self._bench.read().camera_plugged:
            self.close()
            raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": "unplugged on the bench"})


class _Studio:
    """Holds the cut-out people, the empty booth and a sheet of noise."""

    def __init__(self) -> None:
        self._people = {scene: (portrait, _cut_out(portrait)) for scene, portrait in _PORTRAITS.items()}
        self._booth = _paint_booth()
        noise = np.random.default_rng(1).normal(0, 2.5, (HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3))
        self._noise = noise.astype(np.int16)

    def render(self, scene: Scene, number: int) -> Image:
        """Paint frame ``number`` of the scene."""
        seconds = number / FPS
        picture = self._booth
        for who, middle, size in _SEATS[scene]:
            portrait, cut_out = self._people[who]
            placement = _placement(portrait, middle, size, seconds)
            layer = cv2.warpAffine(cut_out, placement, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
            opacity = layer[..., 3:]
            picture = layer[..., :3] + picture * (1 - opacity)
        light = 1 + 0.03 * math.sin(0.9 * seconds)
        shift_x, shift_y = number * 29 % _NOISE_MARGIN, number * 17 % _NOISE_MARGIN
        noise = self._noise[shift_y : shift_y + HEIGHT, shift_x : shift_x + WIDTH]
        return np.asarray(np.clip(picture * light + noise, 0, 255), np.uint8)


def _cut_out(portrait: _Portrait) -> npt.NDArray[np.float32]:
    """Return the person as premultiplied B, G, R (0..255) and opacity (0..1)."""
    encoded = files("assets").joinpath("drill", portrait.file).read_bytes()
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DeviceError(ErrorCode.CAMERA_LOST, context={"reason": f"{portrait.file} is no picture"})
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(portrait.outline, np.int32)], 255)
    # One pixel inside the outline and soft, or the old background shines through the hair.
    soft = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (0, 0), 1.2)
    opacity = soft[..., np.newaxis].astype(np.float32) / 255
    return np.concatenate([image.astype(np.float32) * opacity, opacity], axis=2)


def _placement(portrait: _Portrait, middle: float, size: float, seconds: float) -> npt.NDArray[np.float64]:
    """Return the 2 x 3 matrix that seats the person: slow sway, leaning and tilting, different for each seat."""
    phase = 7 * middle
    scale = portrait.scale * size * (1 + 0.025 * math.sin(0.37 * seconds + phase))
    tilt = math.radians(1.8) * math.sin(0.53 * seconds + phase)
    head_x = WIDTH * middle + 9 * math.sin(0.71 * seconds + phase)
    head_y = 62 + (1 - size) * 190 + 4 * math.sin(1.1 * seconds + phase)
    turn = scale * np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    shift = np.array([head_x, head_y]) - turn @ np.array(portrait.head_top, np.float64)
    return np.column_stack([turn, shift])


def _paint_booth() -> npt.NDArray[np.float32]:
    """Paint the empty booth out of focus: acoustic panels, a lamp's glow from above, the back of a chair."""
    booth = np.empty((HEIGHT, WIDTH, 3), np.float32)
    booth[:] = np.linspace(1.06, 0.80, HEIGHT, dtype=np.float32)[:, np.newaxis, np.newaxis] * (186, 190, 192)
    for left in range(-40, WIDTH, 170):
        cv2.rectangle(booth, (left, -10), (left + 164, HEIGHT), (178, 180, 180), 3)
        cv2.line(booth, (left + 167, 0), (left + 167, HEIGHT), (120, 124, 126), 4)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    glow = np.exp(-(((columns - WIDTH * 0.5) / 320) ** 2 + ((rows + 40) / 260) ** 2))
    booth *= 1 + 0.16 * glow[..., np.newaxis]
    cv2.ellipse(booth, (WIDTH // 2, HEIGHT), (118, 170), 0, 180, 360, (74, 70, 66), -1)
    return np.asarray(cv2.GaussianBlur(booth, (0, 0), 4.5), np.float32)
