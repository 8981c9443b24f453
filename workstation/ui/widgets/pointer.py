"""A pointer twice as large, for the whole program: one arrow in every place, drawn here."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QCursor, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QApplication

from workstation.ui.theme import Color

_SIDE: Final = 64
_ARROW: Final = ((2, 2), (2, 50), (13, 39), (21, 58), (30, 54), (22, 36), (38, 36))


def is_pointer_large() -> bool:
    """Whether the large pointer is on."""
    return QApplication.overrideCursor() is not None


def set_pointer_large(*, on: bool) -> None:
    """Turn the large pointer on or off."""
    if on == is_pointer_large():
        return
    if on:
        QApplication.setOverrideCursor(QCursor(_arrow(), 2, 2))
    else:
        QApplication.restoreOverrideCursor()


def _arrow() -> QPixmap:
    picture = QPixmap(_SIDE, _SIDE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(Color.SURFACE), 3))
    painter.setBrush(QColor(Color.INK))
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in _ARROW]))
    painter.end()
    return picture
