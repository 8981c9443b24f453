"""Notices that the shown page has stopped working: it is pinged, and silent for too many pings in a row."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineScript

PINGS = 10
"""Pings per deadline. They are counted, not timed: a busy GUI thread sends fewer and so raises no false alarm."""


class Watchdog(QObject):
    """Watches one page at a time.

    Args:
        is_excused: whether the page may be silent now, because it waits for a person.
        deadline_s: how long a page may compute without answering.

    Signals:
        hung(): the watched page has not answered for the deadline.
    """

    hung = Signal()

    def __init__(self, is_excused: Callable[[], bool], *, deadline_s: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_excused = is_excused
        self._page: QWebEnginePage | None = None
        self._watch = 0
        self._unanswered = 0
        self._timer = QTimer(self, interval=round(deadline_s * 1000 / PINGS))
        self._timer.timeout.connect(self._on_timer_timeout)

    def watch(self, page: QWebEnginePage | None) -> None:
        """Watch another page, or none; also tells that the page has just begun anew."""
        self._page = page
        self._watch += 1
        self._unanswered = 0
        if page is None:
            self._timer.stop()
        else:
            self._timer.start()

    def _on_timer_timeout(self) -> None:
        page = self._page
        if page is None:
            return
        if self._is_excused():
            self._unanswered = 0
            return
        if self._unanswered >= PINGS:
            self._unanswered = 0
            self.hung.emit()
            return
        self._unanswered += 1
        watch = self._watch

        def on_answer(_result: object) -> None:
            if watch == self._watch:
                self._unanswered = 0

        page.runJavaScript("0", QWebEngineScript.ScriptWorldId.ApplicationWorld.value, on_answer)
