"""What all screens have in common: title and lead on top, and the one button that Enter presses."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QLayout, QVBoxLayout, QWidget

from workstation.journey.events import Intent
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.notices import Action
from workstation.ui.theme import Role, Theme
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Button, Kind, text


class Screen(QWidget):
    """Base of all screens.

    Attributes:
        has_steps: whether the step bar stands beside the screen.

    Signals:
        pressed(Intent): the expert pressed one of the screen's buttons.
    """

    pressed = Signal(object)

    has_steps = True

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self.theme = theme
        self.messages = messages

    def show_scene(self, scene: Scene) -> None:
        """Show ``scene``, whose state is one this screen was made for."""
        raise NotImplementedError

    def show_frame(self, frame: QImage | None) -> None:
        """Show a camera picture, on the screens that have a mirror."""

    def primary(self) -> QWidget | None:
        """Return the button that gets the focus, ``None`` when there is nothing to press."""
        return None

    def button(self, key: str, intent: Intent, kind: Kind = Kind.SECONDARY, icon: Icon | None = None) -> Button:
        """Return a button that reports ``intent``."""
        made = Button(self.theme, self.messages.text(key), kind=kind, icon=icon)
        made.setProperty("intent", intent.value)
        made.clicked.connect(self._on_button_clicked)
        return made

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.pressed.emit(Intent(sender.property("intent")))


class TitledScreen(Screen):
    """A screen with the large title, a lead and a stage below."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self.title = text(role=Role.TITLE, wrap=True)
        self.lead = text(role=Role.LEAD, wrap=True)
        self.column = QVBoxLayout(self)
        side, tight = theme.px(64), 0.65 if theme.large_text else 1.0
        self.column.setContentsMargins(side, theme.px(44 * tight), side, theme.px(36 * tight))
        self.column.setSpacing(0)
        self.column.addWidget(self.title)
        self.column.addSpacing(theme.px(10))
        self.column.addWidget(self.lead)
        self.column.addSpacing(theme.px(32 * tight))

    def add_stage(self, *parts: tuple[QWidget | QLayout, int], spacing: int = 40) -> None:
        """Put ``parts`` side by side below the lead; each with its share of the width, 0 for its own."""
        row = QHBoxLayout()
        row.setSpacing(self.theme.px(spacing))
        for part, share in parts:
            if isinstance(part, QLayout):
                row.addLayout(part, share)
            else:
                row.addWidget(part, share)
        self.column.addLayout(row, 1)

    def show_head(self, title: str, lead: str) -> None:
        """Set title and lead."""
        self.title.setText(title)
        self.lead.setText(lead)


class ActionRow(QWidget):
    """A row of buttons that changes with the scene; buttons that stay the same keep the focus."""

    pressed = Signal(object)

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        self._theme = theme
        self._messages = messages
        self._actions: tuple[Action, ...] = ()
        self._buttons: list[Button] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.px(20))

    def show_actions(self, actions: Iterable[Action], *, help_called: bool) -> None:
        """Show one button per action; calling for help is disabled while help is on its way."""
        actions = tuple(actions)
        if actions != self._actions:
            self._rebuild(actions)
        for action, button in zip(self._actions, self._buttons, strict=True):
            if action.intent is Intent.HELP:
                button.setText(self._messages.text("footer.help_called" if help_called else action.key))
                button.setEnabled(not help_called)
        self.setVisible(bool(actions))

    def primary(self) -> QWidget | None:
        """Return the primary button if it can be pressed."""
        for action, button in zip(self._actions, self._buttons, strict=True):
            if action.kind is Kind.PRIMARY and button.isEnabled():
                return button
        return None

    def _rebuild(self, actions: tuple[Action, ...]) -> None:
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._actions = actions
        self._buttons = [
            Button(self._theme, self._messages.text(action.key), kind=action.kind, icon=action.icon)
            for action in actions
        ]
        for action, button in zip(actions, self._buttons, strict=True):
            button.setProperty("intent", action.intent.value)
            button.clicked.connect(self._on_button_clicked)
            self._row.addWidget(button)
            button.show()

    def _on_button_clicked(self) -> None:
        sender = self.sender()
        if sender is not None:
            self.pressed.emit(Intent(sender.property("intent")))
