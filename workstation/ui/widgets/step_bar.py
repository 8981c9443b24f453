"""The five steps on the left of the screen: done, now, still to come."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from workstation.journey.facts import Step
from workstation.ui.icons import Icon, paint
from workstation.ui.messages import Messages
from workstation.ui.theme import Color, Theme
from workstation.ui.widgets.basics import label, restyle


class Stage(StrEnum):
    """Where a step or a milestone is."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"


class StageMark(QWidget):
    """A numbered circle; a tick when done. Without a number, "now" is a dot."""

    def __init__(self, size: int, number: str = "") -> None:
        super().__init__()
        self._stage = Stage.NEXT
        self._number = number
        self.setFixedSize(size, size)

    def set_stage(self, stage: Stage) -> None:
        """Show another stage."""
        self._stage = stage
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the circle."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        size = self.width()
        circle = QRectF(1.5, 1.5, size - 3, size - 3)
        color = _MARK_COLORS[self._stage]
        hollow = self._stage is Stage.NEXT or (self._stage is Stage.NOW and not self._number)
        painter.setPen(QPen(QColor(color), size / 18))
        painter.setBrush(Qt.BrushStyle.NoBrush if hollow else QColor(color))
        painter.drawEllipse(circle)
        if self._stage is Stage.DONE:
            side = size * 0.62
            corner = (size - round(side)) / 2
            paint(painter, Icon.CHECK_MARK, QRectF(corner, corner, side, side), Color.SURFACE)
        elif self._number:
            font = QFont(self.font())
            font.setPixelSize(round(size / 2))
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(QColor(Color.MUTED if self._stage is Stage.NEXT else Color.SURFACE))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._number)
        elif self._stage is Stage.NOW:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(color))
            painter.drawEllipse(circle.center(), size * 0.2, size * 0.2)
        painter.end()


_MARK_COLORS: Final = {Stage.DONE: Color.OK, Stage.NOW: Color.BRAND, Stage.NEXT: Color.CONTROL}


class _StepRow(QFrame):
    def __init__(self, theme: Theme, step: Step, caption: str) -> None:
        super().__init__()
        self.setObjectName("step")
        self.setProperty("stage", Stage.NEXT.value)
        self._mark = StageMark(theme.px(36), str(int(step)))
        self._caption: QLabel = label(caption)
        self._caption.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(18), theme.px(14), theme.px(18), theme.px(14))
        row.setSpacing(theme.px(18))
        row.addWidget(self._mark)
        row.addWidget(self._caption, 1)
        self.setMinimumHeight(theme.px(68))

    def set_stage(self, stage: Stage) -> None:
        restyle(self, "stage", stage.value)
        self._mark.set_stage(stage)


class StepBar(QFrame):
    """Shows which of the five steps the expert is at."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.setObjectName("aside")
        self.setFixedWidth(theme.px(360))
        self._rows = {step: _StepRow(theme, step, messages.text(f"step.{step.name.lower()}")) for step in Step}
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.px(32), theme.px(40), theme.px(32), theme.px(40))
        column.setSpacing(theme.px(8))
        for row in self._rows.values():
            column.addWidget(row)
        column.addStretch(1)

    def show_step(self, now: Step | None, *, finished: bool) -> None:
        """Highlight ``now``; with ``finished`` and no step all are done, otherwise none is."""
        for step, row in self._rows.items():
            if now is None:
                row.set_stage(Stage.DONE if finished else Stage.NEXT)
            else:
                row.set_stage(Stage.NOW if step is now else Stage.DONE if step < now else Stage.NEXT)
