"""评审中: the main site's page with an address row above it, and the question before the end."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.journey.events import Intent
from workstation.journey.states import Evaluating
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.screens.base import Screen
from workstation.ui.theme import Color, Role, Theme, Tone
from workstation.ui.views import Scene
from workstation.ui.widgets.basics import Card, IconMark, Kind, Medallion, Tag, text

_REFUSAL_SHOWN_MS = 6000
_LONGEST_HOST = 32


class EvaluationScreen(Screen):
    """Holds the page it is given; the page belongs to whoever made it."""

    has_steps = False

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._page: QWidget | None = None
        self._is_site_away = False
        self._scope = text(role=Role.NOTE)
        self._refused = text(role=Role.NOTE, tone=Tone.WARN)
        self._refused.hide()
        self._refusal_timer = QTimer(self)
        self._refusal_timer.setSingleShot(True)
        self._refusal_timer.setInterval(_REFUSAL_SHOWN_MS)
        self._refusal_timer.timeout.connect(self._on_refusal_timer_timeout)
        self._quiet = text(messages.expert(ErrorCode.SITE_SERVER_UNREACHABLE, "evaluation"), Role.CAPTION)
        self._quiet_mark = IconMark(Icon.SERVER, theme.text(20), Color.MUTED)
        self._slot = QFrame()
        self._slot.setObjectName("slot")
        self._slot_column = QVBoxLayout(self._slot)
        self._slot_column.setContentsMargins(0, 0, 0, 0)
        opening = text(messages.text("evaluation.opening"), Role.LEAD)
        opening.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._opening = opening
        self._slot_column.addWidget(opening)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._address())
        column.addWidget(self._slot, 1)
        self._veil = _EndQuestion(self)

    def _address(self) -> QWidget:
        theme = self.theme
        address = QFrame()
        address.setObjectName("address")
        address.setFixedHeight(theme.with_text(56))
        row = QHBoxLayout(address)
        row.setContentsMargins(theme.px(24), 0, theme.px(24), 0)
        row.setSpacing(theme.px(16))
        row.addWidget(Tag(theme, self.messages.text("evaluation.system"), Tone.OK, Icon.SHIELD))
        row.addWidget(self._scope)
        row.addStretch(1)
        row.addWidget(self._refused)
        row.addWidget(self._quiet_mark)
        row.addWidget(self._quiet)
        return address

    def set_page(self, page: QWidget | None) -> None:
        """Put the main site's page into the slot; ``None`` lets go of it."""
        if self._page is not None and self._page is not page:
            self._slot_column.removeWidget(self._page)
            if self._page.parent() is self._slot:
                self._page.setParent(None)
        self._page = page
        self._opening.setVisible(page is None)
        if page is None:
            self._refusal_timer.stop()
        if page is not None:
            self._slot_column.addWidget(page)
            page.show()

    def note_refused(self, host: str) -> None:
        """Say for a few seconds, beside the address, that a navigation was refused."""
        shown = host if len(host) <= _LONGEST_HOST else f"{host[:_LONGEST_HOST]}…"
        self._refused.setText(self.messages.text("evaluation.refused", host=shown))
        self._refusal_timer.start()
        self._show_notes()

    def show_scene(self, scene: Scene) -> None:
        """Show the main site's name, the small grey mark and the end question."""
        state = cast("Evaluating", scene.journey.state)
        main_site = state.session.assignment.main_site
        self._scope.setText(self.messages.text("evaluation.scope", main_site=main_site))
        self._is_site_away = ErrorCode.SITE_SERVER_UNREACHABLE in scene.journey.conditions
        self._show_notes()
        self._slot.setEnabled(not state.confirming_end)
        self._veil.setVisible(state.confirming_end)
        if state.confirming_end:
            self._veil.raise_()

    def _show_notes(self) -> None:
        """Show one note at a time on the right of the address: the refusal, then the small grey mark."""
        refused = self._refusal_timer.isActive()
        self._refused.setVisible(refused)
        for part in (self._quiet, self._quiet_mark):
            part.setVisible(self._is_site_away and not refused)

    def _on_refusal_timer_timeout(self) -> None:
        self._show_notes()

    def primary(self) -> QWidget | None:
        """Return "back to the evaluation" while the end is being confirmed; otherwise the page has the focus."""
        return self._page if self._veil.isHidden() else self._veil.back

    def hideEvent(self, event: QHideEvent) -> None:
        """Disable the page behind another screen: hidden is not enough, its scripts could still take the keyboard."""
        if not event.spontaneous():
            self._slot.setEnabled(False)
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the end question over the whole screen."""
        self._veil.setGeometry(self.rect())
        super().resizeEvent(event)


class _EndQuestion(QFrame):
    """Dims the page and asks; the safe answer is the primary one."""

    def __init__(self, screen: EvaluationScreen) -> None:
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
