"""The administrator's part of the drill console: the roster, and messages to the expert."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from workstation.drill.controls import make_button, panel
from workstation.ui.widgets.basics import Button


class OfficePanel(QWidget):
    """What the site administrator can do.

    Args:
        unavailable: why a control cannot work on this machine ("roster", "message").

    Signals:
        message_requested(str text): send the booth a message.
        roster_requested(str action): "deliver" or "withdraw" the roster (名单).
    """

    message_requested = Signal(str)
    roster_requested = Signal(str)

    def __init__(self, unavailable: Mapping[str, str]) -> None:
        super().__init__()
        card = panel("管理员", unavailable, "roster", "message")
        self._deliver = self._roster_button("下发名单", unavailable)
        self._deliver.clicked.connect(self._on_deliver_clicked)
        self._withdraw = self._roster_button("撤回名单", unavailable)
        self._withdraw.clicked.connect(self._on_withdraw_clicked)
        rosters = QHBoxLayout()
        rosters.addWidget(self._deliver, 1)
        rosters.addWidget(self._withdraw, 1)
        self._message = QLineEdit(placeholderText="给专家的消息", maxLength=200)
        self._message.returnPressed.connect(self._on_message)
        self._send = make_button("发送")
        self._send.clicked.connect(self._on_message)
        for part in (self._message, self._send):
            part.setEnabled("message" not in unavailable)
        row = QHBoxLayout()
        row.addWidget(self._message, 1)
        row.addWidget(self._send)
        card.column.addLayout(rosters)
        card.column.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)

    def _roster_button(self, caption: str, unavailable: Mapping[str, str]) -> Button:
        button = make_button(caption)
        button.setEnabled("roster" not in unavailable)
        return button

    def _on_deliver_clicked(self) -> None:
        self.roster_requested.emit("deliver")

    def _on_withdraw_clicked(self) -> None:
        self.roster_requested.emit("withdraw")

    def _on_message(self) -> None:
        content = self._message.text().strip()
        if content:
            self._message.clear()
            self.message_requested.emit(content)
