"""The drill console (演练台): a window of its own with everything that hands could do at the booth.

It writes the bench file and nothing else; the site administrator's part goes out as signals.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from drivers.simulated.bench import BenchFile, BenchState, Gesture, Scene
from workstation.drill.controls import THEME, Choice, Switch, SwitchRow, make_button, panel
from workstation.drill.office import OfficePanel
from workstation.drill.outages import OutagePanel
from workstation.drill.review import ReviewPanel, WaitingReview
from workstation.site.outages import OutageLedger
from workstation.ui.theme import Color, Role
from workstation.ui.widgets.basics import Button, Card, Kind, text

_log = logging.getLogger(__name__)

WIDTH_PX = 420
HEIGHT_PX = 1000
_POLL_MS = 500
_LOG_LINES = 500


@dataclass(frozen=True)
class CardChoice:
    """A drill card that can be put on the reader.

    Attributes:
        key: the card's name on the bench (``BenchState.card``).
        label: what the operator reads.
        holder: who 本人 is while this card is chosen: PERSON_A or PERSON_B.
        group: heading in the list; choices of a group follow each other.
    """

    key: str
    label: str
    holder: Scene = Scene.PERSON_A
    group: str = ""


_PLUG = (("已接上", "已拔出"), ("插上", "拔出"))
_LINE = (("已连通", "已断开"), ("恢复", "断开"))
_DEVICES = (
    Switch("reader_plugged", "读卡器", *_PLUG),
    Switch("camera_plugged", "摄像头", *_PLUG),
    Switch("headset_plugged", "耳麦", *_PLUG),
)
_SUPPLY = (
    Switch("mains_on", "市电", ("正常", "已断开"), ("恢复", "断开")),
    Switch("site_link_up", "站点服务器", *_LINE),
    Switch("main_site_link_up", "主场", *_LINE),
)
_ANOTHER = {Scene.PERSON_A: Scene.PERSON_B, Scene.PERSON_B: Scene.PERSON_A}
_SEATS = ("本人", "另一个人", "没有人", "两个人", "照片攻击", "屏幕翻拍", "遮挡", "画面冻结", "昏暗")
_SEATS_IN_A_ROW = 3
_GESTURES = (
    (Gesture.TURN_LEFT, "向左转头"),
    (Gesture.TURN_RIGHT, "向右转头"),
    (Gesture.BLINK, "眨眼"),
    (Gesture.OPEN_MOUTH, "张嘴"),
)
CONTROLS = frozenset(
    {"card", "scene", "voice", "review", "message", "roster", *(switch.field for switch in (*_DEVICES, *_SUPPLY))}
)


class DrillConsole(QWidget):
    """The window.

    Args:
        bench: the file that the simulated devices read.
        cards: what can be put on the reader; not empty.
        unavailable: why a control cannot work on this machine, by its name in ``CONTROLS``; it is disabled and the
            reason stands below it.

    Raises:
        ValueError: no card, or ``unavailable`` names a control that does not exist.

    Signals:
        review_requested(CommandKind): decide the manual review (人工复核).
        message_requested(str text): send the booth a message.
        roster_requested(str action): "deliver" or "withdraw" the roster (名单).
        speech_requested(): speak into the microphone.
    """

    review_requested = Signal(object)
    message_requested = Signal(str)
    roster_requested = Signal(str)
    speech_requested = Signal()

    def __init__(
        self, bench: BenchFile, cards: Sequence[CardChoice], *, unavailable: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._bench = bench
        self._cards = tuple(cards)
        self._unavailable = dict(unavailable or {})
        if not self._cards or self._unavailable.keys() - CONTROLS:
            raise ValueError("no card, or an unknown control is said to be unavailable")
        self._switches: dict[str, SwitchRow] = {}
        self.setObjectName("window")
        self.setWindowTitle("演练台")
        self.resize(WIDTH_PX, HEIGHT_PX)
        self.setStyleSheet(THEME.style_sheet() + _STYLE)
        self._build()
        self._shown: BenchState | None = None
        self._is_readable = True
        self._refresh()
        self._timer = QTimer(self, interval=_POLL_MS)
        self._timer.timeout.connect(self._refresh)

    @property
    def cooperates(self) -> bool:
        """Whether whoever is in front of the camera does by itself what the kiosk asks for."""
        return self._cooperates.isChecked()

    def show_review(self, review: WaitingReview | None) -> None:
        """Show the review that waits at the booth, ``None`` when there is none (any more)."""
        self._review.show_review(review)

    def show_outages(self, ledger: OutageLedger | None) -> None:
        """Show what the site server's ledger says is out now; ``None`` when it does not answer."""
        self._outages.show_ledger(ledger)

    def show_event(self, time: str, content: str) -> None:
        """Add a line to the event log."""
        self._events.appendPlainText(f"{time}  {content}")

    # --- building ---

    def _build(self) -> None:
        column = QWidget()
        column.setObjectName("column")
        cards = QVBoxLayout(column)
        cards.setContentsMargins(12, 10, 12, 10)
        cards.setSpacing(8)
        cards.addWidget(self._reader_card())
        cards.addWidget(self._camera_card())
        devices = self._switch_card("设备", _DEVICES, "voice")
        self._speak = make_button("说话")
        self._speak.setToolTip("对着耳麦读四个数字")
        self._speak.setEnabled("voice" not in self._unavailable)
        self._speak.clicked.connect(self.speech_requested)
        devices.column.addWidget(self._speak)
        cards.addWidget(devices)
        cards.addWidget(self._switch_card("供电与网络", _SUPPLY))
        office = OfficePanel(self._unavailable)
        office.message_requested.connect(self.message_requested)
        office.roster_requested.connect(self.roster_requested)
        cards.addWidget(office)
        cards.addStretch(1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(column)
        self._line = text("", Role.CAPTION, wrap=True)
        self._line.setContentsMargins(14, 8, 14, 8)
        self._events = QPlainTextEdit(readOnly=True, maximumBlockCount=_LOG_LINES)
        self._events.setPlaceholderText("工位的事件显示在这里")
        self._events.setFixedHeight(110)
        self._review = ReviewPanel(self._unavailable.get("review", ""))
        self._review.decided.connect(self.review_requested)
        self._outages = OutagePanel()
        layout = QVBoxLayout(self)
        layout.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)  # whoever shows it places and sizes it
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._title_band())
        layout.addWidget(self._outages)
        layout.addWidget(self._review)  # above what scrolls: somebody waits
        layout.addWidget(scroll, 1)
        layout.addWidget(self._line)
        layout.addWidget(self._events)

    def _title_band(self) -> QFrame:
        band = QFrame()
        band.setObjectName("drill")
        row = QHBoxLayout(band)
        row.setContentsMargins(16, 8, 16, 8)
        row.addWidget(text("演练台"))
        row.addStretch(1)
        row.addWidget(text("演练模式 · 不产生真实业务"))
        return band

    def _reader_card(self) -> Card:
        card = panel("读卡区", self._unavailable, "card")
        self._choice = Choice()
        group = ""
        for choice in self._cards:
            if choice.group != group:
                group = choice.group
                self._choice.add_heading(group)
            self._choice.addItem(choice.label, choice.key)
        self._choice.setCurrentIndex(self._choice.findData(self._cards[0].key))
        self._put = make_button("放上", kind=Kind.PRIMARY)
        self._take = make_button("取走")
        self._choice.activated.connect(self._on_card_chosen)
        self._put.clicked.connect(self._on_put)
        self._take.clicked.connect(self._on_take)
        row = QHBoxLayout()
        row.addWidget(self._put, 2)
        row.addWidget(self._take, 1)
        card.column.addWidget(self._choice)
        card.column.addLayout(row)
        return card

    def _camera_card(self) -> Card:
        card = panel("摄像头前", self._unavailable, "scene")
        self._seats = QButtonGroup(self)
        seats = QGridLayout()
        for index, caption in enumerate(_SEATS):
            button = self._scene_button(caption)
            button.setCheckable(True)
            self._seats.addButton(button, index)
            seats.addWidget(button, *divmod(index, _SEATS_IN_A_ROW))
        self._seats.idClicked.connect(self._on_seat)
        gestures = QHBoxLayout()
        for gesture, caption in _GESTURES:
            button = self._scene_button(caption)
            button.clicked.connect(functools.partial(self._on_gesture, gesture))
            gestures.addWidget(button, 1)
        self._cooperates = QCheckBox("自动配合")
        self._cooperates.setChecked(True)
        self._cooperates.setToolTip("工位提示做动作时，镜头前的人自动照做")
        self._cooperates.setEnabled("scene" not in self._unavailable)
        above = QHBoxLayout()
        above.addWidget(text("动作", Role.NOTE))
        above.addStretch(1)
        above.addWidget(self._cooperates)
        card.column.addLayout(seats)
        card.column.addLayout(above)
        card.column.addLayout(gestures)
        return card

    def _scene_button(self, caption: str) -> Button:
        button = make_button(caption)
        button.setMinimumWidth(72)  # four in a row, without the padding of the kiosk's buttons
        button.setEnabled("scene" not in self._unavailable)
        return button

    def _switch_card(self, heading: str, switches: Sequence[Switch], *controls: str) -> Card:
        card = panel(heading, self._unavailable, *controls)
        for switch in switches:
            row = SwitchRow(switch, self._unavailable.get(switch.field, ""))
            row.toggled.connect(self._on_toggled)
            self._switches[switch.field] = row
            card.column.addWidget(row)
        return card

    # --- what the operator does ---

    def _chosen(self) -> CardChoice:
        return next(choice for choice in self._cards if choice.key == self._choice.currentData())

    def _change(self, **fields: object) -> None:
        self._bench.change(**fields)
        self._refresh()

    def _on_put(self) -> None:
        self._change(card=self._chosen().key)

    def _on_take(self) -> None:
        self._change(card=None)

    def _on_card_chosen(self) -> None:
        self._shown = None  # 本人 may be somebody else now
        self._refresh()

    def _on_seat(self, index: int) -> None:
        self._change(scene=self._scenes()[index], subject=self._chosen().holder)

    def _on_gesture(self, gesture: Gesture) -> None:
        self._bench.perform(gesture)
        self._refresh()

    def _on_toggled(self, field: str, is_on: bool) -> None:
        self._change(**{field: is_on})

    # --- what the bench says ---

    def _scenes(self) -> tuple[Scene, ...]:
        """The scenes of the seat buttons, in their order, for the card that is chosen."""
        holder = self._chosen().holder
        around = (Scene.NOBODY, Scene.TWO, Scene.PRINT, Scene.REPLAY, Scene.COVERED, Scene.FROZEN, Scene.DIM)
        return holder, _ANOTHER[holder], *around

    def _refresh(self) -> None:
        """Show the bench as it is now, whoever changed it."""
        try:
            state = self._bench.read()
        except (OSError, ValidationError):
            if self._is_readable:
                _log.warning("the bench file cannot be read")
                self._line.setText("演练台文件无法读取")
            self._is_readable, self._shown = False, None
            return
        self._is_readable = True
        if state != self._shown:
            self._shown = state
            self._show(state)

    def _show(self, state: BenchState) -> None:
        if any(choice.key == state.card for choice in self._cards):
            self._choice.setCurrentIndex(self._choice.findData(state.card))
        can_move = "card" not in self._unavailable
        self._choice.setEnabled(can_move and state.card is None)
        self._put.setEnabled(can_move and state.card is None)
        self._take.setEnabled(can_move and state.card is not None)
        seat = self._scenes().index(state.scene)
        self._seats.button(seat).setChecked(True)
        for field, row in self._switches.items():
            row.show_state(is_on=getattr(state, field))
        self._line.setText(self._sentence(state, _SEATS[seat]))

    def _sentence(self, state: BenchState, seat: str) -> str:
        labels = {choice.key: choice.label for choice in self._cards}
        card = "无" if state.card is None else labels.get(state.card, state.card)
        off = [s.name + s.states[1] for s in (*_DEVICES, *_SUPPLY) if not getattr(state, s.field)]
        return f"读卡器上：{card} · 镜头前：{seat} · {'、'.join(off) or '设备、供电与网络正常'}"

    # --- overrides ---

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the bench while somebody can see the window."""
        self._timer.start()
        super().showEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop watching."""
        self._timer.stop()
        super().closeEvent(event)


