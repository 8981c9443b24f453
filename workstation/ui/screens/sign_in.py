"""空闲, reading and card problems: one picture of the card on the reader, with words that change above it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from drivers.errors import ErrorCode
from workstation.journey.events import Intent
from workstation.journey.states import CardProblem, Idle, ReadingCard
from workstation.ui.icons import Icon
from workstation.ui.messages import Messages
from workstation.ui.notices import CALL_HELP
from workstation.ui.screens.base import ActionRow, TitledScreen
from workstation.ui.theme import Color, Role, Theme, Tone
from workstation.ui.views import BookingView, BoothView, Scene
from workstation.ui.widgets.basics import Card, IconMark, Tag, text
from workstation.ui.widgets.card_picture import CardPicture, CardPose

_SHOWN_BOOKINGS = 3

_BROKEN_READER = (ErrorCode.READER_ABSENT, ErrorCode.CARD_READER_BROKEN, ErrorCode.SAM_NOT_ALLOWED)
"""Conditions under which nobody is asked to lay a card down."""


@dataclass(frozen=True)
class _Look:
    title: str
    lead: str
    pose: CardPose
    code: ErrorCode | None = None
    icon: Icon = Icon.READER


class SignInScreen(TitledScreen):
    """Says where the card goes and what to have ready; never a project, a city or a name."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, messages)
        self._picture = CardPicture(theme)
        self._code = Tag(theme)
        self._notice = Card(theme, tone=Tone.INFO, spacing=14)
        self._notice_text = text(role=Role.BODY, wrap=True, tone=Tone.INFO)
        self._notice.column.addWidget(self._notice_text)
        understood = self.button("action.understood", Intent.CANCEL)
        self._notice.column.addWidget(understood, 0, Qt.AlignmentFlag.AlignLeft)
        self._actions = ActionRow(theme, messages)
        self._actions.pressed.connect(self.pressed)
        self._today = _TodayCard(theme, messages)
        side = QWidget()
        side.setFixedWidth(theme.px(520))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(24))
        self._prepare = self._prepare_card()
        self._privacy = self._privacy_card()
        for part in (self._notice, self._today, self._prepare, self._privacy, self._actions):
            column.addWidget(part)
        column.addStretch(1)
        self.add_stage((self._stage(), 1), (side, 0), spacing=48)

    def _stage(self) -> QWidget:
        stage = QWidget()
        grid = QGridLayout(stage)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(self._picture, 0, 0)
        corner = QHBoxLayout()
        inset = self.theme.px(20)
        corner.setContentsMargins(inset, inset, inset, inset)
        corner.addWidget(self._code)
        grid.addLayout(corner, 0, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
        return stage

    def _prepare_card(self) -> Card:
        card = Card(self.theme, heading=self.messages.text("sign_in.prepare"), spacing=14)
        for icon, key in ((Icon.CARD, "sign_in.prepare_card"), (Icon.LOCK, "sign_in.prepare_token")):
            row = QHBoxLayout()
            row.setSpacing(self.theme.px(14))
            row.addWidget(IconMark(icon, self.theme.text(28), Color.BRAND))
            row.addWidget(text(self.messages.text(key), wrap=True), 1)
            card.column.addLayout(row)
        return card

    def _privacy_card(self) -> Card:
        card = Card(self.theme, tone=Tone.INFO)
        privacy = self.messages.text("sign_in.privacy")
        card.column.addWidget(text(privacy, Role.NOTE, wrap=True, tone=Tone.INFO))
        return card

    def show_scene(self, scene: Scene) -> None:
        """Show the words and the pose that fit the state and the reader's condition."""
        look = self._look(scene)
        self.show_head(look.title, look.lead)
        self._picture.set_pose(look.pose, look.icon)
        self._code.setVisible(look.code is not None)
        if look.code is not None:
            self._code.show_state(self.messages.text("notice.code", code=look.code), Tone.QUIET, Icon.INFO)
        self._today.show_booth(scene.booth)
        state = scene.journey.state
        notice = state.notice if isinstance(state, Idle) else None
        self._notice.setVisible(notice is not None)
        self._prepare.setVisible(notice is None and not isinstance(state, CardProblem))
        self._privacy.setVisible(notice is None)
        if notice is not None:
            self._notice_text.setText(self.messages.expert(notice))
        actions = (CALL_HELP,) if isinstance(state, CardProblem) else ()
        self._actions.show_actions(actions, help_called=scene.journey.help_called)

    def primary(self) -> QWidget | None:
        """Return the call for help after a card problem."""
        return self._actions.primary()

    def _look(self, scene: Scene) -> _Look:
        words, journey = self.messages, scene.journey
        match journey.state:
            case ReadingCard():
                title, lead = words.text("sign_in.reading_title"), words.text("sign_in.reading_lead")
                return _Look(title, lead, CardPose.READING)
            case CardProblem(code=code) if code in _BROKEN_READER:
                return _Look(words.title(code), words.expert(code), CardPose.CLOSED, code)
            case CardProblem(code=ErrorCode.PHOTO_REQUIRED as code):
                return _Look(words.title(code), words.expert(code), CardPose.CLOSED, code, Icon.FACE)
            case CardProblem(code=code, other_card=other_card):
                pose = CardPose.LIFT if journey.card_present else CardPose.PLACE
                lead = words.expert(code) if other_card is None else words.text(f"other_card.{other_card}")
                return _Look(words.title(code), lead, pose, code)
            case _:
                return self._idle_look(scene)

    def _idle_look(self, scene: Scene) -> _Look:
        words, conditions = self.messages, scene.journey.conditions
        code = ErrorCode.STORAGE_FULL
        if code in conditions:
            title, lead = words.text("sign_in.storage_title"), words.text("sign_in.storage_lead")
            return _Look(title, lead, CardPose.CLOSED, code, Icon.STORAGE)
        code = ErrorCode.DEVICE_NOT_REGISTERED
        if code in conditions:
            return _Look(words.title(code), words.expert(code), CardPose.CLOSED, code, Icon.WARNING)
        for code in _BROKEN_READER:
            if code in conditions:
                return _Look(words.title(code), words.expert(code), CardPose.CLOSED, code)
        if scene.journey.card_present:
            return _Look(words.text("sign_in.lift_title"), words.text("sign_in.lift_lead"), CardPose.LIFT)
        return _Look(words.text("sign_in.title"), words.text("sign_in.lead"), CardPose.PLACE)


class _TodayCard(Card):
    """今日本工位: when the booth is booked, and nothing more."""

    def __init__(self, theme: Theme, messages: Messages) -> None:
        super().__init__(theme, heading=messages.text("sign_in.today"), spacing=8)
        self._messages = messages
        self._bookings: tuple[BookingView, ...] | None = None
        self._lines: list[QWidget] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(theme.px(8))
        self.column.addLayout(self._rows)

    def show_booth(self, booth: BoothView) -> None:
        """Show the first bookings of the day."""
        if booth.bookings == self._bookings:
            return
        self._bookings = booth.bookings
        for old in self._lines:
            old.hide()
            old.deleteLater()
        self._lines = self._describe(booth)
        for line in self._lines:
            self._rows.addWidget(line)
            line.show()

    def _describe(self, booth: BoothView) -> list[QWidget]:
        words = self._messages
        if not booth.bookings:
            return [text(words.text("sign_in.not_booked"))]
        lines: list[QWidget] = []
        for booking in booth.bookings[:_SHOWN_BOOKINGS]:
            span = words.text("sign_in.booking", start=booking.starts_at, end=booking.ends_at)
            booked = words.text("sign_in.booked", projects=booking.projects)
            lines.append(text(f"{span}　{booked}", Role.STRONG, wrap=True))
        lines.append(text(words.text("sign_in.sealed"), Role.NOTE, wrap=True))
        return lines
