"""设备自检: the devices one by one; the way into the evaluation opens when the required ones are good."""

from __future__ import annotations

from typing import Final, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from workstation.journey.events import Intent
from workstation.journey.facts import Check, CheckKind
from workstation.journey.states import SelfCheck
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.screens.base import TitledScreen
from workstation.ui.screens.task import TaskCard
from workstation.ui.theme import Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Card, Kind, Medallion, Tag, rule, text

_ICONS: Final = {
    CheckKind.HEADSET: Icon.HEADSET,
    CheckKind.CAMERA: Icon.CAMERA,
    CheckKind.UPS: Icon.BATTERY,
    CheckKind.SITE: Icon.SERVER,
    CheckKind.MAIN_SITE: Icon.NETWORK,
    CheckKind.PACK: Icon.ENTER,
}


class SelfCheckScreen(TitledScreen):
    """Task on the left, devices on the right, the way on below."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._task = TaskCard(theme, messages)
        devices = Card(theme, heading=messages.text("self_check.heading"), spacing=0)
        devices.column.addSpacing(theme.px(8))
        self._rows: dict[CheckKind, _CheckRow] = {}
        for kind in CheckKind:
            if self._rows:
                devices.column.addWidget(rule())
            self._rows[kind] = _CheckRow(theme, messages, kind)
            devices.column.addWidget(self._rows[kind])
        devices.column.addStretch(1)
        self.add_stage((self._task, 1), (devices, 1), spacing=32)
        self._again = self.button("self_check.again", Intent.RECHECK)
        self._enter = self.button("self_check.enter", Intent.CONFIRM, Kind.PRIMARY, Icon.ENTER)
        row = QHBoxLayout()
        row.setSpacing(theme.px(24))
        row.addStretch(1)
        row.addWidget(self._again)
        row.addWidget(self._enter)
        self.column.addSpacing(theme.px(28))
        self.column.addLayout(row)

    def show_scene(self, scene: Scene) -> None:
        """Show the results that are there."""
        state = cast("SelfCheck", scene.journey.state)
        self.show_head(self.messages.text("self_check.title"), self._lead(state))
        self._task.show_assignment(state.session.assignment)
        checks = {check.kind: check for check in state.checks}
        for kind, row in self._rows.items():
            row.setVisible(not state.checks or kind in checks)
            row.show_check(checks.get(kind))
        self._again.setEnabled(bool(state.checks))
        self._enter.setEnabled(state.passed)

    def _lead(self, state: SelfCheck) -> str:
        for check in state.checks:
            if check.kind is CheckKind.PACK and check.code is not None and check.detail:
                # Its name is of the pack's making, and may be longer than a row has room.
                return self.messages.expert(check.code, component=check.detail)
        lead = "lead_passed" if state.passed else "lead_failed" if state.checks else "lead_running"
        return self.messages.text(f"self_check.{lead}")

    def primary(self) -> QWidget | None:
        """Return the way in when it is open, otherwise the button that checks again."""
        if self._enter.isEnabled():
            return self._enter
        return self._again if self._again.isEnabled() else None


class _CheckRow(QWidget):
    def __init__(self, theme: Theme, messages: Messages, kind: CheckKind) -> None:
        super().__init__()
        self._messages = messages
        self._icon = _ICONS[kind]
        self._mark = Medallion(theme.px(56), radius=theme.px(14), icon=self._icon)
        self._detail = text(role=Role.NOTE, wrap=True)
        self._tag = Tag(theme)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(text(messages.text(f"check.{kind}"), Role.BODY))
        words.addWidget(self._detail)
        words.addStretch(1)
        row = QHBoxLayout(self)
        edge = theme.px(4 if theme.large_text else 8)
        row.setContentsMargins(0, edge, 0, edge)
        row.setSpacing(theme.px(20))
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(words, 1)
        row.addWidget(self._tag, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setMinimumHeight(theme.with_text(80))

    def show_check(self, check: Check | None) -> None:
        """Show one result; ``None`` while it is not there."""
        words = self._messages
        if check is None:
            tone, key, detail = Tone.INFO, "self_check.running", ""
        elif check.code is None:
            tone, key, detail = Tone.OK, "self_check.ok", check.detail
        elif check.required:
            tone, key, detail = Tone.WARN, "self_check.failed", words.expert(check.code, "self_check")
        else:
            tone, key, detail = Tone.QUIET, "self_check.attention", words.expert(check.code, "self_check")
        self._mark.show_mark(self._icon, Tone.INFO if tone is Tone.OK else tone)
        self._tag.show_state(words.text(key), tone, Icon.INFO if tone is Tone.QUIET else None)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
