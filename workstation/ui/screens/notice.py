"""The screen with one thing to know: a sign, a sentence, what happens next, and at most three buttons."""

from __future__ import annotations

import re
from typing import Final, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from workstation.ui.messages import Messages
from workstation.ui.notices import Milestone, NoticeState, notice_for
from workstation.ui.screens.base import ActionRow, TitledScreen
from workstation.ui.theme import Role, Theme
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Card, Medallion, text
from workstation.ui.widgets.people import HolderCard
from workstation.ui.widgets.step_bar import Stage, StageMark

_SENTENCE_END: Final = re.compile(r"(?<=[\u3002\uff1f])(?=.)|(?<=[.?]) (?=[A-Z])")
"""Where a statement is broken into two lines, so that no sentence leaves a single character on the next."""


def lines(statement: str) -> str:
    """Return the statement with its first sentence on a line of its own."""
    return _SENTENCE_END.sub("\n", statement, count=1)


class NoticeScreen(TitledScreen):
    """Shows the notice of the state; what it says stands in ``workstation.ui.notices``."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._sign = Medallion(theme.px(148), radius=theme.px(74))
        self._statement = text(role=Role.STATEMENT, wrap=True)
        self._statement.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._code = text(role=Role.CAPTION)
        self._actions = ActionRow(theme, messages)
        self._actions.pressed.connect(self.pressed)
        panel = Card(theme, spacing=0)
        panel.column.addStretch(1)
        panel.column.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignHCenter)
        panel.column.addSpacing(theme.px(36))
        panel.column.addLayout(self._measure(self._statement))
        panel.column.addSpacing(theme.px(40))
        panel.column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignHCenter)
        panel.column.addStretch(1)
        panel.column.addWidget(self._code, 0, Qt.AlignmentFlag.AlignRight)
        self._holder = HolderCard(theme, messages)
        self._next = NextCard(theme, messages)
        self._side = QWidget()
        self._side.setFixedWidth(theme.px(460))
        column = QVBoxLayout(self._side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(24))
        column.addWidget(self._holder)
        column.addWidget(self._next)
        column.addStretch(1)
        self.add_stage((panel, 1), (self._side, 0))

    def _measure(self, statement: QWidget) -> QHBoxLayout:
        """Keep the sentence's lines short enough to read at a glance."""
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(statement, 8)
        row.addStretch(1)
        return row

    def show_scene(self, scene: Scene) -> None:
        """Show the state's notice."""
        notice = notice_for(cast("NoticeState", scene.journey.state), self.messages)
        self.show_head(notice.title, notice.lead)
        self._sign.show_mark(notice.icon, notice.tone)
        self._statement.setText(lines(notice.statement))
        self._code.setText(self.messages.text("notice.code", code=notice.code) if notice.code else "")
        self._actions.show_actions(notice.actions, help_called=scene.journey.help_called)
        self._holder.show_holder(scene.holder, scene.portrait)
        self._next.show_milestones(notice.milestones)
        self._side.setVisible(scene.holder is not None or bool(notice.milestones))

    def primary(self) -> QWidget | None:
        """Return the notice's primary button."""
        return self._actions.primary()


class NextCard(Card):
    """What happens next, line by line."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, heading=messages.text("notice.next"), spacing=18)
        self._theme = theme
        self._shown: tuple[Milestone, ...] = ()
        self._rows: list[QWidget] = []

    def show_milestones(self, milestones: tuple[Milestone, ...]) -> None:
        """Show the lines; none hides the card."""
        self.setVisible(bool(milestones))
        if milestones == self._shown:
            return
        self._shown = milestones
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows = [self._row(milestone) for milestone in milestones]
        for row in self._rows:
            self.column.addWidget(row)
            row.show()

    def _row(self, milestone: Milestone) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(self._theme.px(16))
        mark = StageMark(self._theme.px(30))
        mark.set_stage(milestone.stage)
        line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        role = Role.STRONG if milestone.stage is Stage.NOW else Role.BODY
        line.addWidget(text(milestone.caption, role, wrap=True), 1)
        return row
