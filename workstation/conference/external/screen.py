"""What can be said of windows without an X server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_TITLE: Final = 200


class DesktopError(Exception):
    """There is no X server that would let us, or no window manager of the needed kind. The message says which."""


@dataclass(frozen=True)
class Rectangle:
    """A place on the screen, in the X server's pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Window:
    """A window of somebody.

    Attributes:
        pid: of its process, 0 when it does not say.
        wm_class: instance and class, with a blank between.
    """

    number: int
    pid: int
    wm_class: str
    title: str


def matches(window: Window, wm_class: str, title: str) -> bool:
    """Whether a window is the one that a pack's patterns mean."""
    return bool(re.search(wm_class, window.wm_class) and re.search(title, window.title))
