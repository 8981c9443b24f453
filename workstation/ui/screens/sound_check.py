"""试音: both ears, the voice and the picture, one thing at a time, before the expert meets the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.journey.events import Intent
from workstation.journey.meeting import SoundStep
from workstation.journey.states import SoundCheck
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.notices import CALL_HELP, Action
from workstation.ui.screens.base import ActionRow, TitledScreen
from workstation.ui.theme import Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Card, Kind, Medallion, text
from workstation.ui.widgets.level_meter import LevelMeter
from workstation.ui.widgets.preview import PreviewView
from workstation.ui.widgets.step_bar import Stage, StageMark

_ICONS: Final = {
    SoundStep.STARTING: Icon.HEADSET,
    SoundStep.TONE_LEFT: Icon.EAR_LEFT,
    SoundStep.TONE_RIGHT: Icon.EAR_RIGHT,
    SoundStep.SPEAK: Icon.MICROPHONE,
    SoundStep.HEAR_BACK: Icon.SPEAKER,
}
_DOTS: Final = (SoundStep.TONE_LEFT, SoundStep.TONE_RIGHT, SoundStep.SPEAK, SoundStep.HEAR_BACK)
_HEARD: Final = Action(key="sound_check.heard", intent=Intent.CONFIRM, kind=Kind.PRIMARY, icon=Icon.CHECK_MARK)
_REPEAT: Final = Action(key="sound_check.repeat", intent=Intent.RETRY)
_AGAIN: Final = Action(key="sound_check.again", intent=Intent.RETRY, kind=Kind.PRIMARY)
_HELP: Final = Action(key=CALL_HELP.key, intent=Intent.HELP, icon=Icon.HELP)
_WITHOUT: Final = Action(key="sound_check.without", intent=Intent.WITHOUT_SOUND)


@dataclass(frozen=True)
class _Saying:
    """What the screen says now."""

    icon: Icon
    tone: Tone
    statement: str
    code: ErrorCode | None = None
    actions: tuple[Action, ...] = ()


class SoundCheckScreen(TitledScreen):
    """The test on the left, how the others will see and hear the expert on the right."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._dots = _Dots(theme, messages)
        self._sign = Medallion(theme.px(168), radius=theme.px(84))
        self._statement = text(role=Role.STATEMENT, wrap=True)
        self._statement.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._digits = text(role=Role.DIGITS)
        self._digits.setAlignment(Qt.AlignmentFlag.AlignCenter)
        low, good, high = "sound_check.level_low", "sound_check.level_good", "sound_check.level_high"
        self._meter = LevelMeter(theme, *map(messages.text, (low, good, high)))
        self._code = text(role=Role.CAPTION)
        self._actions = ActionRow(theme, messages)
        self._actions.pressed.connect(self.pressed)
        self._preview = PreviewView(theme, messages.text("sound_check.no_picture"))
        self._mask, self._voice = text(role=Role.NOTE, wrap=True), text(role=Role.NOTE, wrap=True)
        self.add_stage((self._panel(theme), 1), (self._side(theme), 0))

    def _panel(self, theme: Theme) -> Card:
        panel = Card(theme, spacing=0)
        panel.column.addWidget(self._dots)
        panel.column.addStretch(1)
        panel.column.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignHCenter)
        panel.column.addSpacing(theme.px(20))
        panel.column.addWidget(self._statement)
        panel.column.addWidget(self._digits)
        panel.column.addSpacing(theme.px(24))
        panel.column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignHCenter)
        panel.column.addStretch(1)
        foot = QHBoxLayout()
        foot.addWidget(text(self.messages.text("sound_check.level"), Role.NOTE), 1)
        foot.addWidget(self._code, 0, Qt.AlignmentFlag.AlignRight)
        panel.column.addLayout(foot)
        panel.column.addWidget(self._meter)
        return panel

    def _side(self, theme: Theme) -> QWidget:
        side = QWidget()
        side.setFixedWidth(theme.px(500))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        card = Card(theme, heading=self.messages.text("sound_check.seen"), spacing=16)
        card.column.addWidget(self._preview)
        for part in (self._mask, self._voice):
            card.column.addWidget(part)
        column.addWidget(card)
        column.addStretch(1)
        return side

    def show_scene(self, scene: Scene) -> None:
        """Show the step, or what was found and what helps."""
        words, state = self.messages, cast("SoundCheck", scene.journey.state)
        saying = self._found(state, state.problem) if state.problem is not None else self._asked(state)
        self.show_head(words.text("sound_check.title"), words.text("sound_check.lead"))
        self._dots.show_step(state)
        if state.problem is not None:
            self._meter.rest()
        self._sign.show_mark(saying.icon, saying.tone)
        self._statement.setText(saying.statement)
        self._digits.setText("  ".join(state.digits))
        self._digits.setVisible(state.problem is None and state.step is SoundStep.SPEAK)
        self._code.setText(words.text("notice.code", code=saying.code) if saying.code else "")
        self._actions.show_actions(saying.actions, help_called=scene.journey.help_called)
        meeting = state.session.assignment.meeting
        self._mask.setText(words.text("sound_check.masked" if meeting.mask else "sound_check.not_masked"))
        self._voice.setText(words.text("sound_check.changed" if meeting.voice else "sound_check.not_changed"))

    def _asked(self, state: SoundCheck) -> _Saying:
        key = f"sound_step.{state.step}"
        if state.step is SoundStep.HEAR_BACK and state.session.assignment.meeting.voice:
            key = "sound_check.hear_changed"
        actions = (_REPEAT, _HEARD) if state.asks else ()
        return _Saying(_ICONS[state.step], Tone.INFO, self.messages.text(key), actions=actions)

    def _found(self, state: SoundCheck, problem: ErrorCode) -> _Saying:
        helps = f"sound_help.{state.suggestion}"
        statement = self.messages.text(helps) if state.suggestion else self.messages.expert(problem, "sound_check")
        actions: tuple[Action, ...] = (_HELP, _AGAIN)
        if state.may_go_on:
            actions = (_WITHOUT, *actions)
        return _Saying(Icon.HEADSET, Tone.WARN, statement, problem, actions)

    def show_level(self, level_dbfs: float, peak_dbfs: float) -> None:
        """Show how loud the microphone is."""
        self._meter.show_level(level_dbfs, peak_dbfs)

    def show_frame(self, frame: QImage | None) -> None:
        """Show the picture as the others will see it."""
        self._preview.show_frame(frame)

    def primary(self) -> QWidget | None:
        """Return the button that goes on with the test."""
        return self._actions.primary()


class _Dots(QWidget):
    """The four things that are tested, and which is done."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(12))
        self._marks = []
        for step in _DOTS:
            mark = StageMark(theme.px(30))
            self._marks.append(mark)
            row.addWidget(mark)
            row.addWidget(text(messages.text(f"sound_dot.{step}"), Role.NOTE))
            row.addStretch(1)

    def show_step(self, state: SoundCheck) -> None:
        """Mark what is done and what comes now; nothing is done after a test that found something wrong."""
        now = _DOTS.index(state.step) if state.step in _DOTS else -1
        for at, mark in enumerate(self._marks):
            mark.set_stage(Stage.DONE if at < now else Stage.NOW if at == now else Stage.NEXT)
