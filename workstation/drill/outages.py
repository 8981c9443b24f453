"""What the administrator sees of running outages: one line for each room, with its clock and how many it affects."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout

from workstation.site.outages import LABELS, OutageLedger, RoomOutage
from workstation.ui.messages import clock
from workstation.ui.theme import Role, Tone
from workstation.ui.widgets.basics import text

AWAY = "站点服务器没有应答，中断情况不详"


class OutagePanel(QFrame):
    """Hidden while nothing is out."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = text("", Role.NOTE, wrap=True, tone=Tone.WARN)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.addWidget(self._lines)
        self.hide()

    def show_ledger(self, ledger: OutageLedger | None) -> None:
        """Show the outages of today that last; ``None`` when the site server does not say."""
        lines = [AWAY] if ledger is None else [_line(room) for room in ledger.rooms if room.ended_at is None]
        self._lines.setText("\n".join(lines))
        self.setVisible(bool(lines))


def _line(room: RoomOutage) -> str:
    where = f"{room.room} · " if room.room else ""
    return f"{LABELS[room.outage]} · {where}影响 {len(room.booths)} 工位 · 已中断 {clock(int(room.duration_s))}"
