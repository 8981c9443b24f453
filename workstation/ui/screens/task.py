"""核对任务: the project the roster names, to be compared with the one the expert came for."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from workstation.journey.events import Intent
from workstation.journey.facts import Assignment
from workstation.journey.states import TaskReview
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.screens.base import TitledScreen
from workstation.ui.theme import Color, Role, Theme
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Button, Card, IconMark, Kind, text
from workstation.ui.widgets.people import HolderCard


class TaskCard(Card):
    """The assignment as a list of names and values."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, heading=messages.text("task.heading"), spacing=24)
        self._messages = messages
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(24))
        grid.setVerticalSpacing(theme.px(18))
        grid.setColumnStretch(1, 1)
        for line, name in enumerate(("project", "number", "main_site", "role", "time", "signing")):
            caption = text(messages.text(f"task.{name}"), Role.BODY)
            caption.setProperty("tone", "quiet")
            value = text(role=Role.STRONG if name == "project" else Role.BODY, wrap=True)
            top = Qt.AlignmentFlag.AlignTop
            grid.addWidget(caption, line, 0, top)
            grid.addWidget(value, line, 1, top)
            self._values[name] = value
        self.column.addLayout(grid)
        self.column.addStretch(1)

    def show_assignment(self, task: Assignment) -> None:
        """Show the facts of ``task``."""
        words = self._messages
        project = task.project_name
        if task.section:
            project = words.text("task.project_section", name=task.project_name, section=task.section)
        hours = f"{task.expected_hours:g}"
        for name, value in {
            "project": project,
            "number": task.project_id,
            "main_site": task.main_site,
            "role": words.text("task.role_alias", role=task.role, alias=task.alias),
            "time": words.text("task.starts", start=task.starts_at, hours=hours),
            "signing": task.signing or words.text("task.signing_unknown"),
        }.items():
            self._values[name].setText(value)


class TaskScreen(TitledScreen):
    """One question: is this the right task?"""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self.show_head(messages.text("task.title"), messages.text("task.lead"))
        self._task = TaskCard(theme, messages)
        self._holder = HolderCard(theme, messages)
        side = QWidget()
        side.setFixedWidth(theme.px(460))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(24))
        column.addWidget(self._holder)
        column.addWidget(self._rules_card(), 1)
        self.add_stage((self._task, 1), (side, 0), spacing=32)
        self._wrong = self.button("task.wrong", Intent.HELP, icon=Icon.HELP)
        self._confirm: Button = self.button("task.confirm", Intent.CONFIRM, Kind.PRIMARY)
        row = QHBoxLayout()
        row.setSpacing(theme.px(24))
        row.addStretch(1)
        row.addWidget(self._wrong)
        row.addWidget(self._confirm)
        self.column.addSpacing(theme.px(28))
        self.column.addLayout(row)

    def _rules_card(self) -> Card:
        card = Card(self.theme, heading=self.messages.text("task.rules_heading"), spacing=16)
        for name in ("rule_independent", "rule_phone", "rule_secret"):
            row = QHBoxLayout()
            row.setSpacing(self.theme.px(14))
            mark = IconMark(Icon.SHIELD, self.theme.text(24), Color.BRAND)
            row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(text(self.messages.text(f"task.{name}"), Role.NOTE, wrap=True), 1)
            card.column.addLayout(row)
        card.column.addStretch(1)
        return card

    def show_scene(self, scene: Scene) -> None:
        """Show the assignment of the session."""
        state = cast("TaskReview", scene.journey.state)
        self._task.show_assignment(state.session.assignment)
        self._holder.show_holder(scene.holder, scene.portrait)
        called = scene.journey.help_called
        self._wrong.setText(self.messages.text("footer.help_called" if called else "task.wrong"))
        self._wrong.setEnabled(not called)

    def primary(self) -> QWidget | None:
        """Return the confirmation."""
        return self._confirm
