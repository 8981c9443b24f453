"""The windows of other programs on the X server: found, placed, hidden and asked, by EWMH 1.5 and ICCCM 2.0.

Foreign windows stay windows of their own. Reparented into ours (QWindow.fromWinId) they got no keyboard: under openbox
what was typed into the client went to our own line edit. As a transient of ours a window stays above our full screen,
and the window manager gives it the focus like any other.
"""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import xcffib
from xcffib import xproto

from .screen import MAX_TITLE, DesktopError, Rectangle, Window

_WM: Final = xproto.EventMask.SubstructureRedirect | xproto.EventMask.SubstructureNotify
"""What events to the window manager are addressed by (EWMH "Root Window Properties")."""

_STATIC_XYWH_FROM_PAGER: Final = 10 | 0b1111 << 8 | 2 << 12
_ANY_TYPE: Final = 0
_MAX_WORDS: Final = 1024
_NO_DECORATION: Final = (1 << 1, 0, 0, 0, 0)
_MIN_SIZE: Final = 1 << 4
"""PMinSize of WM_NORMAL_HINTS (ICCCM 4.1.2.3): the fields 5 and 6."""


class Desktop:
    """A connection to the X server; one thread uses it. Windows may vanish at any time: that is never an error.

    Args:
        display: the server, by default that of the environment.

    Raises:
        DesktopError: from every method, when the server went away.
    """

    def __init__(self, display: str | None = None) -> None:
        if not display and not os.environ.get("DISPLAY"):
            raise DesktopError("no display")
        try:
            self._x = xcffib.Connection(display)
        except xcffib.XcffibException as error:
            raise DesktopError("no X server") from error
        self._screen = self._x.get_setup().roots[0]
        self._root = self._screen.root
        self._atoms: dict[str, int] = {}
        self._answered: set[int] = set()
        # Qt answers pings to whoever selects StructureNotify, not SubstructureNotify as EWMH has it.
        listen = xproto.EventMask.PropertyChange | xproto.EventMask.SubstructureNotify
        listen |= xproto.EventMask.StructureNotify
        self._x.core.ChangeWindowAttributes(self._root, xproto.CW.EventMask, [listen])
        if not self._cardinals(self._root, "_NET_SUPPORTING_WM_CHECK"):
            self.close()
            raise DesktopError("no window manager")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. Idempotent."""
        self._x.disconnect()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the screen."""
        return self._screen.width_in_pixels, self._screen.height_in_pixels

    def windows(self) -> list[Window]:
        """Return what the window manager manages: also what is minimised, not what is hidden."""
        return [self._look(number) for number in self._cardinals(self._root, "_NET_CLIENT_LIST")]

    def exists(self, number: int) -> bool:
        """Whether there is such a window, shown or hidden."""
        try:
            self._x.core.GetWindowAttributes(number).reply()
        except xcffib.Error:
            return False
        except xcffib.XcffibException as error:
            raise DesktopError("the X server is gone") from error
        return True

    def is_shown(self, number: int) -> bool:
        """Whether it is mapped."""
        try:
            return self._x.core.GetWindowAttributes(number).reply().map_state != xproto.MapState.Unmapped
        except xcffib.Error:
            return False
        except xcffib.XcffibException as error:
            raise DesktopError("the X server is gone") from error

    def place_of(self, number: int) -> Rectangle | None:
        """Return where a window lies without its frame, ``None`` when it is gone."""
        try:
            size = self._x.core.GetGeometry(number).reply()
            corner = self._x.core.TranslateCoordinates(number, self._root, 0, 0).reply()
        except xcffib.Error:
            return None
        except xcffib.XcffibException as error:
            raise DesktopError("the X server is gone") from error
        # Coordinates are signed on the wire (INT16), and this binding gives them so.
        return Rectangle(corner.dst_x, corner.dst_y, size.width, size.height)

    def least_size(self, number: int) -> tuple[int, int]:
        """Return the smallest width and height that a window says it can have."""
        hints = self._cardinals(number, "WM_NORMAL_HINTS")
        return (hints[5], hints[6]) if len(hints) > 6 and hints[0] & _MIN_SIZE else (1, 1)

    def adopt(self, number: int, owner: int, *, is_main: bool) -> None:
        """Take a window to ``owner``: above it always, in no task list; a main window without frame and unmaximised."""
        if is_main or not self._cardinals(number, "WM_TRANSIENT_FOR"):
            self._set(number, "WM_TRANSIENT_FOR", xproto.Atom.WINDOW, [owner])
        if is_main:
            self._set(number, "_MOTIF_WM_HINTS", self._atom("_MOTIF_WM_HINTS"), _NO_DECORATION)
            self._change_state(number, 0, "_NET_WM_STATE_MAXIMIZED_VERT", "_NET_WM_STATE_MAXIMIZED_HORZ")
            self._change_state(number, 0, "_NET_WM_STATE_FULLSCREEN")
        self._change_state(number, 1, "_NET_WM_STATE_SKIP_TASKBAR", "_NET_WM_STATE_SKIP_PAGER")
        self._flush()

    def place(self, number: int, rectangle: Rectangle) -> None:
        """Ask the window manager to put a window there."""
        x, y, width, height = rectangle.x, rectangle.y, max(1, rectangle.width), max(1, rectangle.height)
        words = [_STATIC_XYWH_FROM_PAGER, x & 0xFFFFFFFF, y & 0xFFFFFFFF, width, height]
        self._tell_manager(number, "_NET_MOVERESIZE_WINDOW", words)
        self._flush()

    def hide(self, number: int) -> None:
        """Withdraw a window (ICCCM 4.1.4). To minimise it would minimise its owner, us, with it."""
        self._x.core.UnmapWindow(number)
        event = xproto.UnmapNotifyEvent.synthetic(self._root, number, False)
        self._x.core.SendEvent(False, self._root, _WM, event.pack())
        self._flush()

    def show(self, number: int) -> None:
        """Let a hidden window be seen again. The window manager then treats it as a new one."""
        self._x.core.MapWindow(number)
        self._flush()

    def ask_to_close(self, number: int) -> bool:
        """Ask a window to close, as its frame's button does; false when it does not listen to that."""
        return self._ask(number, "WM_DELETE_WINDOW", 0)

    def ping(self, number: int, serial: int) -> bool:
        """Ask whether a window's program is alive; ``answered`` tells. False when it does not listen to that."""
        return self._ask(number, "_NET_WM_PING", serial)

    def answered(self) -> set[int]:
        """Return the serials of the pings that were answered since the last time."""
        self._take_events()
        found, self._answered = self._answered, set()
        return found

    def wait(self, timeout_s: float, *others: int) -> None:
        """Return when something happened to the windows, one of the descriptors ``others`` can be read, or in time."""
        if not self._take_events():
            select.select([self._x.get_file_descriptor(), *others], [], [], timeout_s)

    def _ask(self, number: int, protocol: str, serial: int) -> bool:
        wanted = self._atom(protocol)
        if wanted not in self._cardinals(number, "WM_PROTOCOLS"):
            return False
        self._send(number, number, "WM_PROTOCOLS", [wanted, serial, number, 0, 0], mask=0)
        self._flush()
        return True

    def _look(self, number: int) -> Window:
        pids = self._cardinals(number, "_NET_WM_PID")
        instance, _, rest = self._bytes(number, "WM_CLASS").partition(b"\0")
        title = self._bytes(number, "_NET_WM_NAME") or self._bytes(number, "WM_NAME")
        words = [part.decode("utf-8", "replace") for part in (instance, rest.rstrip(b"\0"))]
        return Window(
            number=number,
            pid=pids[0] if pids else 0,
            wm_class=" ".join(words)[:MAX_TITLE],
            title=title.decode("utf-8", "replace")[:MAX_TITLE],
        )

    def _take_events(self) -> bool:
        """Take what has come, and return whether something had."""
        is_new = False
        while True:
            try:
                event = self._x.poll_for_event()
            except xcffib.Error:
                continue  # a request for a window that had just gone
            except xcffib.XcffibException as error:
                raise DesktopError("the X server is gone") from error
            if event is None:
                return is_new
            is_new = True
            if isinstance(event, xproto.ClientMessageEvent) and event.type == self._atom("WM_PROTOCOLS"):
                protocol, serial = event.data.data32[:2]
                if protocol == self._atom("_NET_WM_PING"):
                    self._answered.add(serial)

    def _change_state(self, number: int, action: int, *states: str) -> None:
        first, second = [*(self._atom(state) for state in states), 0][:2]
        self._tell_manager(number, "_NET_WM_STATE", [action, first, second, 2, 0])

    def _tell_manager(self, number: int, kind: str, words: Sequence[int]) -> None:
        self._send(self._root, number, kind, words, mask=_WM)

    def _send(self, target: int, number: int, kind: str, words: Sequence[int], *, mask: int) -> None:
        data = xproto.ClientMessageData.synthetic(words, "IIIII")
        event = xproto.ClientMessageEvent.synthetic(32, number, self._atom(kind), data)
        self._x.core.SendEvent(False, target, mask, event.pack())

    def _set(self, number: int, name: str, kind: int, words: Sequence[int]) -> None:
        self._x.core.ChangeProperty(xproto.PropMode.Replace, number, self._atom(name), kind, 32, len(words), words)

    def _cardinals(self, number: int, name: str) -> list[int]:
        """Return the 32 bit words of a property, none when there is no such property or window."""
        content, width = self._property(number, name)
        return list(struct.unpack(f"={len(content) // 4}I", content[: len(content) // 4 * 4])) if width == 32 else []

    def _bytes(self, number: int, name: str) -> bytes:
        content, width = self._property(number, name)
        return content if width == 8 else b""

    def _property(self, number: int, name: str) -> tuple[bytes, int]:
        request = (number, self._atom(name), _ANY_TYPE, 0, _MAX_WORDS)
        try:
            reply = self._x.core.GetProperty(False, *request).reply()
        except xcffib.Error:
            return b"", 0
        except xcffib.XcffibException as error:
            raise DesktopError("the X server is gone") from error
        return bytes(reply.value.buf()), reply.format

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            try:
                self._atoms[name] = self._x.core.InternAtom(False, len(name), name).reply().atom
            except xcffib.XcffibException as error:
                raise DesktopError("the X server is gone") from error
        return self._atoms[name]

    def _flush(self) -> None:
        try:
            self._x.flush()
        except xcffib.XcffibException as error:
            raise DesktopError("the X server is gone") from error
