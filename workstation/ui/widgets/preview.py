"""The expert's own picture as the others will see it: not mirrored, as it leaves the booth."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from workstation.ui.icons import Icon, paint
from workstation.ui.theme import Color, Theme


class PreviewView(QWidget):
    """A 16:9 picture in a rounded frame; a camera sign and a word while there is none."""

    def __init__(self, theme: Theme, waiting_text: str) -> None:
        super().__init__()
        self._theme, self._waiting_text = theme, waiting_text
        self._frame: QImage | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def has_frame(self) -> bool:
        """Whether a picture is held."""
        return self._frame is not None

    def show_frame(self, frame: QImage | None) -> None:
        """Show the next picture; ``None`` drops the last one."""
        self._frame = frame
        self.update()

    def _paint_frame(self, painter: QPainter, frame: QImage) -> None:
        zoom = max(self.width() / frame.width(), self.height() / frame.height())
        width, height = frame.width() * zoom, frame.height() * zoom
        painter.drawImage(QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height), frame)

    def _paint_waiting(self, painter: QPainter) -> None:
        side = self._theme.px(64)
        middle = self.height() / 2
        paint(painter, Icon.CAMERA, QRectF((self.width() - side) / 2, middle - side, side, side), Color.BAR_TEXT)
        font = QFont(self.font())
        font.setPixelSize(self._theme.text(20))
        painter.setFont(font)
        painter.setPen(QColor(Color.BAR_TEXT))
        below = QRectF(0, middle, self.width(), middle)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, self._waiting_text)

    def sizeHint(self) -> QSize:
        """Return a 16:9 size."""
        return QSize(self._theme.px(460), self.heightForWidth(self._theme.px(460)))

    def heightForWidth(self, width: int) -> int:
        """Return the height of 16:9."""
        return round(width * 9 / 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture, or what is waited for."""
        del event
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        radius = self._theme.px(16)
        shape.addRoundedRect(QRectF(self.rect()), radius, radius)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), QColor(Color.STAGE))
        if self._frame is None:
            self._paint_waiting(painter)
        else:
            self._paint_frame(painter, self._frame)
        painter.end()
