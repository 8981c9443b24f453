"""The widget the kiosk window shows for the main site: one page and one throw-away profile per session."""

from __future__ import annotations

import logging

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QClipboard, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWebEngineCore import QWebEngineProfile
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QVBoxLayout, QWidget

from drivers.errors import KioskError

from .engine_dialogs import EngineDialogs
from .entry import Entry
from .page import LockedPage
from .policy import OriginPolicy

_log = logging.getLogger(__name__)

ZOOM_DEFAULT = 1.0
ZOOM_STEP = 0.1
ZOOM_MIN = 0.8
ZOOM_MAX = 2.0


class EvaluationView(QWidget):
    """Shows the main site and keeps nothing of it.

    Every ``open`` makes a new off-the-record profile, so cookies, cache and storage of one session cannot meet the
    next one; ``close_page`` deletes the page, then the profile, and empties the clipboard.

    Signals:
        navigation_refused(str host, str reason): as ``LockedPage``.
        opened(): as ``LockedPage``.
        failed(ErrorCode code): as ``LockedPage``; the page stays until ``close_page`` or the next ``open``.
    """

    navigation_refused = Signal(str, str)
    opened = Signal()
    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, load_timeout_s: float) -> None:
        super().__init__(parent)
        self._load_timeout_s = load_timeout_s
        self._page: LockedPage | None = None
        self._web: QWebEngineView | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        for keys, slot in (
            ("Ctrl++", self._on_zoom_in),
            ("Ctrl+=", self._on_zoom_in),
            ("Ctrl+-", self._on_zoom_out),
            ("Ctrl+0", self._on_zoom_reset),
        ):
            shortcut = QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    @property
    def page(self) -> LockedPage | None:
        """The open page, ``None`` between sessions."""
        return self._page

    def open(self, entry: Entry) -> None:
        """Start a session: close what is open, make a fresh profile and enter the main site.

        Never raises: an address or origin that is not acceptable comes back as ``failed(E-504)``.

        Args:
            entry: the pack says where to go and what may be loaded; the ticket is neither logged nor kept.
        """
        self.close_page()
        try:
            policy = OriginPolicy(rule.origin for rule in entry.pack.origins)
        except KioskError as error:
            _log.error("evaluation not opened: %s", error)
            self.failed.emit(error.code)
            return
        profile = QWebEngineProfile()
        page = LockedPage(profile, policy, load_timeout_s=self._load_timeout_s)
        web = QWebEngineView(page, self)
        # Children die in the order they came, and a page must die after its view and before its profile.
        page.setParent(self)
        profile.setParent(self)
        web.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        web.setAcceptDrops(False)
        EngineDialogs(web).refused.connect(page.note_dialog)
        page.navigation_refused.connect(self.navigation_refused)
        page.opened.connect(self.opened)
        page.failed.connect(self.failed)
        self._page, self._web = page, web
        self._layout.addWidget(web)
        self.setFocusProxy(web)
        web.show()
        web.setFocus()
        page.start(entry)

    def close_page(self) -> None:
        """End the session. Safe at any time, also from a slot of this view's own signals. Idempotent."""
        page, web = self._page, self._web
        self._page = self._web = None
        if page is None or web is None:
            return
        page.disconnect(self)
        profile = page.profile()
        web.hide()
        # Posted deletions run in this order, and not inside a signal of the page.
        for part in (web, page, profile):
            part.deleteLater()
        clipboard = QGuiApplication.clipboard()
        for mode in (QClipboard.Mode.Clipboard, QClipboard.Mode.Selection):
            if mode is QClipboard.Mode.Clipboard or clipboard.supportsSelection():
                clipboard.clear(mode)

    def _zoom(self, step: float) -> None:
        if self._page is not None:
            factor = ZOOM_DEFAULT if step == 0 else self._page.zoomFactor() + step
            self._page.setZoomFactor(min(max(factor, ZOOM_MIN), ZOOM_MAX))

    def _on_zoom_in(self) -> None:
        self._zoom(ZOOM_STEP)

    def _on_zoom_out(self) -> None:
        self._zoom(-ZOOM_STEP)

    def _on_zoom_reset(self) -> None:
        self._zoom(0)
