"""Keeps dialogs off the screen that the engine opens by itself: ``<input type=color>`` asks no page and no setting."""

from __future__ import annotations

from PySide6.QtCore import QChildEvent, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QWidget


class EngineDialogs(QObject):
    """Watches a web view; every dialog that is made below it is never shown, and rejected.

    Signals:
        refused(): a dialog was.
    """

    refused = Signal()

    def __init__(self, web: QWidget) -> None:
        super().__init__(web)
        web.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow new children, and take a dialog off the screen before its window exists."""
        if isinstance(event, QChildEvent) and event.type() is QEvent.Type.ChildAdded:
            event.child().installEventFilter(self)
        elif event.type() is QEvent.Type.Polish and isinstance(watched, QDialog):
            watched.setWindowModality(Qt.WindowModality.NonModal)
            watched.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
            QTimer.singleShot(0, watched, watched.reject)
            self.refused.emit()
        return False
