"""The windows of a session as tabs of ours: pages and documents, one shown, the others without keyboard."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from .engine_dialogs import EngineDialogs
from .page import LockedPage
from .surface import Tab
from .viewer import Viewer

MAX_TABS = 8
_MAX_TITLE = 60


@dataclass(frozen=True, eq=False)
class Window:
    """One tab: a page in its view, or a document in its viewer."""

    number: int
    widget: QWebEngineView | Viewer
    page: LockedPage | None

    @property
    def title(self) -> str:
        """What to call it: the page's own title, or the document's name."""
        words = self.widget.name if isinstance(self.widget, Viewer) else self.widget.title()
        words = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
        return words if len(words) <= _MAX_TITLE else words[:_MAX_TITLE] + "…"

    @property
    def viewer(self) -> Viewer | None:
        """What shows the document, ``None`` for a page."""
        return self.widget if isinstance(self.widget, Viewer) else None


class Windows(QWidget):
    """The stack of tabs. It makes views, and leaves pages and their deletion to whoever opened them.

    Signals:
        changed(): another tab is shown, or there are more or fewer.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._windows: list[Window] = []
        self._numbers = 0
        self._stack = QStackedWidget(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)

    @property
    def all(self) -> tuple[Window, ...]:
        """Every tab, the first one first."""
        return tuple(self._windows)

    @property
    def is_full(self) -> bool:
        """Whether no more tab fits."""
        return len(self._windows) >= MAX_TABS

    @property
    def active(self) -> Window | None:
        """The shown tab."""
        widget = self._stack.currentWidget()
        return next((window for window in self._windows if window.widget is widget), None)

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """What the strip shows; the first tab is the evaluation and stays."""
        return tuple(
            Tab(number=window.number, title=window.title, closable=place > 0)
            for place, window in enumerate(self._windows)
        )

    def add_page(self, page: LockedPage, *, select: bool) -> Window:
        """Make a view for ``page``."""
        web = QWebEngineView(page, self._stack)
        web.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        web.setAcceptDrops(False)
        EngineDialogs(web).refused.connect(page.note_dialog)
        return self._add(web, page, select=select)

    def add_document(self, viewer: Viewer) -> Window:
        """Show a document."""
        return self._add(viewer, None, select=True)

    def select(self, number: int) -> None:
        """Show another tab."""
        window = self.numbered(number)
        if window is None:
            return
        for other in self._windows:
            # Hidden is not enough: scripts of a hidden page could still take the keyboard.
            other.widget.setEnabled(other is window)
        self._stack.setCurrentWidget(window.widget)
        self.setFocusProxy(window.widget)
        if self.isVisible() and self.isEnabled():
            window.widget.setFocus()
        self.changed.emit()

    def remove(self, window: Window) -> None:
        """Take a tab out; its widget is hidden and left to the caller."""
        place = self._windows.index(window)
        was_active = self.active is window
        self._windows.remove(window)
        window.widget.hide()
        self._stack.removeWidget(window.widget)
        if was_active and self._windows:
            self.select(self._windows[max(0, place - 1)].number)
        self.changed.emit()

    def numbered(self, number: int) -> Window | None:
        """Return the tab with that number."""
        return next((window for window in self._windows if window.number == number), None)

    def of(self, page: QObject | None) -> Window | None:
        """Return the tab of ``page``."""
        return next((window for window in self._windows if page is not None and window.page is page), None)

    def of_document(self, name: str) -> Window | None:
        """Return the tab that shows the document ``name``."""
        found = (window for window in self._windows if isinstance(window.widget, Viewer) and window.widget.name == name)
        return next(found, None)

    def _add(self, widget: QWebEngineView | Viewer, page: LockedPage | None, *, select: bool) -> Window:
        self._numbers += 1
        window = Window(self._numbers, widget, page)
        self._windows.append(window)
        self._stack.addWidget(widget)
        if select or len(self._windows) == 1:
            self.select(window.number)
        else:
            widget.setEnabled(False)
            self.changed.emit()
        return window
