"""The place of the conference beside the main site's page: the page it is given, or that it is being joined."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from workstation.conference.pane import Pane, PanePhase
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.theme import Color, Theme
from workstation.ui.widgets.basics import IconMark, label

_WIDTH = 414
_LEAST_PX = 300


class ConferencePane(QFrame):
    """Holds the conference page; it belongs to whoever made it."""

    def __init__(self, theme: Theme, messages: Messages, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("conference")
        self._messages = messages
        self.wide_px = max(theme.px(_WIDTH), _LEAST_PX)
        self._view: QWidget | None = None
        self._waiting = QWidget()
        self._word = label(name="conferenceWord")
        self._word.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._word.setWordWrap(True)
        waiting = QVBoxLayout(self._waiting)
        waiting.setContentsMargins(theme.px(20), theme.px(20), theme.px(20), theme.px(20))
        waiting.setSpacing(theme.px(16))
        waiting.addStretch(1)
        waiting.addWidget(IconMark(Icon.PERSONS, theme.text(48), Color.BAR_TEXT), 0, Qt.AlignmentFlag.AlignHCenter)
        waiting.addWidget(self._word)
        waiting.addStretch(1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._waiting)
        self.show_pane(Pane())
        self.hide()

    def set_view(self, view: QWidget | None) -> None:
        """Take the conference page; ``None`` lets go of it."""
        if self._view is not None and self._view is not view:
            self._column.removeWidget(self._view)
            if self._view.parent() is self:
                self._view.setParent(None)
        self._view = view
        if view is not None:
            self._column.addWidget(view)

    def show_pane(self, pane: Pane) -> None:
        """Show the page once it has joined; it stays while it finds its way back by itself."""
        is_joining = pane.phase in {PanePhase.NONE, PanePhase.JOINING} or self._view is None
        self._word.setText(self._messages.text("conference.joining"))
        self._waiting.setVisible(is_joining)
        if self._view is not None:
            self._view.setVisible(not is_joining)
