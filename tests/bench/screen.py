"""The eye of the start benchmark: looks at the pixels of the whole screen, whoever painted them."""

from __future__ import annotations

import time

from PySide6.QtGui import QColor, QGuiApplication

from workstation.ui.theme import Color

SIZE = "1920x1080"
WIDTH, HEIGHT = 1920, 1080
HEADER_HEIGHT = 72
STAGE = (424, 296, 864, 676)
"""The large blue field with the card: left, top, width, height in pixels at ``SIZE``."""
_HEADER_SPOT = (WIDTH // 2, 3)
_STAGE_SPOT = (480, 900)
_LOOK_INTERVAL_S = 0.004
_TOLERANCE = 3


def is_painted() -> bool:
    """Say whether header and stage are on the screen: the frame, and the content inside it."""
    header = _colour(*_HEADER_SPOT)
    return _is_between(header, QColor(Color.BAR), QColor(Color.BAR)) and _is_between(
        _colour(*_STAGE_SPOT), QColor(Color.BRAND), QColor(Color.BRAND_BRIGHT)
    )


def wait_until_painted(timeout_s: float = 15.0) -> float:
    """Return the monotonic time at which ``is_painted`` was first seen.

    Raises:
        TimeoutError: it was not.
    """
    return _wait(wanted=True, timeout_s=timeout_s)


def wait_until_gone(timeout_s: float = 30.0) -> float:
    """Return the monotonic time at which the screen was first seen without the content."""
    return _wait(wanted=False, timeout_s=timeout_s)


def _wait(*, wanted: bool, timeout_s: float) -> float:
    deadline = time.monotonic() + timeout_s
    while is_painted() is not wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the screen did not become {'painted' if wanted else 'empty'} in {timeout_s} s")
        time.sleep(_LOOK_INTERVAL_S)
    return time.monotonic()


def _colour(x: int, y: int) -> QColor:
    return QGuiApplication.primaryScreen().grabWindow(0, x, y, 1, 1).toImage().pixelColor(0, 0)


def _is_between(colour: QColor, low: QColor, high: QColor) -> bool:
    return all(
        bottom - _TOLERANCE <= value <= top + _TOLERANCE
        for value, bottom, top in zip(_channels(colour), _channels(low), _channels(high), strict=True)
    )


def _channels(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()
