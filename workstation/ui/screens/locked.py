"""本工位已锁定: the page is out of sight, and whoever sits down is told how to go on."""

from __future__ import annotations

from typing import Final, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.journey.events import Intent
from workstation.journey.seat import LeaveReason
from workstation.journey.states import Locked
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages, clock
from workstation.ui.notices import Notice, locked_notice
from workstation.ui.screens.base import ActionRow, TitledScreen
from workstation.ui.screens.notice import NextCard, lines
from workstation.ui.theme import Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Button, Card, Medallion, restyle, text
from workstation.ui.widgets.camera_view import CameraView

_REASONS: Final = {
    LeaveReason.REST_ROOM: Intent.LEAVE_REST_ROOM,
    LeaveReason.WATER: Intent.LEAVE_WATER,
    LeaveReason.UNWELL: Intent.LEAVE_UNWELL,
    LeaveReason.OTHER: Intent.LEAVE_OTHER,
}


class LockedScreen(TitledScreen):
    """Shows nothing of the person: others may pass by. While a comparison runs, the mirror takes the panel's place."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._sign = Medallion(theme.px(132), radius=theme.px(66))
        self._statement = text(role=Role.STATEMENT, wrap=True)
        self._statement.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._code = text(role=Role.CAPTION)
        self._reasons = _ReasonRow(self)
        self._actions = ActionRow(theme, messages)
        self._actions.pressed.connect(self.pressed)
        self._panel = self._make_panel()
        self._camera = CameraView(theme, messages.text("face.no_picture"))
        self._manual = self.button("face.manual", Intent.MANUAL)
        self._timer = _TimerCard(theme, messages)
        self._next = NextCard(theme, messages)
        side = QWidget()
        side.setFixedWidth(theme.px(460))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(24))
        for part in (self._timer, self._next, self._manual):
            column.addWidget(part)
        column.addStretch(1)
        self.add_stage((self._panel, 1), (self._camera, 1), (side, 0))

    def _make_panel(self) -> QWidget:
        theme, middle = self.theme, Qt.AlignmentFlag.AlignHCenter
        panel = Card(theme, spacing=0)
        panel.column.addStretch(1)
        panel.column.addWidget(self._sign, 0, middle)
        panel.column.addSpacing(theme.px(28))
        panel.column.addWidget(self._statement)
        panel.column.addSpacing(theme.px(32))
        panel.column.addWidget(self._reasons, 0, middle)
        panel.column.addWidget(self._actions, 0, middle)
        panel.column.addStretch(1)
        panel.column.addWidget(self._code, 0, Qt.AlignmentFlag.AlignRight)
        return panel

    def show_scene(self, scene: Scene) -> None:
        """Show why it is locked, for how long, and what to do."""
        state, policy = cast("Locked", scene.journey.state), scene.journey.seat_policy
        limit = self.messages.limit(policy.leave_s)
        notice = locked_notice(state, limit, self.messages)
        self._show_head(scene, notice)
        self._panel.setVisible(not state.checking)
        for part in (self._camera, self._manual):
            part.setVisible(state.checking)
        if state.checking:
            hint = f"prompt.{scene.face.prompt}" if scene.face.prompt else f"coaching.{scene.face.coaching}"
            self._camera.show_face(scene.face, self.messages.text(hint))
        else:
            self._camera.show_frame(None)
        self._sign.show_mark(notice.icon, notice.tone)
        self._statement.setText(lines(notice.statement))
        self._code.setText(self.messages.text("notice.code", code=notice.code) if notice.code else "")
        is_short_leave = state.code is ErrorCode.SHORT_LEAVE
        self._reasons.setVisible(is_short_leave and not state.by_human)
        self._reasons.show_reason(state.reason)
        self._actions.show_actions(notice.actions, help_called=scene.journey.help_called)
        is_over = is_short_leave and scene.locked_s >= policy.leave_s
        self._timer.show_time(scene.locked_s, limit if is_short_leave else "", is_over=is_over)
        self._next.show_milestones(notice.milestones)

    def _show_head(self, scene: Scene, notice: Notice) -> None:
        state, face, words = cast("Locked", scene.journey.state), scene.face, self.messages
        if state.checking and face.prompt:
            lead = words.text("face.lead_action", number=face.actions_done + 1, total=face.actions_total)
            self.show_head(words.text(f"prompt_title.{face.prompt}"), lead)
        else:
            self.show_head(notice.title, notice.lead)

    def show_frame(self, frame: QImage | None) -> None:
        """Show a camera picture."""
        self._camera.show_frame(frame)

    def primary(self) -> QWidget | None:
        """Return "I am back"; nothing while a comparison runs, which Enter must not end by accident."""
        return self._actions.primary() if not self._panel.isHidden() else None


class _ReasonRow(QWidget):
    """Four reasons for a short leave; the chosen one wears a tick."""

    def __init__(self, screen: LockedScreen) -> None:
        super().__init__()
        theme = screen.theme
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.px(36))
        column.setSpacing(theme.px(14))
        heading = text(screen.messages.text("locked.reason"), Role.NOTE)
        heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.setSpacing(theme.px(16))
        self._buttons: dict[LeaveReason, Button] = {}
        for reason, intent in _REASONS.items():
            self._buttons[reason] = screen.button(f"leave_reason.{reason}", intent)
            row.addWidget(self._buttons[reason])
        column.addWidget(heading)
        column.addLayout(row)

    def show_reason(self, chosen: LeaveReason | None) -> None:
        """Mark the chosen one."""
        for reason, button in self._buttons.items():
            button.set_icon(Icon.CHECK_MARK if reason is chosen else None)


class _TimerCard(Card):
    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, spacing=8)
        self._messages = messages
        self._elapsed = text(role=Role.TITLE)
        self._limit = text(role=Role.BODY, wrap=True)
        self.column.addWidget(text(messages.text("locked.elapsed"), Role.NOTE))
        self.column.addWidget(self._elapsed)
        self.column.addWidget(self._limit)

    def show_time(self, seconds: int, limit: str, *, is_over: bool) -> None:
        """Show for how long it is locked, and the limit if there is one."""
        self._elapsed.setText(clock(seconds))
        self._limit.setVisible(bool(limit))
        self._limit.setText(self._messages.text("locked.over" if is_over else "locked.limit", limit=limit))
        restyle(self._limit, "tone", (Tone.WARN if is_over else Tone.QUIET).value)
