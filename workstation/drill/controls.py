"""The drill console's controls: a thing with two states, and a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from workstation.ui.theme import Color, Role, Theme, Tone
from workstation.ui.widgets.basics import Button, Card, Kind, Tag, text

THEME = Theme(scale=0.7)


def make_button(caption: str, *, kind: Kind = Kind.SECONDARY) -> Button:
    """Return a button of the console's size."""
    return Button(THEME, caption, kind=kind)


def panel(heading: str, unavailable: Mapping[str, str], *controls: str) -> Card:
    """Return a card with its heading and the reasons why one of its controls cannot work."""
    card = Card(THEME, spacing=8)
    card.column.setContentsMargins(16, 10, 16, 12)
    card.column.addWidget(text(heading, Role.NOTE))
    for control in controls:
        if control in unavailable:
            card.column.addWidget(text(unavailable[control], Role.CAPTION, wrap=True))
    return card


@dataclass(frozen=True)
class Switch:
    """One thing with two states: its field of the bench, its name, and the words for on and off."""

    field: str
    name: str
    states: tuple[str, str]
    actions: tuple[str, str]


class SwitchRow(QWidget):
    """Name, state and the one thing that can be done about it.

    Signals:
        toggled(str field, bool on): the operator asked for the other state.
    """

    toggled = Signal(str, bool)

    def __init__(self, switch: Switch, reason: str) -> None:
        super().__init__()
        self._switch = switch
        self._is_on = True
        self._tag = Tag(THEME)
        self.button = make_button("")
        self.button.setObjectName(switch.field)
        self.button.setEnabled(not reason)
        self.button.setMinimumWidth(104)
        self.button.clicked.connect(self._on_clicked)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(text(switch.name, Role.STRONG), 0, 0)
        grid.addWidget(self._tag, 0, 1)
        grid.addWidget(self.button, 0, 2)
        grid.setColumnStretch(0, 1)
        if reason:
            grid.addWidget(text(reason, Role.CAPTION, wrap=True), 1, 0, 1, 3)
        self.show_state(is_on=True)

    def show_state(self, *, is_on: bool) -> None:
        """Show whether it is on, and offer the other state."""
        self._is_on = is_on
        off = int(not is_on)
        self._tag.show_state(self._switch.states[off], Tone.OK if is_on else Tone.BAD)
        self.button.setText(self._switch.actions[1 - off])

    def _on_clicked(self) -> None:
        self.toggled.emit(self._switch.field, not self._is_on)


class Choice(QComboBox):
    """A combo box that draws its own arrow: a style sheet takes the native one away and has only files instead."""

    def __init__(self) -> None:
        super().__init__()
        self._items = QStandardItemModel(self)
        self.setModel(self._items)

    def add_heading(self, caption: str) -> None:
        """Add a line that cannot be chosen."""
        heading = QStandardItem(caption)
        heading.setEnabled(False)
        heading.setSelectable(False)
        font = self.font()
        font.setBold(True)
        font.setPixelSize(13)
        heading.setFont(font)
        self._items.appendRow(heading)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, then a chevron at its right."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(Color.BRAND if self.isEnabled() else Color.DISABLED), 2))
        x, y = self.width() - 20, self.height() / 2
        painter.drawPolyline([QPointF(x - 5, y - 2), QPointF(x, y + 3), QPointF(x + 5, y - 2)])
        painter.end()
