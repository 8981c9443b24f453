"""The X server's own view of the windows: what is visible on the root window, and where. No window can hide from it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Self

_VIEWABLE = 2  # X.h, IsViewable
_INPUT_OUTPUT = 1  # X.h: an InputOnly window shows nothing


class _Attributes(ctypes.Structure):
    """XWindowAttributes of Xlib.h."""

    _fields_ = (
        *[(name, ctypes.c_int) for name in ("x", "y", "width", "height", "border_width", "depth")],
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        *[(name, ctypes.c_int) for name in ("class_", "bit_gravity", "win_gravity", "backing_store")],
        *[(name, ctypes.c_ulong) for name in ("backing_planes", "backing_pixel")],
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        *[(name, ctypes.c_int) for name in ("map_installed", "map_state")],
        *[(name, ctypes.c_long) for name in ("all_event_masks", "your_event_mask", "do_not_propagate_mask")],
        ("override_redirect", ctypes.c_int),
        ("screen", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Window:
    """A visible child of the root window, the lowest first in lists of them."""

    number: int
    x: int
    y: int
    width: int
    height: int


class Eye:
    """A connection to the X server of ``display``."""

    def __init__(self, display: str) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        # A window may vanish between two questions: Xlib's own handler would end the process.
        self._handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda *_: 0)
        self._x.XSetErrorHandler(self._handler)
        pointer = self._x.XOpenDisplay(display.encode())
        if not pointer:
            raise RuntimeError(f"no X server on {display}")
        self._display = ctypes.c_void_p(pointer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._x.XCloseDisplay(self._display)

    def windows(self) -> list[Window]:
        """Return what is visible, from the bottom to the top."""
        root = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))
        parent, above = ctypes.c_ulong(), ctypes.c_ulong()
        children, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        self._x.XQueryTree(
            self._display,
            root,
            ctypes.byref(above),
            ctypes.byref(parent),
            ctypes.byref(children),
            ctypes.byref(count),
        )
        found = []
        for index in range(count.value):
            attributes = _Attributes()
            number = children[index]
            known = self._x.XGetWindowAttributes(self._display, ctypes.c_ulong(number), ctypes.byref(attributes))
            if known and attributes.map_state == _VIEWABLE and attributes.class_ == _INPUT_OUTPUT:
                place = (attributes.x, attributes.y, attributes.width, attributes.height)
                found.append(Window(number, *place))
        if children:
            self._x.XFree(children)
        return [window for window in found if window.x + window.width > 0 and window.y + window.height > 0]
