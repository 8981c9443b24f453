"""Shows a PDF of the session folder, by QtPdf. Imported with the first one."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF
from PySide6.QtPdf import QPdfDocument, QPdfSearchModel
from PySide6.QtPdfWidgets import QPdfView
from PySide6.QtWidgets import QWidget

from .surface import Matches
from .viewer import Viewer


class PdfViewer(Viewer):
    """A PDF file."""

    def __init__(self, name: str, content: bytes, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._buffer = QBuffer(self)
        self._buffer.setData(QByteArray(content))
        self._buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        self._document = QPdfDocument(self)
        self._document.load(self._buffer)
        self._search = QPdfSearchModel(self)
        self._search.setDocument(self._document)
        self._current = -1
        self._view = QPdfView(self)
        self._view.setDocument(self._document)
        self._view.setSearchModel(self._search)
        self._view.setPageMode(QPdfView.PageMode.MultiPage)
        self._view.setZoomMode(QPdfView.ZoomMode.FitToWidth)
        self._view.pageNavigator().currentPageChanged.connect(self._on_current_page_changed)
        self._search.countChanged.connect(self._on_count_changed)
        self._hold(self._view)

    @property
    def is_readable(self) -> bool:
        """Whether it could be opened: not damaged, and without a password."""
        return self._document.status() is QPdfDocument.Status.Ready and self._document.pageCount() > 0

    @property
    def sheet(self) -> tuple[int, int] | None:
        """The shown page, from 1, and how many there are."""
        return self._view.pageNavigator().currentPage() + 1, self._document.pageCount()

    def set_zoom(self, factor: float) -> None:
        """Show it larger or smaller than the width of the place."""
        if factor == 1.0:
            self._view.setZoomMode(QPdfView.ZoomMode.FitToWidth)
            return
        page = self._document.pagePointSize(self._view.pageNavigator().currentPage())
        points_per_inch = 72.0
        width = self._view.viewport().width() * points_per_inch / max(self.logicalDpiX(), 1)
        self._view.setZoomMode(QPdfView.ZoomMode.Custom)
        self._view.setZoomFactor(factor * (width / page.width() if page.width() > 0 else 1.0))

    def turn(self, step: int) -> None:
        """Go on or back by whole pages."""
        number = self._view.pageNavigator().currentPage() + step
        if 0 <= number < self._document.pageCount():
            self._view.pageNavigator().jump(number, QPointF())

    def search(self, text: str, *, backward: bool) -> None:
        """Go to the next match; no text ends the search."""
        if text != self._search.searchString():
            self._search.setSearchString(text)
            self._current = -1
            self._view.setCurrentSearchResultIndex(-1)
            if not text:
                self.matches = None
            self._on_count_changed()
            return
        total = self._search.rowCount(self._search.index(-1, -1))
        if total:
            self._show_match((self._current + (-1 if backward else 1)) % total, total)

    def _on_count_changed(self) -> None:
        """Tell of it. The search goes on in the background; the first match is shown as soon as there is one."""
        total = self._search.rowCount(self._search.index(-1, -1))
        if not self._search.searchString():
            self.changed.emit()
        elif self._current < 0 and total:
            self._show_match(0, total)
        else:
            self.matches = Matches(current=self._current + 1, total=total)
            self.changed.emit()

    def _show_match(self, number: int, total: int) -> None:
        self._current = number
        self.matches = Matches(current=number + 1, total=total)
        link = self._search.resultAtIndex(number)
        self._view.pageNavigator().jump(link.page(), link.location())
        self._view.setCurrentSearchResultIndex(number)
        self.changed.emit()

    def _on_current_page_changed(self, _page: int) -> None:
        self.changed.emit()
