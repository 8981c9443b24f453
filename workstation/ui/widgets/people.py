"""Who the booth is talking to: portrait, masked name and number, whether the card is valid."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from workstation.journey.facts import Holder
from workstation.ui.icons import Icon, paint
from workstation.ui.messages import Messages
from workstation.ui.theme import Color, Role, Theme, Tone
from workstation.ui.widgets.basics import Card, Tag, text

_SEXES = {"1": "holder.sex_1", "2": "holder.sex_2"}
"""GB/T 2261.1 codes that are said; unknown (0) and not stated (9) are left out."""


class Portrait(QWidget):
    """The photo on the card with rounded corners, or a silhouette."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._radius = theme.px(12)
        self.setFixedSize(theme.px(128), theme.px(158))

    def set_image(self, image: QImage | None) -> None:
        """Show a photo; ``None`` drops it."""
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the photo, cropped to the frame."""
        del event
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        bounds = QRectF(self.rect())
        shape = QPainterPath()
        shape.addRoundedRect(bounds, self._radius, self._radius)
        painter.setClipPath(shape)
        painter.fillRect(bounds, QColor("#C7D5EC"))
        if self._image is None or self._image.isNull():
            side = self.width() * 0.56
            target = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
            paint(painter, Icon.PERSON, target, Color.SURFACE)
        else:
            zoom = max(bounds.width() / self._image.width(), bounds.height() / self._image.height())
            target = QRectF(0, 0, self._image.width() * zoom, self._image.height() * zoom)
            target.moveCenter(bounds.center())
            painter.drawImage(target, self._image)
        painter.end()


class HolderCard(Card):
    """Portrait, masked name, masked number and a tag about the card's validity."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme)
        self._messages = messages
        self._portrait = Portrait(theme)
        self._name = text(role=Role.HEADING)
        self._number = text(role=Role.BODY, wrap=True)
        self._validity = Tag(theme)
        facts = QVBoxLayout()
        facts.setSpacing(theme.px(8))
        facts.addStretch(1)
        facts.addWidget(self._name)
        facts.addWidget(self._number)
        facts.addWidget(self._validity, 0, Qt.AlignmentFlag.AlignLeft)
        facts.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(theme.px(24))
        row.addWidget(self._portrait, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(facts, 1)
        self.column.addLayout(row)

    def show_holder(self, holder: Holder | None, portrait: QImage | None) -> None:
        """Show a person; nobody hides the card."""
        self.setVisible(holder is not None)
        self._portrait.set_image(portrait if holder else None)
        if holder is None:
            self._name.clear()
            self._number.clear()
            return
        self._name.setText(holder.masked_name)
        number = holder.masked_number
        if holder.sex in _SEXES:
            sex = self._messages.text(_SEXES[holder.sex])
            number = self._messages.text("holder.sex_number", sex=sex, number=number)
        self._number.setText(number)
        if holder.expired_on is None:
            self._validity.show_state(self._messages.text("holder.card_valid"), Tone.OK)
        else:
            self._validity.show_state(self._messages.text("holder.card_expired"), Tone.WARN)
