"""Shows one document of the session folder: PDF by QtPdf, pictures and plain text by Qt itself."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap, QResizeEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from kiosk_config.pack.model import DocumentType

from .surface import Matches

MAX_TEXT_BYTES = 8 << 20
MAX_PIXELS_MB = 256
FORMATS: dict[DocumentType, bytes] = {"png": b"png", "jpeg": b"jpeg"}


class Viewer(QWidget):
    """One document.

    Signals:
        changed(): the sheet or the matches are others.
    """

    changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.matches: Matches | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)

    @property
    def sheet(self) -> tuple[int, int] | None:
        """The shown page, from 1, and how many there are."""
        return None

    @property
    def can_search(self) -> bool:
        """Whether there is text to search."""
        return True

    def set_zoom(self, factor: float) -> None:
        """Show it larger or smaller; 1.0 fits the width or is the text's own size."""
        raise NotImplementedError

    def turn(self, step: int) -> None:
        """Go on or back by whole pages."""

    def search(self, text: str, *, backward: bool) -> None:
        """Go to the next match; no text ends the search."""

    def _hold(self, view: QWidget) -> None:
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        view.setAcceptDrops(False)
        self._column.addWidget(view)
        self.setFocusProxy(view)


class PictureViewer(Viewer):
    """A PNG or JPEG picture, as wide as the place it has."""

    def __init__(self, name: str, picture: QImage, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._picture = QPixmap.fromImage(picture)
        self._label = QLabel()
        self._label.setScaledContents(True)
        self._scroll = QScrollArea()
        self._scroll.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._scroll.setWidget(self._label)
        self._label.setPixmap(self._picture)
        self._factor = 1.0
        self._hold(self._scroll)

    @property
    def can_search(self) -> bool:
        """Say no: a picture has no text."""
        return False

    def set_zoom(self, factor: float) -> None:
        """Show it larger or smaller than the whole of it at once."""
        self._factor = factor
        room = self._scroll.viewport().size()
        fitted = self._picture.size()
        if fitted.width() > room.width() or fitted.height() > room.height():
            fitted = fitted.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        self._label.resize(QSize(max(1, round(fitted.width() * factor)), max(1, round(fitted.height() * factor))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the picture anew."""
        super().resizeEvent(event)
        self.set_zoom(self._factor)


class TextViewer(Viewer):
    """Plain text; read only, and nothing in it is a link."""

    def __init__(self, name: str, content: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._edit = QPlainTextEdit(content)
        self._edit.setReadOnly(True)
        self._edit.setUndoRedoEnabled(False)
        self._size = self._edit.font().pointSizeF()
        self._hold(self._edit)

    def set_zoom(self, factor: float) -> None:
        """Show larger or smaller letters."""
        font = self._edit.font()
        font.setPointSizeF(self._size * factor)
        self._edit.setFont(font)

    def search(self, text: str, *, backward: bool) -> None:
        """Go to the next match; no text ends the search."""
        if not text:
            self.matches = None
            self.changed.emit()
            return
        flags = QTextDocument.FindFlag.FindBackward if backward else QTextDocument.FindFlag(0)
        if not self._edit.find(text, flags):
            edge = QTextCursor.MoveOperation.End if backward else QTextCursor.MoveOperation.Start
            self._edit.moveCursor(edge)
            self._edit.find(text, flags)
        content = self._edit.toPlainText().lower()
        before = content[: self._edit.textCursor().selectionStart()].count(text.lower())
        total = content.count(text.lower())
        self.matches = Matches(current=min(before + 1, total), total=total)
        self.changed.emit()


def make_viewer(name: str, file: Path, kind: DocumentType, parent: QWidget) -> Viewer | None:
    """Return a viewer, ``None`` when the file cannot be read as what it says it is."""
    try:
        with file.open("rb") as opened:
            content = opened.read() if kind != "text" else opened.read(MAX_TEXT_BYTES)
    except OSError:
        return None
    match kind:
        case "pdf":
            from .pdf_viewer import PdfViewer  # noqa: PLC0415 - most sessions open none, and QtPdf takes a while

            viewer = PdfViewer(name, content, parent)
            if viewer.is_readable:
                return viewer
            viewer.deleteLater()
            return None
        case "text":
            return TextViewer(name, _decoded(content), parent)
        case "png" | "jpeg":
            picture = read_picture(content, FORMATS[kind])
            return None if picture.isNull() else PictureViewer(name, picture, parent)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")


def read_picture(content: bytes, kind: bytes) -> QImage:
    """Decode as ``kind`` and nothing else; a picture of many gigapixels in a few bytes is refused."""
    buffer = QBuffer()
    buffer.setData(QByteArray(content))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    QImageReader.setAllocationLimit(MAX_PIXELS_MB)
    reader = QImageReader(buffer, QByteArray(kind))
    reader.setAutoDetectImageFormat(False)
    reader.setAutoTransform(True)
    return reader.read()
