"""What the frame's buttons do to the shown tab: zoom, search, back, reload, turning sheets."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWebEngineCore import QWebEngineFindTextResult, QWebEngineHistoryItem, QWebEnginePage

from . import surface as sf
from .history import Trail
from .windows import Window, Windows

ZOOM_STEP = 0.1
ZOOM_MIN = 0.5
ZOOM_MAX = 3.0
_RELOAD = sf.Question(number=-1, kind=sf.QuestionKind.RELOAD)
"""Whether to load again. Nobody waits for the answer, so it is not the desk's, whose numbers are positive."""


class Steering(QObject):
    """Acts on the shown tab of ``windows``; one zoom for all tabs.

    Signals:
        changed(): what ``look`` adds is different.
    """

    changed = Signal()

    def __init__(self, windows: Windows, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._windows = windows
        self._trail = Trail()
        self._first_zoom = self._zoom = 1.0
        self._matches: sf.Matches | None = None
        self._question: sf.Question | None = None

    def begin(self, trail: Trail, *, zoom: float) -> None:
        """Begin a session at the pack's zoom."""
        self._trail = trail
        self._first_zoom = self._zoom = zoom

    def end(self) -> None:
        """Forget the session."""
        self._trail = Trail()
        self._first_zoom = self._zoom = 1.0
        self._matches = self._question = None

    def command(self, command: sf.Command) -> None:
        """Do what was pressed."""
        match command:
            case sf.SelectTab(number=number):
                self._windows.select(number)
            case sf.Zoom(step=step):
                self._change_zoom(step)
            case sf.GoBack():
                self._go_back()
            case sf.Reload():
                self._ask_reload()
            case sf.Find(text=text, backward=backward):
                self._search(text, backward=backward)
            case sf.TurnSheet(step=step):
                window = self._windows.active
                if window is not None and window.viewer is not None:
                    window.viewer.turn(step)

    def answer(self, number: int, reply: sf.Reply) -> bool:
        """Take the answer to the question about loading again; false when it is another's question."""
        if self._question is None or self._question.number != number:
            return False
        window = self._windows.active
        self.drop_question()
        if reply.accepted and window is not None and window.page is not None:
            window.page.reload_now()
        return True

    def drop_question(self) -> None:
        """Ask no longer."""
        self._question = None
        self.changed.emit()

    def drop_matches(self) -> None:
        """The marks of the search are gone with what was shown."""
        self._matches = None

    def apply_zoom(self) -> None:
        """Give every tab the zoom. The engine keeps a factor for each host; the session has one for all."""
        for window in self._windows.all:
            if window.viewer is not None:
                window.viewer.set_zoom(self._zoom)
            elif window.page is not None and window.page.zoomFactor() != self._zoom:
                window.page.setZoomFactor(self._zoom)

    def look(self, window: Window, surface: sf.Surface) -> sf.Surface:
        """Add to ``surface`` what can be done with ``window``."""
        page, viewer = window.page, window.viewer
        return replace(
            surface,
            zoom=self._zoom,
            can_go_back=self._back_item(window) is not None,
            can_reload=page is not None and page.is_open,
            can_search=viewer is None or viewer.can_search,
            matches=self._matches if viewer is None else viewer.matches,
            sheet=None if viewer is None else viewer.sheet,
            question=self._question or surface.question,
        )

    @Slot(QWebEngineFindTextResult)
    def on_find_text_finished(self, result: QWebEngineFindTextResult) -> None:
        """Take the page's answer to a search."""
        window = self._windows.active
        if window is not None and self.sender() is window.page:
            self._matches = sf.Matches(current=result.activeMatch(), total=result.numberOfMatches())
            self.changed.emit()

    def _change_zoom(self, step: int) -> None:
        wanted = self._first_zoom if step == 0 else self._zoom + step * ZOOM_STEP
        self._zoom = round(min(max(wanted, ZOOM_MIN), ZOOM_MAX), 2)
        self.apply_zoom()
        self.changed.emit()

    def _go_back(self) -> None:
        window = self._windows.active
        item = self._back_item(window) if window is not None else None
        if item is not None and window is not None and window.page is not None:
            window.page.history().goToItem(item)

    def _back_item(self, window: Window) -> QWebEngineHistoryItem | None:
        if window.page is None:
            return None
        return self._trail.back_item(window.page.history(), is_first=window is self._windows.all[0])

    def _ask_reload(self) -> None:
        window = self._windows.active
        if window is not None and window.page is not None:
            self._question = _RELOAD
            self.changed.emit()

    def _search(self, text: str, *, backward: bool) -> None:
        window = self._windows.active
        if window is None:
            return
        if window.viewer is not None:
            window.viewer.search(text, backward=backward)
        elif window.page is not None:
            flags = QWebEnginePage.FindFlag.FindBackward if backward else QWebEnginePage.FindFlag(0)
            window.page.findText(text, flags)
        if not text:
            self._matches = None
        self.changed.emit()
