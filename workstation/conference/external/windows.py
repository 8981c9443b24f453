"""Where the windows of one client stand: the main one in the pane, others within reach of it, all hidden on demand."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kiosk_config.pack.model import ClientWindow

from .screen import Rectangle, Window, matches

if TYPE_CHECKING:
    from .desktop import Desktop  # X11 only, like whoever makes one


@dataclass(frozen=True, kw_only=True)
class Pane:
    """What the screen has for the client.

    Attributes:
        owner: the kiosk's own window, which the client stays above; 0 while there is none.
        rectangle: where the client goes; ``None`` while nothing of it may be seen.
    """

    owner: int = 0
    rectangle: Rectangle | None = None


def fitting(pane: Rectangle, least: tuple[int, int], screen: tuple[int, int]) -> Rectangle:
    """Return where a window of at least ``least`` goes: the pane, or beyond its left and upper edge as far as needed.

    Never over the screen's right and lower edge, where its buttons could not be reached.
    """
    width, height = max(pane.width, least[0]), max(pane.height, least[1])
    right, bottom = min(pane.x + pane.width, screen[0]), min(pane.y + pane.height, screen[1])
    return Rectangle(max(0, right - width), max(0, bottom - height), width, height)


def beside(pane: Rectangle, window: Rectangle, screen: tuple[int, int]) -> Rectangle:
    """Return where a window keeps its size and lies as far within the pane as it can: at its right and upper edge."""
    x = max(0, min(pane.x + pane.width, screen[0]) - window.width)
    y = max(0, min(pane.y, screen[1] - window.height))
    return Rectangle(x, y, window.width, window.height)


class ClientWindows:
    """The windows of one client. One thread.

    Args:
        rule: how to tell the main window.
    """

    def __init__(self, desktop: Desktop, rule: ClientWindow) -> None:
        self._desktop, self._rule = desktop, rule
        self._main = 0
        self._owners: dict[int, int] = {}
        self._hidden: set[int] = set()
        self._asked: dict[int, tuple[Rectangle, Rectangle]] = {}
        """Where each was, and where it was asked to be: what did not move then is not asked again."""

    @property
    def main(self) -> int:
        """The main window, 0 while there is none."""
        return self._main

    def arrange(self, pids: AbstractSet[int], pane: Pane) -> None:
        """Find the windows of these processes, and put them where ``pane`` says."""
        shown = [window for window in self._desktop.windows() if self._is_ours(window, pids)]
        self._hidden = {number for number in self._hidden if self._desktop.exists(number)}
        known = {window.number for window in shown} | self._hidden
        if self._main not in known:
            self._main = next((window.number for window in shown if self._is_main(window)), 0)
        self._owners = {number: owner for number, owner in self._owners.items() if number in known}
        if pane.rectangle is None or not pane.owner:
            for window in shown:
                self._hide(window.number)
            return
        for number in self._hidden - {window.number for window in shown}:
            self._desktop.show(number)  # it is found, and placed, when the window manager has it again
        self._hidden.clear()
        for window in shown:
            self._put(window.number, pane.owner, pane.rectangle)

    def ask_to_close(self) -> bool:
        """Ask the main window to close; false when there is none that listens to that."""
        return bool(self._main) and self._desktop.ask_to_close(self._main)

    def _is_main(self, window: Window) -> bool:
        return matches(window, self._rule.wm_class, self._rule.title)

    def _is_ours(self, window: Window, pids: AbstractSet[int]) -> bool:
        return window.pid in pids or (not window.pid and self._is_main(window))

    def _hide(self, number: int) -> None:
        self._desktop.hide(number)
        self._hidden.add(number)
        self._owners.pop(number, None)
        self._asked.pop(number, None)

    def _put(self, number: int, owner: int, pane: Rectangle) -> None:
        is_main = number == self._main
        if self._owners.get(number) != owner:
            self._desktop.adopt(number, owner, is_main=is_main)
            self._owners[number] = owner
        here = self._desktop.place_of(number)
        if here is None:
            return
        screen = self._desktop.size
        wanted = fitting(pane, self._desktop.least_size(number), screen) if is_main else beside(pane, here, screen)
        if here != wanted and self._asked.get(number) != (here, wanted):
            self._desktop.place(number, wanted)
            self._asked[number] = (here, wanted)
