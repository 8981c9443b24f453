"""Turns pages of the session's documents into pictures for the meeting. Any one thread; nothing of it is a widget."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtPdf import QPdfDocument

from kiosk_config.pack.model import DocumentType

from .viewer import FORMATS, read_picture

WIDTH_PX = 1600
"""Wide enough to read an A4 page of small print on the others' screens."""

MAX_HEIGHT_PX = 4800
_JPEG_QUALITY = 82


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One page of ``pages``, as a JPEG picture."""

    page: int
    pages: int
    picture: bytes


class ShownDocument:
    """A document that pages are shown of: PDF, PNG or JPEG.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not what it says it is, or of a type that has no pages.
    """

    def __init__(self, file: Path, kind: DocumentType) -> None:
        if kind == "text":
            raise ValueError("text has no pages")
        content = file.read_bytes()
        self._pdf: QPdfDocument | None = None
        self._picture = QImage()
        if kind == "pdf":
            self._buffer = QBuffer()
            self._buffer.setData(QByteArray(content))
            self._buffer.open(QIODevice.OpenModeFlag.ReadOnly)
            self._pdf = QPdfDocument(None)  # type: ignore[call-overload]  # the stub wants a parent, Qt does not
            self._pdf.load(self._buffer)
            if self._pdf.status() is not QPdfDocument.Status.Ready or self._pdf.pageCount() < 1:
                raise ValueError("a PDF that cannot be opened")
        else:
            self._picture = read_picture(content, FORMATS[kind])
            if self._picture.isNull():
                raise ValueError("a picture that cannot be decoded")

    @property
    def pages(self) -> int:
        """How many there are."""
        return 1 if self._pdf is None else self._pdf.pageCount()

    def sheet(self, page: int) -> Sheet:
        """Return a page, from 1; the nearest one there is."""
        page = min(max(page, 1), self.pages)
        image = self._render(page - 1)
        if image.isNull():
            raise ValueError("a page that cannot be drawn")
        return Sheet(page=page, pages=self.pages, picture=_to_jpeg(image))

    def _render(self, index: int) -> QImage:
        if self._pdf is None:
            return _on_white(_fitted(self._picture))
        points = self._pdf.pagePointSize(index)
        if points.width() <= 0 or points.height() <= 0:
            return QImage()
        height = min(round(WIDTH_PX * points.height() / points.width()), MAX_HEIGHT_PX)
        return _on_white(self._pdf.render(index, QSize(WIDTH_PX, max(height, 1))))


def _fitted(image: QImage) -> QImage:
    if image.width() <= WIDTH_PX and image.height() <= MAX_HEIGHT_PX:
        return image
    room = QSize(WIDTH_PX, MAX_HEIGHT_PX)
    return image.scaled(room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _on_white(image: QImage) -> QImage:
    """Return it without transparency: paper is white."""
    if image.isNull():
        return image
    white = QImage(image.size(), QImage.Format.Format_RGB888)
    white.fill(Qt.GlobalColor.white)
    painter = QPainter(white)
    painter.drawImage(0, 0, image)
    painter.end()
    return white


def _to_jpeg(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPEG", _JPEG_QUALITY)  # type: ignore[call-overload]  # PySide6's stub wants bytes here
    return bytes(buffer.data().data())
