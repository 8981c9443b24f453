"""The eye of the benchmarks: looks at the pixels of the whole screen, whoever painted them."""

from __future__ import annotations

import time
from collections.abc import Callable

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
_MARK = (QColor("#0F7B55"), QColor("#35A98A"))
"""The demo main site's mark (workstation/drill/pages/style.css), at the left of the header of all its pages."""
_MARK_X, _MARK_SPAN, _MARK_ROWS = 34, 300, 10


def is_painted() -> bool:
    """Say whether header and stage are on the screen: the frame, and the content inside it."""
    header = _colour(*_HEADER_SPOT)
    return _is_between(header, QColor(Color.BAR), QColor(Color.BAR)) and _is_between(
        _colour(*_STAGE_SPOT), QColor(Color.BRAND), QColor(Color.BRAND_BRIGHT)
    )


def shows_main_site() -> bool:
    """Say whether a page of the demo main site is on the screen, in a frame of up to ``_MARK_SPAN`` above it."""
    column = QGuiApplication.primaryScreen().grabWindow(0, _MARK_X, 0, 1, _MARK_SPAN).toImage()
    return sum(_is_between(column.pixelColor(0, y), *_MARK) for y in range(_MARK_SPAN)) >= _MARK_ROWS


def wait_until_main_site(timeout_s: float = 30.0) -> float:
    """Return the monotonic time at which ``shows_main_site`` was first seen.

    Raises:
        TimeoutError: it was not.
    """
    return _wait(shows_main_site, wanted=True, timeout_s=timeout_s)


def wait_until_no_main_site(timeout_s: float = 30.0) -> None:
    """Wait until ``shows_main_site`` is over."""
    _wait(shows_main_site, wanted=False, timeout_s=timeout_s)


def wait_until_painted(timeout_s: float = 15.0) -> float:
    """Return the monotonic time at which ``is_painted`` was first seen.

    Raises:
        TimeoutError: it was not.
    """
    return _wait(is_painted, wanted=True, timeout_s=timeout_s)


def wait_until_gone(timeout_s: float = 30.0) -> float:
    """Return the monotonic time at which the screen was first seen without the content."""
    return _wait(is_painted, wanted=False, timeout_s=timeout_s)


def _wait(is_there: Callable[[], bool], *, wanted: bool, timeout_s: float) -> float:
    deadline = time.monotonic() + timeout_s
    while is_there() is not wanted:
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
