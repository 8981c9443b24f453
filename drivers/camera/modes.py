"""Which of a camera's modes to capture in. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FORMATS: Final = ("YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "BGR3", "RGB3", "MJPG", "JPEG")
"""Pixel formats that OpenCV turns into colour pictures; equally good ones in this order. Grey is not among them:
cameras that give nothing else are the infrared ones built into laptops."""
_COMPRESSED: Final = frozenset({"MJPG", "JPEG"})
_RATE_SLACK: Final = 0.98
"""30 frames a second are 29.97 with many cameras."""


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One way a camera can capture.

    Attributes:
        fourcc: pixel format ("YUYV", "MJPG").
        fps: frames a second, 0 when the camera does not say.
    """

    fourcc: str
    width: int
    height: int
    fps: float

    def __str__(self) -> str:
        rate = f" {self.fps:.4g} fps" if self.fps else ""
        return f"{self.width}x{self.height} {self.fourcc}{rate}"


def choose_mode(modes: Sequence[Mode], width: int, height: int, fps: float) -> Mode | None:
    """Return the mode nearest to what is wanted, ``None`` when none gives colour pictures.

    In this order: not smaller than wanted, the shape wanted, fast enough (else as fast as it gets), not larger than
    necessary, uncompressed, not faster than necessary. Motion JPEG thus comes in where USB leaves uncompressed pictures
    no room for the rate; it is also what a camera that lists no modes is asked for.
    """
    if not modes:
        return Mode(fourcc="MJPG", width=width, height=height, fps=fps)
    usable = [mode for mode in modes if mode.fourcc in FORMATS and mode.width > 0 and mode.height > 0]

    def rank(mode: Mode) -> tuple[float, ...]:
        covered = min(mode.width / width, 1) * min(mode.height / height, 1)
        shape = abs(math.log(mode.width * height / (mode.height * width)))
        missing = max(fps * _RATE_SLACK - mode.fps, 0)
        pixels = mode.width * mode.height
        is_compressed = mode.fourcc in _COMPRESSED
        return (-covered, round(shape, 2), missing, pixels, is_compressed, mode.fps, FORMATS.index(mode.fourcc))

    return min(usable, key=rank, default=None)
