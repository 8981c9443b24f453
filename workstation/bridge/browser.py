"""The locked browser for the journey: loaded late, one page an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from drivers.errors import ErrorCode
from workstation.evaluation import engine
from workstation.evaluation.entry import Entry

if TYPE_CHECKING:
    from workstation.evaluation.view import EvaluationView


class BrowserBridge(QObject):
    """Lives in the GUI thread.

    Signals:
        opened(int attempt), failed(int attempt, ErrorCode): how opening the page for that attempt went.
        lost(ErrorCode): the open page is gone.
        navigation_refused(str host, str reason): the page wanted to leave its origins.
        view_changed(QWidget | None): the widget to show.
    """

    opened = Signal(int)
    failed = Signal(int, object)
    lost = Signal(object)
    navigation_refused = Signal(str, str)
    view_changed = Signal(object)

    def __init__(self, *, is_drill: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_drill = is_drill
        self._view: EvaluationView | None = None
        self._attempt = 0
        self._is_open = False

    @property
    def is_loaded(self) -> bool:
        """Whether the engine is in memory. It cannot be unloaded."""
        return self._view is not None

    def prepare(self) -> None:
        """Load the engine and make the empty view, while the expert reads."""
        if self._view is not None:
            return
        engine.prepare(drill=self._is_drill)
        view = engine.create_view()
        view.opened.connect(self._on_view_opened)
        view.failed.connect(self._on_view_failed)
        view.navigation_refused.connect(self.navigation_refused)
        self._view = view
        self.view_changed.emit(view)

    def open(self, attempt: int, entry: Entry) -> None:
        """Open the main site for this attempt."""
        self.prepare()
        self._attempt, self._is_open = attempt, False
        if self._view is not None:
            self._view.open(entry)

    def close_page(self) -> None:
        """Close the page and its profile. Idempotent."""
        if self._view is not None:
            self._view.close_page()

    def close(self) -> None:
        """Let go of the view at the end of the program."""
        if self._view is not None:
            self.view_changed.emit(None)
            self._view.close_page()
            self._view.deleteLater()
            self._view = None

    @Slot()
    def _on_view_opened(self) -> None:
        self._is_open = True
        self.opened.emit(self._attempt)

    @Slot(object)
    def _on_view_failed(self, code: ErrorCode) -> None:
        if self._is_open:
            self.lost.emit(code)
        else:
            self.failed.emit(self._attempt, code)
