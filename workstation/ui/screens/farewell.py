"""The receipt: what was recorded of the visit, and what the booth has deleted."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from workstation.journey.events import Intent
from workstation.journey.states import Farewell
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.screens.base import TitledScreen
from workstation.ui.theme import TONES, Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Card, IconMark, Kind, Medallion, text


class FarewellScreen(TitledScreen):
    """Thanks, reminds of the card, and says what stays and what does not."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self.show_head(messages.text("farewell.title"), messages.text("farewell.lead"))
        self._alias = text(wrap=True)
        self._alias_row = self._line(self._alias, Tone.INFO)
        recorded = self._card("farewell.recorded", Icon.RECORD, Tone.INFO)
        for key in ("farewell.recorded_visit", "farewell.recorded_method"):
            recorded.column.addWidget(self._line(text(messages.text(key), wrap=True), Tone.INFO))
        recorded.column.addWidget(self._alias_row)
        deleted = self._card("farewell.deleted", Icon.WIPE, Tone.OK)
        for key in ("farewell.deleted_card", "farewell.deleted_face", "farewell.deleted_browser"):
            deleted.column.addWidget(self._line(text(messages.text(key), wrap=True), Tone.OK))
        for card in (recorded, deleted):
            card.column.addStretch(1)
        self.add_stage((recorded, 1), (deleted, 1), spacing=32)
        self._done = self.button("farewell.done", Intent.CONFIRM, Kind.PRIMARY)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._done)
        self.column.addSpacing(theme.px(28))
        self.column.addLayout(row)

    def _card(self, key: str, icon: Icon, tone: Tone) -> Card:
        card = Card(self.theme, spacing=20)
        size = self.theme.px(88)
        card.column.addWidget(Medallion(size, radius=size // 2, icon=icon, tone=tone))
        card.column.addWidget(text(self.messages.text(key), Role.HEADING))
        return card

    def _line(self, caption: QWidget, tone: Tone) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(self.theme.px(14))
        mark = IconMark(Icon.CHECK_MARK, self.theme.text(26), TONES[tone].text)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(caption, 1)
        return line

    def show_scene(self, scene: Scene) -> None:
        """Show the alias under which the visit is recorded, when there was one."""
        alias = cast("Farewell", scene.journey.state).alias
        self._alias.setText(self.messages.text("farewell.recorded_alias", alias=alias))
        self._alias_row.setVisible(bool(alias))

    def primary(self) -> QWidget | None:
        """Return the button that frees the booth at once."""
        return self._done
