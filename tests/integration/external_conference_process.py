"""A full-screen kiosk in miniature for the tests of external clients: one pane, and the real bridge.

Reads one JSON order a line: {"do": "join" | "hold" | "release" | "leave" | "cover" | "uncover" | "quit"}; tells what
happens in the same way. Started with a JSON object: pack (without its times), plan, alias.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QObject, QSocketNotifier, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QStackedWidget, QWidget

from drivers.headset.streams import ProcessStreams
from kiosk_config.pack.model import MainSitePack
from workstation.bridge.external_conference import ExternalConferenceBridge
from workstation.site.conference import ConferencePlan

PANE_WIDTH = 414


def tell(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Booth(QObject):
    def __init__(self, settings: dict[str, object]) -> None:
        super().__init__()
        now = datetime.now(UTC)
        times = {"issued_at": now - timedelta(days=1), "valid_until": now + timedelta(days=1)}
        pack = MainSitePack.model_validate(settings["pack"] | times)
        self._plan = ConferencePlan.model_validate(settings["plan"])
        self._alias = str(settings["alias"])
        self._window = QStackedWidget()
        self._page = QWidget()
        self._row = QHBoxLayout(self._page)
        self._row.setContentsMargins(0, 60, 0, 40)
        self.edit = QLineEdit()
        self.edit.textEdited.connect(self._on_edit_text_edited)
        self._row.addWidget(self.edit, 1, Qt.AlignmentFlag.AlignTop)
        self._cover = QWidget()
        self._window.addWidget(self._page)
        self._window.addWidget(self._cover)
        self._window.showFullScreen()
        self._view: QWidget | None = None
        streams = ProcessStreams(os.environ.get("PULSE_SERVER"))
        self.bridge = ExternalConferenceBridge(lambda: pack, streams, self, self)
        self.bridge.view_changed.connect(self._on_view_changed)
        self.bridge.condition_raised.connect(self._on_condition_raised)
        self.bridge.condition_cleared.connect(self._on_condition_cleared)
        self.bridge.event_found.connect(self._on_event_found)
        self.bridge.lane.crashed.connect(self._on_crashed)
        self._orders = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, self)
        self._orders.activated.connect(self._on_order)

    def take(self) -> None:
        tell(headset="taken")

    def give_back(self) -> None:
        tell(headset="given back")

    @Slot()
    def _on_order(self) -> None:
        line = os.read(sys.stdin.fileno(), 4096).decode()
        for order in line.split() or ["quit"]:
            self._obey(order)

    def _obey(self, order: str) -> None:
        match order:
            case "join":
                self.bridge.invite(self._alias, self._plan)
                self.bridge.join(1, "s-1", "p-1")
            case "hold" | "release":
                self.bridge.hold(held=order == "hold")
            case "leave":
                self.bridge.leave()
            case "cover" | "uncover":
                self._window.setCurrentWidget(self._cover if order == "cover" else self._page)
            case "quit":
                self.bridge.close()
                QApplication.quit()

    @Slot(object)
    def _on_view_changed(self, view: QWidget | None) -> None:
        if self._view is not None:
            self._row.removeWidget(self._view)
        self._view = view
        if view is not None:
            view.setFixedWidth(PANE_WIDTH)
            self._row.addWidget(view)
        tell(view=view is not None)

    @Slot(str)
    def _on_edit_text_edited(self, text: str) -> None:
        tell(typed=text)

    @Slot(object)
    def _on_condition_raised(self, code: object) -> None:
        tell(raised=str(code))

    @Slot(object)
    def _on_condition_cleared(self, code: object) -> None:
        tell(cleared=str(code))

    @Slot(str, str, object)
    def _on_event_found(self, kind: str, session_id: str, facts: object) -> None:
        tell(kind=kind, session_id=session_id, facts=facts)

    @Slot(object)
    def _on_crashed(self, error: BaseException) -> None:
        tell(crashed=repr(error))


def main() -> int:
    qt = QApplication(sys.argv[:1])
    booth = Booth(json.loads(sys.argv[1]))
    tell(ready=QGuiApplication.platformName())
    code = qt.exec()
    del booth
    return code


if __name__ == "__main__":
    sys.exit(main())
