"""How loud the microphone is, on a scale in dB below full scale, with the range that is good to hear."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from workstation.ui.theme import Color, Theme

LOWEST_DBFS: Final = -60.0
GOOD_DBFS: Final = (-40.0, -9.0)
"""Speech at a headset; below it is too soft for the others, above it is near clipping."""
_MARKS: Final = (-60, -40, -20, -9, 0)


class LevelMeter(QWidget):
    """A bar for the level, a tick for the highest peak of late, the good range below, numbers under it."""

    def __init__(self, theme: Theme, too_low: str, good: str, too_high: str) -> None:
        super().__init__()
        self._theme = theme
        self._words = (too_low, good, too_high)
        self._level = self._peak = LOWEST_DBFS
        self.setFixedHeight(theme.with_text(92))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def level_dbfs(self) -> float:
        """What the bar shows."""
        return self._level

    def show_level(self, level_dbfs: float, peak_dbfs: float) -> None:
        """Show the newest level; the peak falls slowly, so that it can be read."""
        self._level = min(max(level_dbfs, LOWEST_DBFS), 0.0)
        self._peak = min(max(peak_dbfs, self._peak - 1.0, LOWEST_DBFS), 0.0)
        self.update()

    def rest(self) -> None:
        """Show silence: nobody listens."""
        self._level = self._peak = LOWEST_DBFS
        self.update()

    def _at(self, dbfs: float) -> float:
        return self.width() * (dbfs - LOWEST_DBFS) / -LOWEST_DBFS

    def _color(self) -> Color:
        low, high = GOOD_DBFS
        return Color.CONTROL if self._level < low else Color.OK if self._level <= high else Color.BAD

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw words, bar and scale."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(self._theme.text(17))
        painter.setFont(font)
        line = painter.fontMetrics().height()
        bar = QRectF(0, line + self._theme.px(6), self.width(), self._theme.px(26))
        self._paint_bar(painter, bar)
        painter.setPen(QColor(Color.MUTED))
        low, high = GOOD_DBFS
        edges = (LOWEST_DBFS, low, high, 0.0)
        for word, start, end in zip(self._words, edges, edges[1:], strict=False):
            room = QRectF(self._at(start), 0, self._at(end) - self._at(start), line)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, word)
        for mark in _MARKS:
            self._paint_mark(painter, mark, bar.bottom() + self._theme.px(2), line)
        painter.end()

    def _paint_bar(self, painter: QPainter, bar: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        radius = bar.height() / 2
        painter.setBrush(QColor(Color.QUIET))
        painter.drawRoundedRect(bar, radius, radius)
        low, high = GOOD_DBFS
        painter.setBrush(QColor(Color.OK_SOFT))
        painter.drawRect(QRectF(self._at(low), bar.top(), self._at(high) - self._at(low), bar.height()))
        if self._level > LOWEST_DBFS:
            painter.setBrush(QColor(self._color()))
            width = max(bar.height(), self._at(self._level))
            painter.drawRoundedRect(QRectF(0, bar.top(), width, bar.height()), radius, radius)
        if self._peak > LOWEST_DBFS:
            painter.setBrush(QColor(Color.INK))
            painter.drawRect(
                QRectF(self._at(self._peak) - self._theme.px(3), bar.top(), self._theme.px(3), bar.height())
            )

    def _paint_mark(self, painter: QPainter, mark: int, top: float, line: int) -> None:
        words = f"{mark} dB".replace("-", "\u2212") if mark == 0 else str(mark).replace("-", "\u2212")
        width = painter.fontMetrics().horizontalAdvance(words)
        left = min(max(self._at(mark) - width / 2, 0.0), self.width() - width)
        painter.drawText(QRectF(left, top, width + 1, line), Qt.AlignmentFlag.AlignLeft, words)
