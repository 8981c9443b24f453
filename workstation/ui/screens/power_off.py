"""The countdown to the power-off, whatever the journey's state: the page stays open behind it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from workstation.health.shutdown import PowerPhase
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages, clock
from workstation.ui.screens.base import TitledScreen
from workstation.ui.theme import TONES, Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Card, IconMark, Medallion, text


class PowerOffScreen(TitledScreen):
    """Says when it goes dark, what stays, and that the mains end the countdown."""

    has_steps = False

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        panel = Card(theme, spacing=0)
        size = theme.px(120)
        self._digits = text(role=Role.DIGITS)
        self._statement = text(role=Role.STATEMENT, wrap=True)
        for part in (self._digits, self._statement):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        panel.column.addStretch(1)
        sign = Medallion(size, radius=size // 2, icon=Icon.BATTERY, tone=Tone.BAD)
        panel.column.addWidget(sign, 0, Qt.AlignmentFlag.AlignHCenter)
        panel.column.addSpacing(theme.px(24))
        panel.column.addWidget(self._digits)
        panel.column.addSpacing(theme.px(16))
        panel.column.addWidget(self._statement)
        panel.column.addStretch(1)
        facts = Card(theme, heading=messages.text("power_off.stays"), spacing=18)
        for key in ("power_off.stays_visit", "power_off.stays_pages"):
            facts.column.addWidget(self._line(messages.text(key)))
        facts.column.addStretch(1)
        self._drill = text(messages.text("power_off.drill"), Role.NOTE, wrap=True)
        facts.column.addWidget(self._drill)
        facts.setFixedWidth(theme.px(520))
        self.add_stage((panel, 1), (facts, 0))

    def show_scene(self, scene: Scene) -> None:
        """Show the seconds that are left, or that the end has come."""
        power, words = scene.power, self.messages
        is_over = power.phase is PowerPhase.OFF
        self.show_head(
            words.text("power_off.title_now" if is_over else "power_off.title"), words.text("power_off.lead")
        )
        self._digits.setText(clock(power.off_in_s))
        self._digits.setVisible(not is_over)
        self._statement.setText(words.text("power_off.now" if is_over else "power_off.soon"))
        self._drill.setVisible(scene.booth.drill)

    def _line(self, caption: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(self.theme.px(14))
        mark = IconMark(Icon.CHECK_MARK, self.theme.text(26), TONES[Tone.OK].text)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(text(caption, wrap=True), 1)
        return line
