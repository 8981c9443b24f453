"""Keeps the clipboard inside the session: empty at its start and end, with nothing of other programs."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QObject, Slot
from PySide6.QtGui import QClipboard, QGuiApplication

_MODES = (QClipboard.Mode.Clipboard, QClipboard.Mode.Selection)


def clear_clipboard() -> None:
    """Empty the clipboard and, where there is one, the selection."""
    clipboard = QGuiApplication.clipboard()
    for mode in _MODES:
        if mode is QClipboard.Mode.Clipboard or clipboard.supportsSelection():
            _take(mode)
            clipboard.clear(mode)


def _take(mode: QClipboard.Mode) -> None:
    """Own an empty clipboard. ``clear`` alone does nothing on X11 while another program owns it."""
    QGuiApplication.clipboard().setMimeData(QMimeData(), mode)


class SessionClipboard(QObject):
    """While it lives, only this program's own copies stay on the clipboard.

    Another program's copy is overwritten as soon as the window system tells of it, before a person could paste it.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        clear_clipboard()
        self._is_taking = False
        self._watched = [mode for mode in _MODES if self._knows_owner(mode)]
        QGuiApplication.clipboard().changed.connect(self._on_clipboard_changed)

    def close(self) -> None:
        """Stop watching and empty it."""
        QGuiApplication.clipboard().changed.disconnect(self._on_clipboard_changed)
        clear_clipboard()

    def _knows_owner(self, mode: QClipboard.Mode) -> bool:
        """Own it and see whether the platform says so: one without other programs (offscreen) never does."""
        if mode is QClipboard.Mode.Selection and not QGuiApplication.clipboard().supportsSelection():
            return False
        _take(mode)
        if _is_own(mode):
            return True
        QGuiApplication.clipboard().clear(mode)
        return False

    @Slot(QClipboard.Mode)
    def _on_clipboard_changed(self, mode: QClipboard.Mode) -> None:
        if mode in self._watched and not self._is_taking and not _is_own(mode):
            self._is_taking = True
            _take(mode)
            self._is_taking = False


def _is_own(mode: QClipboard.Mode) -> bool:
    clipboard = QGuiApplication.clipboard()
    return clipboard.ownsSelection() if mode is QClipboard.Mode.Selection else clipboard.ownsClipboard()
