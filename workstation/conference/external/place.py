"""The place that the screen keeps free for the client's window. It draws nothing but a background."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from .screen import Rectangle
from .windows import Pane

FOLLOW_MS = 250
"""A widget is not told when what is around it moves, or covers it with another screen."""


class ClientPlace(QWidget):
    """Says where it is, in the X server's pixels.

    Signals:
        moved(Pane): it lies elsewhere, or is not to be seen any more.
    """

    moved = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("external-client")
        self._told = Pane()
        self._timer = QTimer(self, interval=FOLLOW_MS)
        self._timer.timeout.connect(self._follow)
        self._timer.start()

    def stop(self) -> None:
        """Follow no more."""
        self._timer.stop()

    @Slot()
    def _follow(self) -> None:
        now = self._pane()
        if now != self._told:
            self._told = now
            self.moved.emit(now)

    def _pane(self) -> Pane:
        if not self.isVisible() or self.visibleRegion().isEmpty():
            return Pane()
        window, scale = self.window(), self.devicePixelRatioF()
        corner = self.mapToGlobal(QPoint(0, 0))
        place = (corner.x(), corner.y(), self.width(), self.height())
        return Pane(owner=int(window.winId()), rectangle=Rectangle(*(round(value * scale) for value in place)))

    def showEvent(self, event: QShowEvent) -> None:
        """Tell at once."""
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell at once: what comes instead may be a locked screen."""
        super().hideEvent(event)
        self._follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell at once."""
        super().resizeEvent(event)
        self._follow()
