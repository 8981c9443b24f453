"""The painted ID card on the reader's field: the sign-in screen's picture of what to do."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from workstation.ui.icons import Icon, paint
from workstation.ui.theme import Color, Theme

_SWEEP_MS = 1600


class CardPose(StrEnum):
    """What the picture tells."""

    PLACE = "place"
    READING = "reading"
    LIFT = "lift"
    CLOSED = "closed"


class CardPicture(QWidget):
    """A card tilted above the reader's field; flat with a moving light while it is read, grey when out of use."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._pose = CardPose.PLACE
        self._icon = Icon.READER
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._sweep = QVariantAnimation(self)
        self._sweep.setStartValue(0.0)
        self._sweep.setEndValue(1.0)
        self._sweep.setDuration(_SWEEP_MS)
        self._sweep.setLoopCount(-1)
        self._sweep.valueChanged.connect(self._on_sweep_value_changed)

    @property
    def is_moving(self) -> bool:
        """Whether the picture is being animated: only while a card is read."""
        return self._sweep.state() is QVariantAnimation.State.Running

    def set_pose(self, pose: CardPose, icon: Icon = Icon.READER) -> None:
        """Show another pose; ``icon`` is the sign of ``CLOSED``."""
        self._pose, self._icon = pose, icon
        if pose is CardPose.READING:
            self._sweep.start()
        else:
            self._sweep.stop()
        self.update()

    def _on_sweep_value_changed(self) -> None:
        if self.isVisible():
            self.update()
        else:
            self._sweep.stop()

    def _paint_stage(self, painter: QPainter) -> None:
        bounds = QRectF(self.rect())
        closed = self._pose is CardPose.CLOSED
        gradient = QLinearGradient(bounds.topLeft(), bounds.bottomRight())
        gradient.setColorAt(0, QColor(Color.STAGE if closed else Color.BRAND))
        gradient.setColorAt(1, QColor(Color.STAGE_LIGHT if closed else Color.BRAND_BRIGHT))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        radius = self._theme.px(16)
        painter.drawRoundedRect(bounds, radius, radius)

    def _paint_field(self, painter: QPainter, unit: float) -> None:
        field = QRectF(-260, -165, 520, 330)
        painter.setBrush(QColor(255, 255, 255, 30))
        pen = QPen(QColor(255, 255, 255, 150), 3)
        if self._pose is not CardPose.READING:
            pen.setStyle(Qt.PenStyle.DashLine)
        pen.setWidthF(max(3.0, 1 / unit))
        painter.setPen(pen)
        painter.drawRoundedRect(field, 28, 28)

    def _paint_card(self, painter: QPainter) -> None:
        card = QRectF(-180, -113, 360, 226)
        painter.setPen(Qt.PenStyle.NoPen)
        for spread, alpha in ((34, 10), (24, 14), (14, 18), (6, 22)):
            painter.setBrush(QColor(0, 12, 40, alpha))
            shadow = card.adjusted(-spread, -spread / 2, spread, spread).translated(0, 14)
            painter.drawRoundedRect(shadow, 18 + spread, 18 + spread)
        painter.setBrush(QColor("#F7FAFF"))
        painter.drawRoundedRect(card, 18, 18)
        painter.setBrush(QColor("#D5DFEF"))
        for top, width in ((-83, 120), (-55, 170), (-27, 150)):
            painter.drawRoundedRect(QRectF(-158, top, width, 14), 7, 7)
        painter.setBrush(QColor("#B9C9E4"))
        painter.drawRoundedRect(QRectF(-158, 56, 300, 14), 7, 7)
        painter.setBrush(QColor("#C7D5EC"))
        painter.drawRoundedRect(QRectF(66, -91, 92, 118), 8, 8)
        paint(painter, Icon.PERSON, QRectF(80, -66, 64, 64), Color.SURFACE)

    def _paint_light(self, painter: QPainter) -> None:
        value = self._sweep.currentValue()
        progress = float(value) if isinstance(value, (int, float)) else 0.0
        x = -260 + 520 * progress
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(-258, -163, 516, 326), 27, 27)
        painter.setClipPath(clip)
        light = QLinearGradient(QPointF(x - 90, 0), QPointF(x + 90, 0))
        light.setColorAt(0, QColor(53, 210, 143, 0))
        light.setColorAt(0.5, QColor(53, 210, 143, 130))
        light.setColorAt(1, QColor(53, 210, 143, 0))
        painter.fillRect(QRectF(x - 90, -165, 180, 330), light)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the stage, the reader's field and the card."""
        del event
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_stage(painter)
        unit = min(self.width() / 760, self.height() / 520, self._theme.scale * 1.25)
        painter.translate(self.width() / 2, self.height() / 2)
        painter.scale(unit, unit)
        self._paint_field(painter, unit)
        if self._pose is CardPose.CLOSED:
            paint(painter, self._icon, QRectF(-70, -70, 140, 140), Color.SURFACE)
        else:
            painter.save()
            if self._pose is CardPose.LIFT:
                painter.translate(0, -64)
            painter.rotate(0 if self._pose is CardPose.READING else -4)
            self._paint_card(painter)
            painter.restore()
        if self._pose is CardPose.READING:
            self._paint_light(painter)
        painter.end()
