"""The live picture as a mirror, with the oval to look into and what to change."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QRadialGradient
from PySide6.QtWidgets import QSizePolicy, QWidget

from workstation.ui.icons import Icon, paint
from workstation.ui.theme import Color, Theme
from workstation.ui.views import Coaching, FaceView


class CameraView(QWidget):
    """Shows frames mirrored and filling the view. The hint's words carry the meaning; the ring repeats it in colour."""

    def __init__(self, theme: Theme, waiting_text: str) -> None:
        super().__init__()
        self._theme = theme
        self._waiting_text = waiting_text
        self._frame: QImage | None = None
        self._hint = ""
        self._view = FaceView()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def hint(self) -> str:
        """The coaching text under the oval."""
        return self._hint

    @property
    def has_frame(self) -> bool:
        """Whether a picture of a person is held."""
        return self._frame is not None

    def show_frame(self, frame: QImage | None) -> None:
        """Show the next picture; ``None`` drops the last one."""
        self._frame = frame
        self.update()

    def show_face(self, view: FaceView, hint: str) -> None:
        """Colour the ring and show what to change."""
        self._view, self._hint = view, hint
        self.update()

    def _oval(self) -> QRectF:
        height = self.height() * 0.80
        width = min(height * 430 / 540, self.width() * 0.7)
        center = QPointF(self.width() / 2, self.height() * 0.455)
        return QRectF(center.x() - width / 2, center.y() - height / 2, width, height)

    def _frame_rect(self, frame: QImage) -> QRectF:
        zoom = max(self.width() / frame.width(), self.height() / frame.height())
        width, height = frame.width() * zoom, frame.height() * zoom
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def _paint_frame(self, painter: QPainter) -> None:
        if self._frame is None:
            glow = QRadialGradient(QPointF(self.width() / 2, self.height() * 0.4), self.width() * 0.6)
            glow.setColorAt(0, QColor(Color.STAGE_LIGHT))
            glow.setColorAt(1, QColor(Color.STAGE))
            painter.fillRect(self.rect(), glow)
            return
        painter.save()
        painter.translate(self.width(), 0)
        painter.scale(-1, 1)
        painter.drawImage(self._frame_rect(self._frame), self._frame)
        painter.restore()

    def _paint_box(self, painter: QPainter) -> None:
        if self._frame is None or self._view.box is None:
            return
        x, y, width, height = self._view.box
        frame = self._frame_rect(self._frame)
        left = frame.left() + (1 - x - width) * frame.width()
        box = QRectF(left, frame.top() + y * frame.height(), width * frame.width(), height * frame.height())
        painter.setPen(QPen(QColor(255, 255, 255, 120), self._theme.px(2)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, self._theme.px(14), self._theme.px(14))

    def _paint_ring(self, painter: QPainter) -> None:
        oval = self._oval()
        outside = QPainterPath()
        outside.addRect(QRectF(self.rect()))
        hole = QPainterPath()
        hole.addEllipse(oval)
        painter.fillPath(outside - hole, QColor(8, 16, 34, 150))
        good = self._view.coaching is Coaching.NONE or self._view.prompt is not None
        waiting = self._view.coaching is Coaching.NO_FACE
        color = Color.BAR_OK if good else Color.BAR_TEXT if waiting else Color.BAR_WARN
        painter.setPen(QPen(QColor(color), self._theme.px(8)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(oval)

    def _paint_hint(self, painter: QPainter) -> None:
        hint = self._hint if self._frame is not None else self._waiting_text
        font = QFont(self.font())
        font.setPixelSize(self._theme.text(32))
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        icon = self._hint_icon()
        side, gap = metrics.ascent(), self._theme.px(12)
        width = metrics.horizontalAdvance(hint) + side + gap
        baseline_room = metrics.height() + self._theme.px(16)
        pill = QRectF(0, 0, width + self._theme.px(48), baseline_room)
        pill.moveCenter(QPointF(self.width() / 2, 0))
        pill.moveBottom(self.height() - self._theme.px(16))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(8, 16, 34, 190))
        painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
        left = pill.left() + self._theme.px(24)
        paint(painter, icon, QRectF(left, pill.center().y() - side / 2, side, side), Color.SURFACE)
        painter.setPen(QColor(Color.SURFACE))
        painter.drawText(pill.adjusted(left - pill.left() + side + gap, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, hint)

    def _hint_icon(self) -> Icon:
        if self._view.prompt is not None:
            return Icon(self._view.prompt.value)
        return Icon.CHECK_MARK if self._view.coaching is Coaching.NONE else Icon.INFO

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw picture, mask, ring and hint."""
        del event
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        radius = self._theme.px(24)
        shape.addRoundedRect(QRectF(self.rect()), radius, radius)
        painter.setClipPath(shape)
        self._paint_frame(painter)
        self._paint_box(painter)
        self._paint_ring(painter)
        self._paint_hint(painter)
        painter.end()
