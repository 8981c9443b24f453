"""Shows a document of the session to the meeting: pages are drawn in a thread of their own."""

from __future__ import annotations

import logging
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from kiosk_config.pack.model import DocumentType
from workstation.conference.messages import DocumentEnd, DocumentPage

from .threads import Lane

if TYPE_CHECKING:
    from workstation.evaluation.document_pictures import ShownDocument

_log = logging.getLogger(__name__)


class DocumentBridge(QObject):
    """Lives in the GUI thread. One document at a time.

    Signals:
        said(DocumentPage | DocumentEnd): for the page.
        began(int pages): a document is shown now.
    """

    said = Signal(object)
    began = Signal(int)
    _drawn = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._showing = self._begun = 0
        self._document: ShownDocument | None = None
        self._name = ""
        self.lane = Lane("conference-documents", self)
        self._drawn.connect(self._on_drawn)

    def show(self, name: str, file: Path, kind: DocumentType) -> None:
        """Begin to show a document with its first page."""
        self._showing += 1
        showing = self._showing
        self.lane.submit(lambda: self._open(showing, name, file, kind))

    def turn(self, page: int) -> None:
        """Show another page of it."""
        showing = self._showing
        self.lane.submit(lambda: self._draw(showing, page))

    def end(self) -> None:
        """Forget the document. Idempotent."""
        self._showing += 1
        self.lane.submit(self._forget)

    def stop(self) -> None:
        """End the thread."""
        self.end()
        self.lane.drain()
        self.lane.close()

    @Slot(int, object)
    def _on_drawn(self, showing: int, page: DocumentPage | None) -> None:
        if showing != self._showing:
            return
        if page is None:
            self.said.emit(DocumentEnd())
            return
        if self._begun != showing:
            self._begun = showing
            self.began.emit(page.pages)
        self.said.emit(page)

    # --- in the lane's thread ---

    def _open(self, showing: int, name: str, file: Path, kind: DocumentType) -> None:
        from workstation.evaluation.document_pictures import ShownDocument  # noqa: PLC0415 - QtPdf takes a while

        try:
            self._document, self._name = ShownDocument(file, kind), name
        except (OSError, ValueError) as error:
            _log.info("a document cannot be shown: %s", type(error).__name__)
            self._document = None
            self._drawn.emit(showing, None)
            return
        self._draw(showing, 1)

    def _draw(self, showing: int, page: int) -> None:
        document = self._document
        if document is None or showing != self._showing:
            return
        try:
            sheet = document.sheet(page)
            picture = b64encode(sheet.picture).decode("ascii")
            drawn = DocumentPage(name=self._name, page=sheet.page, pages=sheet.pages, picture=picture)
        except ValueError as error:
            _log.info("a page cannot be shown: %s", type(error).__name__)
            self._drawn.emit(showing, None)
        else:
            self._drawn.emit(showing, drawn)

    def _forget(self) -> None:
        self._document = None
