"""Prints a page onto one sheet of A4: type gets smaller, then rows are left off, until it fits. Fonts are embedded."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QMarginsF
from PySide6.QtGui import QFont, QGuiApplication, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from workstation.ui.theme import FONT_FAMILIES

from .page import Page, to_html

MARGIN_MM = 14.0
SCALES = (1.0, 0.9, 0.8, 0.72, 0.65)
"""Down to text of 6.8 pt, the smallest that is read without glasses taken off."""

RESOLUTION = 300


class PaperError(Exception):
    """The file could not be written."""


def offscreen(arguments: list[str]) -> QGuiApplication:
    """Return an application that needs no screen; fonts want one."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return QGuiApplication(arguments)


def write_pdf(page: Page, path: Path) -> None:
    """Write the paper. Needs a QGuiApplication.

    Raises:
        PaperError: the file could not be written.
    """
    writer = QPdfWriter(str(path))
    writer.setResolution(RESOLUTION)
    writer.setTitle(page.title)
    margins = QMarginsF(MARGIN_MM, MARGIN_MM, MARGIN_MM, MARGIN_MM)
    layout = QPageLayout(
        QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
    )
    writer.setPageLayout(layout)
    document = _fitting(page, writer)
    painter = QPainter()
    if not painter.begin(writer):
        raise PaperError(f"{path} cannot be written")
    document.drawContents(painter)
    if not painter.end():
        raise PaperError(f"{path} cannot be written")


def _fitting(page: Page, writer: QPdfWriter) -> QTextDocument:
    """Return the largest layout that is one page high."""
    for scale in SCALES:
        document = _laid_out(page, scale, writer)
        if _fits(document, writer):
            return document
    fits, too_many = 0, len(page.rows)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if _fits(_laid_out(page.cut(middle), SCALES[-1], writer), writer):
            fits = middle
        else:
            too_many = middle
    return _laid_out(page.cut(fits), SCALES[-1], writer)


def _fits(document: QTextDocument, writer: QPdfWriter) -> bool:
    return document.size().height() <= writer.height()


def _laid_out(page: Page, scale: float, writer: QPdfWriter) -> QTextDocument:
    document = QTextDocument()
    font = QFont()
    font.setFamilies([*FONT_FAMILIES])
    document.setDefaultFont(font)
    document.setDocumentMargin(0)
    document.documentLayout().setPaintDevice(writer)
    document.setHtml(to_html(page, scale=scale))
    document.setTextWidth(writer.width())
    return document