_FIELD = f"border: 1px solid {Color.CONTROL}; border-radius: 8px; padding: 0 10px; min-height: 36px; font-size: 15px;"
_STYLE = f"""
#column {{ background: {Color.PAGE}; }}
QPushButton {{ padding: 0 6px; }}
QPushButton:checked {{ background: {Color.BRAND}; border-color: {Color.BRAND}; color: {Color.SURFACE}; }}
QPushButton:checked:disabled {{ background: {Color.QUIET}; border-color: {Color.LINE}; color: {Color.MUTED}; }}
QComboBox, QLineEdit {{ {_FIELD} background: {Color.SURFACE}; color: {Color.INK}; }}
QComboBox:disabled, QLineEdit:disabled {{ background: {Color.QUIET}; color: {Color.MUTED}; }}
QComboBox:focus, QLineEdit:focus {{ border-color: {Color.BRAND_BRIGHT}; }}
QComboBox QAbstractItemView {{ background: {Color.SURFACE}; color: {Color.INK}; border: 1px solid {Color.LINE};
    selection-background-color: {Color.PAGE}; selection-color: {Color.BRAND}; outline: none; font-size: 15px; }}
QComboBox::drop-down {{ border: none; width: 28px; }}
QScrollBar:vertical {{ background: {Color.PAGE}; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {Color.CONTROL}; border-radius: 5px; min-height: 40px; }}
QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical {{ height: 0; }}
QScrollBar::add-page:vertical, QScrollBar::sub-page:vertical {{ background: none; }}
QCheckBox {{ color: {Color.INK}; font-size: 15px; spacing: 6px; }}
QPlainTextEdit {{ border: none; border-top: 1px solid {Color.LINE}; background: {Color.SURFACE};
    color: {Color.INK}; font-size: 13px; padding: 6px 10px; }}
"""
