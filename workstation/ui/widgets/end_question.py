"""The question before the evaluation is ended, on a veil over the page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from workstation.journey.events import Intent
from workstation.ui.icons import Icon
from workstation.ui.screens.base import Screen
from workstation.ui.theme import Role, Tone
from workstation.ui.widgets.basics import Card, Kind, Medallion, text


class EndQuestion(QFrame):
    """Dims the page and asks; the safe answer is the primary one."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self.setObjectName("veil")
        theme, words = screen.theme, screen.messages
        card = Card(theme, spacing=0)
        card.setFixedWidth(theme.px(860 if not theme.large_text else 980))
        size = theme.px(96)
        sign = Medallion(size, radius=size // 2, icon=Icon.RECORD, tone=Tone.WARN)
        title = text(words.text("evaluation.end_title"), Role.HEADING, wrap=True)
        lead = text(words.text("evaluation.end_lead"), Role.BODY, wrap=True)
        for part in (title, lead):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.back = screen.button("evaluation.end_back", Intent.END_DECLINED, Kind.PRIMARY)
        confirm = screen.button("evaluation.end_confirm", Intent.END_CONFIRMED, Kind.DANGER)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.px(24))
        buttons.addStretch(1)
        buttons.addWidget(confirm)
        buttons.addWidget(self.back)
        buttons.addStretch(1)
        card.column.addSpacing(theme.px(12))
        card.column.addWidget(sign, 0, Qt.AlignmentFlag.AlignHCenter)
        card.column.addSpacing(theme.px(24))
        card.column.addWidget(title)
        card.column.addSpacing(theme.px(14))
        card.column.addWidget(lead)
        card.column.addSpacing(theme.px(32))
        card.column.addLayout(buttons)
        card.column.addSpacing(theme.px(12))
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(card)
        middle.addStretch(1)
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addLayout(middle)
        column.addStretch(1)
        self.hide()
